//! A whole service in this process: real gateway, real keyguard, real sockets; only storage, keys and clock are fakes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use chancery_api::policy::SignedPolicy;
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::artifact::Artifact;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, ProfileName};
use chancery_core::port::Boxed;
use chancery_core::port::clock::Clock;
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::dialer::{DialError, Dialer, Reach, Wire};
use chancery_core::port::step::NoSteps;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_core::tunnel::Peer;
use chancery_gateway::bootstrap::{self, Beginning};
use chancery_gateway::gateway::{Gateway, Parts};
use chancery_gateway::webhook::Webhooks;
use chancery_identity::audience;
use chancery_identity::dev_issuer::{DevKey, DevToken};
use chancery_policy::documents::Documents;
use chancery_server::dev_issuer::DevIssuer;
use chancery_server::patience::Patience;
use chancery_server::tls::Tls;
use chancery_server::{Parts as ServerParts, ServerError, run_with};
use chancery_testkit::governance::{root_hash, sign_first, sign_next};
use chancery_testkit::keys::TestKey;
use reqwest::Client;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::keyguard::{InProcess, TestClock, TestEntropy};
use crate::ledger::{MemoryLedger, ORIGIN};

pub(crate) const HOST: &str = "sign.example";
pub(crate) const ISSUER: &str = "https://issuer.dev.localhost";
pub(crate) const RUNNER: &str = "runner-credential";

const PROFILE: &str = include_str!("../../../../../testdata/governance/dev/profiles/dev.toml");
const ROOT: &str = include_str!("../../../../../testdata/governance/dev/root.toml");

/// Nobody is called: the development issuer's key is pinned.
#[derive(Debug)]
struct NoNetwork;

impl Dialer for NoNetwork {
    fn dial<'a>(&'a self, _: &'a Peer, _: Reach) -> Boxed<'a, Result<Box<dyn Wire>, DialError>> {
        Box::pin(async { Err(DialError("no network".into())) })
    }
}

/// Whether the service has a development issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Development,
    Production,
}

/// A running service.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) keyguard: Arc<InProcess>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) issuer: DevKey,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) server: JoinHandle<Result<(), ServerError>>,
    scheme: &'static str,
    client: Client,
    _directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_as(Stage::Development, Tls::Plain, None).await
    }

    /// Starts a service; `ca` is what its client trusts.
    pub(crate) async fn start_as(stage: Stage, tls: Tls, ca: Option<&str>) -> Self {
        Self::start_with(stage, (tls, ca), Patience::default()).await
    }

    pub(crate) async fn start_with(stage: Stage, (tls, ca): (Tls, Option<&str>), patience: Patience) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256).pkcs8();
        let clock = Arc::new(TestClock::default());
        let keyguard = InProcess::new(Arc::<TestClock>::clone(&clock));
        let ledger = MemoryLedger::new(Arc::clone(&keyguard));
        let gateway = gateway(&key, &clock, &keyguard, &ledger).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = directory.path().join("admin.sock");
        let dev = (stage == Stage::Development).then(|| DevIssuer {
            key: DevKey::from_pkcs8(&key).unwrap(),
            url: ISSUER.into(),
            request_token: RUNNER.into(),
        });
        let scheme = if matches!(tls, Tls::Plain) { "http" } else { "https" };
        let admin = UnixListener::bind(&socket).unwrap();
        let parts = ServerParts {
            gateway: Arc::clone(&gateway),
            webhooks: Webhooks::none(),
            listener,
            tls,
            admin,
            dev,
            measures: Vec::new(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(run_with(parts, patience, async { drop(stopped.await) }));
        Self {
            issuer: DevKey::from_pkcs8(&key).unwrap(),
            client: client(ca),
            stop: Some(stop),
            _directory: directory,
            address,
            socket,
            keyguard,
            ledger,
            gateway,
            clock,
            server,
            scheme,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(self.url(path))).await
    }
    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.client.get(self.url(path)).bearer_auth(token)).await
    }
    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(self.url(path))
    }
    /// On the operator's socket.
    pub(crate) fn admin(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let client = builder().unix_socket(self.socket.clone()).build().unwrap();
        client.request(method, format!("http://localhost{path}"))
    }
    /// Asks for a signature with a token that is good for exactly this.
    pub(crate) async fn sign(&self, request: &Request) -> Answer {
        self.sign_as(request, &self.token(request)).await
    }
    pub(crate) async fn sign_as(&self, request: &Request, token: &str) -> Answer {
        Answer::of(self.signing(request, token)).await
    }
    pub(crate) fn signing(&self, request: &Request, token: &str) -> reqwest::RequestBuilder {
        let post = self.post("/v1/sign").header("content-type", "application/json");
        post.body(request.canonical().to_owned()).bearer_auth(token)
    }
    /// A token of the default job, bound to a request.
    pub(crate) fn token(&self, request: &Request) -> String {
        self.token_of(DevToken { audience: audience::bound(HOST, request.id()), ..DevToken::default() })
    }
    pub(crate) fn token_of(&self, token: DevToken) -> String {
        self.issuer.mint(ISSUER, &token, self.clock.now()).unwrap()
    }
}

