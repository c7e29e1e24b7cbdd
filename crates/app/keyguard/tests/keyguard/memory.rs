//! A write that fails ends the keyguard; intents that were kept only in memory are dead after it.

use chancery_core::id::{KeyId, ProfileName};
use chancery_core::message::{Call, CertificateIssue, PROTOCOL, Reply};
use chancery_core::port::memory::{Memory as _, Piece};
use chancery_core::port::sequencer::Append;
use chancery_core::time::Time;
use chancery_keyguard::follow::Followed;
use chancery_keyguard::intents::{Intents, MAX_AGE, NotSpendable};
use chancery_ledger::event::{Body, Event, Root};
use chancery_testkit::ledger::FakeLedger;
use chancery_testkit::memory::FakeMemory;

use crate::seat::Seat;

fn follow(seat: &Seat, from: usize, leaves: &[String]) -> Call {
    Call::Follow(seat.ledger.batch(from, leaves))
}

#[test]
fn after_a_failed_write_nothing_leaves() {
    let seat = Seat::new();
    let leaves = ["{\"n\":1}".to_owned(), "{\"n\":2}".to_owned()];
    let (first, second) = leaves.split_at(1);
    assert!(matches!(seat.keyguard.answer(follow(&seat, 0, first)), Reply::Cosigned(_)));
    seat.ledger.append_now(&Append { leaves: first.to_vec(), changes: vec![] }).unwrap();
    let before = seat.custodian.signatures();
    seat.memory.fail();
    assert!(matches!(seat.keyguard.answer(follow(&seat, 1, second)), Reply::Failed(_)));
    assert!(seat.keyguard.is_poisoned());
    // The disk may work again; this process does not.
    seat.memory.recover();
    let calls = [Call::Hello { protocol: PROTOCOL }, Call::Health, follow(&seat, 1, second), Call::KeyList];
    for call in calls {
        assert!(matches!(seat.keyguard.answer(call), Reply::Failed(_)));
    }
    assert_eq!(seat.custodian.signatures(), before);
    // Another one stands where the disk does.
    assert!(matches!(seat.restarted().answer(follow(&seat, 1, second)), Reply::Cosigned(_)));
}

#[test]
fn a_batch_that_is_refused_poisons_nothing() {
    let seat = Seat::new();
    seat.memory.fail();
    let mut wrong = seat.ledger.batch(0, &["{}".to_owned()]);
    wrong.leaves = vec!["{\"n\":1}".to_owned()];
    assert!(matches!(seat.keyguard.answer(Call::Follow(wrong)), Reply::NotCosigned(_)));
    assert!(!seat.keyguard.is_poisoned());
}

#[test]
fn a_chain_that_is_not_kept_is_not_shown() {
    let seat = Seat::new();
    seat.memory.fail();
    let wish = CertificateIssue {
        key: KeyId::parse("a-cms").unwrap(),
        common_name: "Acme".to_owned(),
        country: None,
        state: None,
        crl: None,
        days: 30,
        serial: vec![0x41; 16],
    };
    assert!(matches!(seat.keyguard.answer(Call::CertificateIssue(wish)), Reply::Failed(_)));
    assert!(seat.keyguard.is_poisoned());
}

const INTENT: &str = r#"{"artifact":"A","claims":{},"depth":"structured","environment":"production","evidence":"A","exception":null,"family":"cms","format":"pe","issuer":"github","key":"k","kind":"intent","policy":"A","precertificate":null,"profile":"p","request":"A","schema":"chancery.event/1","statement":"A","time":1795210023000,"to_be_signed":"A","token_use":"A"}"#;

