//! Who may speak to whom over the network: only a gateway and a keyguard that each proved who it is.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "test")]

use std::path::PathBuf;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_link::mutual::{Caller, Identity, Listener, MutualError};
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage, purpose};
use chancery_x509::certificate::write_pem;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const HOST: &str = "keyguard.example";
const DAY: i64 = 86_400;

/// Files of one authority and of what it certifies.
struct Desk {
    directory: tempfile::TempDir,
    authority: TestKey,
    now: Time,
}

impl Desk {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = Time::from_seconds(i64::try_from(now.as_secs()).unwrap());
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
            authority: TestKey::generate(KeyAlgorithm::EcdsaP256),
            now,
        };
        let spec = desk.spec("Authority", (-DAY, DAY), Usage::Authority);
        desk.write("ca.pem", "CERTIFICATE", &spec.issue(&desk.authority.public_key(), &desk.authority));
        desk
    }
    fn spec<'a>(&self, subject: &'a str, (from, to): (i64, i64), usage: Usage<'a>) -> CertificateSpec<'a> {
        CertificateSpec {
            subject,
            issuer: "Authority",
            serial: 3,
            not_before: self.now.plus_seconds(from),
            not_after: self.now.plus_seconds(to),
            usage,
        }
    }
    fn write(&self, name: &str, label: &str, der: &[u8]) {
        std::fs::write(self.path(name), write_pem(label, der)).unwrap();
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
    /// A key with a certificate under a name; answers with the digest of its SubjectPublicKeyInfo.
    fn issue(&self, name: &str, life: (i64, i64), usage: Usage<'_>) -> Sha256 {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let certificate = self.spec(name, life, usage).issue(&key.public_key(), &self.authority);
        self.write(&format!("{name}.pem"), "CERTIFICATE", &certificate);
        self.write(&format!("{name}.key"), "PRIVATE KEY", &key.pkcs8());
        Sha256::of(&key.public_key().spki)
    }
    fn identity(&self, name: &str) -> Identity {
        Identity { certificate: self.path(&format!("{name}.pem")), key: self.path(&format!("{name}.key")) }
    }
    fn caller(&self, name: &str) -> Caller {
        Caller { identity: self.identity(name), ca: self.path("ca.pem") }
    }
    fn listener(&self, client_ca: Option<&str>, client_keys: Vec<Sha256>) -> Listener {
        let client_ca = client_ca.map(|name| self.path(name));
        Listener { identity: self.identity("keyguard"), client_ca, client_keys }
    }
}

/// Whether a word crosses both ways. In TLS 1.3 a client learns only from the first read that it was refused.
async fn meets(caller: tokio_rustls::TlsConnector, listener: &Listener, host: &str) -> bool {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let acceptor = listener.acceptor().unwrap();
    let keyguard = async move {
        let mut stream = acceptor.accept(there).await?;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.shutdown().await
    };
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let gateway = async move {
        let mut stream = caller.connect(name, here).await?;
        stream.write_all(b"hello").await?;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await?;
        Ok::<_, std::io::Error>(word == *b"hello")
    };
    let (answered, heard) = tokio::join!(keyguard, gateway);
    let met = heard.unwrap_or(false);
    assert_eq!(answered.is_ok(), met, "both sides agree");
    met
}

#[tokio::test]
async fn only_gateways_that_are_named_are_heard() {
    let desk = Desk::new();
    let client = Usage::Tls(purpose::CLIENT_AUTH, &["gateway.example"]);
    desk.issue("keyguard", (-DAY, DAY), Usage::Tls(purpose::SERVER_AUTH, &[HOST]));
    let gateway = desk.issue("gateway", (-DAY, DAY), client);
    desk.issue("other", (-DAY, DAY), client);
    let expired = desk.issue("expired", (-2 * DAY, -DAY), client);
    let early = desk.issue("early", (DAY, 2 * DAY), client);
    desk.issue("server", (-DAY, DAY), Usage::Tls(purpose::SERVER_AUTH, &["gateway.example"]));
    let (by_authority, by_key) =
        (desk.listener(Some("ca.pem"), vec![]), desk.listener(None, vec![gateway, expired, early]));
    let by_both = desk.listener(Some("ca.pem"), vec![gateway]);
    for (name, expected) in [
        ("gateway", [true, true, true]),
        ("other", [true, false, false]),
        ("expired", [false, false, false]),
        ("early", [false, false, false]),
        // A certificate for servers is none for gateways; a pinned key may have any.
        ("server", [false, false, false]),
    ] {
        for (listener, expected) in [&by_authority, &by_key, &by_both].into_iter().zip(expected) {
            let connector = desk.caller(name).connector().unwrap();
            assert_eq!(meets(connector, listener, HOST).await, expected, "{name} {listener:?}");
        }
    }
}

