//! A token issuer with real TLS in memory, which answers as badly as it is told to; and whoever carries the bytes may
//! alter them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::Boxed;
use chancery_core::port::dialer::{DialError, Dialer, Reach, Wire};
use chancery_core::time::Time;
use chancery_core::tunnel::Peer;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use crate::keys::TestKey;
use crate::pki::{CertificateSpec, Usage, purpose};

/// How a connection goes on after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is cut without TLS's word for it.
    Cut,
    /// It is closed in good order.
    Notify,
    /// It stays open and nothing more comes.
    Open,
}

/// What the issuer answers, byte for byte.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// What comes after.
    pub end: End,
}

impl Answer {
    /// Status 200 with a body of announced length, closed in good order.
    #[must_use]
    pub fn ok(body: &str) -> Self {
        Self::head("200 OK", &format!("content-length: {}\r\n", body.len()), body)
    }
    /// Any status and fields (each with its line end).
    #[must_use]
    pub fn head(status: &str, fields: &str, body: &str) -> Self {
        let bytes = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{fields}\r\n{body}");
        Self { bytes: bytes.into_bytes(), end: End::Notify }
    }
    /// The same with another end.
    #[must_use]
    pub fn then(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

type Route = Box<dyn Fn(&str, &str) -> Answer + Send>;
/// Sees every piece that is carried (to the issuer, or from it) with its number, and may alter it.
type Carrier = Box<dyn FnMut(Direction, usize, &mut Vec<u8>) + Send>;

/// Which way a piece goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the issuer.
    From,
    /// To the issuer.
    To,
}

struct State {
    route: Route,
    carrier: Carrier,
    pieces: usize,
    asked: Vec<String>,
    dialled: Vec<Peer>,
    leads_to: BTreeMap<String, String>,
    largest: usize,
}

/// Issuers behind one fake network: each host has a certificate of the same authority.
pub struct Issuers {
    authority: (TestKey, Vec<u8>),
    now: Time,
    state: Mutex<State>,
}

impl std::fmt::Debug for Issuers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuers").finish_non_exhaustive()
    }
}

impl Issuers {
    /// Issuers whose certificates are valid around `now`, and who answer 404 so far.
    #[must_use]
    pub fn new(now: Time) -> Arc<Self> {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let spec = spec("Test Authority", now, Usage::Authority);
        let root = spec.issue(&key.public_key(), &key);
        let state = State {
            route: Box::new(|_, _| Answer::head("404 Not Found", "content-length: 0\r\n", "")),
            carrier: Box::new(|_, _, _| {}),
            pieces: 0,
            asked: Vec::new(),
            dialled: Vec::new(),
            leads_to: BTreeMap::new(),
            largest: usize::MAX,
        };
        Arc::new(Self { authority: (key, root), now, state: Mutex::new(state) })
    }
    /// The authority, to be believed.
    ///
    /// # Panics
    /// Never: the certificate is well formed.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test fixture")]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.1.clone())).expect("root");
        roots
    }
    /// The authority's certificate, DER.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        &self.authority.1
    }
    /// Serves one of the hosts over TCP on this machine, as long as the test lives; answers with the port.
    ///
    /// # Errors
    /// When no port is free.
    pub fn listen(self: &Arc<Self>, host: &str) -> std::io::Result<u16> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (issuers, host) = (Arc::clone(self), host.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is of no interest.
                let _gone = Memory::new(&issuers, &host).over(stream).is_err();
            }
        });
        Ok(port)
    }
    /// Answers by host and path from now on.
    pub fn behave(&self, route: impl Fn(&str, &str) -> Answer + Send + 'static) {
        self.state().route = Box::new(route);
    }
    /// An honest issuer: discovery document and keys.
    pub fn serve(&self, issuer: &str, keys: &str) {
        let (issuer, keys) = (issuer.to_owned(), keys.to_owned());
        self.behave(move |_, path| honest(&issuer, &keys, path));
    }
    /// Lets whoever carries the bytes alter them.
    pub fn carry(&self, carrier: impl FnMut(Direction, usize, &mut Vec<u8>) + Send + 'static) {
        let mut state = self.state();
        state.carrier = Box::new(carrier);
        state.pieces = 0;
    }
    /// Whoever asks for `host` is connected to `other`.
    pub fn lead(&self, host: &str, other: &str) {
        self.state().leads_to.insert(host.to_owned(), other.to_owned());
    }
    /// Pieces from the issuer are at most this long from now on.
    pub fn largest(&self, bytes: usize) {
        self.state().largest = bytes;
    }
    /// What was asked for, as `host path`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }
    /// Which connections were made.
    #[must_use]
    pub fn dialled(&self) -> Vec<Peer> {
        self.state().dialled.clone()
    }
    /// How many pieces were carried since [`Self::carry`].
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.state().pieces
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::expect_used, reason = "test fixture")]
    fn server(&self, host: &str) -> ServerConnection {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let names = [host];
        let spec = spec(host, self.now, Usage::Tls(purpose::SERVER_AUTH, &names));
        let leaf = spec.issue(&key.public_key(), &self.authority.0);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(leaf)],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8())),
            )
            .expect("certificate");
        ServerConnection::new(Arc::new(config)).expect("connection")
    }
}

