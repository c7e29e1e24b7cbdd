//! Who may do what, from real runs: every route × every kind of caller, every act × every kind of person. The page of the
//! manual is made from it, so a route or an act that is new changes a page that people read.

use std::fmt::Write as _;
use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{PersonId, ProfileName};
use chancery_core::port::clock::Clock as _;
use chancery_identity::audience;
use chancery_identity::dev_issuer::DevToken;
use chancery_identity::sshsig::ACT;
use chancery_policy::act::document::{Act, Deed, Exception, Waive};
use chancery_server::route::{Access, Route, routes};
use chancery_testkit::governance::root_key;
use chancery_testkit::ssh::SshTestKey;
use reqwest::Method;
use serde_json::json;

use crate::ledger::ORIGIN;
use crate::world::{Answer, HOST, RUNNER, World, changed_documents, request, with_roster};

const PAGE: &str = "../../../docs/src/reference/authorisation.md";

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Without a token.
    Anonymous,
    /// With a token that another service's audience is in.
    OtherTenant,
    /// With a token of a registered issuer that no grant names.
    NoGrant,
    /// With a token that a grant names.
    Granted,
    /// On the operator's socket, without a token.
    Operator,
}

const CALLERS: [(Caller, &str); 5] = [
    (Caller::Anonymous, "anonymous"),
    (Caller::OtherTenant, "token for another service"),
    (Caller::NoGrant, "workload without grant"),
    (Caller::Granted, "workload with grant"),
    (Caller::Operator, "operator's socket"),
];

fn example(path: &str) -> String {
    let path = path.replace("{index}", "0").replace("{name}", "dev").replace("{*path}", "entries/000.p/1");
    let id = if path.starts_with("/v1/requests") { "ab".repeat(32) } else { "dev-message".to_owned() };
    let path = path.replace("{id}", &id);
    if path == "/v1/ledger/search" { format!("{path}?request={}", "ab".repeat(32)) } else { path }
}

/// A body with which somebody who may do it does it.
fn body(world: &World, path: &str) -> String {
    match path {
        "/v1/sign" => request(&["a"]).canonical().to_owned(),
        "/admin/keys" => json!({"id": "another", "algorithm": "ecdsa-p256", "family": "message",
            "environment": "development", "owner": "me", "purpose": "test"})
        .to_string(),
        "/admin/keys/{id}/certificate" => json!({"common_name": "x", "days": 1}).to_string(),
        "/admin/policy" => changed_documents(world),
        _ => "{}".to_owned(),
    }
}

async fn call(world: &World, route: Route, caller: Caller) -> Answer {
    let path = example(route.path);
    let method = Method::from_bytes(route.method.as_bytes()).unwrap();
    let wish = match caller {
        Caller::Operator => world.admin(method, &path),
        Caller::Anonymous | Caller::OtherTenant | Caller::NoGrant | Caller::Granted => {
            reqwest::Client::builder().no_proxy().build().unwrap().request(method, world.url(&path))
        }
    };
    let media = if path == "/v1/timestamp" { "application/timestamp-query" } else { "application/json" };
    let wish = match route.method {
        "GET" => wish,
        _ => wish.header("content-type", media).body(body(world, route.path)),
    };
    let bound = |host: &str| match route.path {
        "/v1/sign" => audience::bound(host, request(&["a"]).id()),
        _ => format!("chancery:{host}"),
    };
    let token = match caller {
        Caller::Anonymous | Caller::Operator => return Answer::of(wish).await,
        Caller::OtherTenant => DevToken { audience: bound("other.example"), ..DevToken::default() },
        Caller::NoGrant => {
            DevToken { audience: bound(HOST), repository_id: "999".into(), ..DevToken::default() }
        }
        Caller::Granted => DevToken { audience: bound(HOST), ..DevToken::default() },
    };
    // The runner of a development installation is asked with a credential of its own.
    let token = if route.path == "/dev/actions/token" { RUNNER.to_owned() } else { world.token_of(token) };
    Answer::of(wish.bearer_auth(token)).await
}

fn cell(answer: &Answer) -> String {
    if answer.status < 300 {
        answer.status.to_string()
    } else {
        format!("{} {}", answer.status, answer.problem())
    }
}

const fn door(access: Access) -> &'static str {
    match access {
        Access::Admin => "operator",
        Access::Dev => "development",
        Access::Facade => "sigstore clients",
        Access::Public => "everyone",
        Access::Signed => "signatures",
        Access::Token => "token",
    }
}

async fn route_table() -> String {
    let mut columns = Vec::new();
    for (caller, _) in CALLERS {
        let world = World::start().await;
        let mut cells = Vec::new();
        for route in routes() {
            cells.push(cell(&call(&world, route, caller).await));
        }
        columns.push(cells);
    }
    let heads: Vec<&str> = CALLERS.iter().map(|(_, name)| *name).collect();
    let mut table =
        format!("| route | door | {} |\n|---|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for (row, route) in routes().into_iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|cells| cells[row].as_str()).collect();
        let path = route.path.replace('|', "\\|");
        writeln!(table, "| `{} {path}` | {} | {} |", route.method, door(route.access), cells.join(" | "))
            .unwrap();
    }
    table
}

/// Who signs.
#[derive(Debug)]
struct People {
    approver: SshTestKey,
    manager: SshTestKey,
    auditor: SshTestKey,
    user: SshTestKey,
    stranger: SshTestKey,
}

const SIGNERS: [&str; 7] =
    ["nobody", "a stranger", "`use`", "`manage`", "`approve`", "`audit`", "the root's threshold"];

