//! A whole installation in memory: clock moved by hand, counted signatures, real checkpoints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::evidence::Approved;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, PolicyVersion, ProfileName};
use chancery_core::message::CertificateIssue;
use chancery_core::order::{Order, Orders};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::custodian::KeySpec;
use chancery_core::port::dialer::Dialer;
use chancery_core::port::step::NoSteps;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_format::seam::{Options, Prepared as Artifact};
use chancery_format::table;
use chancery_gateway::bootstrap::{self, Beginning};
use chancery_gateway::failure::Failure;
use chancery_gateway::gateway::{Gateway, Parts};
use chancery_gateway::governance;
use chancery_gateway::identify::{Identified, Shown, identify};
use chancery_gateway::intent::{self, Decided, Logged};
use chancery_gateway::keys;
use chancery_gateway::sign::{Answer, Ask, sign};
use chancery_gateway::statement::{self, Prepared};
use chancery_identity::audience;
use chancery_identity::dev_issuer::{DevKey, DevToken};
use chancery_identity::sshsig::secret::SecretKey;
use chancery_keyguard::custodians::{Backend, Custodians};
use chancery_keyguard::keyguard::{self, Keyguard};
use chancery_ledger::event::Body;
use chancery_policy::documents::Documents;
use chancery_testkit::clock::HandClock;
use chancery_testkit::custodian::FakeCustodian;
use chancery_testkit::entropy::CountingEntropy;
use chancery_testkit::governance::{root_hash, sign_first, sign_next};
use chancery_testkit::ledger::FakeLedger;
use chancery_testkit::memory::FakeMemory;
use rustls::RootCertStore;
use serde_json::{Value, json};

use crate::port::{InProcess, NoNetwork, Remote};

pub(crate) const HOST: &str = "sign.example";
pub(crate) const ISSUER: &str = "https://issuer.dev.localhost";
pub(crate) const PEOPLE: &str = "https://people.dev.localhost";
const BUILDER: &str = "https://sign.example";
const ORIGIN: &str = "log2026.sign.example";
const PROFILE: &str = include_str!("../../../../../testdata/governance/dev/profiles/dev.toml");
const GUARDRAIL: &str = include_str!("../../../../../testdata/governance/dev/guardrails/events.cedar");
const VERIFICATION: &str = include_str!("../../../../../testdata/governance/dev/verification/dev.toml");
/// The predicate type of test results.
pub(crate) const TESTS: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// The branch whose jobs verify.
pub(crate) const VERIFIES: &str = "refs/heads/verify";
const ROOT: &str = include_str!("../../../../../testdata/governance/dev/root.toml");

/// Certificates for Sigstore clients: three entries each, and six of them in an hour.
const FACADE: &str = "environment = \"development\"\nowner = \"o\"\npurpose = \"p\"\n\
    [facade]\nentries = 3\n[[limits]]\ncount = 6\nwindow = \"1h\"\n\
    [[grants]]\nname = \"main\"\nissuer = \"dev\"\n[grants.claims]\n\
    source_repository_identifier = \"42\"\nsource_repository_ref = \"refs/heads/main\"\n";

pub(crate) struct World {
    pub(crate) clock: Arc<HandClock>,
    pub(crate) custodian: FakeCustodian,
    pub(crate) ledger: FakeLedger,
    pub(crate) port: Arc<InProcess>,
    pub(crate) remote: Arc<Remote>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) memory: Arc<FakeMemory>,
    issuer: DevKey,
    documents: BTreeMap<String, String>,
    network: Network,
}

/// Whom the gateway can call, and whom the keyguard believes.
type Network = (Arc<dyn Dialer>, RootCertStore);

fn start() -> Time {
    Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap()
}

/// A profile that vouches for what was tested.
fn verifier() -> String {
    let (before, after) = PROFILE.split_once("[keys]").unwrap();
    let (_, limits) = after.split_once("[[limits]]").unwrap();
    let (limits, _) = limits.split_once("[[grants]]").unwrap();
    format!(
        "{before}[keys]\nverifier-dsse = \"dev-verifier\"\n[formats.sigstore]\nfamilies = [\"verifier-dsse\"]\n\
         [[limits]]{limits}[vouch]\nverifier = \"https://acme.example/verifier\"\nlevels = [\"ACME_TESTED\"]\n\
         resources = [\"pkg:generic/acme/*\"]\n[[attestations]]\nname = \"tests\"\npolicy = \"dev-tests\"\n\
         [[grants]]\nname = \"verifier\"\nissuer = \"dev\"\n[grants.claims]\n\
         source_repository_identifier = \"42\"\nsource_repository_ref = \"{VERIFIES}\"\n"
    )
}

