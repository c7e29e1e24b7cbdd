//! Whom verifiers are told to believe: only what the root's people signed reaches the TUF repository, versions only grow,
//! and authorities take over without a gap.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::instance::{Instance, InstanceKind, TrustList};
use chancery_core::message::{Call, Reply};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::ledger_keys::LedgerKeys as _;
use chancery_core::port::sequencer::Append;
use chancery_core::time::Time;
use chancery_core::tuf::Repository;
use chancery_gateway::failure::Failure;
use chancery_gateway::{act, successor, tuf};
use chancery_identity::sshsig::ACT;
use chancery_ledger::act as event;
use chancery_ledger::event::{Body, Event};
use chancery_policy::act::document::{Act, Deed, SignedAct};
use chancery_testkit::governance::root_key;
use chancery_testkit::ledger::FakeLedger;
use chancery_verify::tuf::client::Client;

use crate::world::{World, key_of, wish};

const DAY: i64 = 86_400;

fn signed(world: &World, list: &TrustList, keys: &[&str]) -> SignedAct {
    let deed = Deed::Trust { list: list.clone(), reason: "test".into() };
    let nonce = Sha256::of(format!("{deed:?}{}", world.clock.now()).as_bytes());
    let nonce = nonce.to_string().chars().take(32).collect();
    let act = Act { deed, at: world.clock.now(), ledger: "log2026.sign.example".to_owned(), nonce };
    let document = act.canonical().unwrap();
    let sign = |key: &&str| match *key {
        "root" => root_key().sign(ACT, document.as_bytes()),
        key => key_of(key).sign(ACT, document.as_bytes()),
    };
    let signatures = keys.iter().map(sign).collect();
    SignedAct::new(document.clone(), signatures).unwrap()
}

async fn publish(world: &World, list: &TrustList, keys: &[&str]) -> Result<(), &'static str> {
    match act::perform(&world.gateway, &signed(world, list, keys)).await {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refusal)) => Err(refusal.code.code()),
        Err(other) => panic!("{other:?}"),
    }
}

fn list(world: &World) -> TrustList {
    world.gateway.trust().unwrap().lineage.list().clone()
}

fn repository(world: &World) -> Result<Repository, &'static str> {
    match world.port.answer(Call::Tuf) {
        Reply::Tuf(made) => Ok(*made),
        Reply::Refused(refusal) => Err(refusal.code.code()),
        other => panic!("{other:?}"),
    }
}

/// A client that begins at a root and reads everything; answers with the trusted root.
fn follow(begin: &str, made: &Repository, now: Time) -> String {
    let mut client = Client::begin(begin.as_bytes()).unwrap();
    for root in made.roots.iter().filter(|root| root.version > client_version(begin)) {
        client.root(root.text.as_bytes()).unwrap();
    }
    client.close_roots(now).unwrap();
    assert_eq!(client.timestamp(made.timestamp.text.as_bytes()).unwrap(), made.snapshot.version);
    assert_eq!(client.snapshot(made.snapshot.text.as_bytes()).unwrap(), made.targets.version);
    client.targets(made.targets.text.as_bytes()).unwrap();
    for file in &made.files {
        client.target(&file.name, file.text.as_bytes()).unwrap();
    }
    made.files.iter().find(|file| file.name == "trusted_root.json").unwrap().text.clone()
}

fn client_version(root: &str) -> u64 {
    Client::begin(root.as_bytes()).unwrap().root_version()
}

#[tokio::test]
async fn only_what_the_people_of_the_root_signed_is_told() {
    let world = World::new().await;
    assert_eq!(repository(&world), Err("CH4026"), "nobody signed yet");
    let first = list(&world);
    for keys in [&[][..], &["alice", "bob"], &["carol"], &["mallory"]] {
        assert_eq!(publish(&world, &first, keys).await, Err("CH4025"), "{keys:?}");
    }
    assert_eq!(repository(&world), Err("CH4026"));
    let foreign = Instance {
        kind: InstanceKind::Ca,
        id: Sha256::of(b"mallory's authority"),
        start: first.instances[0].start,
        end: None,
    };
    let with = TrustList::new([first.instances.clone(), vec![foreign]].concat(), first.url.clone()).unwrap();
    assert_eq!(publish(&world, &with, &["root"]).await, Err("CH4025"), "what nobody here knows");
    publish(&world, &first, &["root"]).await.unwrap();
    let made = repository(&world).unwrap();
    let told = follow(&made.roots[0].text, &made, world.clock.now());
    assert_eq!(told, world.gateway.trust().unwrap().trusted_root_json(), "one source of truth");
    let mut moved = first.clone();
    moved.instances[0].start = moved.instances[0].start.plus_seconds(-1);
    assert_eq!(publish(&world, &moved, &["root"]).await, Err("CH4025"), "a window that was widened");
    assert_eq!(repository(&world).unwrap(), made, "nothing changed, nothing is signed again");
}