impl People {
    fn new() -> Self {
        let key = SshTestKey::ed25519;
        Self { approver: key(), manager: key(), auditor: key(), user: key(), stranger: key() }
    }
    fn roster(&self) -> String {
        let person = |id: &str, key: &SshTestKey, scope: &str| {
            format!(
                "[[people]]\nid = \"{id}\"\nname = \"{id} Example\"\nkeys = [{:?}]\n[[people.roles]]\nrole = \"{id}\"\n{scope}\n",
                key.line()
            )
        };
        let dev = "profiles = [\"dev\"]";
        let people = [
            person("approve", &self.approver, dev),
            person("manage", &self.manager, dev),
            person("audit", &self.auditor, ""),
            person("use", &self.user, dev),
        ];
        format!("schema = \"chancery.roster/1\"\n{}", people.concat())
    }
    fn sign(&self, signer: &str, document: &str) -> Vec<String> {
        let key = match signer {
            "nobody" => return Vec::new(),
            "a stranger" => &self.stranger,
            "`use`" => &self.user,
            "`manage`" => &self.manager,
            "`approve`" => &self.approver,
            "`audit`" => &self.auditor,
            _ => return vec![root_key().sign(ACT, document.as_bytes())],
        };
        vec![key.sign(ACT, document.as_bytes())]
    }
}

/// Does an act; answers with its name where it was done.
async fn act(
    world: &World,
    people: &People,
    (deed, signer, number): (Deed, &str, usize),
) -> (Answer, Sha256) {
    let nonce = format!("{number:032x}");
    let act = Act { deed, at: world.clock.now(), ledger: ORIGIN.to_owned(), nonce };
    let document = act.canonical().unwrap();
    let signatures = people.sign(signer, &document);
    let name = Sha256::of(document.as_bytes());
    let body = json!({"document": document, "signatures": signatures}).to_string();
    (Answer::of(world.post("/v1/acts").header("content-type", "application/json").body(body)).await, name)
}

fn exception(world: &World, name: &str) -> Deed {
    let now = world.clock.now();
    Deed::Exception(Exception {
        profile: ProfileName::parse("dev").unwrap(),
        waives: vec![Waive::Limits],
        until: now.plus_seconds(3600),
        count: 3,
        owner: PersonId::parse("manage").unwrap(),
        reason: "a hotfix".into(),
        ticket: "T-1".into(),
        review: now.plus_seconds(7200),
        emergency: name.ends_with("emergency"),
    })
}

fn freeze() -> Deed {
    let scope = Scope { profile: Some(ProfileName::parse("dev").unwrap()), ..Scope::default() };
    Deed::Freeze { scope, from: None, until: None, reason: "stolen runner".into() }
}

async fn act_table() -> String {
    let people = People::new();
    let mut table =
        format!("| act, signed by | {} |\n|---|{}\n", SIGNERS.join(" | "), "---|".repeat(SIGNERS.len()));
    for (row, name) in
        ["freeze", "unfreeze", "exception", "exception in an emergency", "review", "trust"].iter().enumerate()
    {
        let mut cells = Vec::new();
        for (column, signer) in SIGNERS.into_iter().enumerate() {
            // A service of its own for each cell: nobody meets what another one did.
            let world = World::start().await;
            let apply = world.admin(Method::POST, "/admin/policy").header("content-type", "application/json");
            let applied = Answer::of(apply.body(with_roster(&world, &people.roster()))).await;
            assert_eq!(applied.status, 200, "{}", applied.text());
            let number = row * SIGNERS.len() + column + 1;
            let root = |deed| (deed, "the root's threshold", 1000 + number);
            let deed = match *name {
                "freeze" => freeze(),
                "unfreeze" => {
                    let (_, freeze) = act(&world, &people, root(freeze())).await;
                    Deed::Unfreeze { freeze, reason: "found".into() }
                }
                "exception" | "exception in an emergency" => exception(&world, name),
                "trust" => {
                    let told = world.get("/v1/trust/instances").await;
                    let told: chancery_api::trust::TrustInForce = serde_json::from_slice(&told.body).unwrap();
                    Deed::Trust { list: told.list, reason: "first".into() }
                }
                _ => {
                    let (_, exception) = act(&world, &people, root(exception(&world, "exception"))).await;
                    Deed::Review { exception, finding: "as agreed".into() }
                }
            };
            cells.push(cell(&act(&world, &people, (deed, signer, number)).await.0));
        }
        writeln!(table, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    table
}

const HEAD: &str = "\
# Who may do what

Made from real runs against the server by its tests (`UPDATE_GOLDENS=1` rewrites it): every route is called by every kind of
caller with a body that is well formed, and every act is signed by every kind of person. A route or an act that is missing
here fails the tests.

## Routes

`door` says what a route asks for: *everyone* (nothing secret is said, nothing is changed), *token* (an identity token of a
registered issuer, bound to the request), *sigstore clients* (only where a profile has `[facade]`; what they send carries a
token of audience `sigstore`, or a certificate that such a token bought), *signatures* (what is sent carries people's own signatures, whoever sends it),
*operator* (the permission of the socket's file), *development* (only in a development service, only on its own machine).
2xx was done; 400, 404 and 422 of a route that lets the caller in speak of the example's body and not of the caller.

";

const ACTS: &str = "
## Acts

`POST /v1/acts` asks nobody who they are. The columns are roles of `roster.toml` for the profile, and the people of
`root.toml`; the threshold is one here. 201 was done and logged.

";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_made_from_real_runs() {
    let page = format!("{HEAD}{}{ACTS}{}", route_table().await, act_table().await);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, golden, "who may do what has changed; look at it, then run with UPDATE_GOLDENS=1");
}