async fn gateway(
    key: &[u8],
    clock: &Arc<TestClock>,
    keyguard: &Arc<InProcess>,
    ledger: &Arc<MemoryLedger>,
) -> Arc<Gateway> {
    let vkey = ledger.vkey().to_string();
    let registration = DevKey::from_pkcs8(key).unwrap().registration(ISSUER);
    let documents = documents(PROFILE, &registration);
    let root = root_hash(&documents);
    let beginning = Beginning { organisation: "Test".into(), dev: true, keys: keys(), root, seed: [5; 16] };
    let authorities = bootstrap::meet(keyguard.as_ref(), Some(beginning), &vkey).await.unwrap();
    let gateway = Gateway::new(Parts {
        clock: Arc::<TestClock>::clone(clock),
        entropy: Arc::new(TestEntropy::default()),
        keyguard: Arc::<InProcess>::clone(keyguard),
        sequencer: Arc::<MemoryLedger>::clone(ledger),
        ledger: Arc::<MemoryLedger>::clone(ledger),
        state: Arc::<MemoryLedger>::clone(ledger),
        dialer: Arc::new(NoNetwork),
        registry: Arc::new(chancery_testkit::registry::NoRegistry),
        stampers: BTreeMap::new(),
        stamper_chains: Vec::new(),
        steps: Arc::new(NoSteps),
        audience_host: HOST.into(),
        builder: format!("https://{HOST}"),
        ledger_vkey: vkey,
        ledger_keys: Arc::<MemoryLedger>::clone(ledger),
    });
    let sign = |documents: &Documents| Ok(sign_first(documents, ORIGIN));
    bootstrap::begin(&gateway, authorities, documents, sign).await.unwrap();
    bootstrap::start(&gateway).await.unwrap();
    gateway
}

pub(crate) fn documents(profile: &str, issuers: &str) -> Documents {
    let files = [("root.toml", ROOT), ("profiles/dev.toml", profile), ("issuers.toml", issuers)];
    Documents::new(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()).unwrap()
}

/// The governance that the world began with, changed by one word of the profile's purpose, signed as the next version.
pub(crate) fn changed_documents(world: &World) -> String {
    let profile = PROFILE.replace("try it out", "try it out again");
    signed(world, &documents(&profile, &world.issuer.registration(ISSUER)))
}

fn signed(world: &World, documents: &Documents) -> String {
    let set = sign_next(documents, &world.gateway.governance().unwrap().signed);
    let documents = documents.canonical().to_owned();
    serde_json::to_string(&SignedPolicy { documents, signatures: set.canonical().unwrap() }).unwrap()
}

