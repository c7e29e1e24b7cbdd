//! Who is answered where: every route × {no token, bad token}, and what stays on its own door.

use chancery_server::route::{Access, Route, routes};
use chancery_server::tls::Tls;
use reqwest::Method;

use crate::world::{Answer, Stage, World};

/// A path of the route with parameters that are well formed and name nothing.
fn example(path: &str) -> String {
    let path = path.replace("{index}", "0").replace("{name}", "dev").replace("{*path}", "entries/000.p/1");
    let id = if path.starts_with("/v1/requests") { "ab".repeat(32) } else { "dev-cms".to_owned() };
    let path = path.replace("{id}", &id);
    if path == "/v1/ledger/search" { format!("{path}?request={}", "ab".repeat(32)) } else { path }
}

/// A body that is well formed enough to be looked at.
fn media(path: &str) -> &'static str {
    if path == "/v1/timestamp" { "application/timestamp-query" } else { "application/json" }
}

fn body(path: &str) -> String {
    if path == "/v1/sign" { crate::world::request(&["a"]).canonical().to_owned() } else { "{}".to_owned() }
}

async fn call(world: &World, method: &str, path: &str, token: Option<&str>) -> Answer {
    let request = match method {
        "GET" => reqwest::Client::builder().no_proxy().build().unwrap().get(world.url(&example(path))),
        _ => world.post(&example(path)).header("content-type", media(path)).body(body(path)),
    };
    Answer::of(token.map_or_else(
        || request.try_clone().unwrap(),
        |token| request.try_clone().unwrap().bearer_auth(token),
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_without_and_with_a_bad_token() {
    let world = World::start().await;
    for route in routes() {
        for token in [None, Some("bad.token.here")] {
            let answer = call(&world, route.method, route.path, token).await;
            let code = if answer.status == 200 { String::new() } else { answer.problem() };
            assert_eq!((answer.status, code.as_str()), expected(route, token), "{route:?} {token:?}");
            assert!(!answer.header("x-request-id").is_empty(), "{route:?}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{route:?}");
        }
    }
}

fn expected(route: Route, token: Option<&str>) -> (u16, &'static str) {
    match (route.access, token) {
        (Access::Token, None) => (401, "CH3008"),
        (Access::Token, Some(_)) => (401, "CH3001"),
        (Access::Admin | Access::Facade, _) => (404, "CH2008"),
        (Access::Dev, _) if route.path == "/dev/actions/token" => (401, "CH3001"),
        (Access::Signed, _) => (400, "CH2101"),
        // Nobody has signed a list here.
        (Access::Public, _) if route.path.starts_with("/tuf/") => (403, "CH4026"),
        (Access::Dev | Access::Public, _) => (200, ""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_other_methods() {
    let world = World::start().await;
    let routes = routes();
    for route in &routes {
        let request = match route.access {
            Access::Admin => world.admin(Method::DELETE, &example(route.path)),
            Access::Dev | Access::Facade | Access::Public | Access::Signed | Access::Token => {
                reqwest::Client::builder().no_proxy().build().unwrap().delete(world.url(&example(route.path)))
            }
        };
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (405, "CH2102"), "{route:?}");
        assert!(answer.header("allow").contains(route.method), "{route:?}: {:?}", answer.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_door_has_nothing_else_and_is_nowhere_else() {
    let world = World::start().await;
    for route in routes() {
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        let answer = Answer::of(world.admin(method, &example(route.path)).body("")).await;
        let is_there = answer.status != 404 || answer.json()["detail"] != "nothing answers at this path";
        assert_eq!(is_there, route.access == Access::Admin, "{route:?}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_no_development_issuer() {
    let world = World::start_as(Stage::Production, Tls::Plain, None).await;
    for route in routes().into_iter().filter(|route| route.access == Access::Dev) {
        let answer = call(&world, route.method, route.path, Some(crate::world::RUNNER)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "CH2008"), "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_answers_hold_what_clients_need() {
    let world = World::start().await;
    let profile = world.get("/v1/profiles/dev").await.json();
    assert_eq!(profile["audience_host"], "sign.example");
    assert_eq!(profile["binding"], "request");
    assert_eq!(profile["environment"], "development");
    let key = &profile["formats"]["sigstore"]["families"]["provenance-dsse"];
    assert_eq!(
        (key["key"].as_str(), key["algorithm"].as_str()),
        (Some("dev-provenance"), Some("ecdsa-p256"))
    );
    assert_eq!(profile["formats"]["sigstore"]["depth"], "digest");
    for absent in ["grants", "owner", "limits", "666", "acme"] {
        assert!(!profile.to_string().contains(absent), "{absent}");
    }
    for path in [
        "/v1/profiles/nope",
        "/v1/profiles/..%2fdev",
        "/v1/profiles/%00",
        "/v1/keys/nope",
        "/v1/keys/%ff",
        "/",
    ] {
        let answer = world.get(path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.text());
        answer.problem();
    }
    let keys = world.get("/v1/keys").await.json();
    let names: Vec<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert!(
        names.is_sorted()
            && ["chancery-root", "dev-cms", "dev-message"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    let policy = world.get("/v1/policy").await.json();
    assert_eq!(policy["sequence"], 1);
    assert_eq!(policy["version"], world.gateway.governance().unwrap().version.to_string());
    let trust = world.get("/v1/trust.json").await;
    assert_eq!(trust.header("cache-control"), "no-cache");
    assert_eq!(trust.body, world.get("/v1/trust.json").await.body, "made once");
    assert!(world.get("/v1/trusted_root.json").await.json()["certificateAuthorities"].is_array());
    assert_eq!(world.get("/v1/roots.pem").await.text().matches("BEGIN CERTIFICATE").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoami_names_the_caller() {
    let world = World::start().await;
    let job = chancery_identity::dev_issuer::DevToken {
        audience: "chancery:sign.example".into(),
        ..Default::default()
    };
    let me = world.get_as("/v1/whoami", &world.token_of(job.clone())).await.json();
    assert_eq!(
        (me["issuer"].as_str(), me["kind"].as_str(), me["binding"].as_str()),
        (Some("dev"), Some("workload"), Some("fixed"))
    );
    assert_eq!(me["claims"]["source_repository_identifier"], "42");
    assert_eq!(me["profiles"], serde_json::json!(["dev"]));
    let stranger =
        world.token_of(chancery_identity::dev_issuer::DevToken { repository_id: "1".into(), ..job });
    let me = world.get_as("/v1/whoami", &stranger).await.json();
    assert_eq!(me["profiles"], serde_json::json!([]));
    assert_eq!(me["refused"][0]["code"], "CH4002");
}