/// Governance of profiles `dev`, `loose` (fixed audience), `scarce` (two signatures), `remote` (remote authority).
pub(crate) fn governance(issuer: &DevKey) -> BTreeMap<String, String> {
    let people = issuer.registration(PEOPLE).replace("issuer.dev]", "issuer.people]") + "kind = \"human\"\n";
    let issuers = format!("{}\n{people}", issuer.registration(ISSUER));
    let crossed = PROFILE
        .replace("cms = \"dev-cms\"\n", "")
        .replace("\"dev-message\"", "\"dev-cms\"")
        .replace("[formats.pe]\nfamilies = [\"cms\"]\n", "");
    let profiles = [
        ("dev", PROFILE.to_owned()),
        ("loose", PROFILE.replace("binding = \"request\"", "binding = \"fixed\"")),
        ("scarce", PROFILE.replace("count = 100", "count = 2")),
        ("remote", PROFILE.replace("timestamp = \"builtin\"", "timestamp = [\"away\"]")),
        ("crossed", crossed),
        ("release", PROFILE.replace("need = 0", "need = 2")),
        ("burst", PROFILE.replace("count = 100", "count = 10\nexceed = \"approval\"")),
        ("exchanged", PROFILE.replace("binding = \"request\"", "binding = \"session\"")),
        ("cosign", FACADE.to_owned()),
        ("gated", format!("{PROFILE}[[attestations]]\nname = \"tests\"\npolicy = \"dev-tests\"\n")),
        (
            "patient",
            format!("hold = \"10m\"\n{PROFILE}[[attestations]]\nname = \"tests\"\npolicy = \"dev-tests\"\n"),
        ),
        ("verifier", verifier()),
        ("held", format!("hold = \"10m\"\n{PROFILE}")),
        ("quorum", format!("{PROFILE}[quorum]\nbuilders = 2\ndiffer = \"runner-group\"\n")),
        ("novel", format!("{PROFILE}[step_up]\non = [\"package\", \"identity\", \"hour\", \"version\"]\n")),
    ];
    let mut files = BTreeMap::from([
        ("root.toml".to_owned(), ROOT.to_owned()),
        ("roster.toml".to_owned(), roster()),
        ("issuers.toml".to_owned(), issuers),
        ("guardrails/events.cedar".to_owned(), GUARDRAIL.to_owned()),
        ("verification/dev.toml".to_owned(), VERIFICATION.to_owned()),
        ("verification/dev-tests.toml".to_owned(), format!("predicate = \"{TESTS}\"\n{VERIFICATION}")),
    ]);
    files.extend(profiles.map(|(name, text)| (format!("profiles/{name}.toml"), text)));
    files
}

/// The key of a person; `alice2` is Alice's second one.
pub(crate) fn key_of(person: &str) -> SecretKey {
    SecretKey::from_seed(*Sha256::of(person.as_bytes()).as_bytes()).unwrap()
}

/// Alice (two keys), Bob, and Dave, who starts jobs under two accounts, approve; Carol audits.
fn roster() -> String {
    let mut text = "schema = \"chancery.roster/1\"\n".to_owned();
    for (id, keys, role) in [
        ("alice", vec!["alice", "alice2"], "approve"),
        ("bob", vec!["bob"], "approve"),
        ("dave", vec!["dave"], "approve"),
        ("carol", vec!["carol"], "audit"),
    ] {
        let keys: Vec<String> = keys.iter().map(|key| format!("\"{}\"", key_of(key).public_line())).collect();
        text.push_str(&format!("[[people]]\nid = \"{id}\"\nname = \"{id}\"\nkeys = [{}]\n", keys.join(", ")));
        if id == "dave" {
            for (claim, value) in [("actor_id", "9"), ("actor", "dave-bot")] {
                text.push_str(&format!(
                    "[[people.accounts]]\nissuer = \"dev\"\nclaim = \"{claim}\"\nvalue = \"{value}\"\n"
                ));
            }
        }
        let scope = if role == "audit" { "" } else { "profiles = [\"release\", \"dev\"]\n" };
        text.push_str(&format!("[[people.roles]]\nrole = \"{role}\"\n{scope}"));
    }
    text
}

