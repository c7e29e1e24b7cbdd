//! Notices: in order, at least once, given up at last, whatever the receiver does and whenever the process ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_core::port::Boxed;
use chancery_core::port::courier::{Courier, NotTaken, Notice};
use chancery_core::port::outbox::Outbox as _;
use chancery_core::time::Time;
use chancery_gateway::webhook::{Kind, NotRedelivered, Parts, Redelivered, Schedule, Subscription, Webhooks};
use chancery_testkit::outbox::FakeOutbox;

use crate::world::{World, wish};

/// Takes notices, or does not, as it was told; keeps what it took.
#[derive(Debug, Default)]
struct Receiver {
    script: Mutex<VecDeque<Result<(), NotTaken>>>,
    taken: Mutex<Vec<Notice>>,
    asked: Mutex<u32>,
    refuses: Mutex<bool>,
}

impl Receiver {
    fn taken(&self) -> Vec<Notice> {
        self.taken.lock().unwrap().clone()
    }
    fn kinds(&self) -> Vec<String> {
        self.taken().into_iter().map(|notice| notice.kind).collect()
    }
    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
    fn go_away(&self) {
        *self.refuses.lock().unwrap() = true;
    }
    fn come_back(&self) {
        *self.refuses.lock().unwrap() = false;
    }
}

impl Courier for Receiver {
    fn deliver<'a>(&'a self, _: &'a str, notice: &'a Notice, _: Time) -> Boxed<'a, Result<(), NotTaken>> {
        Box::pin(async move {
            *self.asked.lock().unwrap() += 1;
            tokio::task::yield_now().await;
            if *self.refuses.lock().unwrap() {
                return Err(NotTaken("the answer has status 500".to_owned()));
            }
            self.script.lock().unwrap().pop_front().unwrap_or(Ok(()))?;
            self.taken.lock().unwrap().push(notice.clone());
            Ok(())
        })
    }
}

const FAST: Schedule = Schedule {
    attempts: 4,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
    look: Duration::from_millis(1),
};

fn webhooks(world: &World, receiver: &Arc<Receiver>, outbox: &FakeOutbox, kinds: &[Kind]) -> Arc<Webhooks> {
    let parts = Parts {
        gateway: Arc::clone(&world.gateway),
        courier: Arc::clone(receiver) as _,
        outbox: Arc::new(outbox.clone()),
        schedule: FAST,
    };
    let kinds: BTreeSet<Kind> = kinds.iter().copied().collect();
    let (name, host) = ("ops".to_owned(), "ops.example".to_owned());
    Webhooks::new(parts, vec![Subscription { name, host, kinds, attempts: None }])
}

/// Runs the telling until a condition holds, then ends it as the end of a process does.
async fn run_until(webhooks: &Arc<Webhooks>, what: &str, mut condition: impl FnMut() -> bool) {
    let running = Arc::clone(webhooks);
    let task = tokio::spawn(async move { running.run().await });
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("waited for {what}"));
    task.abort();
}

const ALL: [Kind; 3] = [Kind::SignatureReleased, Kind::PolicyChanged, Kind::RequestDenied];

/// Begins at the ledger's end, so that what follows is told.
async fn begun(world: &World, receiver: &Arc<Receiver>, outbox: &FakeOutbox) -> Arc<Webhooks> {
    let webhooks = webhooks(world, receiver, outbox, &ALL);
    run_until(&webhooks, "the first look", || webhooks.standings()[0].1.next.is_some()).await;
    assert_eq!(receiver.taken(), [], "what was there before is not told");
    webhooks
}

#[tokio::test]
async fn tells_in_order_what_was_asked_for_and_survives_failures() {
    let world = World::new().await;
    let (receiver, outbox) = (Arc::new(Receiver::default()), FakeOutbox::default());
    let webhooks = begun(&world, &receiver, &outbox).await;
    let failed = || Err(NotTaken("no answer in time".to_owned()));
    receiver.script.lock().unwrap().extend([failed(), failed(), Ok(()), failed(), Ok(())]);
    for name in ["a", "b", "c"] {
        world.sign(&wish("dev", name)).await.unwrap();
    }
    run_until(&webhooks, "three notices", || receiver.taken().len() == 3).await;
    assert_eq!(receiver.kinds(), ["signature.released"; 3]);
    assert_eq!(receiver.asked(), 6, "each attempt that failed was made once more");
    let index = |notice: &Notice| {
        let event: serde_json::Value = serde_json::from_str(&notice.body).unwrap();
        assert_eq!(event["type"], "chancery.signature.released");
        let index = event["data"]["index"].as_u64().unwrap();
        let leaf: serde_json::Value =
            serde_json::from_str(&world.ledger.leaves()[usize::try_from(index).unwrap()]).unwrap();
        assert_eq!(event["data"]["entry"], leaf);
        index
    };
    let indices: Vec<u64> = receiver.taken().iter().map(index).collect();
    assert!(indices.is_sorted(), "{indices:?}");
    let standing = &webhooks.standings()[0].1;
    assert_eq!((standing.delivered, standing.failed, standing.dead), (3, 3, 0));
    assert_eq!(standing.last_failure.as_ref().unwrap().1, "no answer in time");
}

