//! A running worker process, seen from the keyguard: started, called with a deadline, killed when it hangs.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fault::Fault;
use crate::pool::WorkerCommand;
use crate::protocol::{self, Answer, AnswerFrame, Call, CallFrame};

type Outcome = Result<Answer, Fault>;

/// Why there is no answer from the worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// As many calls wait as may wait.
    #[error("{0} calls wait already")]
    Busy(usize),
    /// The worker ended before it answered.
    #[error("the worker of the token ended")]
    Ended,
    /// No answer in time, though other calls were answered: too many calls for this token.
    #[error("no answer within {0:?}; the token is overloaded")]
    Slow(Duration),
    /// Nothing was answered in time; the worker was killed.
    #[error("no answer within {0:?}; the worker was killed")]
    Hung(Duration),
    /// The worker cannot be started.
    #[error("the worker cannot be started: {0}")]
    Start(String),
    /// The worker answered that it cannot.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A worker process. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Worker {
    writer: Mutex<UnixStream>,
    shared: Arc<Shared>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    socket: UnixStream,
    child: Mutex<Child>,
    /// `None` once the worker ended.
    waiting: Mutex<Option<HashMap<u64, SyncSender<Outcome>>>>,
    answered: AtomicU64,
    /// Keys that are being made. A token with one session answers nothing meanwhile, and that is not a hang.
    generating: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts a worker. Its standard input is the socket; what the module prints goes nowhere, and its errors are ours.
    pub(crate) fn start(command: &WorkerCommand, deadline: Duration) -> Result<Self, LinkError> {
        let failed = |e: std::io::Error| LinkError::Start(e.to_string());
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_write_timeout(Some(deadline)).map_err(failed)?;
        let reader = ours.try_clone().map_err(failed)?;
        let child = Command::new(&command.program)
            .args(&command.arguments)
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let shared = Arc::new(Shared {
            socket: ours.try_clone().map_err(failed)?,
            child: Mutex::new(child),
            waiting: Mutex::new(Some(HashMap::new())),
            answered: AtomicU64::new(0),
            generating: AtomicU64::new(0),
        });
        let listener = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("pkcs11-worker".to_owned())
            .spawn(move || listener.listen(reader))
            .map_err(failed)?;
        Ok(Self { writer: Mutex::new(ours), shared, next: AtomicU64::new(1) })
    }
    /// Whether it can be called.
    pub(crate) fn is_alive(&self) -> bool {
        locked(&self.shared.waiting).is_some()
    }
    /// The process id, for tests and diagnostics.
    pub(crate) fn process_id(&self) -> u32 {
        locked(&self.shared.child).id()
    }
    /// Calls and waits, with at most `queue` calls waiting at once.
    pub(crate) fn call(&self, call: Call, queue: usize, deadline: Duration) -> Result<Answer, LinkError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let generates = u64::from(matches!(call, Call::Generate { .. }));
        let answered = self.shared.answered.load(Ordering::Acquire);
        let answer = self.shared.enlist(id, queue)?;
        let written = protocol::write(&mut *locked(&self.writer), &CallFrame { id, call });
        if written.is_err() {
            // Half a frame may have been written, so nothing more can be said on this socket.
            self.shared.kill();
            return Err(LinkError::Ended);
        }
        self.shared.generating.fetch_add(generates, Ordering::AcqRel);
        let outcome = answer.recv_timeout(deadline);
        let generating = self.shared.generating.fetch_sub(generates, Ordering::AcqRel);
        match outcome {
            Ok(outcome) => Ok(outcome?),
            Err(RecvTimeoutError::Disconnected) => Err(LinkError::Ended),
            Err(RecvTimeoutError::Timeout) => {
                self.shared.forget(id);
                let progress = self.shared.answered.load(Ordering::Acquire) != answered;
                if progress || generating > generates {
                    return Err(LinkError::Slow(deadline));
                }
                self.shared.kill();
                Err(LinkError::Hung(deadline))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.kill();
    }
}

impl Shared {
    fn enlist(&self, id: u64, queue: usize) -> Result<Receiver<Outcome>, LinkError> {
        let mut waiting = locked(&self.waiting);
        let waiting = waiting.as_mut().ok_or(LinkError::Ended)?;
        if waiting.len() >= queue {
            return Err(LinkError::Busy(queue));
        }
        let (sender, receiver) = sync_channel(1);
        waiting.insert(id, sender);
        Ok(receiver)
    }
    fn forget(&self, id: u64) {
        if let Some(waiting) = locked(&self.waiting).as_mut() {
            waiting.remove(&id);
        }
    }
    /// Hands answers out until the worker is gone or talks nonsense; then nobody waits any longer.
    fn listen(&self, mut reader: UnixStream) {
        while let Ok(AnswerFrame { id, answer }) = protocol::read(&mut reader) {
            self.answered.fetch_add(1, Ordering::AcqRel);
            let caller = locked(&self.waiting).as_mut().and_then(|waiting| waiting.remove(&id));
            // Whoever gave up waiting is not there any more.
            drop(caller.map(|caller| caller.try_send(answer)));
        }
        self.kill();
        drop(locked(&self.child).wait());
    }
    /// Ends the process, and with it everybody's wait. The listener reaps it.
    fn kill(&self) {
        drop(locked(&self.waiting).take());
        // A child of the module may have inherited the other end, so the listener is not left to wait for its closing.
        drop(self.socket.shutdown(std::net::Shutdown::Both));
        drop(locked(&self.child).kill());
    }
}
