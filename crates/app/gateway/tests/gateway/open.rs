//! What a crash, a faulty key backend or an authority that is away leaves open.

use std::sync::atomic::Ordering;

use chancery_core::depth::Depth;
use chancery_core::format::FormatName;
use chancery_core::port::custodian::CustodyError;
use chancery_core::request::Request;
use chancery_gateway::bootstrap;
use chancery_gateway::failure::Failure;
use chancery_gateway::order;
use chancery_gateway::reconcile::{Reconciled, reconcile};
use chancery_policy::profile::Timestamping;
use chancery_testkit::custodian::Fault;
use chancery_testkit::pe::{Bits, image};
use serde_json::json;

use crate::world::{World, prepare, request, wish};

const NOTHING: Reconciled = Reconciled { resumed: 0, abandoned: 0, waiting: 0 };

fn program() -> Request {
    let prepared = prepare(FormatName::Pe, &json!({}), &image(Bits::B32, &[512], &[]));
    request("dev", vec![prepared.statement(FormatName::Pe, "app.exe", Depth::Structured)])
}

/// Where the process ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Intent,
    Signature,
}

async fn crash(world: &World, request: &Request, after: After) {
    let (decided, prepared, logged) = world.logged(request, world.token(request, |_| {})).await;
    if after == After::Signature {
        let signed =
            order::sign(&world.gateway, &decided, &Timestamping::Builtin, vec![Ok((prepared, logged))]).await;
        assert!(matches!(signed.as_slice(), [Ok(_)]));
    }
}

#[tokio::test]
async fn an_intent_without_a_signature_is_abandoned() {
    let world = World::new().await;
    crash(&world, &wish("dev", "app"), After::Intent).await;
    let gateway = world.fresh_gateway();
    let reconciled = bootstrap::start(&gateway).await.unwrap();
    assert_eq!(reconciled, Reconciled { abandoned: 1, ..NOTHING });
    assert_eq!(reconcile(&gateway).await.unwrap(), NOTHING);
    assert_eq!((world.results(), world.abandoned()), (0, 1));
}

#[tokio::test]
async fn what_was_signed_is_released_once() {
    for request in [wish("dev", "app"), program()] {
        let world = World::new().await;
        crash(&world, &request, After::Signature).await;
        let gateway = world.fresh_gateway();
        assert_eq!(bootstrap::start(&gateway).await.unwrap(), Reconciled { resumed: 1, ..NOTHING });
        assert_eq!(reconcile(&gateway).await.unwrap(), NOTHING);
        world.sign(&request).await.unwrap();
        assert_eq!((world.intents(), world.results(), world.abandoned()), (1, 1, 0));
    }
}

#[tokio::test]
async fn an_expired_leaf_is_abandoned() {
    let world = World::new().await;
    crash(&world, &wish("dev", "app"), After::Signature).await;
    world.clock.advance(600);
    assert_eq!(reconcile(&world.gateway).await.unwrap(), Reconciled { abandoned: 1, ..NOTHING });
    assert_eq!((world.results(), world.abandoned()), (0, 1));
}

#[tokio::test]
async fn what_was_released_by_another_intent_is_abandoned() {
    let world = World::new().await;
    let request = wish("dev", "app");
    crash(&world, &request, After::Signature).await;
    world.sign(&request).await.unwrap();
    assert_eq!(reconcile(&world.gateway).await.unwrap(), Reconciled { abandoned: 1, ..NOTHING });
    assert_eq!((world.results(), world.abandoned()), (1, 1));
}

#[tokio::test]
async fn an_authority_that_is_away_is_waited_for() {
    let world = World::new().await;
    let request = wish("remote", "app");
    world.remote.away.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let failure = world.sign(&request).await.unwrap_err();
        assert!(matches!(failure, Failure::Temporary(_)), "{failure:?}");
    }
    assert_eq!(reconcile(&world.gateway).await.unwrap(), Reconciled { waiting: 1, ..NOTHING });
    assert_eq!((world.intents(), world.results(), world.abandoned()), (1, 0, 0));
    world.remote.away.store(false, Ordering::SeqCst);
    world.sign(&request).await.unwrap();
    assert_eq!((world.intents(), world.results(), world.abandoned()), (1, 1, 0));
    assert_eq!(reconcile(&world.gateway).await.unwrap(), NOTHING);
}

#[tokio::test]
async fn a_faulty_backend_lets_nothing_out() {
    let unavailable = Fault::Error(CustodyError::Unavailable("asleep".to_owned()));
    for (fault, temporary) in [(Fault::FlippedBit, false), (Fault::Empty, false), (unavailable, true)] {
        for request in [wish("dev", "app"), program()] {
            let world = World::new().await;
            world.port.spoil_order(fault.clone());
            let failure = world.sign(&request).await.unwrap_err();
            assert_eq!(matches!(failure, Failure::Temporary(_)), temporary, "{failure:?}");
            assert_eq!((world.intents(), world.results(), world.abandoned()), (1, 0, 1));
            // Decided anew, and signed.
            world.sign(&request).await.unwrap();
            assert_eq!((world.intents(), world.results()), (2, 1));
        }
    }
}
