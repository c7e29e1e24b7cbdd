//! Acts over the whole: freezes that nobody can lift alone, exceptions that are used up and looked at, and a gateway that
//! makes them up.

use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{PersonId, ProfileName};
use chancery_core::message::{Call, Ordered, Reply};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::sequencer::Append;
use chancery_core::request::Request;
use chancery_gateway::act;
use chancery_gateway::failure::Failure;
use chancery_gateway::sign::{Ask, sign};
use chancery_identity::sshsig::{ACT, APPROVAL};
use chancery_ledger::act as event;
use chancery_ledger::event::{Body, Event};
use chancery_policy::act::document::{Act, Deed, Exception, SignedAct, Waive};
use chancery_testkit::governance::root_key;

use crate::answers::{answered, ordered};
use crate::world::{World, key_of, wish};

const LEDGER: &str = "log2026.sign.example";

fn signed(world: &World, deed: Deed, keys: &[&str]) -> SignedAct {
    let nonce = Sha256::of(format!("{deed:?}").as_bytes()).to_string().chars().take(32).collect();
    let act = Act { deed, at: world.clock.now(), ledger: LEDGER.to_owned(), nonce };
    let document = act.canonical().unwrap();
    let sign = |key: &&str| match *key {
        "root" => root_key().sign(ACT, document.as_bytes()),
        "wrong" => key_of("alice").sign(APPROVAL, document.as_bytes()),
        key => key_of(key).sign(ACT, document.as_bytes()),
    };
    let signatures = keys.iter().map(sign).collect();
    SignedAct::new(document.clone(), signatures).unwrap()
}

async fn perform(world: &World, deed: Deed, keys: &[&str]) -> Result<Sha256, &'static str> {
    match act::perform(&world.gateway, &signed(world, deed, keys)).await {
        Ok(done) => Ok(done.act),
        Err(Failure::Refused(refusal)) => Err(refusal.code.code()),
        Err(other) => panic!("{other:?}"),
    }
}

async fn ask(world: &World, request: &Request) -> Option<&'static str> {
    let token = world.token(request, |_| {});
    answered(
        sign(
            &world.gateway,
            Ask { request: request.clone(), token: Some(token), possession: None, attestations: Vec::new() },
        )
        .await,
    )
}

/// Orders past the gateway's own decision.
async fn order(world: &World, request: &Request) -> Option<&'static str> {
    ordered(world, &world.order(request).await)
}

fn freeze(scope: Scope) -> Deed {
    Deed::Freeze { scope, from: None, until: None, reason: "stolen runner".into() }
}

fn profile(name: &str) -> Scope {
    Scope { profile: ProfileName::parse(name).ok(), ..Scope::default() }
}

#[tokio::test]
async fn one_person_stops_and_only_the_root_lets_go_on() {
    let world = World::new().await;
    for (keys, expected) in
        [(&["carol"][..], "CH4025"), (&["mallory"], "CH4025"), (&[], "CH4025"), (&["wrong"], "CH4025")]
    {
        assert_eq!(perform(&world, freeze(profile("dev")), keys).await, Err(expected), "{keys:?}");
    }
    assert_eq!(ask(&world, &wish("dev", "before")).await, None);
    let name = perform(&world, freeze(profile("dev")), &["alice"]).await.unwrap();
    assert_eq!(ask(&world, &wish("dev", "during")).await, Some("CH4021"));
    assert_eq!(
        ask(&world, &wish("dev", "before")).await,
        Some("CH4021"),
        "nothing is given out again either"
    );
    assert_eq!(order(&world, &wish("dev", "lying")).await, Some("CH4021"), "the keyguard stops by itself");
    assert_eq!(ask(&world, &wish("scarce", "other")).await, None);
    let lift = |freeze| Deed::Unfreeze { freeze, reason: "replaced".into() };
    assert_eq!(perform(&world, lift(name), &["alice", "bob"]).await, Err("CH4025"));
    assert_eq!(perform(&world, lift(Sha256::of(b"x")), &["root"]).await, Err("CH4025"));
    world.restart_keyguard().await;
    assert_eq!(order(&world, &wish("dev", "restarted")).await, Some("CH4021"), "a restart forgets no freeze");
    perform(&world, lift(name), &["root"]).await.unwrap();
    assert_eq!(ask(&world, &wish("dev", "after")).await, None);
}