/// What an honest issuer answers.
#[must_use]
pub fn honest(issuer: &str, keys: &str, path: &str) -> Answer {
    if path.ends_with("/.well-known/openid-configuration") {
        let base = issuer.trim_end_matches('/');
        return Answer::ok(&format!(r#"{{"issuer":"{issuer}","jwks_uri":"{base}/jwks"}}"#));
    }
    Answer::ok(keys)
}

fn spec<'a>(subject: &'a str, now: Time, usage: Usage<'a>) -> CertificateSpec<'a> {
    let day = 30 * 86_400;
    CertificateSpec {
        subject,
        issuer: "Test Authority",
        serial: 7,
        not_before: now.plus_seconds(-day),
        not_after: now.plus_seconds(day),
        usage,
    }
}

struct Memory {
    issuers: Arc<Issuers>,
    host: String,
    server: ServerConnection,
    request: Vec<u8>,
    outgoing: Vec<u8>,
    end: End,
}

/// A network on which only these issuers are.
#[derive(Debug, Clone)]
pub struct Network(pub Arc<Issuers>);

impl Dialer for Network {
    fn dial<'a>(&'a self, peer: &'a Peer, _: Reach) -> Boxed<'a, Result<Box<dyn Wire>, DialError>> {
        Box::pin(async move {
            let issuers = Arc::clone(&self.0);
            let host = {
                let mut state = issuers.state();
                state.dialled.push(peer.clone());
                state.leads_to.get(&peer.host).cloned().unwrap_or_else(|| peer.host.clone())
            };
            let wire: Box<dyn Wire> = Box::new(Memory::new(&issuers, &host));
            Ok(wire)
        })
    }
}

impl Memory {
    fn new(issuers: &Arc<Issuers>, host: &str) -> Self {
        Self {
            issuers: Arc::clone(issuers),
            host: host.to_owned(),
            server: issuers.server(host),
            request: Vec::new(),
            outgoing: Vec::new(),
            end: End::Open,
        }
    }
    /// Speaks over a socket until the answer is out.
    fn over(mut self, mut stream: std::net::TcpStream) -> std::io::Result<()> {
        let mut piece = vec![0; 16 * 1024];
        loop {
            let read = stream.read(&mut piece)?;
            self.hear(piece.get(..read).unwrap_or_default())?;
            stream.write_all(&std::mem::take(&mut self.outgoing))?;
            if read == 0 || self.end != End::Open {
                return Ok(());
            }
        }
    }
    fn hear(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() && self.server.read_tls(&mut bytes)? > 0 {
            let processed = self.server.process_new_packets();
            let broken = processed.is_err();
            if let Ok(state) = processed {
                let mut text = vec![0; state.plaintext_bytes_to_read()];
                self.server.reader().read_exact(&mut text)?;
                self.request.extend_from_slice(&text);
            }
            if broken {
                self.end = End::Cut;
                break;
            }
        }
        if self.request.ends_with(b"\r\n\r\n") {
            self.answer()?;
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.outgoing)?;
        }
        Ok(())
    }
    fn answer(&mut self) -> std::io::Result<()> {
        let request = String::from_utf8_lossy(&std::mem::take(&mut self.request)).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let mut state = self.issuers.state();
            state.asked.push(format!("{} {path}", self.host));
            (state.route)(&self.host, &path)
        };
        self.end = answer.end;
        let mut rest = answer.bytes.as_slice();
        while !rest.is_empty() {
            let written = self.server.writer().write(rest)?;
            rest = rest.get(written..).unwrap_or_default();
            while self.server.wants_write() {
                self.server.write_tls(&mut self.outgoing)?;
            }
        }
        if self.end == End::Notify {
            self.server.send_close_notify();
        }
        Ok(())
    }
}

impl Wire for Memory {
    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> Boxed<'a, Result<(), DialError>> {
        Box::pin(async move {
            let mut bytes = bytes.to_vec();
            pass(&self.issuers, Direction::To, &mut bytes);
            self.hear(&bytes).map_err(|error| DialError(error.to_string()))
        })
    }
    fn receive(&mut self) -> Boxed<'_, Result<Vec<u8>, DialError>> {
        Box::pin(async move {
            let most = self.issuers.state().largest.min(16 * 1024).min(self.outgoing.len());
            let mut bytes: Vec<u8> = self.outgoing.drain(..most).collect();
            if bytes.is_empty() && self.end == End::Open {
                return Err(DialError("no answer in time".to_owned()));
            }
            if !bytes.is_empty() {
                pass(&self.issuers, Direction::From, &mut bytes);
            }
            Ok(bytes)
        })
    }
}

fn pass(issuers: &Issuers, direction: Direction, bytes: &mut Vec<u8>) {
    let mut state = issuers.state();
    let number = state.pieces;
    state.pieces = number.saturating_add(1);
    (state.carrier)(direction, number, bytes);
}
