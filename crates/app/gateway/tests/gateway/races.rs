//! Races: one token for two requests, and one wish from everywhere at once. `cargo xtask faults races` runs ten thousand.

use chancery_gateway::failure::Failure;
use chancery_gateway::sign::{Ask, sign};
use futures_util::future::join_all;

use crate::world::{World, wish};

/// Rounds: a few with every test, as many as the environment says in a campaign.
fn rounds() -> usize {
    std::env::var("CHANCERY_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

/// The profile's limit must not be what decides.
const PER_WORLD: usize = 90;

/// A token with a fixed audience fits every request: whichever comes first has it.
#[tokio::test]
async fn one_token_is_one_requests_whoever_is_first() {
    let (mut done, mut won) = (0, 0);
    while done < rounds() {
        let world = World::new().await;
        for round in done..rounds().min(done + PER_WORLD) {
            let names = ["a", "b", "c"].map(|name| wish("loose", &format!("{name}{round}")));
            let token = world.token(&names[0], |token| {
                token.audience = "chancery:sign.example".to_owned();
                token.run_id = u32::try_from(round).unwrap();
            });
            let asks = names.iter().map(|request| {
                let ask = Ask {
                    request: request.clone(),
                    token: Some(token.clone()),
                    possession: None,
                    attestations: Vec::new(),
                };
                sign(&world.gateway, ask)
            });
            let outcomes = join_all(asks).await;
            let signed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let replayed = outcomes.iter().filter(|outcome| {
                matches!(outcome, Err(Failure::Refused(refusal)) if refusal.code.code() == "CH3006")
            });
            assert_eq!((signed, replayed.count()), (1, 2), "round {round}");
            won += signed;
        }
        assert_eq!(world.results(), world.intents(), "every intent ended in the one result");
        done = rounds().min(done + PER_WORLD);
    }
    println!("{done} races of one token for three requests: {won} winners");
}

/// The same wish, with the same and with fresh tokens, at once and one after another.
#[tokio::test]
async fn one_wish_is_one_signature() {
    let world = World::new().await;
    let request = wish("dev", "app");
    let mut asked = 0;
    while asked < rounds() {
        let shared = world.ask(&request);
        let asks = (0..10).map(|n: u32| {
            let fresh = Ask {
                request: request.clone(),
                token: Some(world.token(&request, |t| t.run_id = n)),
                possession: None,
                attestations: Vec::new(),
            };
            sign(&world.gateway, if n.is_multiple_of(2) { shared.clone() } else { fresh })
        });
        for outcome in join_all(asks).await {
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        asked += 10;
        world.clock.advance(1);
    }
    assert_eq!((world.intents(), world.results()), (1, 1));
    println!("{asked} submissions of one wish: 1 signature");
}
