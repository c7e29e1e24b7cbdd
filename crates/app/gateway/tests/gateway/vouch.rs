//! A summary says what was shown and what governance says, whatever the gateway orders; the audit names the one that does not.

use chancery_core::canonical;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::evidence::Evidence;
use chancery_core::format::FormatName;
use chancery_core::request::Request;
use chancery_gateway::sign::{Ask, sign};
use chancery_ledger::event::{Body, Event};
use serde_json::{Value, json};

use crate::answers::{ordered, refused};
use crate::audited::Archive;
use crate::world::{TESTS, VERIFIES, World, code, prepare, request};

const PASSED: &str = "{\"result\":\"PASSED\",\"configuration\":[]}";

/// What a job claims about a file, signed under profile `dev`.
async fn attest(world: &World, name: &str, predicate: &str) -> String {
    let options = json!({ "family": "claimed-dsse", "predicate": predicate, "predicate_type": TESTS });
    let prepared = prepare(FormatName::Sigstore, &options, name.as_bytes());
    let statement = prepared.statement(FormatName::Sigstore, name, Depth::Structured);
    let answer = world.sign(&request("dev", vec![statement])).await.unwrap();
    String::from_utf8(answer.results[0].blob().to_vec()).unwrap()
}

/// A summary as an honest client asks for it.
fn said(world: &World, attestations: &[String]) -> Value {
    let inputs: Vec<String> =
        attestations.iter().map(|text| Sha256::of(text.as_bytes()).to_string()).collect();
    json!({
        "inputs": inputs, "kind": "vsa", "levels": ["ACME_TESTED"], "resource": "pkg:generic/acme/app@1",
        "policy": world.gateway.governance().unwrap().version.to_string(),
        "verifier": "https://acme.example/verifier",
    })
}

fn wish(said: &Value) -> Request {
    let options = json!({ "family": "verifier-dsse", "vouch": said });
    let prepared = prepare(FormatName::Sigstore, &options, b"app");
    request("verifier", vec![prepared.statement(FormatName::Sigstore, "app", Depth::Structured)])
}

fn asking(world: &World, said: &Value, attestations: Vec<String>) -> Ask {
    let request = wish(said);
    let token = world.token(&request, |token| VERIFIES.clone_into(&mut token.git_ref));
    Ask { request, token: Some(token), possession: None, attestations }
}

#[tokio::test]
async fn gateway_and_keyguard_each_refuse_a_summary_of_something_else() {
    let world = World::new().await;
    let good = vec![attest(&world, "app", PASSED).await];
    let honest = said(&world, &good);
    let other = Sha256::of(b"other").to_string();
    for (member, value) in [
        ("inputs", json!([other])),
        ("inputs", json!([])),
        ("inputs", json!([honest["inputs"][0], other])),
        ("levels", json!(["ACME_TESTED", "SLSA_BUILD_LEVEL_3"])),
        ("levels", json!([])),
        ("policy", json!(other)),
        ("resource", json!("pkg:generic/other/app@1")),
        ("verifier", json!("https://other.example/verifier")),
    ] {
        let mut lie = honest.clone();
        lie[member] = value;
        let answer = sign(&world.gateway, asking(&world, &lie, good.clone())).await;
        assert_eq!(code(&answer.unwrap_err()), "CH5004", "{lie}");
        if lie[member] != json!([]) {
            let order = world.order_bringing(&wish(&lie), good.clone()).await;
            assert_eq!(refused(&world, &order), "CH5004", "{lie}");
        }
    }
    // What failed, or is about something else, is vouched for by nobody.
    for (bundle, expected) in [
        (attest(&world, "app", "{\"result\":\"FAILED\"}").await, "CH4046"),
        (attest(&world, "other", PASSED).await, "CH4044"),
    ] {
        let lie = said(&world, std::slice::from_ref(&bundle));
        let denied = world.count(|body| matches!(body, Body::Denied(_)));
        let answer = sign(&world.gateway, asking(&world, &lie, vec![bundle.clone()])).await;
        assert_eq!(code(&answer.unwrap_err()), expected);
        assert_eq!(world.count(|body| matches!(body, Body::Denied(_))), denied + 1);
        let order = world.order_bringing(&wish(&lie), vec![bundle]).await;
        assert_eq!(refused(&world, &order), expected);
    }
    // Evidence that was exchanged after the intent was logged.
    let mut order = world.order_bringing(&wish(&honest), good.clone()).await;
    order.evidence.attestations.clear();
    assert_eq!(refused(&world, &order), "CH5004");
    let order = world.order_bringing(&wish(&honest), good.clone()).await;
    assert!(ordered(&world, &order).is_none());
    sign(&world.gateway, asking(&world, &honest, good)).await.unwrap();
}

#[tokio::test]
async fn the_audit_names_a_summary_of_what_was_not_shown() {
    let world = World::new().await;
    let good = attest(&world, "app", PASSED).await;
    let more = attest(&world, "other", PASSED).await;
    let ask = asking(&world, &said(&world, std::slice::from_ref(&good)), vec![good.clone()]);
    let (token, text) = (ask.token.clone().unwrap(), ask.request.canonical().to_owned());
    sign(&world.gateway, ask).await.unwrap();
    let is_intent =
        |leaf: &String| Event::decode(leaf).is_ok_and(|event| matches!(event.body, Body::Intent(_)));
    let index = world.ledger.leaves().iter().rposition(is_intent).unwrap();
    for (attestations, found) in [(vec![good.clone()], false), (vec![], true), (vec![good, more], true)] {
        let evidence = Evidence {
            token: token.clone(),
            issuer_keys: world.jwks(),
            approval: None,
            possession: None,
            attestations,
        };
        let kept = canonical::encode(&evidence).unwrap();
        let mut archive = Archive::of(&world, &[text.clone(), kept.clone()]).await;
        let mut event = Event::decode(&archive.leaves[index]).unwrap();
        if let Body::Intent(intent) = &mut event.body {
            intent.evidence = Sha256::of(kept.as_bytes());
        }
        archive.leaves[index] = event.encode().unwrap();
        let report = archive.audit(&world);
        let here = report.findings.iter().filter(|finding| finding.index == u64::try_from(index).unwrap());
        let lacks = here.map(|finding| finding.code.code()).any(|code| code == "CH9070");
        assert_eq!(lacks, found, "{:?}", report.findings);
    }
}