#[tokio::test]
async fn gives_up_after_the_last_attempt_and_goes_on() {
    let world = World::new().await;
    let (receiver, outbox) = (Arc::new(Receiver::default()), FakeOutbox::default());
    let webhooks = begun(&world, &receiver, &outbox).await;
    receiver.go_away();
    for name in ["a", "b"] {
        world.sign(&wish("dev", name)).await.unwrap();
    }
    run_until(&webhooks, "two dead letters", || webhooks.standings()[0].1.dead == 2).await;
    assert_eq!(receiver.asked(), 2 * FAST.attempts);
    let dead = webhooks.dead("ops", 0).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [FAST.attempts; 2]);
    assert!(dead.iter().all(|letter| letter.why == "the answer has status 500"));

    // While the receiver is still away, nothing is lost by trying again.
    let again = webhooks.redeliver("ops", None).await;
    assert!(matches!(
        again,
        Err(NotRedelivered::NotTaken { before: Redelivered { delivered: 0, left: 2 }, .. })
    ));
    receiver.come_back();
    world.sign(&wish("dev", "c")).await.unwrap();
    run_until(&webhooks, "the third", || receiver.taken().len() == 1).await;
    let one = webhooks.redeliver("ops", Some(dead[1].number)).await.unwrap();
    assert_eq!(one, Redelivered { delivered: 1, left: 1 });
    assert!(webhooks.redeliver("ops", Some(dead[1].number)).await.is_err(), "it is no dead letter any more");
    let rest = webhooks.redeliver("ops", None).await.unwrap();
    assert_eq!(rest, Redelivered { delivered: 1, left: 0 });
    let ids: Vec<String> = receiver.taken().into_iter().map(|notice| notice.id).collect();
    assert_eq!(ids[1..], [dead[1].notice.id.clone(), dead[0].notice.id.clone()]);
    assert_eq!(webhooks.standings()[0].1.dead, 0);
}

#[tokio::test]
async fn a_restart_anywhere_loses_nothing_and_changes_no_order() {
    let world = World::new().await;
    let (receiver, outbox) = (Arc::new(Receiver::default()), FakeOutbox::default());
    drop(begun(&world, &receiver, &outbox).await);
    for n in 0..8 {
        world.sign(&wish("dev", &format!("f{n}"))).await.unwrap();
    }
    // The process ends after every single attempt.
    let mut ends = 0;
    while receiver.taken().len() < 8 {
        let before = receiver.asked();
        let fresh = webhooks(&world, &receiver, &outbox, &ALL);
        run_until(&fresh, "one more attempt", || receiver.asked() > before).await;
        ends += 1;
        assert!(ends < 100, "{:?}", receiver.kinds());
    }
    let mut seen = BTreeSet::new();
    let taken = receiver.taken();
    let firsts: Vec<&str> =
        taken.iter().map(|notice| notice.id.as_str()).filter(|id| seen.insert(id.to_owned())).collect();
    let index = |id: &str| id.split('-').nth(1).unwrap().parse::<u64>().unwrap();
    assert_eq!(firsts.len(), 8, "every one was told");
    assert!(firsts.iter().map(|id| index(id)).is_sorted(), "and first told in order: {firsts:?}");
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let world = World::new().await;
    let (receiver, outbox) = (Arc::new(Receiver::default()), FakeOutbox::default());
    let webhooks = webhooks(&world, &receiver, &outbox, &[Kind::RequestDenied]);
    run_until(&webhooks, "the first look", || webhooks.standings()[0].1.next.is_some()).await;
    world.sign(&wish("dev", "a")).await.unwrap();
    for n in 0..3 {
        if n < 2 {
            world.sign(&wish("scarce", &format!("s{n}"))).await.unwrap();
        } else {
            world.sign(&wish("scarce", "too many")).await.unwrap_err();
        }
    }
    run_until(&webhooks, "the refusal", || !receiver.taken().is_empty()).await;
    run_until(&webhooks, "the end", || {
        webhooks.standings()[0].1.next == Some(u64::try_from(world.ledger.leaves().len()).unwrap())
    })
    .await;
    assert_eq!(receiver.kinds(), ["request.denied"]);
    let body = &receiver.taken()[0].body;
    assert!(body.contains("CH4016") && !body.contains("octo"), "{body}");
    assert!(webhooks.test("nope").await.is_err());
    let id = webhooks.test("ops").await.unwrap();
    assert_eq!(receiver.taken()[1].id, id);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_once_per_threshold() {
    let world = World::new().await;
    let (receiver, outbox) = (Arc::new(Receiver::default()), FakeOutbox::default());
    // `dev-cms` has a certificate of thirty days.
    let fresh = || webhooks(&world, &receiver, &outbox, &[Kind::CertificateExpiring]);
    let first = fresh();
    run_until(&first, "the first notice", || !receiver.taken().is_empty()).await;
    let again = fresh();
    run_until(&again, "another look", || again.standings()[0].1.next.is_some()).await;
    world.clock.advance(17 * 86_400);
    let later = fresh();
    run_until(&later, "the second notice", || receiver.taken().len() == 2).await;
    let told: Vec<serde_json::Value> =
        receiver.taken().iter().map(|notice| serde_json::from_str(&notice.body).unwrap()).collect();
    let days: Vec<u64> = told.iter().map(|event| event["data"]["within_days"].as_u64().unwrap()).collect();
    assert_eq!(days, [30, 14]);
    assert!(told.iter().all(|event| event["subject"] == "dev-cms"));
    assert!(outbox.was_told("ops".to_owned(), receiver.taken()[0].id.clone()).await.unwrap());
}
