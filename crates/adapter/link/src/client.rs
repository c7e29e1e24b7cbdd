//! The gateway's side: many calls under way at once, and a new connection whenever the supervisor sends one.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_core::message::{Call, CallFrame, Reply, ReplyFrame};
use chancery_core::port::Boxed;
use chancery_core::port::keyguard::{Keyguard, KeyguardUnavailable};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

use crate::frame;

/// Calls that may wait to be written.
const WAITING: usize = 1024;

type Waiters = Arc<Mutex<HashMap<u64, oneshot::Sender<Reply>>>>;

#[derive(Debug, Clone)]
struct Connection {
    number: u64,
    outgoing: mpsc::Sender<Vec<u8>>,
    waiters: Waiters,
    replies: Arc<AtomicU64>,
}

/// What is known of the keyguard's life: whoever sees it change sees that the keyguard lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vital {
    /// Which connection since the start of this process, counting from 1.
    pub connection: u64,
    /// Replies that came over it.
    pub replies: u64,
}

/// The keyguard over a socket. Calls made while it is away wait for the next connection until their deadline.
#[derive(Debug)]
pub struct KeyguardClient {
    next: AtomicU64,
    connections: AtomicU64,
    deadline: Duration,
    current: watch::Sender<Option<Connection>>,
}

impl KeyguardClient {
    /// A client without a connection; every call ends after `deadline` at the latest.
    #[must_use]
    pub fn new(deadline: Duration) -> Arc<Self> {
        Arc::new(Self {
            next: AtomicU64::new(1),
            connections: AtomicU64::new(1),
            deadline,
            current: watch::Sender::new(None),
        })
    }

    /// Takes a new connection into use. Calls under way on the old one end as unavailable.
    pub fn connect(self: &Arc<Self>, stream: StdStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(stream)?.into_split();
        let waiters = Waiters::default();
        let (outgoing, queue) = mpsc::channel(WAITING);
        let replies = Arc::new(AtomicU64::new(0));
        let connection = Connection {
            number: self.connections.fetch_add(1, Ordering::Relaxed),
            outgoing,
            waiters: Arc::clone(&waiters),
            replies: Arc::clone(&replies),
        };
        // The watch holds the only sender of a connection: replacing or dropping it closes the socket.
        self.current.send_replace(Some(connection));
        tokio::spawn(write_calls(queue, writer));
        let client = Arc::downgrade(self);
        tokio::spawn(async move {
            let outcome = read_replies(reader, &waiters, &replies).await;
            tracing::warn!(error = outcome.err().map(|e| e.to_string()), "keyguard connection ended");
            // Dropping the senders wakes every waiter with "unavailable".
            waiters.lock().unwrap_or_else(PoisonError::into_inner).clear();
            if let Some(client) = client.upgrade() {
                client.forget(&waiters);
            }
        });
        Ok(())
    }

    fn forget(&self, waiters: &Waiters) {
        self.current.send_if_modified(|current| {
            let ours = current.as_ref().is_some_and(|connection| Arc::ptr_eq(&connection.waiters, waiters));
            if ours {
                *current = None;
            }
            ours
        });
    }

    /// The connection in use; `None` while there is none.
    #[must_use]
    pub fn vital(&self) -> Option<Vital> {
        let current = self.current.borrow();
        let connection = current.as_ref()?;
        Some(Vital { connection: connection.number, replies: connection.replies.load(Ordering::Relaxed) })
    }

    /// Resolves when a connection is in use.
    pub async fn connected(&self) {
        let mut watch = self.current.subscribe();
        // The sender lives in `self`, so waiting cannot fail while we borrow it.
        let _ignored = watch.wait_for(Option::is_some).await.is_ok();
    }

    /// Takes every connection that arrives on the control socket into use, until the supervisor closes it.
    pub fn follow_control(self: &Arc<Self>, control: StdStream) {
        let client = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            while let Ok(Some(descriptor)) = crate::descriptor::receive(&control) {
                let _inside = runtime.enter();
                if let Err(error) = client.connect(StdStream::from(descriptor)) {
                    tracing::error!(%error, "keyguard connection cannot be used");
                }
            }
        });
    }

    async fn exchange(&self, call: Call) -> Result<Reply, KeyguardUnavailable> {
        let gone = |what: &str| KeyguardUnavailable(what.to_owned());
        self.connected().await;
        let connection = self.current.borrow().clone().ok_or_else(|| gone("it is restarting"))?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let bytes = frame::encode(&CallFrame { id, call }).map_err(|error| gone(&error.to_string()))?;
        let (sender, receiver) = oneshot::channel();
        connection.waiters.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let forget = Forget { id, waiters: &connection.waiters };
        connection.outgoing.send(bytes).await.map_err(|_| gone("the connection ended"))?;
        let reply = receiver.await.map_err(|_| gone("the connection ended before it answered"));
        drop(forget);
        reply
    }
}

