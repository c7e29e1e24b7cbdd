//! The keyguard fetches issuers' keys through the gateway: honest issuers are heard, and neither a hostile issuer nor
//! whoever carries the bytes brings other keys in.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::IssuerName;
use chancery_core::message::{Call, Ordered, Reply};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::cosigner::CosignError;
use chancery_core::port::memory::{Memory as _, Piece};
use chancery_core::port::sequencer::Append;
use chancery_core::time::Time;
use chancery_core::tunnel::{KeysWish, MAX_PIPED, Piped, Tunnel};
use chancery_gateway::failure::Failure;
use chancery_identity::dev_issuer::DevKey;
use chancery_ledger::event::{Body, Event, IssuerKeys};
use chancery_testkit::issuer::{Answer, Direction, End, Issuers, Network, honest};

use crate::answers::refused;
use crate::world::{ISSUER, PEOPLE, World, wish};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const HOST: &str = "issuer.dev.localhost";

fn now() -> Time {
    Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap()
}

/// A world whose issuers are asked, with the honest issuer serving.
async fn far() -> (World, Arc<Issuers>) {
    let issuers = Issuers::new(now());
    let world = World::far(Arc::new(Network(Arc::clone(&issuers))), issuers.roots()).await;
    issuers.serve(ISSUER, &world.jwks());
    (world, issuers)
}

fn recorded(world: &World) -> usize {
    world.count(|body| matches!(body, Body::IssuerKeys(_)))
}

/// Nothing was signed, nothing logged, no token believed: a temporary failure that says `what`.
async fn fails(world: &World, name: &str, what: &str) {
    let before = world.custodian.signatures();
    let outcome = world.sign(&wish("dev", name)).await;
    let Err(Failure::Temporary(why)) = &outcome else { panic!("{name}: {outcome:?}") };
    assert!(why.contains(what), "{name}: {why}");
    assert_eq!(recorded(world), 0, "{name}");
    assert_eq!(world.custodian.signatures(), before, "{name}: a key was used");
    // The cool-down is over for the next one.
    world.clock.advance(31);
}

#[tokio::test]
async fn keys_of_an_honest_issuer_are_fetched_once_and_logged() {
    let (world, issuers) = far().await;
    for name in ["one", "two", "three"] {
        world.sign(&wish("dev", name)).await.unwrap();
    }
    assert_eq!(issuers.asked(), [format!("{HOST} {DISCOVERY}"), format!("{HOST} /jwks")]);
    let events = world.ledger.events();
    let expected =
        IssuerKeys { issuer: IssuerName::parse("dev").unwrap(), sha256: Sha256::of(world.jwks().as_bytes()) };
    let logged: Vec<usize> = events
        .iter()
        .filter(|(_, body)| matches!(body, Body::IssuerKeys(keys) if *keys == expected))
        .map(|(index, _)| *index)
        .collect();
    let first_intent = events.iter().find(|(_, body)| matches!(body, Body::Intent(_))).unwrap().0;
    assert!(matches!(logged.as_slice(), [index] if *index < first_intent), "{logged:?}");
    // After five minutes the issuer is asked again; the same set is not logged again.
    world.clock.advance(300);
    world.sign(&wish("dev", "four")).await.unwrap();
    assert_eq!((issuers.asked().len(), recorded(&world)), (4, 1));
}

#[tokio::test]
async fn answers_in_any_framing_and_any_pieces_are_heard() {
    let (world, issuers) = far().await;
    let keys = world.jwks();
    let chunked = {
        let mut body = String::new();
        for piece in keys.as_bytes().chunks(10) {
            body.push_str(&format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()));
        }
        Answer::head("200 OK", "transfer-encoding: chunked\r\n", &(body + "0\r\n\r\n"))
    };
    let forms = [
        chunked,
        Answer::head("200 OK", "", &keys),
        Answer::ok(&keys).then(End::Open),
        Answer::ok(&keys).then(End::Cut),
    ];
    for (form, largest) in forms.into_iter().zip([1, 7, 300, 16_384]) {
        issuers.largest(largest);
        let document = honest(ISSUER, "", DISCOVERY);
        issuers.behave(move |_, path| if path == DISCOVERY { document.clone() } else { form.clone() });
        world.sign(&wish("dev", &format!("by {largest}"))).await.unwrap();
        world.clock.advance(300);
    }
    assert_eq!(recorded(&world), 1);
}

