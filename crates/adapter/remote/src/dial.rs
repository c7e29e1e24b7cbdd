//! TCP connections for the keyguard's tunnels: bounded time, only addresses within reach.

use std::net::SocketAddr;
use std::time::Duration;

use chancery_core::port::Boxed;
use chancery_core::port::dialer::{DialError, Dialer, Reach, Wire};
use chancery_core::tunnel::{MAX_PIPED, Peer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::address;

/// Until a connection stands, and until the next bytes arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects with TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDialer;

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, peer: &'a Peer, reach: Reach) -> Boxed<'a, Result<Box<dyn Wire>, DialError>> {
        Box::pin(async move {
            let stream = in_time(connect(peer, reach)).await?;
            let wire: Box<dyn Wire> = Box::new(TcpWire(stream));
            Ok(wire)
        })
    }
}

struct TcpWire(TcpStream);

impl Wire for TcpWire {
    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> Boxed<'a, Result<(), DialError>> {
        Box::pin(in_time(async move { self.0.write_all(bytes).await.map_err(failed) }))
    }
    fn receive(&mut self) -> Boxed<'_, Result<Vec<u8>, DialError>> {
        Box::pin(in_time(async move {
            let mut bytes = vec![0; MAX_PIPED];
            let read = self.0.read(&mut bytes).await.map_err(failed)?;
            bytes.truncate(read);
            Ok(bytes)
        }))
    }
}

/// ATTACK (T10: SSRF, DNS rebinding): the check is made on the addresses that are then connected to.
async fn connect(peer: &Peer, reach: Reach) -> Result<TcpStream, DialError> {
    let bare = peer.host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, peer.port)).await.map_err(failed)?;
    let allowed: Vec<SocketAddr> = found.filter(|address| address::is_allowed(address.ip(), reach)).collect();
    if allowed.is_empty() {
        return Err(DialError(format!("`{}` has no address that may be contacted", peer.host)));
    }
    TcpStream::connect(allowed.as_slice()).await.map_err(failed)
}

async fn in_time<T>(work: impl Future<Output = Result<T, DialError>>) -> Result<T, DialError> {
    let late = |_| DialError("no answer in time".to_owned());
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

fn failed(error: std::io::Error) -> DialError {
    DialError(error.to_string())
}