/// The keyguard by itself: a gateway that logs what it likes, and shows acts that were never signed or never logged.
#[tokio::test]
async fn a_lying_gateway_tells_verifiers_nothing() {
    let world = World::new().await;
    let first = list(&world);
    let unsigned = signed(&world, &first, &["alice"]);
    let lie = event::Trust { act: unsigned.id(), signatures: unsigned.sha256().unwrap() };
    let leaf = Event { time: world.clock.now(), body: Body::Trust(lie) }.encode().unwrap();
    let append = Append { leaves: vec![leaf], changes: Vec::new() };
    world.gateway.parts().sequencer.append(append).await.unwrap();
    let show = |act: &SignedAct| world.port.answer(Call::Act { act: act.canonical().unwrap() });
    assert!(matches!(show(&unsigned), Reply::Refused(_)), "logged, and not signed by the root");
    let unlogged = signed(&world, &first, &["root"]);
    assert!(matches!(show(&unlogged), Reply::Refused(_)), "signed, and not logged");
    assert_eq!(repository(&world), Err("CH4026"));
    // A successor that nobody listed is used by nobody, and asking again makes no other.
    let Reply::Authorities(one) = world.port.answer(Call::Successor(InstanceKind::Tsa)) else { panic!() };
    let Reply::Authorities(two) = world.port.answer(Call::Successor(InstanceKind::Tsa)) else { panic!() };
    assert_eq!((one.successors.len(), one), (1, two));
    // Keys of the ledger are its own; what the gateway shows must be named as the ledger, and an old one stays what it was.
    assert!(matches!(world.port.answer(Call::Successor(InstanceKind::Ledger)), Reply::Refused(_)));
    let take = |vkey: &str| world.port.answer(Call::LedgerSuccessor { vkey: vkey.to_owned() });
    assert!(matches!(take(&FakeLedger::new("log2027.sign.example").vkey()), Reply::Refused(_)));
    assert!(matches!(take("log2026.sign.example+00000000+AAAA"), Reply::Refused(_)));
    let Reply::Authorities(three) = take(&world.ledger.vkey()) else { panic!() };
    assert_eq!(three.successors.len(), 1);
    publish(&world, &first, &["root"]).await.unwrap();
    let told =
        follow(&repository(&world).unwrap().roots[0].text, &repository(&world).unwrap(), world.clock.now());
    assert_eq!(told.matches("\"certChain\"").count(), 2, "the successor is not told");
}