const REDIRECT: &str = "location: https://evil.example/\r\ncontent-length: 0\r\n";

#[tokio::test]
async fn hostile_discovery_documents_bring_nothing() {
    let (world, issuers) = far().await;
    let keys = world.jwks();
    let evil = |host: &str| format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"https://{host}/jwks"}}"#);
    let redirect = Answer::head("302 Found", REDIRECT, "");
    let huge = " ".repeat(200_000);
    let cut = |answer: Answer, left: usize| {
        let mut bytes = answer.bytes;
        bytes.truncate(bytes.len() - left);
        Answer { bytes, end: End::Notify }
    };
    let documents: Vec<(&str, Answer, &str)> = vec![
        ("redirect", redirect, "redirect"),
        (
            "another issuer",
            Answer::ok(&format!(r#"{{"issuer":"{ISSUER}/","jwks_uri":"{ISSUER}/jwks"}}"#)),
            "names",
        ),
        ("keys elsewhere", Answer::ok(&evil("evil.example")), "neither its own host"),
        ("keys at another port", Answer::ok(&evil("issuer.dev.localhost:8443")), "neither its own host"),
        ("not found", Answer::head("404 Not Found", "content-length: 0\r\n", ""), "status 404"),
        ("html", Answer::ok("<html>"), "malformed"),
        ("empty", Answer::ok(""), "malformed"),
        ("huge", Answer::ok(&huge), "too long"),
        ("huge and not announced", Answer::head("200 OK", "", &huge), "too long"),
        ("silent", Answer { bytes: Vec::new(), end: End::Open }, "no answer in time"),
        ("a head that does not end", Answer { bytes: vec![b'x'; 40_000], end: End::Open }, "http/1.1"),
        ("hung up", Answer { bytes: Vec::new(), end: End::Cut }, "cut off"),
        ("shorter than it says", cut(honest(ISSUER, "", DISCOVERY), 1), "cut off"),
        ("no http", Answer { bytes: b"hello\r\n\r\n".to_vec(), end: End::Notify }, "http/1.1"),
        ("two lengths", Answer::head("200 OK", "content-length: 2\r\ncontent-length: 3\r\n", "{}"), "length"),
        (
            "compressed",
            Answer::head("200 OK", "content-encoding: gzip\r\ncontent-length: 2\r\n", "{}"),
            "encoding",
        ),
    ];
    for (name, answer, what) in documents {
        let keys = keys.clone();
        issuers.behave(move |_, path| if path == DISCOVERY { answer.clone() } else { Answer::ok(&keys) });
        fails(&world, name, what).await;
    }
    // Nobody but the issuer was ever connected to.
    assert!(issuers.dialled().iter().all(|peer| peer.host == HOST && peer.port == 443));
}

#[tokio::test]
async fn hostile_key_sets_bring_nothing() {
    let (world, issuers) = far().await;
    let keys = world.jwks();
    let redirect = Answer::head("302 Found", REDIRECT, "");
    let huge = " ".repeat(200_000);
    let symmetric = r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"s","alg":"HS256"}]}"#;
    let twin = {
        let other = DevKey::generate().unwrap().jwks();
        let mut set: serde_json::Value = serde_json::from_str(&keys).unwrap();
        let mut other: serde_json::Value = serde_json::from_str(&other).unwrap();
        other["keys"][0]["kid"] = set["keys"][0]["kid"].clone();
        let twin = other["keys"][0].take();
        set["keys"].as_array_mut().unwrap().push(twin);
        set.to_string()
    };
    let sets: Vec<(&str, Answer, &str)> = vec![
        ("keys by redirect", redirect, "redirect"),
        ("no keys", Answer::ok(r#"{"keys":[]}"#), "no usable key"),
        ("no set", Answer::ok("{}"), "not a jwk set"),
        ("symmetric", Answer::ok(symmetric), "secret"),
        ("private", Answer::ok(&keys.replace("\"kty\"", "\"d\":\"AAAA\",\"kty\"")), "secret"),
        ("one id, two keys", Answer::ok(&twin), "two different keys"),
        ("for encryption", Answer::ok(&keys.replace("\"sig\"", "\"enc\"")), "no usable key"),
        ("trailing data", Answer::ok(&format!("{keys}x")), "not a jwk set"),
        (
            "not utf-8",
            Answer {
                bytes: [Answer::head("200 OK", "content-length: 1\r\n", "").bytes, vec![0xff]].concat(),
                end: End::Notify,
            },
            "not a jwk set",
        ),
        ("huge keys", Answer::ok(&format!("{keys}{huge}")), "too long"),
        // Without TLS's word for the end, whoever carries the bytes could have cut it.
        ("cut where it might end", Answer::head("200 OK", "", &keys).then(End::Cut), "cut off"),
        (
            "chunks without an end",
            Answer::head("200 OK", "transfer-encoding: chunked\r\n", "2\r\n{}\r\n"),
            "cut off",
        ),
    ];
    for (name, answer, what) in sets {
        let document = honest(ISSUER, "", DISCOVERY);
        issuers.behave(move |_, path| if path == DISCOVERY { document.clone() } else { answer.clone() });
        fails(&world, name, what).await;
    }
    issuers.serve(ISSUER, &keys);
    world.sign(&wish("dev", "in the end")).await.unwrap();
}

#[tokio::test]
async fn whoever_carries_the_bytes_cannot_answer_for_the_issuer() {
    let (world, issuers) = far().await;
    // Another host of the same authority: the name is wrong.
    issuers.lead(HOST, "evil.example");
    fails(&world, "another host", "tls").await;
    issuers.lead(HOST, HOST);
    // An authority that the keyguard does not know.
    let forgers = Issuers::new(now());
    forgers.serve(ISSUER, &DevKey::generate().unwrap().jwks());
    let other = World::far(Arc::new(Network(forgers)), issuers.roots()).await;
    fails(&other, "another authority", "tls").await;
    // A certificate that is not valid any more.
    let later = World::far(Arc::new(Network(Arc::clone(&issuers))), issuers.roots()).await;
    later.clock.advance(31 * 86_400);
    fails(&later, "an expired certificate", "tls").await;
}

/// Flips a bit in one piece after the other, at its start, its middle and its end: no keys come of it.
#[tokio::test]
async fn no_altered_piece_is_believed() {
    let (world, issuers) = far().await;
    issuers.largest(200);
    issuers.carry(|_, _, _| {});
    let honest = carry_through(&world, &issuers).await;
    assert!(matches!(honest, Reply::IssuerKeys(_)), "{honest:?}");
    let pieces = issuers.pieces();
    assert!(pieces > 8, "{pieces}");
    let mut altered = 0;
    for (piece, place) in (0..pieces).flat_map(|piece| [0, 1, 2].map(|place| (piece, place))) {
        // Too old to serve.
        world.clock.advance(3600);
        issuers.carry(move |_, number, bytes| {
            if number == piece && !bytes.is_empty() {
                let at = [0, bytes.len() / 2, bytes.len() - 1][place];
                bytes[at] ^= 1;
            }
        });
        let reply = carry_through(&world, &issuers).await;
        // What is altered after the keys are whole (TLS's goodbye) changes nothing any more.
        let is_same = matches!(&reply, Reply::IssuerKeys(keys) if keys.keys == world.jwks());
        assert!(matches!(reply, Reply::Unavailable(_)) || is_same, "{piece} {place}: {reply:?}");
        altered += usize::from(!is_same);
    }
    assert!(altered > 8, "{altered}");
}

fn ask(world: &World) -> Reply {
    let wish = KeysWish { issuer: IssuerName::parse("dev").unwrap(), key_id: None };
    world.port.answer(Call::IssuerKeys(wish))
}

/// Carries a fetch to its end as an honest gateway does.
async fn carry_through(world: &World, issuers: &Arc<Issuers>) -> Reply {
    use chancery_core::port::dialer::{Dialer as _, Reach};
    let network = Network(Arc::clone(issuers));
    let mut wire = None;
    let mut reply = ask(world);
    loop {
        let Reply::Tunnel(Tunnel { id, connect, bytes }) = reply else { return reply };
        if let Some(peer) = connect {
            wire = Some(network.dial(&peer, Reach::Public).await.unwrap());
        }
        let wire = wire.as_mut().unwrap();
        wire.send(&bytes).await.unwrap();
        let piped = match wire.receive().await {
            Ok(bytes) => Piped { id, ended: bytes.is_empty().then(String::new), bytes },
            Err(error) => Piped { id, bytes: Vec::new(), ended: Some(error.to_string()) },
        };
        reply = world.port.answer(Call::Tunnel(piped));
    }
}

/// Each piece arrives two seconds after the one before: the fetch is given up after ten.
#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let (world, issuers) = far().await;
    issuers.largest(100);
    let clock = Arc::clone(&world.clock);
    issuers.carry(move |direction, _, _| {
        if direction == Direction::From {
            clock.advance(2);
        }
    });
    let reply = carry_through(&world, &issuers).await;
    assert!(matches!(&reply, Reply::Unavailable(why) if why.contains("no answer in time")), "{reply:?}");
    assert!(issuers.pieces() < 20, "{}", issuers.pieces());
    // For a while nobody has the issuer asked again.
    let asked = issuers.dialled().len();
    assert!(matches!(ask(&world), Reply::Unavailable(_)));
    world.clock.advance(31);
    issuers.carry(|_, _, _| {});
    assert!(matches!(carry_through(&world, &issuers).await, Reply::IssuerKeys(_)));
    assert_eq!(issuers.dialled().len(), asked + 2);
}

