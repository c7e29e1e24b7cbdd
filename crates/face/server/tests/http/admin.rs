//! The operator's socket.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, World, changed_documents};

async fn post(world: &World, path: &str, body: String) -> Answer {
    Answer::of(world.admin(Method::POST, path).header("content-type", "application/json").body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_live_and_end_in_the_ledger() {
    let world = World::start().await;
    let wish = json!({"id": "new-cms", "algorithm": "ecdsa-p256", "family": "cms", "environment": "development", "owner": "me", "purpose": "test"});
    let made = post(&world, "/admin/keys", wish.to_string()).await;
    assert_eq!((made.status, made.json()["state"].as_str()), (201, Some("active")), "{}", made.text());
    assert_eq!(world.get("/v1/keys/new-cms").await.json(), made.json());
    assert_eq!(
        post(&world, "/admin/keys", wish.to_string()).await.problem(),
        "CH4018",
        "names are used once"
    );
    let certificate = json!({"common_name": "Acme Release", "days": 30}).to_string();
    let chain = post(&world, "/admin/keys/new-cms/certificate", certificate.clone()).await;
    assert_eq!((chain.status, chain.json()["pem"].as_str().unwrap().matches("BEGIN").count()), (201, 2));
    for (days, key) in [(0, "new-cms"), (461, "new-cms"), (30, "dev-message")] {
        let refused = post(
            &world,
            &format!("/admin/keys/{key}/certificate"),
            json!({"common_name": "x", "days": days}).to_string(),
        )
        .await;
        assert_eq!(refused.problem(), "CH4018", "{days} {key}");
    }
    let stopped = post(&world, "/admin/keys/new-cms/disable", String::new()).await;
    assert_eq!((stopped.status, stopped.json()["state"].as_str()), (200, Some("disabled")));
    assert_eq!(
        post(&world, "/admin/keys/chancery-root/disable", String::new()).await.problem(),
        "CH4018",
        "the service's own"
    );
    let own = wish.to_string().replace("\"cms\"", "\"certificate\"").replace("new-cms", "new-ca");
    assert_eq!(post(&world, "/admin/keys", own).await.problem(), "CH4018", "authorities are made once");
    for path in ["/admin/keys/nope/disable", "/admin/keys/..%2fx/disable", "/admin/keys/nope/certificate"] {
        assert_eq!(post(&world, path, certificate.clone()).await.problem(), "CH2008", "{path}");
    }
    let about = |kind: &str| {
        world
            .ledger
            .leaves()
            .iter()
            .filter(|leaf| leaf.contains("new-cms") && leaf.contains(&format!("\"kind\":\"{kind}\"")))
            .count()
    };
    assert_eq!(about("key"), 2, "made and stopped");
    for bad in
        ["", "{}", "[]", "{\"id\":\"x\"}", &wish.to_string().replace("\"owner\"", "\"extra\":1,\"owner\"")]
    {
        assert_eq!(post(&world, "/admin/keys", bad.to_owned()).await.problem(), "CH2101", "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_takes_effect_or_changes_nothing() {
    let world = World::start().await;
    let before = world.get("/v1/policy").await.json();
    let good = changed_documents(&world);
    let broken = good.replace("development", "nowhere");
    assert_ne!(broken, good);
    let unsigned = good.replace("BEGIN SSH SIGNATURE", "BEGIN SSH SIGNATURES");
    let forged = good.replacen("U1NIU0lH", "U1NIU0lG", 1);
    for (bad, status, code) in [
        (broken, 422, "CH2006"),
        (unsigned, 422, "CH5005"),
        (forged, 422, "CH5005"),
        ("{}".to_owned(), 400, "CH2101"),
        (String::new(), 400, "CH2101"),
    ] {
        let refused = post(&world, "/admin/policy", bad).await;
        assert_eq!((refused.status, refused.problem().as_str()), (status, code), "{}", refused.text());
    }
    assert_eq!(world.get("/v1/policy").await.json(), before);
    let trust = world.get("/v1/trust.json").await.body;
    world.clock.advance(5);
    assert_eq!(world.get("/v1/trust.json").await.body, trust, "made once for a while");
    let applied = post(&world, "/admin/policy", good.clone()).await;
    assert_eq!((applied.status, applied.json()["sequence"].as_u64()), (200, Some(2)), "{}", applied.text());
    assert_eq!(world.get("/v1/policy").await.json(), applied.json());
    assert_ne!(world.get("/v1/trust.json").await.body, trust, "trust is made anew with a new policy");
    let again = post(&world, "/admin/policy", good).await;
    assert_eq!(again.json(), applied.json(), "the same documents are the same version");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_has_the_keyguards_own_lines() {
    let world = World::start().await;
    let health = Answer::of(world.admin(Method::GET, "/admin/health")).await.json();
    let items: Vec<&str> =
        health["report"].as_array().unwrap().iter().map(|line| line["item"].as_str().unwrap()).collect();
    assert!(items.contains(&"ledger") && items.iter().any(|item| item.contains("software")), "{health}");
}

/// whatever an operator calls, nothing answers with a private key or a signature.
#[tokio::test(flavor = "multi_thread")]
async fn no_operation_exports_a_key_or_signs() {
    let world = World::start().await;
    for route in chancery_server::route::routes() {
        if route.access != chancery_server::route::Access::Admin {
            continue;
        }
        let path = route.path.replace("{id}", "dev-cms");
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        let body = json!({"common_name": "x", "days": 1}).to_string();
        let answer =
            Answer::of(world.admin(method, &path).header("content-type", "application/json").body(body))
                .await;
        for secret in ["PRIVATE", "pkcs8", "\"signature\"", "\"blob\""] {
            assert!(!answer.text().contains(secret), "{path}: {}", answer.text());
        }
    }
}
