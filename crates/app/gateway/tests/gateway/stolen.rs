//! A stolen but valid identity: the attack of 2026 (84 versions of 42 packages within six minutes, every token genuine)
//! against the whole service, with each brake.

use chancery_core::decision::{Missing, in_words};
use chancery_core::message::{Call, Ordered, Reply};
use chancery_core::port::clock::Clock as _;
use chancery_core::request::Request;
use chancery_gateway::failure::Failure;
use chancery_gateway::rehearse::rehearse;
use chancery_gateway::sign::{Answer, Ask, sign};
use chancery_identity::dev_issuer::DevToken;
use chancery_ledger::event::Body;

use crate::world::{World, code, wish};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// What came of a campaign.
#[derive(Debug, Default, PartialEq, Eq)]
struct Campaign {
    signed: usize,
    pending: usize,
    refused: usize,
}

/// 84 versions of 42 packages within six minutes, each with a genuine token of its own.
async fn campaign(world: &World, profile: &str, change: fn(&mut DevToken)) -> Campaign {
    let mut out = Campaign::default();
    let mut gone = 0;
    for n in 0..84 {
        let due = n * 6 * MINUTE / 84;
        world.clock.advance(due - gone);
        gone = due;
        let request = wish(profile, &format!("pkg{}-1.{}.0.tgz", letters(n % 42), n / 42));
        match attempt(world, &request, change).await {
            Ok(_) => out.signed += 1,
            Err(Failure::Pending { .. }) => out.pending += 1,
            Err(Failure::Refused(_)) => out.refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    out
}

/// Digits are left out of package names; letters are not.
fn letters(n: i64) -> String {
    format!("{n:02}").bytes().map(|digit| char::from(digit + 49)).collect()
}

async fn attempt(world: &World, request: &Request, change: fn(&mut DevToken)) -> Result<Answer, Failure> {
    let token = world.token(request, change);
    sign(
        &world.gateway,
        Ask { request: request.clone(), token: Some(token), possession: None, attestations: Vec::new() },
    )
    .await
}

fn missing(failure: &Failure) -> String {
    match failure {
        Failure::Pending { missing, .. } => in_words(missing),
        other => panic!("{other:?}"),
    }
}

fn waiting(world: &World) -> usize {
    world.count(|body| matches!(body, Body::Pending(_)))
}

/// ten are signed, the rest waits for people, and nothing else happens.
#[tokio::test]
async fn a_burst_budget_signs_ten_of_eighty_four() {
    let world = World::new().await;
    let seen = campaign(&world, "burst", |_| {}).await;
    assert_eq!(seen, Campaign { signed: 10, pending: 74, refused: 0 });
    assert_eq!((world.intents(), world.results(), world.abandoned(), waiting(&world)), (10, 10, 0, 74));
    // A patient thief: the window moves on, ten more at a time.
    world.clock.advance(10 * MINUTE);
    assert!(attempt(&world, &wish("burst", "late"), |_| {}).await.is_ok());
}

/// the thief has one builder, or knows nobody's habits: nothing at all is signed.
#[tokio::test]
async fn a_quorum_or_a_step_up_signs_none() {
    let world = World::new().await;
    let none = Campaign { signed: 0, pending: 84, refused: 0 };
    assert_eq!(campaign(&world, "quorum", |_| {}).await, none);
    assert_eq!(world.intents(), 0);
    habit(&world).await;
    let before = world.intents();
    assert_eq!(campaign(&world, "novel", |_| {}).await, none);
    assert_eq!(world.intents(), before);
}

/// Two weeks of releases, twice a day at noon.
async fn habit(world: &World) {
    for day in 0..14 {
        for name in ["app", "lib"] {
            let request = wish("novel", &format!("{name}-1.{day}.0.tgz"));
            attempt(world, &request, |_| {}).await.unwrap();
        }
        world.clock.advance(24 * HOUR);
    }
}

#[tokio::test]
async fn a_new_shape_waits_for_people_and_says_why() {
    let world = World::new().await;
    habit(&world).await;
    world.clock.advance(15 * HOUR);
    let odd = [
        (wish("novel", "apps-1.14.0.tgz"), "unusual package: apps-*.tgz (usual: app-*.tgz, lib-*.tgz)"),
        (wish("novel", "app-1.14.0.tgz"), "unusual hour: 03 UTC (usual: 12 UTC)"),
        (wish("novel", "app-7.0.0.tgz"), "unusual version: 7.0.0 (usual: after 1.13.0)"),
    ];
    for (request, expected) in &odd {
        let failure = attempt(&world, request, |_| {}).await.unwrap_err();
        assert!(missing(&failure).contains(expected), "{}", missing(&failure));
        // A rehearsal says the same.
        let ask = world.ask(request);
        assert_eq!(missing(&rehearse(&world.gateway, &ask).await.unwrap_err()), missing(&failure));
    }
    let foreign = attempt(&world, &odd[1].0, |token| token.workflow = "evil.yml".to_owned()).await;
    assert!(missing(&foreign.unwrap_err()).contains("unusual identity: dev 42 "));
    world.clock.advance(9 * HOUR);
    assert!(attempt(&world, &odd[1].0, |_| {}).await.is_ok(), "at noon it is a release as every day");
    // Habits outlive the process.
    world.restart_keyguard().await;
    let failure = attempt(&world, &odd[0].0, |_| {}).await.unwrap_err();
    assert!(missing(&failure).contains("unusual package"));
}

#[tokio::test]
async fn builders_that_agree_are_signed_and_those_that_do_not_are_stopped() {
    let own: fn(&mut DevToken) = |token| token.runner_environment = "self-hosted".to_owned();
    let world = World::new().await;
    let good = wish("quorum", "app");
    let first = attempt(&world, &good, |_| {}).await.unwrap_err();
    assert_eq!(missing(&first), "1 of 2 independent builders");
    let again = attempt(&world, &good, |_| {}).await.unwrap_err();
    assert_eq!(missing(&again), "1 of 2 independent builders", "the same builder twice is one");
    assert!(rehearse(&world.gateway, &world.ask(&good)).await.is_err());
    assert!(attempt(&world, &good, own).await.is_ok());
    assert!(attempt(&world, &good, |_| {}).await.is_ok(), "the first gets the same result");
    // One byte differs: both refused, both in the ledger.
    let (ours, theirs) = (named("lib", "same"), named("lib", "sane"));
    assert!(matches!(attempt(&world, &ours, |_| {}).await, Err(Failure::Pending { .. })));
    assert_eq!(code(&attempt(&world, &theirs, own).await.unwrap_err()), "CH4041");
    assert_eq!(code(&attempt(&world, &ours, |_| {}).await.unwrap_err()), "CH4041");
    assert_eq!(world.count(|body| matches!(body, Body::Denied(_))), 2);
    // What was shown is gone with the process: builders show again.
    let third = wish("quorum", "third");
    assert!(attempt(&world, &third, |_| {}).await.is_err());
    world.restart_keyguard().await;
    assert_eq!(missing(&attempt(&world, &third, own).await.unwrap_err()), "1 of 2 independent builders");
    assert!(attempt(&world, &third, |_| {}).await.is_ok());
}

/// A request for an artifact of one name with other bytes.
fn named(name: &str, content: &str) -> Request {
    let mut statement = crate::world::provenance(content);
    statement.artifact.name = name.to_owned();
    crate::world::request("quorum", vec![statement])
}

#[tokio::test]
async fn a_hold_counts_from_the_ledger_and_outlives_the_keyguard() {
    let world = World::new().await;
    let request = wish("held", "app");
    let asked = world.clock.now();
    let Failure::Pending { missing, .. } = attempt(&world, &request, |_| {}).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(missing, [Missing::Hold { until: asked.plus_seconds(10 * MINUTE) }]);
    world.clock.advance(9 * MINUTE);
    world.restart_keyguard().await;
    let Failure::Pending { missing, .. } = attempt(&world, &request, |_| {}).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(missing, [Missing::Hold { until: asked.plus_seconds(10 * MINUTE) }]);
    world.clock.advance(MINUTE);
    assert!(attempt(&world, &request, |_| {}).await.is_ok());
}

/// A gateway that asks nobody gets nothing: the keyguard knows the brakes itself.
#[tokio::test]
async fn a_gateway_that_lies_gets_past_no_brake() {
    let world = World::new().await;
    habit(&world).await;
    for profile in ["quorum", "held", "novel"] {
        let orders = world.order(&wish(profile, "other-1.0.0.tgz")).await;
        let Reply::Ordered(each) = world.port.answer(Call::Sign(Box::new(orders))) else { panic!() };
        let [Ordered::Refused(refusal)] = each.as_slice() else { panic!("{profile}: {each:?}") };
        assert_eq!(
            (refusal.code.code(), refusal.what.as_str()),
            ("CH5001", "the request is pending"),
            "{profile}"
        );
    }
    for n in 0..12 {
        let orders = world.order(&wish("burst", &format!("app-{n}"))).await;
        let Reply::Ordered(each) = world.port.answer(Call::Sign(Box::new(orders))) else { panic!() };
        assert_eq!(matches!(each.as_slice(), [Ordered::Signed(_)]), n < 10, "{n}");
    }
}
