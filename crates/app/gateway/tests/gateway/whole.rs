//! Whole signatures, verified as a verifier would: with the signed `trust.json` alone.

use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::port::clock::Clock as _;
use chancery_core::statement::Statement;
use chancery_format::seam::{Attachment, Prepared};
use chancery_format::table;
use chancery_gateway::rehearse::rehearse;
use chancery_gateway::sign::{Answer, sign};
use chancery_gateway::trust;
use chancery_ledger::vkey::VerifierKey;
use chancery_testkit::pe::{Bits, image};
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json;
use chancery_verify::verify::{self, Context, Evidence};
use serde_json::json;

use crate::world::{World, prepare, provenance, request, wish};

async fn snapshot(world: &World) -> TrustSnapshot {
    let sealed = trust::trust_json(&world.gateway).await.unwrap();
    let key = world.gateway.trust().unwrap().authorities.trust_vkey.clone();
    trust_json::parse(&sealed, Some(&VerifierKey::parse(&key).unwrap())).unwrap()
}

async fn accepts(world: &World, evidence: &Evidence<'_>) -> bool {
    let trust = snapshot(world).await;
    let context = Context { trust: &trust, policy: &trust.policies["dev"], at: world.clock.now() };
    let verdict = verify::artifact(evidence, &context);
    if let Err(verdict) = &verdict {
        let reasons: Vec<_> = verdict.reasons().collect();
        println!("{reasons:?}");
    }
    verdict.is_ok()
}

fn statement(format: FormatName, prepared: &Prepared, name: &str) -> Statement {
    prepared.statement(format, name, Depth::Structured)
}

fn blobs(answer: &Answer) -> Vec<Vec<u8>> {
    answer.results.iter().map(|released| released.blob().to_vec()).collect()
}

#[tokio::test]
async fn bundles_are_accepted() {
    let world = World::new().await;
    for options in [json!({}), json!({"family": "message"})] {
        let prepared = prepare(FormatName::Sigstore, &options, b"app");
        let request = request("dev", vec![statement(FormatName::Sigstore, &prepared, "app.bin")]);
        let answer = world.sign(&request).await.unwrap();
        let bundle = answer.results[0].blob();
        assert!(accepts(&world, &Evidence::Sigstore { artifact: Sha256::of(b"app"), bundle }).await);
        assert!(!accepts(&world, &Evidence::Sigstore { artifact: Sha256::of(b"apq"), bundle }).await);
    }
    assert_eq!((world.intents(), world.results(), world.abandoned()), (2, 2, 0));
}

#[tokio::test]
async fn windows_programs_are_accepted() {
    let world = World::new().await;
    let original = image(Bits::B64, &[512, 700], &[]);
    let prepared = prepare(FormatName::Pe, &json!({}), &original);
    let request = request("dev", vec![statement(FormatName::Pe, &prepared, "app.exe")]);
    let answer = world.sign(&request).await.unwrap();
    let format = table::of(FormatName::Pe).unwrap();
    let attachment = (format.attach)(&prepared.layout, answer.results[0].blob()).unwrap();
    let Attachment::Patch(patch) = attachment else { panic!("a patch") };
    let mut signed = Vec::new();
    patch.copy(&mut original.as_slice(), prepared.digest, &mut signed).unwrap();
    for (changed, expected) in [(None, true), (Some(0x210), false)] {
        let mut bytes = signed.clone();
        if let Some(at) = changed {
            bytes[at] ^= 1;
        }
        let extracted = (format.extract)(&mut std::io::Cursor::new(&bytes));
        let evidence = Evidence::Pe { artifact: Sha256::of(&bytes), extracted: extracted.as_ref() };
        assert_eq!(accepts(&world, &evidence).await, expected);
    }
}

#[tokio::test]
async fn many_statements_are_one_request() {
    let world = World::new().await;
    let names: Vec<String> = (0..40).map(|n| format!("file-{n}")).collect();
    let request = request("dev", names.iter().map(|name| provenance(name)).collect());
    let answer = world.sign(&request).await.unwrap();
    let ids: Vec<_> = answer.results.iter().map(|released| released.made().statement_id).collect();
    let expected: Vec<_> = request.statements().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, expected);
    assert_eq!((world.intents(), world.results()), (40, 40));
}

#[tokio::test]
async fn the_same_wish_is_given_the_same_result() {
    let world = World::new().await;
    let request = wish("scarce", "app");
    let first = world.sign(&request).await.unwrap();
    world.sign(&wish("scarce", "other")).await.unwrap();
    world.clock.advance(60);
    // The budget is spent; a result that exists costs nothing.
    let again = world.sign(&request).await.unwrap();
    assert_eq!(first.results[0].made(), again.results[0].made());
    assert_eq!((world.intents(), world.results()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_wish_twice_at_once_is_signed_once() {
    let world = World::new().await;
    let request = request("dev", vec![provenance("a"), provenance("b")]);
    let ask = world.ask(&request);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (gateway, ask) = (std::sync::Arc::clone(&world.gateway), ask.clone());
            tokio::spawn(async move { sign(&gateway, ask).await.unwrap() })
        })
        .collect();
    let mut signatures = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        signatures.push(answer.results.iter().map(|r| r.made().signature.clone()).collect::<Vec<_>>());
    }
    assert!(signatures.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((world.intents(), world.results()), (2, 2));
}

#[tokio::test]
async fn who_hangs_up_leaves_nothing_half_done() {
    let world = World::new().await;
    let request = wish("dev", "app");
    let mut asked = Box::pin(sign(&world.gateway, world.ask(&request)));
    // Dropped as soon as the intent is there.
    while world.intents() == 0 {
        tokio::select! {
            biased;
            _ = &mut asked => break,
            () = tokio::task::yield_now() => {}
        }
    }
    drop(asked);
    let answer = world.sign(&request).await.unwrap();
    assert_eq!(blobs(&answer).len(), 1);
    assert_eq!((world.intents(), world.results(), world.abandoned()), (1, 1, 0));
}

#[tokio::test]
async fn a_rehearsal_changes_nothing() {
    let world = World::new().await;
    let request = wish("scarce", "app");
    let (leaves, signatures) = (world.ledger.leaves(), world.custodian.signatures());
    for _ in 0..5 {
        let rehearsal = rehearse(&world.gateway, &world.ask(&request)).await.unwrap();
        assert_eq!(rehearsal.statements.len(), 1);
    }
    assert_eq!((world.ledger.leaves(), world.custodian.signatures()), (leaves, signatures));
    world.sign(&request).await.unwrap();
    world.sign(&wish("scarce", "other")).await.unwrap();
}