/// A lying gateway that lets bytes arrive for ever fills nothing.
#[tokio::test]
async fn a_flood_before_the_handshake_is_cut_off() {
    let (world, _issuers) = far().await;
    let Reply::Tunnel(tunnel) = ask(&world) else { panic!() };
    // One TLS record header that promises 16 KiB, then another, for ever.
    let record = [vec![22, 3, 3, 64, 0], vec![0; 16_384]].concat();
    let mut last = None;
    for _ in 0..64 {
        let piped = Piped { id: tunnel.id, bytes: record.clone(), ended: None };
        last = Some(world.port.answer(Call::Tunnel(piped)));
        if matches!(last, Some(Reply::Unavailable(_))) {
            break;
        }
    }
    assert!(matches!(last, Some(Reply::Unavailable(_))), "{last:?}");
}

#[tokio::test]
async fn a_gateway_that_brings_its_own_keys_is_refused() {
    let (world, _issuers) = far().await;
    let forger = DevKey::generate().unwrap();
    let request = wish("dev", "forged");
    let honest = world.order(&request).await;
    let mut order = honest.clone();
    // A token that the forger signed, with the forger's keys beside it.
    let claims = chancery_identity::dev_issuer::DevToken {
        audience: chancery_identity::audience::bound(crate::world::HOST, request.id()),
        ..chancery_identity::dev_issuer::DevToken::default()
    };
    order.evidence.token = forger.mint(ISSUER, &claims, world.clock.now()).unwrap();
    order.evidence.issuer_keys = forger.jwks();
    assert_eq!(refused(&world, &order), "CH5010");
    for lie in [String::new(), "{}".to_owned(), format!("{} ", honest.evidence.issuer_keys)] {
        let mut order = honest.clone();
        order.evidence.issuer_keys = lie;
        assert_eq!(refused(&world, &order), "CH5010");
    }
    let reply = world.port.answer(Call::Sign(Box::new(honest)));
    assert!(
        matches!(&reply, Reply::Ordered(each) if matches!(each.as_slice(), [Ordered::Signed(_)])),
        "{reply:?}"
    );
}