#[tokio::test]
async fn every_scope_stops_what_it_names_and_nothing_else() {
    let scopes: [(&str, Scope, bool); 9] = [
        ("everything", Scope::default(), true),
        ("issuer", serde_json::from_str(r#"{"issuer":"dev"}"#).unwrap(), true),
        ("another issuer", serde_json::from_str(r#"{"issuer":"people"}"#).unwrap(), false),
        ("repository", serde_json::from_str(r#"{"repository":"42"}"#).unwrap(), true),
        ("another repository", serde_json::from_str(r#"{"repository":"43"}"#).unwrap(), false),
        ("runner", serde_json::from_str(r#"{"runner":"github-hosted"}"#).unwrap(), true),
        ("another runner", serde_json::from_str(r#"{"runner":"self-hosted"}"#).unwrap(), false),
        ("key", serde_json::from_str(r#"{"key":"dev-provenance"}"#).unwrap(), true),
        ("another key", serde_json::from_str(r#"{"key":"dev-cms"}"#).unwrap(), false),
    ];
    for (name, scope, stops) in scopes {
        let world = World::new().await;
        perform(&world, freeze(scope), &["bob"]).await.unwrap();
        assert_eq!(ask(&world, &wish("dev", "app")).await.is_some(), stops, "{name}");
        assert_eq!(order(&world, &wish("dev", "app2")).await.is_some(), stops, "{name}, ordered");
    }
    let world = World::new().await;
    let now = world.clock.now();
    let (from, until) = (Some(now.plus_seconds(600)), Some(now.plus_seconds(1200)));
    let deed = Deed::Freeze { scope: Scope::default(), from, until, reason: "Christmas".into() };
    perform(&world, deed, &["bob"]).await.unwrap();
    for (advance, stops) in [(0, false), (601, true), (600, false)] {
        world.clock.advance(advance);
        let name = format!("at {advance}");
        assert_eq!(ask(&world, &wish("dev", &name)).await.is_some(), stops, "{name}");
    }
}

fn break_glass(world: &World, waives: Vec<Waive>, count: u32) -> Exception {
    let now = world.clock.now();
    Exception {
        profile: ProfileName::parse("release").unwrap(),
        waives,
        until: now.plus_seconds(3600),
        count,
        owner: PersonId::parse("dave").unwrap(),
        reason: "night".into(),
        ticket: "INC-1".into(),
        review: now.plus_seconds(7200),
        emergency: true,
    }
}

#[tokio::test]
async fn break_glass_is_counted_reviewed_and_no_habit() {
    let world = World::new().await;
    let open = |world: &World| Deed::Exception(break_glass(world, vec![Waive::Approvals], 2));
    for keys in [&["alice"][..], &["alice", "alice2"], &["alice", "carol"], &["root"]] {
        assert_eq!(perform(&world, open(&world), keys).await, Err("CH4025"), "{keys:?}");
    }
    let name = perform(&world, open(&world), &["alice", "bob"]).await.unwrap();
    for artifact in ["one", "two"] {
        assert_eq!(ask(&world, &wish("release", artifact)).await, None, "{artifact}");
    }
    assert_eq!(ask(&world, &wish("release", "three")).await, Some("pending"));
    world.clock.advance(7200);
    let again = perform(&world, open(&world), &["alice", "bob"]).await;
    assert_eq!(again, Err("CH4025"), "an overdue review blocks the next");
    let review = || Deed::Review { exception: name, finding: "as it should be".into() };
    for keys in [&["alice"][..], &["dave"], &["mallory"]] {
        assert_eq!(perform(&world, review(), keys).await, Err("CH4025"), "{keys:?}");
    }
    world.clock.advance(3 * 86_400);
    assert_eq!(
        ask(&world, &wish("release", "late")).await,
        Some("CH4022"),
        "an overdue review stops the profile"
    );
    assert_eq!(order(&world, &wish("release", "late2")).await, Some("CH4022"));
    perform(&world, review(), &["carol"]).await.unwrap();
    assert_eq!(ask(&world, &wish("release", "reviewed")).await, Some("pending"));
    for _ in 0..2 {
        let name = perform(&world, open(&world), &["alice", "bob"]).await.unwrap();
        let review = Deed::Review { exception: name, finding: "fine".into() };
        perform(&world, review, &["carol"]).await.unwrap();
        world.clock.advance(60);
    }
    assert_eq!(
        perform(&world, open(&world), &["alice", "bob"]).await,
        Err("CH4025"),
        "three in 30 days are a habit"
    );
}

/// A gateway that writes what it likes into the ledger gets nothing from it.
#[tokio::test]
async fn leaves_alone_give_nothing() {
    let world = World::new().await;
    let name = perform(&world, freeze(profile("dev")), &["alice"]).await.unwrap();
    let now = world.clock.now();
    let made_up = signed(&world, Deed::Unfreeze { freeze: name, reason: "lie".into() }, &["alice", "bob"]);
    let lift = event::Unfreeze { act: made_up.id(), signatures: made_up.sha256().unwrap(), freeze: name };
    let wide = break_glass(&world, vec![Waive::Approvals, Waive::Limits], 20);
    let wide = signed(&world, Deed::Exception(wide), &["alice"]);
    let open = event::Exception {
        act: wide.id(),
        signatures: wide.sha256().unwrap(),
        profile: ProfileName::parse("release").unwrap(),
        until: now.plus_seconds(3600),
        count: 20,
        review: now.plus_seconds(7200),
        emergency: true,
    };
    for body in [Body::Unfreeze(lift), Body::Exception(open)] {
        let leaf = Event { time: now, body }.encode().unwrap();
        world.ledger.append_now(&Append { leaves: vec![leaf], changes: vec![] }).unwrap();
    }
    for lie in [&made_up, &wide] {
        let reply = world.port.answer(Call::Act { act: lie.canonical().unwrap() });
        assert!(matches!(&reply, Reply::Refused(refusal) if refusal.code.code() == "CH4025"), "{reply:?}");
    }
    assert_eq!(order(&world, &wish("dev", "app")).await, Some("CH4021"));
    let orders = world.order_under(&wish("release", "app"), Some(wide.id())).await;
    let reply = world.port.answer(Call::Sign(Box::new(orders)));
    assert!(
        matches!(&reply, Reply::Ordered(each) if matches!(each.as_slice(), [Ordered::Refused(_)])),
        "{reply:?}"
    );
    // And an act that the ledger does not name is not done, whoever signed it.
    let unnamed = signed(&world, Deed::Unfreeze { freeze: name, reason: "unnamed".into() }, &["root"]);
    let reply = world.port.answer(Call::Act { act: unnamed.canonical().unwrap() });
    assert!(matches!(&reply, Reply::Refused(_)), "{reply:?}");
}
