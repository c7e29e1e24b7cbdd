//! `chancery keyguard`: the door of a keyguard on a host of its own. It listens, has gateways prove who they are, and
//! carries bytes to the keyguard, which stays as it is beside a gateway: no listener, no network, its sandbox closed.
//!
//! ```text
//! gateway ══TLS 1.3══▶ door ──socket pair, passed as a descriptor──▶ keyguard
//! ```
//! One gateway is heard at a time; the newest that proved who it is takes the place of the one before.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chancery_link::mutual::{Listener, MutualError};
use chancery_link::pipe::pipe;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::keyguard_config::KeyguardConfig;
use crate::sockets;
use crate::supervisor::REFUSES_TO_START;
use crate::unanswered::Unanswered;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Until a gateway has proved who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at once; others wait.
const MAX_HANDSHAKES: usize = 32;
/// How often it is looked whether the keyguard answers.
const LOOK: Duration = Duration::from_secs(2);

type Gateway = TlsStream<TcpStream>;

/// Runs until a signal asks for the end. Errors when the keyguard refuses to start.
pub(crate) async fn run(program: &Path, path: &Path) -> anyhow::Result<()> {
    let config = KeyguardConfig::load(path)?;
    // What is wrong with the files now is said now; later the last ones that could be used stay in use.
    config.listener().acceptor()?;
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let (proved, mut gateways) = mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, config.listener(), proved));
    let mut end = End::new()?;
    let door = Door { program: program.to_owned(), config: path.to_owned() };
    announce(address)?;
    let mut pause = FIRST_PAUSE;
    let outcome = loop {
        let started = tokio::time::Instant::now();
        match door.keyguard(&mut gateways, &mut end).await {
            Ok(Ended::Asked) => break Ok(()),
            Ok(Ended::Died) => {}
            Err(error) => break Err(error),
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    accepting.abort();
    outcome
}

/// One line of JSON on stdout when gateways may connect.
fn announce(address: std::net::SocketAddr) -> io::Result<()> {
    use std::io::Write as _;
    let line = serde_json::json!({ "schema": "chancery.keyguard-ready/1", "listen": address.to_string() });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Hears everybody out; whoever proved who it is goes on.
async fn accept(listener: TcpListener, who: Listener, proved: mpsc::Sender<Gateway>) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let mut acceptor = None;
    loop {
        let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let Some(stream) = next(&listener).await else { continue };
        acceptor = renewed(&who).or(acceptor);
        let Some(acceptor) = acceptor.clone() else { continue };
        let proved = proved.clone();
        tokio::spawn(async move {
            let _turn = turn;
            match tokio::time::timeout(PATIENCE, shake(&acceptor, stream)).await {
                Ok(Ok(gateway)) => drop(proved.send(gateway).await),
                Ok(Err(error)) => say_refused(&error.to_string()),
                Err(_) => say_refused("it did not prove who it is in time"),
            }
        });
    }
}

async fn next(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(FIRST_PAUSE).await;
            None
        }
    }
}

fn renewed(who: &Listener) -> Option<TlsAcceptor> {
    who.acceptor().inspect_err(say_unusable).ok()
}

fn say_unusable(error: &MutualError) {
    tracing::error!(%error, "the new certificates cannot be used; the old ones are kept");
}

fn say_refused(why: &str) {
    tracing::warn!(why, "a gateway was refused");
}

async fn shake(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<Gateway> {
    sockets::quick_and_watched(&stream)?;
    acceptor.accept(stream).await
}

enum Ended {
    Asked,
    Died,
}

struct Door {
    program: PathBuf,
    config: PathBuf,
}

impl Door {
    /// Runs one keyguard until it ends.
    async fn keyguard(&self, gateways: &mut mpsc::Receiver<Gateway>, end: &mut End) -> anyhow::Result<Ended> {
        let (control, theirs) = StdStream::pair()?;
        let mut keyguard = self.spawn(theirs)?;
        let unanswered = Arc::new(Unanswered::default());
        let mut line: Option<Line> = None;
        loop {
            tokio::select! {
                () = end.asked() => {
                    drop((line, control));
                    stop(keyguard).await?;
                    return Ok(Ended::Asked);
                }
                status = keyguard.wait() => {
                    return died(status?);
                }
                Some(gateway) = gateways.recv() => {
                    // The old line is closed first: the keyguard takes one at a time.
                    drop(line.take());
                    line = Some(Line::new(gateway, &control, Arc::clone(&unanswered))?);
                }
                () = tokio::time::sleep(LOOK) => {
                    if unanswered.is_hang() {
                        return kill_hung(keyguard).await;
                    }
                }
            }
        }
    }

    fn spawn(&self, stdin: StdStream) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg("keyguard").arg("--config").arg(&self.config).args(["--behind", "door"]);
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(stdin))).kill_on_drop(true);
        command.spawn()
    }
}

fn died(status: ExitStatus) -> anyhow::Result<Ended> {
    let refuses = status.code() == Some(i32::from(REFUSES_TO_START));
    anyhow::ensure!(!refuses, "the keyguard refuses to start; its last message says why");
    tracing::error!(%status, "keyguard ended; starting another");
    Ok(Ended::Died)
}

async fn kill_hung(mut keyguard: Child) -> anyhow::Result<Ended> {
    tracing::error!("keyguard hangs; killing it");
    keyguard.kill().await?;
    Ok(Ended::Died)
}

/// A gateway that is connected with the keyguard, until it is dropped.
struct Line(JoinHandle<()>);

impl Line {
    fn new(gateway: Gateway, control: &StdStream, unanswered: Arc<Unanswered>) -> io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        chancery_link::descriptor::send(&control.as_fd(), &theirs)?;
        let near = UnixStream::from_std(ours)?;
        Ok(Self(tokio::spawn(async move {
            tracing::info!("gateway connected");
            let ended = pipe(gateway, near, |way| unanswered.seen(way)).await;
            tracing::warn!(error = ended.err().map(|error| error.to_string()), "gateway gone");
        })))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The keyguard ends when its sockets do; one that does not is killed.
async fn stop(mut keyguard: Child) -> io::Result<()> {
    if tokio::time::timeout(Duration::from_secs(30), keyguard.wait()).await.is_err() {
        tracing::error!("keyguard did not end in time; killing it");
        keyguard.kill().await?;
    }
    Ok(())
}

/// The signals that ask for the end.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn new() -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt })
    }
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