/// Removes a waiter whose call was cancelled or timed out, so that the table cannot grow.
struct Forget<'a> {
    id: u64,
    waiters: &'a Waiters,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let removed = self.waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        drop(removed);
    }
}

impl Keyguard for KeyguardClient {
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>> {
        Box::pin(async move {
            let seconds = self.deadline.as_secs();
            let late = || KeyguardUnavailable(format!("no answer within {seconds} s"));
            tokio::time::timeout(self.deadline, self.exchange(call)).await.map_err(|_| late())?
        })
    }
}

/// Writes whatever is queued with as few system calls as possible.
async fn write_calls(mut queue: mpsc::Receiver<Vec<u8>>, mut writer: OwnedWriteHalf) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 64).await > 0 {
        let bytes = batch.concat();
        batch.clear();
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_replies(reader: OwnedReadHalf, waiters: &Waiters, replies: &AtomicU64) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let mut header = [0u8; 4];
    loop {
        match reader.read_exact(&mut header).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut body = vec![0u8; frame::length(header)?];
        reader.read_exact(&mut body).await?;
        let reply: ReplyFrame = frame::decode(&body)?;
        replies.fetch_add(1, Ordering::Relaxed);
        let waiter = waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&reply.id);
        if let Some(waiter) = waiter {
            // A caller that went away does not want its answer any more.
            let _unwanted = waiter.send(reply.reply).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Handler, serve};

    #[derive(Debug)]
    struct Echo;
    impl Handler for Echo {
        fn answer(&self, call: Call) -> Reply {
            Reply::Failed(format!("{call:?}"))
        }
    }

    fn keyguard(client: &Arc<KeyguardClient>) -> std::thread::JoinHandle<io::Result<()>> {
        let (here, there) = StdStream::pair().unwrap();
        client.connect(here).unwrap();
        std::thread::spawn(move || serve(there, &(Arc::new(Echo) as Arc<dyn Handler>), 2))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_cross_and_survive_a_restart() {
        let client = KeyguardClient::new(Duration::from_secs(5));
        let first = keyguard(&client);
        let calls: Vec<_> = (0..100).map(|_| client.call(Call::Health)).collect();
        for call in calls {
            assert!(matches!(call.await.unwrap(), Reply::Failed(text) if text == "Health"));
        }
        let second = keyguard(&client);
        assert!(client.call(Call::KeyList).await.is_ok());
        drop(client);
        first.join().unwrap().unwrap();
        second.join().unwrap().unwrap();
    }

    /// Answers nothing but what needs neither disk nor token, until it is let go.
    #[derive(Debug)]
    struct Slow(Mutex<std::sync::mpsc::Receiver<()>>);
    impl Handler for Slow {
        fn answer(&self, call: Call) -> Reply {
            if !matches!(call, Call::KeyList) {
                let _gone = self.0.lock().unwrap().recv().is_err();
            }
            Reply::Failed(format!("{call:?}"))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn slow_work_does_not_look_like_death() {
        let client = KeyguardClient::new(Duration::from_secs(30));
        assert_eq!(client.vital(), None);
        let (here, there) = StdStream::pair().unwrap();
        client.connect(here).unwrap();
        let (release, held) = std::sync::mpsc::channel();
        let handler: Arc<dyn Handler> = Arc::new(Slow(Mutex::new(held)));
        let server = std::thread::spawn(move || serve(there, &handler, 2));
        let follow = || {
            let nothing = chancery_core::port::cosigner::Follow {
                from: 0,
                leaves: Vec::new(),
                checkpoint: String::new(),
            };
            Call::Follow(nothing)
        };
        let slow: Vec<_> = (0..20)
            .map(|n| if n % 2 == 0 { follow() } else { Call::Health })
            .map(|call| (Arc::clone(&client), call))
            .map(|(client, call)| tokio::spawn(async move { client.call(call).await }))
            .collect();
        for replies in 0..10 {
            assert_eq!(client.vital(), Some(Vital { connection: 1, replies }));
            assert!(client.call(Call::KeyList).await.is_ok());
        }
        drop(release);
        for call in slow {
            assert!(call.await.unwrap().is_ok());
        }
        assert_eq!(client.vital(), Some(Vital { connection: 1, replies: 30 }));
        drop(client);
        server.join().unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_dead_keyguard_is_unavailable_in_time() {
        let client = KeyguardClient::new(Duration::from_millis(50));
        assert!(client.call(Call::Health).await.is_err());
        let (here, there) = StdStream::pair().unwrap();
        client.connect(here).unwrap();
        drop(there);
        assert!(client.call(Call::Health).await.is_err());
    }
}