#[tokio::test]
async fn versions_only_grow_and_every_role_is_renewed_in_time() {
    let world = World::new().await;
    publish(&world, &list(&world), &["root"]).await.unwrap();
    let first = repository(&world).unwrap();
    let begin = first.roots[0].text.clone();
    let mut last = first;
    for day in 1..=500 {
        world.clock.advance(DAY);
        if day % 50 == 0 {
            world.restart_keyguard().await;
        }
        let made = repository(&world).unwrap();
        follow(&begin, &made, world.clock.now());
        for (before, after) in [
            (&last.timestamp, &made.timestamp),
            (&last.snapshot, &made.snapshot),
            (&last.targets, &made.targets),
            (last.roots.last().unwrap(), made.roots.last().unwrap()),
        ] {
            assert!(after.version > before.version || after == before, "day {day}");
        }
        last = made;
    }
    assert_eq!(last.roots.iter().map(|root| root.version).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn files_are_served_by_their_names_and_what_is_being_read_stays() {
    let world = World::new().await;
    let file = async |path: &str| tuf::file(&world.gateway, path).await.map_err(|_| "refused");
    assert_eq!(file("root.json").await, Err("refused"));
    publish(&world, &list(&world), &["root"]).await.unwrap();
    let first = repository(&world).unwrap();
    let target = |made: &Repository| {
        let file = made.files.iter().find(|file| file.name == "trusted_root.json").unwrap();
        format!("targets/{}.trusted_root.json", Sha256::of(file.text.as_bytes()))
    };
    for path in ["root.json", "1.root.json", "timestamp.json"] {
        assert!(file(path).await.unwrap().is_some(), "{path}");
    }
    for path in [
        "2.root.json",
        "01.root.json",
        "snapshot.json",
        "targets.json",
        "",
        "targets/trusted_root.json",
        "../x",
    ] {
        assert_eq!(file(path).await.unwrap(), None, "{path}");
    }
    successor::make(&world.gateway, InstanceKind::Ct).await.unwrap();
    let mut next = list(&world);
    let (_, id) = world.gateway.trust().unwrap().lineage.waiting()[0];
    let start = Time::from_seconds(world.clock.now().seconds());
    next.instances.push(Instance { kind: InstanceKind::Ct, id, start, end: None });
    publish(&world, &TrustList::new(next.instances, next.url).unwrap(), &["root"]).await.unwrap();
    let second = repository(&world).unwrap();
    assert!(second.targets.version > first.targets.version);
    for made in [&first, &second] {
        assert!(file(&format!("{}.targets.json", made.targets.version)).await.unwrap().is_some());
        assert!(file(&target(made)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn signing_goes_on_while_authorities_take_over() {
    let world = World::new().await;
    world.sign(&wish("dev", "before")).await.unwrap();
    let mut used = BTreeMap::new();
    for (round, kind) in
        [InstanceKind::Tsa, InstanceKind::Ledger, InstanceKind::Ca, InstanceKind::Ct, InstanceKind::Ledger]
            .into_iter()
            .enumerate()
    {
        let id = successor::make(&world.gateway, kind).await.unwrap();
        world.sign(&wish("dev", &format!("made {round}"))).await.unwrap();
        let mut next = list(&world);
        let start = Time::from_seconds(world.clock.now().seconds());
        for one in next.instances.iter_mut().filter(|one| one.kind == kind && one.end.is_none()) {
            one.end = Some(start.plus_seconds(3600));
        }
        next.instances.push(Instance { kind, id, start, end: None });
        publish(&world, &TrustList::new(next.instances, next.url).unwrap(), &["root"]).await.unwrap();
        // Gateway and keyguard change over at one moment: before, at and after it everything is signed.
        for second in 0..8 {
            world.sign(&wish("dev", &format!("round {round} second {second}"))).await.unwrap();
            world.clock.advance(1);
        }
        let now = world.gateway.trust().unwrap().lineage.used_at(world.clock.now());
        used.extend(now);
        assert_eq!(used[&kind], id);
        world.restart_keyguard().await;
    }
    assert_eq!(list(&world).instances.len(), 9);
    assert_eq!(world.abandoned(), 0);
}

#[tokio::test]
async fn what_was_stolen_signs_nothing_more() {
    let world = World::new().await;
    let id = successor::make(&world.gateway, InstanceKind::Ca).await.unwrap();
    let mut next = list(&world);
    let now = Time::from_seconds(world.clock.now().seconds());
    world.clock.advance(60);
    next.instances[0].end = Some(now);
    next.instances.push(Instance { kind: InstanceKind::Ca, id, start: now, end: None });
    publish(&world, &TrustList::new(next.instances, next.url).unwrap(), &["root"]).await.unwrap();
    let used = world.gateway.trust().unwrap().lineage.used_at(world.clock.now());
    assert!(used.contains(&(InstanceKind::Ca, id)), "at once");
    world.sign(&wish("dev", "after")).await.unwrap();
    let mut back = list(&world);
    back.instances[0].end = None;
    assert_eq!(
        publish(&world, &back, &["root"]).await,
        Err("CH4025"),
        "distrusted once, distrusted for good"
    );
}

/// A checkpoint by a key of the ledger that was replaced, or that nobody listed, is cosigned by nobody.
#[tokio::test]
async fn only_keys_of_the_ledger_that_count_are_cosigned() {
    let world = World::new().await;
    let old = Instance { ..*list(&world).of(InstanceKind::Ledger).next().unwrap() };
    let cosigned = |world: &World| {
        let leaves = world.ledger.leaves();
        matches!(world.port.answer(Call::Follow(world.ledger.batch(leaves.len(), &[]))), Reply::Cosigned(_))
    };
    assert!(cosigned(&world));
    let id = successor::make(&world.gateway, InstanceKind::Ledger).await.unwrap();
    assert_eq!(successor::make(&world.gateway, InstanceKind::Ledger).await.unwrap(), id, "one waits");
    let uses = |id| [chancery_core::message::Use { id, from: world.clock.now() }];
    world.ledger.plan(&uses(id));
    assert!(!cosigned(&world), "nobody listed it");
    world.ledger.plan(&uses(old.id));
    let mut next = list(&world);
    let now = Time::from_seconds(world.clock.now().seconds());
    world.clock.advance(60);
    for one in next.instances.iter_mut().filter(|one| one.id == old.id) {
        one.end = Some(now);
    }
    next.instances.push(Instance { kind: InstanceKind::Ledger, id, start: now, end: None });
    publish(&world, &TrustList::new(next.instances, next.url).unwrap(), &["root"]).await.unwrap();
    assert!(cosigned(&world));
    world.sign(&wish("dev", "by the successor")).await.unwrap();
    world.ledger.plan(&uses(old.id));
    assert!(!cosigned(&world), "it was in wrong hands");
}
