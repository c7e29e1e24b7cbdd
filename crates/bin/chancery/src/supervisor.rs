//! The tiny supervisor: parents gateway and keyguard, starts a new keyguard when the old one ends, and passes signals.
//!
//! It holds no key, opens no file and no network. Each child gets one end of a socket pair as its standard input; the
//! gateway's carries a descriptor for every keyguard that is started, and one byte back when a keyguard hangs.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Time for the gateway to finish what is under way.
const GRACE: Duration = Duration::from_secs(35);

/// With this status (`EX_CONFIG` of sysexits.h) a keyguard says that another start would end the same way.
pub(crate) const REFUSES_TO_START: u8 = 78;

/// How the children are started: this binary with its hidden subcommands.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    /// This binary.
    pub(crate) program: PathBuf,
    /// The configuration file.
    pub(crate) config: PathBuf,
}

impl Roles {
    fn command(&self, role: &str, stdin: OwnedFd) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(role).arg("--config").arg(&self.config).stdin(Stdio::from(stdin)).kill_on_drop(true);
        command
    }
}

/// Runs until the gateway ends or a signal asks for it; answers with the gateway's status. Errors when the keyguard
/// refuses to start.
pub(crate) async fn run(roles: &Roles) -> io::Result<ExitStatus> {
    let (control, gateway_end) = UnixStream::pair()?;
    let mut gateway = roles.command("gateway", gateway_end.into()).spawn()?;
    control.set_nonblocking(true)?;
    let control = tokio::net::UnixStream::from_std(control)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut pause = FIRST_PAUSE;
    loop {
        let started = tokio::time::Instant::now();
        // Word about the one that ended must not end its successor.
        while control.try_read(&mut [0u8; 8]).is_ok_and(|read| read > 0) {}
        let mut keyguard = start_keyguard(roles, &control)?;
        tokio::select! {
            status = gateway.wait() => return status,
            _ = terminate.recv() => return stop(gateway).await,
            _ = interrupt.recv() => return stop(gateway).await,
            () = hung(&control) => kill_hung(&mut keyguard).await?,
            status = keyguard.wait() => {
                let status = status?;
                if status.code() == Some(i32::from(REFUSES_TO_START)) {
                    stop(gateway).await?;
                    return Err(io::Error::other("the keyguard refuses to start; its last message says why"));
                }
                report_end(status);
            }
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// As [`run`], where the keyguard is on another host: the gateway itself keeps the line to it.
pub(crate) async fn run_gateway(roles: &Roles) -> io::Result<ExitStatus> {
    let (_control, gateway_end) = UnixStream::pair()?;
    let mut gateway = roles.command("gateway", gateway_end.into()).spawn()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        status = gateway.wait() => status,
        _ = terminate.recv() => stop(gateway).await,
        _ = interrupt.recv() => stop(gateway).await,
    }
}

async fn kill_hung(keyguard: &mut Child) -> io::Result<()> {
    tracing::error!("keyguard hangs; killing it");
    keyguard.kill().await
}

fn report_end(status: ExitStatus) {
    tracing::error!(%status, "keyguard ended; starting another");
}

fn start_keyguard(roles: &Roles, control: &tokio::net::UnixStream) -> io::Result<Child> {
    let (ours, theirs) = UnixStream::pair()?;
    let keyguard = roles.command("keyguard", theirs.into()).args(["--behind", "serve"]).spawn()?;
    // Without a gateway there is nobody to pass it to; the loop notices that the gateway ended.
    if let Err(error) = chancery_link::descriptor::send(&control.as_fd(), &ours) {
        tracing::warn!(%error, "gateway took no connection");
    }
    Ok(keyguard)
}

/// Resolves when the gateway says that the keyguard does not answer.
async fn hung(control: &tokio::net::UnixStream) {
    let mut byte = [0u8; 1];
    loop {
        if control.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
        match control.try_read(&mut byte) {
            Ok(1) => return,
            Ok(_) => std::future::pending().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => std::future::pending().await,
        }
    }
}

async fn stop(mut gateway: Child) -> io::Result<ExitStatus> {
    if let Some(pid) =
        gateway.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    }
    match tokio::time::timeout(GRACE, gateway.wait()).await {
        Ok(status) => status,
        Err(_) => {
            tracing::error!("gateway did not end in time; killing it");
            gateway.kill().await?;
            gateway.wait().await
        }
    }
}

/// Has the gateway finish what is under way when the supervisor dies without a word (kill -9, out of memory): nobody
/// would start a keyguard for it any more, and its locks would stand in the way of the next service. The keyguard ends
/// with the gateway's socket.
pub(crate) fn end_with_supervisor() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?)
}

/// The standard input as the socket that the supervisor gave.
pub(crate) fn inherited_socket() -> io::Result<UnixStream> {
    Ok(UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

/// This binary's own path.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe().map(|path| Path::new(&path).to_owned())
}