fn specs() -> Vec<KeySpec> {
    let keys = [
        ("dev-claimed", Family::ClaimedDsse),
        ("dev-cms", Family::Cms),
        ("dev-message", Family::Message),
        ("dev-notary", Family::Notary),
        ("dev-provenance", Family::ProvenanceDsse),
        ("dev-verifier", Family::VerifierDsse),
    ];
    let spec = |(name, family): (&str, Family)| KeySpec {
        id: KeyId::parse(name).unwrap(),
        algorithm: KeyAlgorithm::EcdsaP256,
        family,
        environment: Environment::Development,
        owner: "test".to_owned(),
        purpose: "test".to_owned(),
    };
    keys.map(spec).to_vec()
}

impl World {
    pub(crate) async fn new() -> Self {
        let issuer = DevKey::generate().unwrap();
        let documents = governance(&issuer);
        Self::over(issuer, documents, (Arc::new(NoNetwork), RootCertStore::empty())).await
    }
    /// An installation whose issuer's keys are not pinned but fetched.
    pub(crate) async fn far(dialer: Arc<dyn Dialer>, roots: RootCertStore) -> Self {
        let issuer = DevKey::generate().unwrap();
        let mut documents = governance(&issuer);
        let text = documents.get_mut("issuers.toml").unwrap();
        let pinned = |line: &&str| !line.starts_with("pinned_keys");
        *text = text.lines().filter(pinned).map(|line| format!("{line}\n")).collect();
        Self::over(issuer, documents, (dialer, roots)).await
    }
    /// The issuer's JWK set.
    pub(crate) fn jwks(&self) -> String {
        self.issuer.jwks()
    }
    async fn over(issuer: DevKey, documents: BTreeMap<String, String>, network: Network) -> Self {
        let clock = Arc::new(HandClock::at(start()));
        let custodian = FakeCustodian::new();
        let memory = Arc::new(FakeMemory::default());
        let ledger = FakeLedger::new(ORIGIN);
        ledger.keep_time(Arc::clone(&clock) as _);
        let port = InProcess::new(keyguard(&clock, &custodian, &memory, &network.1), custodian.clone());
        let follower = Arc::clone(&port);
        ledger.follow_with(Arc::new(move |follow| follower.follow(follow)));
        let remote =
            Arc::new(Remote { keyguard: Arc::clone(&port), away: AtomicBool::new(false), now: start() });
        let gateway = gateway(&clock, &port, &ledger, (&remote, &network.0));
        let parsed = Documents::new(documents.clone()).unwrap();
        let beginning = Beginning {
            organisation: "Development".to_owned(),
            dev: true,
            keys: specs(),
            root: root_hash(&parsed),
            seed: [7; 16],
        };
        let authorities = bootstrap::meet(port.as_ref(), Some(beginning), &ledger.vkey()).await.unwrap();
        bootstrap::begin(&gateway, authorities, parsed, |documents| Ok(sign_first(documents, ORIGIN)))
            .await
            .unwrap();
        let wish = CertificateIssue {
            key: KeyId::parse("dev-cms").unwrap(),
            common_name: "DO NOT TRUST dev-cms".to_owned(),
            country: None,
            state: None,
            crl: None,
            days: 30,
            serial: vec![0x41; 16],
        };
        keys::certify(&gateway, wish).await.unwrap();
        bootstrap::start(&gateway).await.unwrap();
        Self { clock, custodian, ledger, port, remote, gateway, memory, issuer, documents, network }
    }
    /// Brings documents into force as the next version.
    pub(crate) async fn apply(&self, documents: Documents) -> Result<PolicyVersion, Failure> {
        let current = self.gateway.governance().unwrap();
        let set = sign_next(&documents, &current.signed);
        governance::apply(&self.gateway, documents, set).await
    }
    /// Another process on the same memory and keys; it is told the policy as after every restart.
    pub(crate) async fn restart_keyguard(&self) {
        self.port.restart(keyguard(&self.clock, &self.custodian, &self.memory, &self.network.1));
        bootstrap::greet_again(&self.gateway).await.unwrap();
    }
    /// Another gateway on the same ledger, before it was started.
    pub(crate) fn fresh_gateway(&self) -> Arc<Gateway> {
        gateway(&self.clock, &self.port, &self.ledger, (&self.remote, &self.network.0))
    }
    /// The documents with one file changed.
    pub(crate) fn changed(&self, path: &str, from: &str, to: &str) -> Documents {
        let mut files = self.documents.clone();
        let text = files.get_mut(path).unwrap();
        assert!(text.contains(from));
        *text = text.replace(from, to);
        Documents::new(files).unwrap()
    }
    pub(crate) fn documents(&self) -> Documents {
        Documents::new(self.documents.clone()).unwrap()
    }
    /// A token for a request: a push to `main` of repository 42 unless changed.
    pub(crate) fn token(&self, request: &Request, change: impl FnOnce(&mut DevToken)) -> String {
        self.token_of(ISSUER, request, change)
    }
    pub(crate) fn token_of(
        &self,
        iss: &str,
        request: &Request,
        change: impl FnOnce(&mut DevToken),
    ) -> String {
        let mut token = DevToken { audience: audience::bound(HOST, request.id()), ..DevToken::default() };
        change(&mut token);
        self.issuer.mint(iss, &token, self.clock.now()).unwrap()
    }
    pub(crate) fn ask(&self, request: &Request) -> Ask {
        Ask {
            request: request.clone(),
            token: Some(self.token(request, |_| {})),
            possession: None,
            attestations: Vec::new(),
        }
    }
    pub(crate) async fn sign(&self, request: &Request) -> Result<Answer, Failure> {
        sign(&self.gateway, self.ask(request)).await
    }
    /// Steps 1 to 6 of one statement, without anything that the gateway checks before.
    pub(crate) async fn logged(&self, request: &Request, token: String) -> (Decided, Prepared, Logged) {
        self.logged_with(request, token, (None, None)).await
    }
    async fn logged_with(
        &self,
        request: &Request,
        token: String,
        (approval, exception): (Option<Approved>, Option<Sha256>),
    ) -> (Decided, Prepared, Logged) {
        let governance = self.gateway.governance().unwrap();
        let mut identified =
            identify(&self.gateway, &governance, Some(&token), Shown::For(request)).await.unwrap();
        identified.evidence.approval = approval;
        self.logged_by(request, identified, exception).await
    }
    async fn logged_by(
        &self,
        request: &Request,
        identified: Identified,
        exception: Option<Sha256>,
    ) -> (Decided, Prepared, Logged) {
        let governance = self.gateway.governance().unwrap();
        let profile = governance.policy.profile(request.profile()).unwrap();
        let (id, found) = &request.statements()[0];
        let prepared = statement::prepare(&self.gateway, profile, &identified.caller, (*id, found)).unwrap();
        let decided = (governance.version, profile.environment());
        let decided = Decided::new(request.clone(), identified, decided, self.clock.now()).unwrap();
        let decided = decided.under(exception);
        let logged = intent::log(&self.gateway, &decided, &prepared).await.unwrap();
        (decided, prepared, logged)
    }
    /// A message of one order as the gateway makes it, its intent logged.
    pub(crate) async fn order(&self, request: &Request) -> Orders {
        self.order_of(request, self.token(request, |_| {})).await
    }
    /// The same, with approvals that the gateway says there are.
    pub(crate) async fn order_with(&self, request: &Request, approval: Option<Approved>) -> Orders {
        self.ordered(request, self.token(request, |_| {}), (approval, None)).await
    }
    /// The same, under an exception that the gateway says there is.
    pub(crate) async fn order_under(&self, request: &Request, exception: Option<Sha256>) -> Orders {
        self.ordered(request, self.token(request, |_| {}), (None, exception)).await
    }
    /// The same, with attestations that the gateway keeps as evidence.
    pub(crate) async fn order_bringing(&self, request: &Request, attestations: Vec<String>) -> Orders {
        let governance = self.gateway.governance().unwrap();
        // A verifier's job is of a branch of its own.
        let verifies = request.profile().as_str() == "verifier";
        let token = self.token(request, |token| {
            if verifies {
                token.git_ref = VERIFIES.to_owned();
            }
        });
        let mut identified =
            identify(&self.gateway, &governance, Some(&token), Shown::For(request)).await.unwrap();
        identified.evidence.attestations = attestations;
        self.ordered_by(request, identified, None).await
    }
    /// The same with a token of the test's own.
    pub(crate) async fn order_of(&self, request: &Request, token: String) -> Orders {
        self.ordered(request, token, (None, None)).await
    }
    async fn ordered(
        &self,
        request: &Request,
        token: String,
        with: (Option<Approved>, Option<Sha256>),
    ) -> Orders {
        let made = self.logged_with(request, token, with).await;
        Self::orders(request, made)
    }
    async fn ordered_by(&self, request: &Request, by: Identified, exception: Option<Sha256>) -> Orders {
        Self::orders(request, self.logged_by(request, by, exception).await)
    }
    fn orders(request: &Request, (decided, prepared, logged): (Decided, Prepared, Logged)) -> Orders {
        let order = Order { statement: prepared.id, intent: logged.index, leaf: logged.plan, stamp: true };
        Orders {
            request: request.canonical().to_owned(),
            evidence: decided.identified.evidence,
            policy: decided.policy,
            orders: vec![order],
        }
    }
    /// How many leaves are of a kind.
    pub(crate) fn count(&self, is: impl Fn(&Body) -> bool) -> usize {
        self.ledger.events().iter().filter(|(_, body)| is(body)).count()
    }
    pub(crate) fn intents(&self) -> usize {
        self.count(|body| matches!(body, Body::Intent(_)))
    }
    pub(crate) fn results(&self) -> usize {
        self.count(|body| matches!(body, Body::Result(_)))
    }
    pub(crate) fn abandoned(&self) -> usize {
        self.count(|body| matches!(body, Body::Abandoned(_)))
    }
}