/// The governance that the world began with, but two people must approve.
pub(crate) fn with_approvals(world: &World) -> String {
    let profile = PROFILE.replace("need = 0", "need = 2");
    assert_ne!(profile, PROFILE);
    signed(world, &documents(&profile, &world.issuer.registration(ISSUER)))
}

/// The governance that the world began with, and certificates for Sigstore clients.
pub(crate) fn with_facade(world: &World) -> String {
    let documents = documents(PROFILE, &world.issuer.registration(ISSUER));
    let mut files = documents.files().clone();
    let (head, grants) = (
        "environment = \"development\"\nowner = \"o\"\npurpose = \"p\"\n[facade]\n",
        "[[grants]]\nname = \"main\"\nissuer = \"dev\"\n[grants.claims]\n\
         source_repository_identifier = \"42\"\nsource_repository_ref = \"refs/heads/main\"\n",
    );
    let limit = "[[limits]]\ncount = 1000\nwindow = \"1h\"\n";
    files.insert("profiles/cosign.toml".to_owned(), format!("{head}{limit}{grants}"));
    signed(world, &Documents::new(files).unwrap())
}

/// The governance that the world began with, and people with roles.
pub(crate) fn with_roster(world: &World, roster: &str) -> String {
    let documents = documents(PROFILE, &world.issuer.registration(ISSUER));
    let mut files = documents.files().clone();
    files.insert("roster.toml".to_owned(), roster.to_owned());
    signed(world, &Documents::new(files).unwrap())
}

/// The governance that the world began with, but tokens have to be exchanged.
pub(crate) fn with_sessions(world: &World) -> String {
    let profile = PROFILE.replace("binding = \"request\"", "binding = \"session\"");
    assert_ne!(profile, PROFILE);
    signed(world, &documents(&profile, &world.issuer.registration(ISSUER)))
}

fn keys() -> Vec<KeySpec> {
    let spec = |name: &str, family| KeySpec {
        id: KeyId::parse(name).unwrap(),
        algorithm: KeyAlgorithm::EcdsaP256,
        family,
        environment: Environment::Development,
        owner: "test".into(),
        purpose: "test".into(),
    };
    let message = spec("dev-message", Family::Message);
    let notary = spec("dev-notary", Family::Notary);
    let claimed = spec("dev-claimed", Family::ClaimedDsse);
    vec![
        claimed,
        spec("dev-cms", Family::Cms),
        message,
        notary,
        spec("dev-provenance", Family::ProvenanceDsse),
    ]
}

fn builder() -> reqwest::ClientBuilder {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

fn client(ca: Option<&str>) -> Client {
    let roots = ca.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    builder().tls_certs_only(roots).build().unwrap()
}

/// A request for signatures over artifacts of these names.
pub(crate) fn request(names: &[&str]) -> Request {
    request_for("dev", names)
}

pub(crate) fn request_for(profile: &str, names: &[&str]) -> Request {
    let statement = |name: &&str| Statement {
        artifact: Artifact { name: (*name).into(), digest: Sha256::of(name.as_bytes()), size: 1 },
        body: serde_json::json!({}),
        depth: Depth::Structured,
        family: Family::ProvenanceDsse,
        format: FormatName::Sigstore,
    };
    Request::new(ProfileName::parse(profile).unwrap(), names.iter().map(statement).collect()).unwrap()
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
    /// The problem's code; everything that every problem must have is checked on the way.
    pub(crate) fn problem(&self) -> String {
        if self.header("content-type") == "application/json" {
            return self.status_message().split_once(": ").unwrap().0.to_owned();
        }
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("urn:chancery:problem:{code}"));
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{member}: {problem}");
        }
        code.to_owned()
    }
    /// The message of a gRPC status, as routes for Sigstore clients answer with it; it has the code and the request id.
    pub(crate) fn status_message(&self) -> String {
        let status = self.json();
        let members: Vec<&String> = status.as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "message", "details"], "{status}");
        assert_eq!(status["details"], serde_json::json!([]));
        let message = status["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("; request {}", self.header("x-request-id"))), "{message}");
        message.to_owned()
    }
}
