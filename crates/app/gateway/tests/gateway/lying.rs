//! A gateway that lies to the keyguard: every lie is refused with its code, and no key is used.

use chancery_core::digest::Sha256;
use chancery_core::id::{KeyId, PolicyVersion, ProfileName};
use chancery_core::message::{Call, Ordered, Reply};
use chancery_core::order::{LeafPlan, MAX_ORDERS, Order, Orders};
use chancery_core::port::clock::Clock as _;
use chancery_core::port::cosigner::CosignError;
use chancery_core::port::sequencer::Append;
use chancery_ledger::event::{Body, Event, Intent, Policy};

use chancery_testkit::governance::sign_next;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json;

use crate::answers::{ordered, refused};
use crate::world::{PEOPLE, World, wish};

fn is_signed(world: &World, order: &Orders) -> bool {
    ordered(world, order).is_none()
}

/// The planned leaf of the one order.
fn leaf(orders: &mut Orders) -> &mut LeafPlan {
    orders.orders[0].leaf.as_mut().unwrap()
}

type Lie = (&'static str, fn(&mut Orders), &'static str);
pub(crate) type IntentLie = (&'static str, fn(&mut Intent));
type TrustLie = (&'static str, fn(&mut TrustSnapshot));

#[tokio::test]
async fn altered_orders_are_refused_and_spend_nothing() {
    let world = World::new().await;
    let honest = world.order(&wish("dev", "app")).await;
    let lies: [Lie; 14] = [
        ("no such intent", |o| o.orders[0].intent = 999, "CH5002"),
        ("another leaf's index", |o| o.orders[0].intent = 0, "CH5002"),
        ("another request", |o| o.request = wish("dev", "x").canonical().to_owned(), "CH5001"),
        ("spaces in the request", |o| o.request.push(' '), "CH5001"),
        ("another profile", |o| o.request = wish("scarce", "app").canonical().to_owned(), "CH3004"),
        ("another statement", |o| o.orders[0].statement = wish("dev", "x").statements()[0].0, "CH5001"),
        ("another policy", |o| o.policy = PolicyVersion::new(Sha256::of(b"x")), "CH5003"),
        ("no leaf", |o| o.orders[0].leaf = None, "CH5001"),
        ("another serial", |o| leaf(o).serial[15] ^= 1, "CH5001"),
        ("a later leaf", |o| leaf(o).not_before = leaf(o).not_before.plus_seconds(5), "CH5001"),
        ("a leaf for later", |o| leaf(o).not_before = leaf(o).not_before.plus_seconds(90), "CH5001"),
        ("a leaf over another key", |o| leaf(o).key = KeyId::parse("dev-message").unwrap(), "CH5001"),
        ("another token", |o| o.evidence.token.push('x'), "CH3001"),
        ("keys beside the pinned ones", |o| o.evidence.issuer_keys.push(' '), "CH5010"),
    ];
    for (name, lie, expected) in lies {
        let mut order = honest.clone();
        lie(&mut order);
        assert_ne!(order, honest, "{name}");
        assert_eq!(refused(&world, &order), expected, "{name}");
    }
    assert!(is_signed(&world, &honest));
    assert_eq!(refused(&world, &honest), "CH5002", "spent");
}

/// Each order of a message has its own fate, in the message's order; an intent is good for one of them.
#[tokio::test]
async fn neighbours_in_a_message_do_not_touch_each_other() {
    let world = World::new().await;
    let mut orders = world.order(&wish("dev", "app")).await;
    let good = orders.orders[0].clone();
    orders.orders = vec![Order { intent: 999, ..good.clone() }, good.clone(), good.clone()];
    let Reply::Ordered(each) = world.port.answer(Call::Sign(Box::new(orders.clone()))) else { panic!() };
    let codes: Vec<_> = each
        .iter()
        .map(|one| match one {
            Ordered::Signed(signed) => signed.timestamp.as_ref().map_or("unstamped", |_| "signed"),
            Ordered::Refused(refusal) => refusal.code.code(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, ["CH5002", "signed", "CH5002"]);
    orders.orders = vec![good; MAX_ORDERS + 1];
    assert_eq!(refused(&world, &orders), "CH5001", "too many");
}

/// Every way in which an intent can lie; the audit is tried with the same.
pub(crate) const INTENT_LIES: &[IntentLie] = &[
    ("request", |intent| intent.request = wish("dev", "x").id()),
    ("statement", |intent| intent.statement = wish("dev", "x").statements()[0].0),
    ("profile", |intent| intent.profile = ProfileName::parse("scarce").unwrap()),
    ("key", |intent| intent.key = KeyId::parse("dev-message").unwrap()),
    ("artifact", |intent| intent.artifact = Sha256::of(b"x")),
    ("policy", |intent| intent.policy = PolicyVersion::new(Sha256::of(b"x"))),
    ("bytes", |intent| intent.to_be_signed = Sha256::of(b"x")),
    ("claims", |intent| drop(intent.claims.insert("build_trigger".to_owned(), "tag".to_owned()))),
    ("token", |intent| intent.token_use = Sha256::of(b"x")),
    ("evidence", |intent| intent.evidence = Sha256::of(b"x")),
    ("leaf", |intent| intent.precertificate = None),
];

/// Logs an intent that says something else than the order, and orders with it.
fn with_logged_lie(world: &World, honest: &Orders, lie: impl FnOnce(&mut Intent)) -> Orders {
    let index = usize::try_from(honest.orders[0].intent).unwrap();
    let mut event = Event::decode(&world.ledger.leaves()[index]).unwrap();
    if let Body::Intent(intent) = &mut event.body {
        lie(intent);
    }
    let leaf = event.encode().unwrap();
    let receipts = world.ledger.append_now(&Append { leaves: vec![leaf], changes: vec![] }).unwrap();
    let mut lying = honest.clone();
    lying.orders[0].intent = receipts[0].index;
    lying
}

#[tokio::test]
async fn logged_lies_are_refused() {
    let world = World::new().await;
    let honest = world.order(&wish("dev", "app")).await;
    for (name, lie) in INTENT_LIES {
        let order = with_logged_lie(&world, &honest, lie);
        assert_eq!(refused(&world, &order), "CH5001", "{name}");
    }
    assert!(is_signed(&world, &honest));
}

#[tokio::test]
async fn intents_from_before_a_restart_are_dead() {
    let world = World::new().await;
    let order = world.order(&wish("dev", "app")).await;
    world.restart_keyguard().await;
    assert_eq!(refused(&world, &order), "CH5002");
    world.sign(&wish("dev", "other")).await.unwrap();
}

#[tokio::test]
async fn people_and_disabled_keys_do_not_sign() {
    let world = World::new().await;
    let request = wish("dev", "app");
    let mut order = world.order(&request).await;
    let token = std::mem::replace(&mut order.evidence.token, world.token_of(PEOPLE, &request, |_| {}));
    assert_eq!(refused(&world, &order), "CH3007");
    order.evidence.token = token;
    let disabled = world.port.answer(Call::KeyDisable(KeyId::parse("dev-provenance").unwrap()));
    assert!(matches!(disabled, Reply::Key(_)));
    assert_eq!(refused(&world, &order), "CH4018");
}

#[tokio::test]
async fn the_keyguard_counts_for_itself() {
    let world = World::new().await;
    let mut orders = Vec::new();
    for name in ["a", "b", "c"] {
        orders.push(world.order(&wish("scarce", name)).await);
    }
    // Three intents are logged where two are allowed: whichever is ordered, the others count.
    for order in &orders {
        assert_eq!(refused(&world, order), "CH4016");
    }
}

#[tokio::test]
async fn only_the_policy_that_the_ledger_names_is_used() {
    let world = World::new().await;
    let changed = world.changed("profiles/dev.toml", "count = 100", "count = 99");
    let first = world.gateway.governance().unwrap();
    let set = sign_next(&changed, &first.signed);
    let signatures = set.canonical().unwrap();
    let load =
        |documents: String| world.port.answer(Call::Policy { documents, signatures: signatures.clone() });
    let code = |reply: Reply| match reply {
        Reply::Refused(refusal) => refusal.code.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(load(changed.canonical().to_owned())), "CH5003");
    world.apply(changed.clone()).await.unwrap();
    assert_eq!(code(load(world.documents().canonical().to_owned())), "CH5003", "rollback");
    for sequence in [1, 2, 4] {
        let (version, signatures) = (world.documents().version(), set.sha256().unwrap());
        let event = Policy { version, sequence, signatures };
        let leaf = Event { time: world.clock.now(), body: Body::Policy(event) }.encode().unwrap();
        let follow = world.ledger.batch(world.ledger.leaves().len(), &[leaf]);
        let answer = world.port.follow(&follow);
        assert!(matches!(answer, Err(CosignError::Inconsistent(_))), "{sequence}: {answer:?}");
    }
    world.sign(&wish("dev", "app")).await.unwrap();
}

#[tokio::test]
async fn shrunk_and_forked_ledgers_are_not_cosigned() {
    let world = World::new().await;
    let size = world.ledger.leaves().len();
    let before = world.custodian.signatures();
    let leaf = "{\"n\":1}".to_owned();
    let shrunk = world.port.follow(&world.ledger.batch(size - 2, std::slice::from_ref(&leaf)));
    assert!(matches!(shrunk, Err(CosignError::Inconsistent(_))), "{shrunk:?}");
    let same = world.port.follow(&world.ledger.batch(size - 1, std::slice::from_ref(&leaf)));
    assert!(matches!(same, Err(CosignError::Behind { .. })), "{same:?}");
    let mut forked = world.ledger.batch(size, std::slice::from_ref(&leaf));
    forked.leaves = vec!["{\"n\":2}".to_owned()];
    let forked = world.port.follow(&forked);
    assert!(matches!(forked, Err(CosignError::Inconsistent(_))), "{forked:?}");
    assert_eq!(world.custodian.signatures(), before);
    world.sign(&wish("dev", "app")).await.unwrap();
}

#[tokio::test]
async fn trust_that_is_not_its_own_is_not_signed() {
    let world = World::new().await;
    let now = world.clock.now();
    let policies = world.gateway.governance().unwrap().gates.policies().clone();
    let honest = world.gateway.trust().unwrap().now(now, policies);
    let key = honest.cosigners[0].clone();
    let before = world.custodian.signatures();
    let lies: [TrustLie; 11] = [
        ("a year", |trust| trust.expires = trust.taken_at.plus_seconds(366 * 86_400)),
        ("an hour ago", |trust| trust.taken_at = trust.taken_at.plus_seconds(-3600)),
        ("no cosigner", |trust| (trust.cosigners, trust.quorum) = (vec![], 0)),
        ("no quorum", |trust| trust.quorum = 0),
        ("no policies", |trust| trust.policies.clear()),
        ("a weaker policy", |trust| trust.policies.values_mut().for_each(|policy| policy.identity = None)),
        ("no native root", |trust| trust.native_roots.clear()),
        ("another root", |trust| trust.native_roots.push(trust.roots.authorities[0].chain()[0].clone())),
        ("no CT key", |trust| trust.roots.ct_logs.clear()),
        ("the time stamping root signs code", |trust| {
            trust.roots.authorities = trust.roots.timestamp_authorities.clone();
        }),
        ("code signers stamp", |trust| trust.roots.timestamp_authorities = trust.roots.authorities.clone()),
    ];
    for (name, lie) in lies {
        let mut snapshot = honest.clone();
        lie(&mut snapshot);
        assert_ne!(snapshot, honest, "{name}");
        let document = trust_json::seal(&snapshot, vec![]).unwrap();
        let reply = world.port.answer(Call::TrustSign { document });
        assert!(matches!(reply, Reply::Refused(_)), "{name}: {reply:?}");
    }
    assert_eq!(world.custodian.signatures(), before);
    let document = trust_json::seal(&honest, vec![]).unwrap();
    assert!(matches!(world.port.answer(Call::TrustSign { document }), Reply::TrustSigned(_)));
    assert_eq!(key.key.to_string(), world.gateway.trust().unwrap().authorities.cosigner_vkey);
}