#[tokio::test]
async fn keys_that_the_keyguard_did_not_fetch_are_not_cosigned() {
    let (world, issuers) = far().await;
    let leaf = |issuer: &str, keys: &str| {
        let body = Body::IssuerKeys(IssuerKeys {
            issuer: IssuerName::parse(issuer).unwrap(),
            sha256: Sha256::of(keys.as_bytes()),
        });
        Event { time: world.clock.now(), body }.encode().unwrap()
    };
    let cosign = |leaf: String| {
        let size = world.ledger.events().len();
        world.port.follow(&world.ledger.batch(size, &[leaf]))
    };
    let forged = DevKey::generate().unwrap().jwks();
    for (issuer, keys) in [("dev", forged.as_str()), ("dev", ""), ("unknown", forged.as_str())] {
        let outcome = cosign(leaf(issuer, keys));
        assert!(
            matches!(&outcome, Err(CosignError::Inconsistent(why)) if why.contains("did not fetch")),
            "{outcome:?}"
        );
    }
    // Not even the right ones, before they were fetched; and not under another issuer's name after.
    assert!(cosign(leaf("dev", &world.jwks())).is_err());
    assert!(matches!(carry_through(&world, &issuers).await, Reply::IssuerKeys(_)));
    assert!(cosign(leaf("people", &world.jwks())).is_err());
    world.ledger.append_now(&Append { leaves: vec![leaf("dev", &world.jwks())], changes: vec![] }).unwrap();
    assert_eq!(recorded(&world), 1);
    // The keyguard knows after a restart what it fetched before.
    world.restart_keyguard().await;
    world.ledger.append_now(&Append { leaves: vec![leaf("dev", &world.jwks())], changes: vec![] }).unwrap();
    assert_eq!(recorded(&world), 2);
}

