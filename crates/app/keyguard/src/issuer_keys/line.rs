//! A line to a peer that somebody else carries: TLS (or, on a development installation, plain HTTP) in memory.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use chancery_core::port::clock::Clock;
use chancery_core::tunnel::Peer;
use chancery_identity::discovery::Address;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Most bytes of one connection: an answer of the greatest size, and a handshake with a long chain.
const MAX_RECEIVED: usize = 512 * 1024;

/// A line that broke.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The peer's name is none that a certificate can have.
    #[error("`{0}` is no name that a certificate can have")]
    Name(String),
    /// The peer sent more than any answer needs.
    #[error("more than {MAX_RECEIVED} bytes were received")]
    Size,
    /// The peer is not who it should be, or somebody altered the bytes on the way.
    #[error("tls: {0}")]
    Tls(#[source] rustls::Error),
}

/// The keyguard's clock, as TLS asks for it.
#[derive(Debug)]
struct Now(Arc<dyn Clock>);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// TLS 1.2 and 1.3 under these roots, by the keyguard's own clock.
pub fn tls(roots: RootCertStore, clock: Arc<dyn Clock>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Now(clock)));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[derive(Debug)]
enum Carrier {
    Plain,
    Tls(Box<ClientConnection>),
}

/// One connection.
#[derive(Debug)]
pub struct Line {
    carrier: Carrier,
    received: usize,
}

/// What came out of a line.
#[derive(Debug, Default)]
pub struct Heard {
    /// What the peer said.
    pub text: Vec<u8>,
    /// Whether it said that it says no more: after that nothing can have been cut off.
    pub ended: bool,
}

impl Line {
    /// Opens a line and says `request` as soon as the peer has proved who it is. Answers with the first bytes.
    pub fn open(
        config: &Arc<ClientConfig>,
        address: &Address,
        request: &[u8],
    ) -> Result<(Self, Peer, Vec<u8>), LineError> {
        let peer = Peer { host: address.host().to_owned(), port: address.port() };
        if !address.is_https() {
            return Ok((Self { carrier: Carrier::Plain, received: 0 }, peer, request.to_vec()));
        }
        let bare = address.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|_| LineError::Name(peer.host.clone()))?;
        let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(LineError::Tls)?;
        // Kept until the handshake is done: nothing is sent early.
        connection.writer().write_all(request).map_err(|error| LineError::Tls(general(&error)))?;
        let first = outgoing(&mut connection)?;
        Ok((Self { carrier: Carrier::Tls(Box::new(connection)), received: 0 }, peer, first))
    }

    /// Takes bytes of the peer; answers with what it said and with bytes for it.
    pub fn carry(&mut self, bytes: &[u8]) -> Result<(Heard, Vec<u8>), LineError> {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > MAX_RECEIVED {
            return Err(LineError::Size);
        }
        match &mut self.carrier {
            Carrier::Plain => Ok((Heard { text: bytes.to_vec(), ended: false }, Vec::new())),
            Carrier::Tls(connection) => {
                let heard = incoming(connection, bytes)?;
                Ok((heard, outgoing(connection)?))
            }
        }
    }

    /// Whether the end of the connection is the end of what the peer says. ATTACK: without TLS's own word for it, the
    /// gateway could cut an answer short.
    #[must_use]
    pub const fn may_just_end(&self) -> bool {
        matches!(self.carrier, Carrier::Plain)
    }
}

fn incoming(connection: &mut ClientConnection, mut bytes: &[u8]) -> Result<Heard, LineError> {
    let mut heard = Heard::default();
    while !bytes.is_empty() {
        let read = connection.read_tls(&mut bytes).map_err(|error| LineError::Tls(general(&error)))?;
        let state = connection.process_new_packets().map_err(LineError::Tls)?;
        let mut text = vec![0; state.plaintext_bytes_to_read()];
        connection.reader().read_exact(&mut text).map_err(|error| LineError::Tls(general(&error)))?;
        heard.text.extend_from_slice(&text);
        heard.ended |= state.peer_has_closed();
        // After the peer's last word it reads no more.
        if read == 0 {
            break;
        }
    }
    Ok(heard)
}

fn outgoing(connection: &mut ClientConnection) -> Result<Vec<u8>, LineError> {
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).map_err(|error| LineError::Tls(general(&error)))?;
    }
    Ok(bytes)
}

fn general(error: &std::io::Error) -> rustls::Error {
    rustls::Error::General(error.to_string())
}
