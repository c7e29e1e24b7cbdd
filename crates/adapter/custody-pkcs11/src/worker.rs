//! The worker process: main loop, and one thread per session.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fault::Fault;
use crate::protocol::{self, Answer, AnswerFrame, Call, CallFrame, FrameError, TokenConfig};
use crate::session::Seat;
use crate::token::Token;

/// Calls that wait for a session; the custodian bounds them before.
const QUEUE: usize = 1024;
const MAX_SESSIONS: usize = 64;

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The first frame was not `open`.
    #[error("the first call is not `open`")]
    NotOpened,
    /// The custodian sent something that is not understood.
    #[error("custodian is not understood")]
    Frame(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The token could not be opened; the custodian was told.
    #[error("token cannot be opened: {0}")]
    Token(String),
}

/// The socket that the custodian gave this process as its standard input.
pub fn stdin_stream() -> std::io::Result<UnixStream> {
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Serves one token until the custodian closes the socket, or until the token is lost for this process. The caller is
/// to end the process then: threads that hang in the module cannot be stopped otherwise. The caller has also applied a
/// sandbox before, because "not dumpable" does not outlive the execution that made this process.
pub fn run_worker(stream: UnixStream) -> Result<(), WorkerError> {
    let mut reader = stream.try_clone().map_err(|e| WorkerError::Frame(e.into()))?;
    let writer = Arc::new(Mutex::new(stream));
    let first: CallFrame = protocol::read(&mut reader).map_err(|e| WorkerError::Frame(e.into()))?;
    let Call::Open(config) = first.call else {
        return Err(WorkerError::NotOpened);
    };
    let seats = match open(&config) {
        Ok(seats) => seats,
        Err(fault) => {
            let text = fault.to_string();
            send(&writer, AnswerFrame { id: first.id, answer: Err(fault) });
            return Err(WorkerError::Token(text));
        }
    };
    let ready = Answer::Ready { sessions: seats.len() };
    let (calls, queue) = sync_channel(QUEUE);
    let queue = Arc::new(Mutex::new(queue));
    for seat in seats {
        let (queue, writer) = (Arc::clone(&queue), Arc::clone(&writer));
        std::thread::spawn(move || serve(seat, &queue, &writer));
    }
    send(&writer, AnswerFrame { id: first.id, answer: Ok(ready) });
    forward(&mut reader, &calls)
}

/// Opens as many sessions as were asked for, or as the token allows.
fn open(config: &TokenConfig) -> Result<Vec<Seat>, Fault> {
    let token = Arc::new(Token::load(config)?);
    let mut seats = vec![Seat::take(Arc::clone(&token))?];
    for _ in 1..config.sessions.clamp(1, MAX_SESSIONS) {
        match Seat::take(Arc::clone(&token)) {
            Ok(seat) => seats.push(seat),
            Err(e @ Fault::PinRefused(_)) => return Err(e),
            // CKR_SESSION_COUNT, or whatever the token says instead.
            Err(_) => break,
        }
    }
    Ok(seats)
}

fn forward(reader: &mut UnixStream, calls: &SyncSender<CallFrame>) -> Result<(), WorkerError> {
    loop {
        match protocol::read(reader) {
            Ok(call) => {
                if calls.send(call).is_err() {
                    return Ok(());
                }
            }
            Err(FrameError::Io(_)) => return Ok(()),
            Err(e @ (FrameError::Json(_) | FrameError::TooLarge(_))) => {
                return Err(WorkerError::Frame(e.into()));
            }
        }
    }
}

/// Does calls until there are none, or until the token is lost: then the socket is shut, which ends the main loop.
fn serve(mut seat: Seat, queue: &Mutex<Receiver<CallFrame>>, writer: &Mutex<UnixStream>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(CallFrame { id, call }) = next else {
            return;
        };
        let answer = seat.answer(&call);
        let lost = matches!(answer, Err(Fault::Gone(_) | Fault::PinRefused(_)));
        let sent = send(writer, AnswerFrame { id, answer });
        if lost || !sent {
            shut(writer);
            return;
        }
    }
}

fn send(writer: &Mutex<UnixStream>, frame: AnswerFrame) -> bool {
    let mut stream = writer.lock().unwrap_or_else(PoisonError::into_inner);
    protocol::write(&mut *stream, &frame).is_ok()
}

fn shut(writer: &Mutex<UnixStream>) {
    let stream = writer.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing is left to be done where the socket is closed already.
    drop(stream.shutdown(std::net::Shutdown::Both));
}
