//! A time stamping authority on the loopback address that stamps, and lies, as it is told.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::clock::Clock;
use chancery_core::port::dialer::Reach;
use chancery_core::port::entropy::Entropy;
use chancery_core::time::Time;
use chancery_remote::tsa::authority::AuthorityConfig;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage, purpose};
use chancery_x509::certificate::Certificate;
use chancery_x509::cms::oid;
use chancery_x509::cms::signed_attributes::SignedAttributes;
use chancery_x509::cms::signed_data::{self, EncapsulatedContent, Parts};
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::ess;
use chancery_x509::tsp::request::TimestampRequest;
use chancery_x509::tsp::tst_info::TstInfo;
use const_oid::ObjectIdentifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
pub(crate) const STAMPING: Usage<'_> = Usage::Leaf(&[purpose::TIME_STAMPING]);
const DAY: i64 = 86_400;

/// The moment at which every test begins.
pub(crate) fn start() -> Time {
    Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap()
}

/// Keys and certificates of one authority.
pub(crate) struct Stamper {
    pub(crate) root: Certificate,
    pub(crate) issuing: Certificate,
    issuing_key: TestKey,
    pub(crate) key: TestKey,
    pub(crate) certificate: Certificate,
}

impl Stamper {
    pub(crate) fn new() -> Self {
        let [root_key, issuing_key, key] = [(); 3].map(|()| TestKey::generate(KeyAlgorithm::EcdsaP256));
        let spec = CertificateSpec {
            subject: "root",
            issuer: "root",
            serial: 1,
            not_before: start().plus_seconds(-10 * DAY),
            not_after: start().plus_seconds(10 * DAY),
            usage: Usage::Authority,
        };
        let root = parse(&spec.issue(&root_key.public_key(), &root_key));
        let spec = CertificateSpec { subject: "issuing", serial: 2, ..spec };
        let issuing = parse(&spec.issue(&issuing_key.public_key(), &root_key));
        let certificate = leaf(&issuing_key, &key, 10, STAMPING, (-10, 10));
        Self { root, issuing, issuing_key, key, certificate }
    }
    /// The same authority with another leaf over the same key, valid from and to these days.
    pub(crate) fn leaf(&self, serial: u8, usage: Usage<'_>, days: (i64, i64)) -> Certificate {
        leaf(&self.issuing_key, &self.key, serial, usage, days)
    }
    /// A leaf of the same issuer over another key.
    pub(crate) fn leaf_over(&self, serial: u8, key: &TestKey) -> Certificate {
        leaf(&self.issuing_key, key, serial, STAMPING, (-10, 10))
    }
    /// What a right answer to this request says.
    pub(crate) fn info(&self, request: &TimestampRequest) -> TstInfo {
        TstInfo {
            policy: POLICY,
            imprint: request.imprint.clone(),
            serial: Serial::new(&[7; 8]).unwrap(),
            gen_time: start(),
            accuracy: None,
            nonce: request.nonce.clone(),
        }
    }
    /// A token that says `content`, claims to be by `signer`, and carries a bag in DER order.
    pub(crate) fn token(&self, content: &[u8], signer: &Certificate, bag: &[Certificate]) -> Vec<u8> {
        self.token_naming(content, signer, signer, bag)
    }
    /// As [`Self::token`], with the certificate that the attributes name.
    pub(crate) fn token_naming(
        &self,
        content: &[u8],
        signer: &Certificate,
        named: &Certificate,
        bag: &[Certificate],
    ) -> Vec<u8> {
        let scheme = SignatureScheme::of(KeyAlgorithm::EcdsaP256);
        let digest = scheme.digest().unwrap().hash(content);
        let naming = (oid::SIGNING_CERTIFICATE_V2, ess::signing_certificate_v2(named));
        let attributes = SignedAttributes::build(oid::TST_INFO, &digest, &[naming]).unwrap();
        signed_data::assemble(&Parts {
            content_type: oid::TST_INFO,
            content: EncapsulatedContent::Octets(content),
            signer,
            certificates: bag,
            attributes: &attributes,
            scheme,
            signature: &self.key.sign(attributes.to_be_signed()),
        })
        .unwrap()
    }
    /// The right token for a request.
    pub(crate) fn right(&self, request: &TimestampRequest) -> Vec<u8> {
        let content = self.info(request).to_der().unwrap();
        self.token(&content, &self.certificate, &self.bag())
    }
    pub(crate) fn bag(&self) -> [Certificate; 2] {
        [self.certificate.clone(), self.issuing.clone()]
    }
}