fn keyguard(
    clock: &Arc<HandClock>,
    custodian: &FakeCustodian,
    memory: &Arc<FakeMemory>,
    roots: &RootCertStore,
) -> Keyguard {
    let backend = Backend { name: "fake".to_owned(), custodian: Arc::new(custodian.clone()) };
    Keyguard::new(keyguard::Parts {
        custodians: Custodians::new(vec![backend], "fake").unwrap(),
        memory: Arc::clone(memory) as _,
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(CountingEntropy::default()),
        steps: Arc::new(NoSteps),
        audience_host: HOST.to_owned(),
        builder: BUILDER.to_owned(),
        stamper_chains: Vec::new(),
        issuer_roots: roots.clone(),
        sandbox: Vec::new(),
    })
    .unwrap()
}

fn gateway(
    clock: &Arc<HandClock>,
    port: &Arc<InProcess>,
    ledger: &FakeLedger,
    (remote, dialer): (&Arc<Remote>, &Arc<dyn Dialer>),
) -> Arc<Gateway> {
    Gateway::new(Parts {
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(CountingEntropy::default()),
        keyguard: Arc::clone(port) as _,
        sequencer: Arc::new(ledger.clone()),
        ledger: Arc::new(ledger.clone()),
        state: Arc::new(ledger.clone()),
        dialer: Arc::clone(dialer),
        registry: Arc::new(chancery_testkit::registry::NoRegistry),
        stampers: BTreeMap::from([("away".to_owned(), Arc::clone(remote) as _)]),
        stamper_chains: Vec::new(),
        steps: Arc::new(NoSteps),
        audience_host: HOST.to_owned(),
        builder: BUILDER.to_owned(),
        ledger_vkey: ledger.vkey(),
        ledger_keys: Arc::new(ledger.clone()),
    })
}

/// What the client makes of an artifact.
pub(crate) fn prepare(format: FormatName, values: &Value, bytes: &[u8]) -> Artifact {
    let options = Options { values: values.as_object().unwrap(), key: Some(KeyAlgorithm::EcdsaP256) };
    let format = table::of(format).unwrap();
    (format.prepare)(&mut std::io::Cursor::new(bytes), &options).unwrap()
}

pub(crate) fn provenance(name: &str) -> Statement {
    prepare(FormatName::Sigstore, &json!({}), name.as_bytes()).statement(
        FormatName::Sigstore,
        name,
        Depth::Structured,
    )
}

pub(crate) fn request(profile: &str, statements: Vec<Statement>) -> Request {
    Request::new(ProfileName::parse(profile).unwrap(), statements).unwrap()
}

pub(crate) fn wish(profile: &str, name: &str) -> Request {
    request(profile, vec![provenance(name)])
}

/// The code of a refusal.
pub(crate) fn code(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused(refusal) => refusal.code.code(),
        Failure::Internal(_) | Failure::Pending { .. } | Failure::Temporary(_) => panic!("{failure:?}"),
    }
}