#[test]
fn an_intent_is_spent_once_and_in_time() {
    let leaf = INTENT.replace("\"A\"", &format!("\"{}\"", "ab".repeat(32)));
    let event = Event::decode(&leaf).unwrap();
    let logged = Time::from_seconds(1_795_210_023);
    let record = |intents: &mut Intents, index| intents.record(index, event.clone(), logged);
    let mut intents = Intents::default();
    for index in 0..4 {
        record(&mut intents, index);
    }
    let late = logged.plus_seconds(MAX_AGE + 1);
    assert!(
        matches!(&event.body, Body::Intent(intent) if intents.find(0).unwrap().as_ref() == intent.as_ref())
    );
    assert_eq!(intents.spend(0, late), Err(NotSpendable::Old));
    assert_eq!(intents.spend(0, logged.plus_seconds(MAX_AGE)), Ok(()));
    assert_eq!(intents.spend(0, logged), Err(NotSpendable::Unknown));
    assert_eq!(intents.find(0), Err(NotSpendable::Unknown));
    assert_eq!(intents.spend(9, logged), Err(NotSpendable::Unknown));
    let profile = ProfileName::parse("p").unwrap();
    assert_eq!(intents.count_since(&profile, logged.plus_seconds(-1)), 4);
    assert_eq!(intents.count_since(&profile, logged), 0);
    // A clock that goes back makes no room.
    intents.record(4, event, logged.plus_seconds(-3600));
    assert_eq!(intents.count_since(&profile, logged.plus_seconds(-1)), 5);
}

#[test]
fn a_restart_forgets_open_intents_but_not_how_many_there_were() {
    let leaf = INTENT.replace("\"A\"", &format!("\"{}\"", "ab".repeat(32)));
    let sha256 = chancery_core::digest::Sha256::of(b"root");
    let now = Time::from_seconds(1_795_210_023);
    let root = Event { time: now, body: Body::Root(Root { sha256 }) }.encode().unwrap();
    let leaves = [root, leaf.clone(), leaf.replace("\"p\"", "\"q\""), leaf];
    let (memory, ledger) = (FakeMemory::default(), FakeLedger::new("log2026.sign.example"));
    let followed = Followed::default();
    followed.pin(&ledger.vkey(), sha256, &memory).unwrap();
    followed.advance(&ledger.batch(0, &leaves), &[], &memory, now).unwrap();
    let again = Followed::resume(&memory, 0).unwrap();
    assert_eq!(again.position().0, 4);
    let (p, q) = (ProfileName::parse("p").unwrap(), ProfileName::parse("q").unwrap());
    again.with_intents(|intents| {
        assert_eq!(intents.find(1), Err(NotSpendable::Unknown));
        assert_eq!(intents.spend(1, now), Err(NotSpendable::Unknown));
        assert_eq!(intents.count_since(&p, now.plus_seconds(-1)), 2);
        assert_eq!(intents.count_since(&q, now.plus_seconds(-1)), 1);
        assert_eq!(intents.count_since(&p, now.plus_seconds(2)), 0);
    });
    // What an earlier version kept knows no volumes; what is malformed is refused.
    let kept = String::from_utf8(memory.read(Piece::Ledger).unwrap().unwrap()).unwrap();
    let (before, volumes) = kept.split_once(",\"volumes\":").unwrap();
    memory.write(Piece::Ledger, format!("{before}}}").as_bytes()).unwrap();
    assert!(Followed::resume(&memory, 0).is_ok());
    let altered = volumes.replacen("\"p\":\"", "\"p\":\"AAAA", 1);
    memory.write(Piece::Ledger, format!("{before},\"volumes\":{altered}").as_bytes()).unwrap();
    assert!(Followed::resume(&memory, 0).unwrap_err().to_string().contains("volume of `p`"));
}

/// A mixed upgrade is refused in words.
#[test]
fn another_protocol_is_named() {
    let seat = Seat::new();
    for protocol in [0, PROTOCOL - 1, PROTOCOL + 1, u32::MAX] {
        let reply = seat.keyguard.answer(Call::Hello { protocol });
        let expected = format!("gateway speaks protocol {protocol}, keyguard speaks {PROTOCOL}");
        assert!(matches!(&reply, Reply::Failed(why) if *why == expected), "{reply:?}");
    }
    assert!(matches!(seat.keyguard.answer(Call::Hello { protocol: PROTOCOL }), Reply::Hello(_)));
}
