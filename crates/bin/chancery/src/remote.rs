//! The gateway's line to a keyguard on another host: connected again whenever it breaks, cut when the keyguard hangs.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use chancery_link::client::KeyguardClient;
use chancery_link::pipe::pipe;
use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use crate::keyguard_config::Remote;
use crate::sockets;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Until the line stands, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps a line to the keyguard as long as the client lives. One byte on the socket that is answered cuts the line, as
/// it has the supervisor replace a keyguard that runs beside the gateway.
pub(crate) fn keep(remote: Remote, client: &Arc<KeyguardClient>) -> io::Result<StdStream> {
    let (theirs, ours) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    tokio::spawn(run(remote, Arc::downgrade(client), UnixStream::from_std(ours)?));
    Ok(theirs)
}

async fn run(remote: Remote, client: Weak<KeyguardClient>, mut hangs: UnixStream) {
    let mut pause = FIRST_PAUSE;
    while let Some(client) = client.upgrade() {
        let started = tokio::time::Instant::now();
        let outcome = once(&remote, &client, &mut hangs).await;
        drop(client);
        say_ended(&remote, &outcome);
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn say_ended(remote: &Remote, outcome: &anyhow::Result<&'static str>) {
    let why = match outcome {
        Ok(why) => (*why).to_owned(),
        Err(error) => format!("{error:#}"),
    };
    tracing::warn!(host = remote.host, port = remote.port, why, "no line to the keyguard");
}

/// One line from its beginning to its end.
async fn once(
    remote: &Remote,
    client: &Arc<KeyguardClient>,
    hangs: &mut UnixStream,
) -> anyhow::Result<&'static str> {
    let connected = tokio::time::timeout(PATIENCE, connect(remote)).await;
    let stream = connected.context("no answer in time")??;
    let (here, there) = StdStream::pair()?;
    there.set_nonblocking(true)?;
    client.connect(here)?;
    say_connected(remote);
    // Word about a line that ended must not cut the next one.
    while hangs.try_read(&mut [0; 8]).is_ok_and(|read| read > 0) {}
    let mut byte = [0; 1];
    tokio::select! {
        ended = pipe(stream, UnixStream::from_std(there)?, |_| ()) => {
            ended.context("the line broke")?;
            Ok("the keyguard closed it")
        }
        _ = hangs.read(&mut byte) => Ok("the keyguard does not answer"),
    }
}

fn say_connected(remote: &Remote) {
    tracing::info!(host = remote.host, port = remote.port, "keyguard connected");
}

async fn connect(remote: &Remote) -> anyhow::Result<TlsStream<TcpStream>> {
    let connector = remote.caller.connector()?;
    let name = ServerName::try_from(remote.host.clone())?;
    let stream = TcpStream::connect((remote.host.as_str(), remote.port)).await?;
    sockets::quick_and_watched(&stream)?;
    connector.connect(name, stream).await.context("the keyguard did not prove who it is")
}