/// A gateway that fetches, and keeps from the ledger what came: no token is believed under it.
#[tokio::test]
async fn keys_that_the_ledger_does_not_name_are_not_believed() {
    let (world, issuers) = far().await;
    let mut order = world.order(&wish("dev", "app")).await;
    let mut set: serde_json::Value = serde_json::from_str(&world.jwks()).unwrap();
    let mut more: serde_json::Value = serde_json::from_str(&DevKey::generate().unwrap().jwks()).unwrap();
    set["keys"].as_array_mut().unwrap().push(more["keys"][0].take());
    issuers.serve(ISSUER, &set.to_string());
    world.clock.advance(300);
    assert!(matches!(carry_through(&world, &issuers).await, Reply::IssuerKeys(keys) if !keys.recorded));
    order.evidence.issuer_keys = set.to_string();
    assert_eq!(refused(&world, &order), "CH5010");
    // Once it is logged, only the intent's own evidence speaks against the order.
    let sha256 = Sha256::of(set.to_string().as_bytes());
    let body = Body::IssuerKeys(IssuerKeys { issuer: IssuerName::parse("dev").unwrap(), sha256 });
    let leaf = Event { time: world.clock.now(), body }.encode().unwrap();
    world.ledger.append_now(&Append { leaves: vec![leaf], changes: vec![] }).unwrap();
    assert!(matches!(ask(&world), Reply::IssuerKeys(keys) if keys.recorded));
    assert_ne!(refused(&world, &order), "CH5010");
}

