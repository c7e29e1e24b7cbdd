//! Tokens with a fixed audience, exchanged for a session: whoever holds the key counts, whoever comes second is seen.

use chancery_core::evidence::Possession;
use chancery_core::request::Request;
use chancery_gateway::failure::Failure;
use chancery_gateway::session::{self, Begun};
use chancery_gateway::sign::{Answer, Ask, sign};
use chancery_identity::audience;
use chancery_identity::possession::{SessionKey, beginning, of_request};
use chancery_ledger::event::Body;

use crate::answers;
use crate::world::{HOST, World, code, wish};

fn token(world: &World, run: u32) -> String {
    world.token(&wish("exchanged", "any"), |token| {
        token.audience = audience::fixed(HOST);
        token.run_id = run;
    })
}

async fn begin(world: &World, token: &str, key: &SessionKey) -> Result<Begun, Failure> {
    let proof = key.prove(&beginning(token)).unwrap();
    session::begin(&world.gateway, Some(token), Some(&proof)).await
}

async fn ask(
    world: &World,
    request: &Request,
    token: &str,
    possession: Option<Possession>,
) -> Result<Answer, Failure> {
    let ask =
        Ask { request: request.clone(), token: Some(token.to_owned()), possession, attestations: Vec::new() };
    sign(&world.gateway, ask).await
}

fn proof(key: &SessionKey, request: &Request) -> Option<Possession> {
    Some(key.prove(&of_request(request.id())).unwrap())
}

#[tokio::test]
async fn a_token_that_was_exchanged_counts_with_its_key_only() {
    let world = World::new().await;
    let (key, other) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
    let (request, stranger) = (wish("exchanged", "app"), wish("exchanged", "evil"));
    let token = token(&world, 1);
    assert_eq!(code(&ask(&world, &request, &token, None).await.unwrap_err()), "CH4017", "not exchanged");
    let unknown = ask(&world, &request, &token, proof(&key, &request)).await.unwrap_err();
    assert_eq!(code(&unknown), "CH4043");
    begin(&world, &token, &key).await.unwrap();
    begin(&world, &token, &key).await.unwrap();
    for (name, request, possession) in [
        ("no proof", &request, None),
        ("another key", &request, proof(&other, &request)),
        ("a proof of another request", &stranger, proof(&key, &request)),
        ("the proof of the beginning", &request, Some(key.prove(&beginning(&token)).unwrap())),
    ] {
        assert_eq!(code(&ask(&world, request, &token, possession).await.unwrap_err()), "CH4043", "{name}");
    }
    let loose = wish("loose", "app");
    assert_eq!(
        code(&ask(&world, &loose, &token, None).await.unwrap_err()),
        "CH4043",
        "nor where fixed is enough"
    );
    // The keyguard remembers over its restart.
    world.restart_keyguard().await;
    assert!(ask(&world, &request, &token, proof(&key, &request)).await.is_ok());
    assert_eq!(code(&ask(&world, &stranger, &token, proof(&key, &stranger)).await.unwrap_err()), "CH3006");
}

/// The thief may come first: then the job is refused, and the ledger says so.
#[tokio::test]
async fn whoever_comes_second_is_refused_and_logged() {
    let world = World::new().await;
    let (thief, job) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
    let denied = |world: &World| world.count(|body| matches!(body, Body::Denied(_)));
    let token = token(&world, 1);
    begin(&world, &token, &thief).await.unwrap();
    assert_eq!(code(&begin(&world, &token, &job).await.unwrap_err()), "CH4043");
    assert_eq!(denied(&world), 1);
    // A token that was used for a request cannot be exchanged afterwards.
    let used = self::token(&world, 2);
    ask(&world, &wish("loose", "app"), &used, None).await.unwrap();
    assert_eq!(code(&begin(&world, &used, &job).await.unwrap_err()), "CH4043");
    assert_eq!(denied(&world), 2);
    let sessions = world.count(|body| matches!(body, Body::Session(_)));
    assert_eq!(sessions, 1);
}

#[tokio::test]
async fn what_cannot_be_exchanged() {
    let world = World::new().await;
    let key = SessionKey::generate().unwrap();
    let bound = world.token(&wish("exchanged", "app"), |_| {});
    assert_eq!(code(&begin(&world, &bound, &key).await.unwrap_err()), "CH4043");
    let stranger = world.token(&wish("exchanged", "app"), |token| {
        token.audience = audience::fixed(HOST);
        token.repository_id = "666".to_owned();
    });
    assert_eq!(code(&begin(&world, &stranger, &key).await.unwrap_err()), "CH4043");
    let ours = token(&world, 1);
    let of_other = key.prove(&beginning(&bound)).unwrap();
    let refused = session::begin(&world.gateway, Some(&ours), Some(&of_other)).await.unwrap_err();
    assert_eq!(code(&refused), "CH4043", "a proof for another token");
    assert_eq!(world.count(|body| matches!(body, Body::Session(_))), 0);
}

/// A gateway that leaves the proof out, or never logged the session, gets nothing.
#[tokio::test]
async fn the_keyguard_asks_for_the_proof_itself() {
    let world = World::new().await;
    let (key, request) = (SessionKey::generate().unwrap(), wish("exchanged", "app"));
    let token = token(&world, 1);
    let refused = |possession: Option<Possession>| {
        let (world, request, token) = (&world, request.clone(), token.clone());
        async move {
            let mut orders = world.order_of(&request, token).await;
            orders.evidence.possession = possession;
            answers::refused(world, &orders)
        }
    };
    assert_eq!(refused(proof(&key, &request)).await, "CH4043", "no session is in the ledger");
    // The order above used the token up for this request, so the session is begun for a fresh one.
    let world = World::new().await;
    let token = self::token(&world, 2);
    begin(&world, &token, &key).await.unwrap();
    let mut orders = world.order_of(&request, token).await;
    assert_eq!(answers::refused(&world, &orders), "CH4043");
    let other = SessionKey::generate().unwrap();
    orders.evidence.possession = proof(&other, &request);
    assert_eq!(answers::refused(&world, &orders), "CH4043");
}
