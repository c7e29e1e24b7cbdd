//! The keyguard's side: threads, no runtime. One thread reads, one follows, a few work, replies leave in any order.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::message::{Call, CallFrame, Reply, ReplyFrame};

use crate::frame;

/// Calls that may wait for a worker; more than this stops reading, so that the gateway's own queue fills and refuses.
const WAITING: usize = 512;

/// Answers calls. Must not panic: the process aborts on panic and is restarted.
pub trait Handler: Send + Sync {
    /// One call, one reply.
    fn answer(&self, call: Call) -> Reply;
}

/// Serves one connection until the other end closes it. `Follow` is answered on a thread of its own, in order, because
/// batches build on each other; `KeyList` on the reading thread, so that the question whether this process lives is
/// answered while a disk or a token is slow; everything else by `threads` workers.
pub fn serve(stream: UnixStream, handler: &Arc<dyn Handler>, threads: usize) -> io::Result<()> {
    let writer = Arc::new(Mutex::new(stream.try_clone()?));
    let (orders, waiting) = sync_channel::<CallFrame>(WAITING);
    let (batches, following) = sync_channel::<CallFrame>(WAITING);
    let (waiting, following) = (Arc::new(Mutex::new(waiting)), Arc::new(Mutex::new(following)));
    std::thread::scope(|scope| {
        scope.spawn(|| work(&following, handler.as_ref(), &writer));
        for _ in 0..threads.max(1) {
            scope.spawn(|| work(&waiting, handler.as_ref(), &writer));
        }
        let outcome = read_calls(stream, (&orders, &batches), handler.as_ref(), &writer);
        drop((orders, batches));
        outcome
    })
}

/// Serves every connection that arrives on the control socket, one after the other, until the other end closes it.
/// Whoever sends one closes the one before: replies never reach another connection than the one that asked.
pub fn serve_each(control: &UnixStream, handler: &Arc<dyn Handler>, threads: usize) -> io::Result<()> {
    while let Some(descriptor) = crate::descriptor::receive(control)? {
        if let Err(error) = serve(UnixStream::from(descriptor), handler, threads) {
            tracing::warn!(%error, "connection ended");
        }
    }
    Ok(())
}

fn read_calls(
    stream: UnixStream,
    (orders, batches): (&SyncSender<CallFrame>, &SyncSender<CallFrame>),
    handler: &dyn Handler,
    writer: &Mutex<UnixStream>,
) -> io::Result<()> {
    let mut reader = io::BufReader::with_capacity(64 * 1024, stream);
    while let Some(call) = frame::read::<CallFrame>(&mut reader)? {
        if matches!(call.call, Call::KeyList) {
            reply(writer, call.id, handler.answer(call.call))?;
            continue;
        }
        let queue = if matches!(call.call, Call::Follow(_)) { batches } else { orders };
        if queue.send(call).is_err() {
            return Err(io::Error::other("all workers are gone"));
        }
    }
    Ok(())
}

fn work(calls: &Mutex<Receiver<CallFrame>>, handler: &dyn Handler, writer: &Mutex<UnixStream>) {
    loop {
        let next = calls.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(frame) = next else { return };
        if reply(writer, frame.id, handler.answer(frame.call)).is_err() {
            return;
        }
    }
}

fn reply(writer: &Mutex<UnixStream>, id: u64, reply: Reply) -> io::Result<()> {
    let bytes = frame::encode(&ReplyFrame { id, reply })?;
    let mut stream = writer.lock().unwrap_or_else(PoisonError::into_inner);
    io::Write::write_all(&mut *stream, &bytes)
}