#[tokio::test]
async fn no_certificate_and_strangers_are_refused() {
    let (desk, stranger) = (Desk::new(), Desk::new());
    let client = Usage::Tls(purpose::CLIENT_AUTH, &["gateway.example"]);
    desk.issue("keyguard", (-DAY, DAY), Usage::Tls(purpose::SERVER_AUTH, &[HOST]));
    let gateway = desk.issue("gateway", (-DAY, DAY), client);
    stranger.issue("gateway", (-DAY, DAY), client);
    // A gateway with a certificate of another authority, which believes ours.
    let posing = Caller { identity: stranger.identity("gateway"), ca: desk.path("ca.pem") };
    for listener in [desk.listener(Some("ca.pem"), vec![]), desk.listener(None, vec![gateway])] {
        assert!(!meets(posing.connector().unwrap(), &listener, HOST).await);
        assert!(!meets(without_certificate(&desk), &listener, HOST).await);
        assert!(!meets(old(&desk), &listener, HOST).await);
    }
    // A keyguard under another name or of another authority is not given an order.
    let listener = desk.listener(Some("ca.pem"), vec![]);
    assert!(!meets(desk.caller("gateway").connector().unwrap(), &listener, "other.example").await);
    let believing = Caller { identity: desk.identity("gateway"), ca: stranger.path("ca.pem") };
    assert!(!meets(believing.connector().unwrap(), &listener, HOST).await);
}

fn without_certificate(desk: &Desk) -> tokio_rustls::TlsConnector {
    client(desk, rustls::DEFAULT_VERSIONS, None)
}

/// With its certificate, but TLS 1.2.
fn old(desk: &Desk) -> tokio_rustls::TlsConnector {
    client(desk, &[&rustls::version::TLS12], Some("gateway"))
}

fn client(
    desk: &Desk,
    versions: &[&'static rustls::SupportedProtocolVersion],
    name: Option<&str>,
) -> tokio_rustls::TlsConnector {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let read = |name: &str| CertificateDer::from_pem_file(desk.path(&format!("{name}.pem"))).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(read("ca")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
    let config = match name {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let key = PrivateKeyDer::from_pem_file(desk.path(&format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(vec![read(name)], key).unwrap()
        }
    };
    tokio_rustls::TlsConnector::from(std::sync::Arc::new(config))
}

#[tokio::test]
async fn renewed_files_count_for_the_next_connection() {
    let desk = Desk::new();
    let client = Usage::Tls(purpose::CLIENT_AUTH, &["gateway.example"]);
    let server = Usage::Tls(purpose::SERVER_AUTH, &[HOST]);
    desk.issue("keyguard", (-2 * DAY, -DAY), server);
    desk.issue("gateway", (-DAY, DAY), client);
    let (caller, listener) = (desk.caller("gateway"), desk.listener(Some("ca.pem"), vec![]));
    assert!(!meets(caller.connector().unwrap(), &listener, HOST).await, "the keyguard's certificate expired");
    desk.issue("keyguard", (-DAY, DAY), server);
    assert!(meets(caller.connector().unwrap(), &listener, HOST).await);
}

#[test]
fn what_cannot_be_used_says_which_file() {
    let desk = Desk::new();
    desk.issue("keyguard", (-DAY, DAY), Usage::Tls(purpose::SERVER_AUTH, &[HOST]));
    assert!(matches!(desk.listener(None, vec![]).acceptor(), Err(MutualError::Nobody)));
    let said = |error: MutualError| error.to_string();
    let missing = desk.caller("absent").connector().map(|_| ()).map_err(said).unwrap_err();
    assert!(missing.contains("absent.pem"), "{missing}");
    std::fs::write(
        desk.path("keyguard.key"),
        write_pem("PRIVATE KEY", &TestKey::generate(KeyAlgorithm::EcdsaP256).pkcs8()),
    )
    .unwrap();
    let error = desk.listener(Some("ca.pem"), vec![]).acceptor().map(|_| ()).unwrap_err();
    assert!(matches!(error, MutualError::Certificate { .. }), "{error}");
    std::fs::write(desk.path("ca.pem"), "").unwrap();
    desk.issue("keyguard", (-DAY, DAY), Usage::Tls(purpose::SERVER_AUTH, &[HOST]));
    let error = desk.listener(Some("ca.pem"), vec![]).acceptor().map(|_| ()).unwrap_err();
    assert!(matches!(error, MutualError::Authority { .. }), "{error}");
}
