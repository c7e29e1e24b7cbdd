//! The development issuer.

use chancery_core::id::RequestId;
use serde_json::json;

use crate::world::{Answer, HOST, ISSUER, RUNNER, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gets_a_token_as_from_githubs_runner() {
    let world = World::start().await;
    let request = request(&["a.bin"]);
    let audience = chancery_identity::audience::bound(HOST, request.id());
    let path = format!("/dev/actions/token?dev=1&audience={}", audience.replace(':', "%3A"));
    let token = world.get_as(&path, RUNNER).await;
    assert_eq!((token.status, token.header("cache-control")), (200, "no-store"));
    let signed = world.sign_as(&request, token.json()["value"].as_str().unwrap()).await;
    assert_eq!(signed.status, 200, "{}", signed.text());
    for wrong in ["", "runner-credentiaL", "runner-credential1"] {
        let answer = world.get_as(&path, if wrong.is_empty() { "x" } else { wrong }).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "CH3001"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_become_claims() {
    let world = World::start().await;
    let request: RequestId = request(&["a"]).id();
    let wish = json!({"audience": chancery_identity::audience::bound(HOST, request), "repository_id": "666", "ref": "refs/tags/v1", "run_attempt": 3});
    let post = |body: String| world.post("/dev/token").header("content-type", "application/json").body(body);
    let answer = Answer::of(post(wish.to_string())).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let me = world.get_as("/v1/whoami", &token).await;
    assert_eq!(me.json()["binding"], "request");
    let other = world.sign_as(&crate::world::request(&["b"]), &token).await;
    assert_eq!(other.problem(), "CH3004", "good for nothing but its request");
    let wish = json!({"audience": "chancery:sign.example", "repository_id": "666", "ref": "refs/tags/v1"});
    let token = Answer::of(post(wish.to_string())).await.json()["token"].as_str().unwrap().to_owned();
    let me = world.get_as("/v1/whoami", &token).await.json();
    assert_eq!(me["claims"]["source_repository_ref"], "refs/tags/v1");
    assert_eq!(me["claims"]["source_repository_identifier"], "666");
    for bad in ["[]", "{\"sub\":\"x\"}", "{\"run_id\":\"1\"}", ""] {
        assert_eq!(Answer::of(post(bad.into())).await.problem(), "CH2101", "{bad}");
    }
    // What a page in a browser can send without asking first is refused.
    for media in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = Answer::of(world.post("/dev/token").header("content-type", media).body("{}")).await;
        assert_eq!(answer.problem(), "CH2104");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_names_the_issuer_and_its_key() {
    let world = World::start().await;
    assert_eq!(world.get("/dev/.well-known/openid-configuration").await.json()["issuer"], ISSUER);
    let keys = world.get("/dev/jwks").await;
    assert_eq!(keys.text(), world.issuer.jwks());
    assert!(!keys.text().contains("\"d\""), "no private member");
}
