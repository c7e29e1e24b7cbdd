//! Refusals: each with its own code and one leaf of its own; strangers are counted.

use chancery_core::request::Request;
use chancery_gateway::sign::{Ask, sign};
use chancery_identity::audience;
use chancery_identity::dev_issuer::DevToken;
use chancery_ledger::event::Body;

use crate::world::{HOST, PEOPLE, World, code, wish};

async fn refusal(world: &World, request: &Request, token: Option<String>) -> &'static str {
    let ask = Ask { request: request.clone(), token, possession: None, attestations: Vec::new() };
    code(&sign(&world.gateway, ask).await.unwrap_err())
}

fn denied(world: &World) -> Vec<String> {
    let own = |(_, body): (usize, Body)| match body {
        Body::Denied(denied) => Some(denied.code.code().to_owned()),
        _ => None,
    };
    world.ledger.events().into_iter().filter_map(own).collect()
}

type Change = fn(&mut DevToken);

#[tokio::test]
async fn each_refusal_has_its_code_and_its_leaf() {
    let cases: [(&str, &str, Change, &str); 9] = [
        ("another branch", "dev", |token| token.git_ref = "refs/heads/topic".to_owned(), "CH4012"),
        ("another repository", "dev", |token| token.repository_id = "43".to_owned(), "CH4002"),
        (
            "an event that is forbidden",
            "dev",
            |token| token.event = "pull_request_target".to_owned(),
            "CH4013",
        ),
        ("expired", "dev", |token| (token.iat_offset, token.lifetime) = (-400, 300), "CH3005"),
        (
            "for another request",
            "dev",
            |t| t.audience = audience::bound(HOST, wish("dev", "x").id()),
            "CH3004",
        ),
        ("for another service", "dev", |t| t.audience = audience::fixed("other.example"), "CH3003"),
        ("bound to nothing", "dev", |t| t.audience = audience::fixed(HOST), "CH4017"),
        ("no such profile", "missing", |_| {}, "CH4001"),
        ("a key of another family", "crossed", |_| {}, "CH4018"),
    ];
    for (name, profile, change, expected) in cases {
        let world = World::new().await;
        let mut request = wish(profile, "app");
        if profile == "crossed" {
            let statement = crate::world::prepare(
                chancery_core::format::FormatName::Sigstore,
                &serde_json::json!({"family": "message"}),
                b"app",
            );
            let statement = statement.statement(
                chancery_core::format::FormatName::Sigstore,
                "app",
                chancery_core::depth::Depth::Structured,
            );
            request = crate::world::request(profile, vec![statement]);
        }
        let token = world.token(&request, change);
        assert_eq!(refusal(&world, &request, Some(token)).await, expected, "{name}");
        assert_eq!(denied(&world), [expected], "{name}");
        assert_eq!(world.results(), 0, "{name}");
    }
}

#[tokio::test]
async fn people_do_not_sign() {
    let world = World::new().await;
    let request = wish("dev", "app");
    let token = world.token_of(PEOPLE, &request, |_| {});
    assert_eq!(refusal(&world, &request, Some(token)).await, "CH3007");
    assert_eq!(denied(&world), ["CH3007"]);
}

#[tokio::test]
async fn a_token_is_good_for_one_request() {
    let world = World::new().await;
    let (first, second) = (wish("loose", "a"), wish("loose", "b"));
    let token = world.token(&first, |token| token.audience = audience::fixed(HOST));
    sign(
        &world.gateway,
        Ask {
            request: first.clone(),
            token: Some(token.clone()),
            possession: None,
            attestations: Vec::new(),
        },
    )
    .await
    .unwrap();
    assert_eq!(refusal(&world, &second, Some(token.clone())).await, "CH3006");
    assert_eq!(denied(&world), ["CH3006"]);
    // The same request joins.
    sign(
        &world.gateway,
        Ask { request: first, token: Some(token), possession: None, attestations: Vec::new() },
    )
    .await
    .unwrap();
    assert_eq!(world.intents(), 1);
}

#[tokio::test]
async fn a_spent_budget_is_spent_until_its_window_moved_on() {
    let world = World::new().await;
    for name in ["a", "b"] {
        world.sign(&wish("scarce", name)).await.unwrap();
    }
    assert_eq!(code(&world.sign(&wish("scarce", "c")).await.unwrap_err()), "CH4016");
    assert_eq!(denied(&world), ["CH4016"]);
    assert_eq!(world.intents(), 2);
    world.clock.advance(601);
    world.sign(&wish("scarce", "c")).await.unwrap();
}

#[tokio::test]
async fn who_may_not_have_it_made_is_not_given_it() {
    let world = World::new().await;
    let request = wish("dev", "app");
    world.sign(&request).await.unwrap();
    let token = world.token(&request, |token| token.git_ref = "refs/heads/topic".to_owned());
    assert_eq!(refusal(&world, &request, Some(token)).await, "CH4012");
}

#[tokio::test]
async fn strangers_are_counted() {
    let world = World::new().await;
    let request = wish("dev", "app");
    let before = world.ledger.leaves().len();
    for n in 0..50 {
        let token = (n % 2 == 0).then(|| world.token_of("https://evil.example", &request, |_| {}));
        let expected = if n % 2 == 0 { "CH3002" } else { "CH3008" };
        assert_eq!(refusal(&world, &request, token).await, expected);
    }
    assert_eq!(world.ledger.leaves().len(), before);
    world.clock.advance(60);
    assert_eq!(refusal(&world, &request, None).await, "CH3008");
    let counts: Vec<u64> = world
        .ledger
        .events()
        .into_iter()
        .filter_map(|(_, body)| match body {
            Body::DeniedCount(count) => Some(count.count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [50]);
    assert_eq!(world.ledger.leaves().len(), before + 1);
}
