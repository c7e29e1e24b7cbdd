//! A profile that demands a test result: signed with it, refused without, and no lie about it gets past the keyguard or the
//! audit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::attested::MAX_ATTESTATIONS;
use chancery_core::canonical;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::evidence::Evidence;
use chancery_core::format::FormatName;
use chancery_core::order::Orders;
use chancery_core::statement::Statement;
use chancery_gateway::failure::Failure;
use chancery_gateway::rehearse::rehearse;
use chancery_gateway::sign::{Ask, sign};
use chancery_ledger::event::{Body, Event};
use serde_json::{Value, json};

use crate::answers::{ordered, refused};
use crate::audited::Archive;
use crate::world::{TESTS, World, code, prepare, request, wish};

const PASSED: &str = "{\"result\":\"PASSED\",\"configuration\":[]}";

fn claim(name: &str, kind: &str, predicate: &str) -> Statement {
    let options = json!({ "family": "claimed-dsse", "predicate": predicate, "predicate_type": kind });
    prepare(FormatName::Sigstore, &options, name.as_bytes()).statement(
        FormatName::Sigstore,
        name,
        Depth::Structured,
    )
}

/// What a job claims about a file, signed under profile `dev`.
async fn attest(world: &World, name: &str, kind: &str, predicate: &str) -> String {
    let answer = world.sign(&request("dev", vec![claim(name, kind, predicate)])).await.unwrap();
    String::from_utf8(answer.results[0].blob().to_vec()).unwrap()
}

fn asking(world: &World, name: &str, attestations: Vec<String>) -> Ask {
    Ask { attestations, ..world.ask(&wish("gated", name)) }
}

async fn signed_with(world: &World, name: &str, attestations: Vec<String>) -> Result<(), Failure> {
    sign(&world.gateway, asking(world, name, attestations)).await.map(drop)
}