fn leaf(issuer: &TestKey, key: &TestKey, serial: u8, usage: Usage<'_>, days: (i64, i64)) -> Certificate {
    let spec = CertificateSpec {
        subject: "stamper",
        issuer: "issuing",
        serial,
        not_before: start().plus_seconds(days.0 * DAY),
        not_after: start().plus_seconds(days.1 * DAY),
        usage,
    };
    parse(&spec.issue(&key.public_key(), issuer))
}

fn parse(der: &[u8]) -> Certificate {
    Certificate::parse(der).unwrap()
}

/// What the server sends back.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status 200, the right content type, this body.
    Body(Vec<u8>),
    /// Status, header lines, body.
    Http(u16, String, Vec<u8>),
    /// A body of this many bytes that is not announced.
    Flood(usize),
    /// Nothing, for ever.
    Silence,
    /// The connection is closed.
    Hangup,
}

type Behaviour = Arc<Mutex<Box<dyn Fn(&TimestampRequest) -> Reply + Send>>>;

/// The server.
pub(crate) struct Server {
    pub(crate) url: String,
    behaviour: Behaviour,
    hits: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(behaviour: impl Fn(&TimestampRequest) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tsa", listener.local_addr().unwrap());
        let behaviour: Behaviour = Arc::new(Mutex::new(Box::new(behaviour)));
        let hits = Arc::new(AtomicUsize::new(0));
        let server = Self { url, behaviour: Arc::clone(&behaviour), hits: Arc::clone(&hits) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behaviour, hits) = (Arc::clone(&behaviour), Arc::clone(&hits));
                tokio::spawn(async move { drop(serve(stream, &behaviour, &hits).await) });
            }
        });
        server
    }
    pub(crate) fn behave(&self, behaviour: impl Fn(&TimestampRequest) -> Reply + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
    /// How a client is configured for it.
    pub(crate) fn config(&self, name: &str, stamper: &Stamper) -> AuthorityConfig {
        AuthorityConfig {
            name: name.to_owned(),
            url: self.url.clone(),
            reach: Reach::Loopback,
            roots: vec![stamper.root.clone()],
            known: Vec::new(),
            pinned: Vec::new(),
            policy: None,
            timeout: Duration::from_millis(500),
        }
    }
}

async fn serve(mut stream: TcpStream, behaviour: &Behaviour, hits: &AtomicUsize) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /tsa http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/timestamp-query\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    hits.fetch_add(1, Ordering::SeqCst);
    let request = TimestampRequest::parse(&body).unwrap();
    let reply = (behaviour.lock().unwrap())(&request);
    send(&mut stream, reply).await
}

async fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Body(body) => {
            let headers = "content-type: application/timestamp-reply\r\n".to_owned();
            Box::pin(send(stream, Reply::Http(200, headers, body))).await
        }
        Reply::Http(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await
        }
        Reply::Flood(size) => {
            let head =
                "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-type: application/timestamp-reply\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            for _ in 0..size / 1024 {
                stream.write_all(&[0x30; 1024]).await?;
            }
            Ok(())
        }
        Reply::Silence => std::future::pending().await,
        Reply::Hangup => Ok(()),
    }
}

/// A clock that only moves when told to.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start().millis())))
    }
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness of the machine.
#[derive(Debug)]
pub(crate) struct Machine;

impl Entropy for Machine {
    fn sixteen(&self) -> [u8; 16] {
        let mut out = [0; 16];
        SystemRandom::new().fill(&mut out).unwrap();
        out
    }
}