/// A keyguard whose record is gone stands behind nothing that it said before; the gateway asks it again.
#[tokio::test]
async fn a_keyguard_without_its_record_fetches_anew() {
    let (world, issuers) = far().await;
    world.sign(&wish("dev", "before")).await.unwrap();
    world.memory.write(Piece::IssuerKeys, br#"{"sets":[]}"#).unwrap();
    world.restart_keyguard().await;
    let outcome = world.sign(&wish("dev", "after")).await;
    assert!(matches!(&outcome, Err(Failure::Temporary(why)) if why.contains("other keys")), "{outcome:?}");
    world.sign(&wish("dev", "after")).await.unwrap();
    assert_eq!((issuers.asked().len(), recorded(&world)), (4, 2));
}

#[tokio::test]
async fn orders_outlive_a_restart_of_the_keyguard() {
    let (world, issuers) = far().await;
    world.sign(&wish("dev", "before")).await.unwrap();
    world.restart_keyguard().await;
    world.sign(&wish("dev", "after")).await.unwrap();
    assert_eq!(
        (issuers.asked().len(), recorded(&world)),
        (2, 1),
        "what is durable need not be fetched again"
    );
}

#[tokio::test]
async fn a_removed_key_stops_and_an_outage_is_bridged_for_an_hour() {
    let (world, issuers) = far().await;
    world.sign(&wish("dev", "one")).await.unwrap();
    let old = world.order(&wish("dev", "ordered before")).await;
    // The issuer rotates: the old set serves out its five minutes.
    let rotated = DevKey::generate().unwrap().jwks();
    issuers.serve(ISSUER, &rotated);
    world.clock.advance(31);
    assert!(matches!(carry_through(&world, &issuers).await, Reply::IssuerKeys(_)), "fresh enough");
    let unknown = KeysWish { issuer: IssuerName::parse("dev").unwrap(), key_id: Some("unknown".to_owned()) };
    assert!(matches!(world.port.answer(Call::IssuerKeys(unknown)), Reply::Tunnel(_)), "asked anew");
    world.clock.advance(270);
    assert!(matches!(carry_through(&world, &issuers).await, Reply::IssuerKeys(keys) if keys.keys == rotated));
    assert_eq!(refused(&world, &old), "CH5010", "too old, since another set was published");

    let (world, issuers) = far().await;
    world.sign(&wish("dev", "one")).await.unwrap();
    issuers.behave(|_, _| Answer::head("503 Service Unavailable", "content-length: 0\r\n", ""));
    for minutes in [10, 20, 25] {
        world.clock.advance(minutes * 60);
        world.sign(&wish("dev", &format!("{minutes}"))).await.unwrap();
    }
    world.clock.advance(5 * 60);
    let outcome = world.sign(&wish("dev", "late")).await;
    assert!(matches!(outcome, Err(Failure::Temporary(_))), "{outcome:?}");
}

#[tokio::test]
async fn tunnels_are_few_short_and_to_registered_issuers_only() {
    let (world, issuers) = far().await;
    let asks = |name: &str| {
        let wish = KeysWish { issuer: IssuerName::parse(name).unwrap(), key_id: None };
        world.port.answer(Call::IssuerKeys(wish))
    };
    assert!(matches!(asks("stranger"), Reply::Refused(refusal) if refusal.code.code() == "CH3002"));
    let Reply::Tunnel(first) = asks("dev") else { panic!() };
    let Reply::Tunnel(second) = asks("dev") else { panic!() };
    assert_ne!(first.id, second.id);
    assert_eq!(second.connect.as_ref().map(|peer| (peer.host.as_str(), peer.port)), Some((HOST, 443)));
    let Reply::Tunnel(people) = asks("people") else { panic!() };
    assert!(PEOPLE.ends_with(&people.connect.unwrap().host));
    // Whoever asks again has given the one before up.
    let piped = |id, bytes: Vec<u8>| world.port.answer(Call::Tunnel(Piped { id, bytes, ended: None }));
    assert!(matches!(piped(first.id, vec![1]), Reply::Unavailable(_)));
    assert!(matches!(piped(999, vec![1]), Reply::Unavailable(_)));
    assert!(matches!(piped(second.id, vec![0; MAX_PIPED + 1]), Reply::Unavailable(_)));
    assert!(matches!(piped(second.id, vec![1]), Reply::Unavailable(_)), "closed by then");
    // One that is idle is dropped.
    world.clock.advance(11);
    let late = piped(people.id, Vec::new());
    assert!(matches!(&late, Reply::Unavailable(why) if why.contains("in time")), "{late:?}");
    assert!(issuers.asked().is_empty());
}