fn with_signature(bundle: &str) -> String {
    let mut value: Value = serde_json::from_str(bundle).unwrap();
    let signature = &mut value["dsseEnvelope"]["signatures"][0]["sig"];
    let mut bytes = STANDARD.decode(signature.as_str().unwrap()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    *signature = json!(STANDARD.encode(bytes));
    value.to_string()
}

fn with_payload(bundle: &str, from: &str, to: &str) -> String {
    let mut value: Value = serde_json::from_str(bundle).unwrap();
    let payload = STANDARD.decode(value["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let bent = String::from_utf8(payload).unwrap().replace(from, to);
    value["dsseEnvelope"]["payload"] = json!(STANDARD.encode(bent));
    value.to_string()
}

#[tokio::test]
async fn nothing_is_signed_without_the_demanded_attestation() {
    let world = World::new().await;
    let good = attest(&world, "app", TESTS, PASSED).await;
    let denied = world.count(|body| matches!(body, Body::Denied(_)));
    let refusal = signed_with(&world, "app", vec![]).await.unwrap_err();
    assert_eq!(code(&refusal), "CH4044");
    let Failure::Refused(refusal) = refusal else { panic!() };
    assert!(refusal.what.contains("`tests`") && refusal.hint.contains("--attestation"), "{refusal:?}");
    assert!(refusal.trace.iter().any(|line| line.attribute == "tests" && !line.ok), "{refusal:?}");
    assert_eq!(world.count(|body| matches!(body, Body::Denied(_))), denied + 1);
    signed_with(&world, "app", vec![good.clone()]).await.unwrap();
    // The same wish comes back: it is given again to whoever brings the same.
    signed_with(&world, "app", vec![good.clone()]).await.unwrap();
    assert_eq!(code(&signed_with(&world, "app", vec![]).await.unwrap_err()), "CH4044");
    let rehearsal = rehearse(&world.gateway, &asking(&world, "app", vec![good])).await.unwrap();
    let line = rehearsal.statements[0].trace.iter().find(|line| line.attribute == "tests").unwrap();
    assert!(line.ok && line.actual.starts_with("https://github.com/acme/app/"), "{line:?}");
}

#[tokio::test]
async fn an_attestation_counts_for_what_it_is_and_nothing_else() {
    let world = World::new().await;
    let good = attest(&world, "app", TESTS, PASSED).await;
    let other = attest(&world, "other", TESTS, PASSED).await;
    let bom = attest(&world, "app", "https://cyclonedx.org/bom", "{}").await;
    let failed = attest(&world, "app", TESTS, "{\"result\":\"FAILED\"}").await;
    let twice = attest(&world, "app", TESTS, "{\"result\":\"FAILED\",\"result\":\"PASSED\"}").await;
    let provenance = world.sign(&wish("dev", "app")).await.unwrap();
    let provenance = String::from_utf8(provenance.results[0].blob().to_vec()).unwrap();
    let lied = with_payload(&failed, "FAILED", "PASSED");
    let moved = with_payload(&other, &Sha256::of(b"other").to_string(), &Sha256::of(b"app").to_string());
    let cases = [
        ("of another artifact", other.clone(), "CH4044"),
        ("of another type", bom, "CH4044"),
        ("a provenance", provenance, "CH4044"),
        ("failed", failed, "CH4046"),
        ("failed and passed", twice, "CH4046"),
        ("failed, bent to passed", lied, "CH4045"),
        ("bent to this artifact", moved, "CH4045"),
        ("not a bundle", "{}".to_owned(), "CH4045"),
        ("a byte of the signature", with_signature(&good), "CH4045"),
    ];
    for (name, bundle, expected) in cases {
        let refusal = signed_with(&world, "app", vec![bundle.clone()]).await.unwrap_err();
        assert_eq!(code(&refusal), expected, "{name}: {refusal:?}");
        // Beside a good one it is no harm.
        let name = format!("app-{name}");
        let own = attest(&world, &name, TESTS, PASSED).await;
        signed_with(&world, &name, vec![bundle, own]).await.unwrap();
    }
    let many = vec![good.clone(); MAX_ATTESTATIONS + 1];
    assert_eq!(code(&signed_with(&world, "app", many).await.unwrap_err()), "CH4051");
    let large = vec!["x".repeat(1 << 19); 3];
    assert_eq!(code(&signed_with(&world, "app", large).await.unwrap_err()), "CH4051");
    signed_with(&world, "app", vec![other, good]).await.unwrap();
}

#[tokio::test]
async fn who_attests_matters() {
    let world = World::new().await;
    let by_tag = {
        let request = request("dev", vec![claim("app", TESTS, PASSED)]);
        let token = world.token(&request, |token| {
            token.git_ref = "refs/tags/v1".to_owned();
            token.workflow = "tests.yml".to_owned();
        });
        let ask = Ask { request, token: Some(token), possession: None, attestations: Vec::new() };
        let answer = sign(&world.gateway, ask).await.unwrap();
        String::from_utf8(answer.results[0].blob().to_vec()).unwrap()
    };
    signed_with(&world, "app", vec![by_tag.clone()]).await.unwrap();
    let narrow = world.changed("verification/dev-tests.toml", "workflows/**", "workflows/release.yml@**");
    world.apply(narrow).await.unwrap();
    let refusal = signed_with(&world, "app", vec![by_tag]).await.unwrap_err();
    assert_eq!(code(&refusal), "CH4045", "{refusal:?}");
}

/// Requests that wait bring their attestations each time that they are asked for: a token is good for one request, and so is
/// what comes with it.
#[tokio::test]
async fn a_request_that_waits_brings_its_attestation_each_time() {
    let world = World::new().await;
    let good = attest(&world, "app", TESTS, PASSED).await;
    let wanted = wish("patient", "app");
    let with = |attestations: Vec<String>| Ask { attestations, ..world.ask(&wanted) };
    let refusal = sign(&world.gateway, with(vec![])).await.unwrap_err();
    assert_eq!(code(&refusal), "CH4044");
    assert_eq!(world.count(|body| matches!(body, Body::Pending(_))), 0, "nothing waits for what is missing");
    let waits = sign(&world.gateway, with(vec![good.clone()])).await.unwrap_err();
    assert!(matches!(waits, Failure::Pending { .. }), "{waits:?}");
    world.clock.advance(601);
    assert_eq!(code(&sign(&world.gateway, with(vec![])).await.unwrap_err()), "CH4044");
    sign(&world.gateway, with(vec![good])).await.unwrap();
}

/// An order as a gateway makes it that kept these attestations as evidence.
async fn order_with(world: &World, name: &str, attestations: Vec<String>) -> Orders {
    world.order_bringing(&wish("gated", name), attestations).await
}

#[tokio::test]
async fn the_keyguard_looks_for_itself() {
    let world = World::new().await;
    let good = attest(&world, "app", TESTS, PASSED).await;
    let other = attest(&world, "other", TESTS, PASSED).await;
    let failed = attest(&world, "app", TESTS, "{\"result\":\"FAILED\"}").await;
    for (name, brought, expected) in [
        ("none", vec![], "CH4044"),
        ("another's", vec![other], "CH4044"),
        ("failed", vec![failed.clone()], "CH4046"),
        ("bent", vec![with_payload(&failed, "FAILED", "PASSED")], "CH4045"),
        ("too many", vec![good.clone(); MAX_ATTESTATIONS + 1], "CH5001"),
    ] {
        let order = order_with(&world, "app", brought).await;
        assert_eq!(refused(&world, &order), expected, "{name}");
    }
    // Taken away, or exchanged for what would do too, after the intent was logged.
    let mut order = order_with(&world, "app", vec![good.clone()]).await;
    order.evidence.attestations.clear();
    assert_eq!(refused(&world, &order), "CH4044");
    order.evidence.attestations = vec![good.clone(), good.clone()];
    assert_eq!(refused(&world, &order), "CH5001");
    let order = order_with(&world, "app", vec![good]).await;
    assert!(ordered(&world, &order).is_none());
}

#[tokio::test]
async fn the_audit_names_the_entry_that_lacks_its_attestation() {
    let world = World::new().await;
    let good = attest(&world, "app", TESTS, PASSED).await;
    let ask = asking(&world, "app", vec![good.clone()]);
    let token = ask.token.clone().unwrap();
    let text = ask.request.canonical().to_owned();
    sign(&world.gateway, ask).await.unwrap();
    let evidence = |attestations: Vec<String>| Evidence {
        token: token.clone(),
        issuer_keys: world.jwks(),
        approval: None,
        possession: None,
        attestations,
    };
    let index = world
        .ledger
        .leaves()
        .iter()
        .rposition(|leaf| Event::decode(leaf).is_ok_and(|event| matches!(event.body, Body::Intent(_))));
    let index = index.unwrap();
    let failed = attest(&world, "app", TESTS, "{\"result\":\"FAILED\"}").await;
    for (name, attestations, found) in [
        ("honest", vec![good.clone()], false),
        ("nothing", vec![], true),
        ("failed", vec![failed], true),
        ("bent", vec![with_payload(&good, "[]", "[1]")], true),
    ] {
        let kept = canonical::encode(&evidence(attestations)).unwrap();
        let mut archive = Archive::of(&world, &[text.clone(), kept.clone()]).await;
        let mut event = Event::decode(&archive.leaves[index]).unwrap();
        if let Body::Intent(intent) = &mut event.body {
            assert_eq!(intent.evidence == Sha256::of(kept.as_bytes()), !found, "{name}");
            intent.evidence = Sha256::of(kept.as_bytes());
        }
        archive.leaves[index] = event.encode().unwrap();
        let report = archive.audit(&world);
        let lacks = report
            .findings
            .iter()
            .any(|finding| finding.code.code() == "CH9070" && finding.index == u64::try_from(index).unwrap());
        assert_eq!(lacks, found, "{name}: {:?}", report.findings);
    }
}
