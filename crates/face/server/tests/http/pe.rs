//! A PE image over HTTP: the statement goes up, the signature comes down, and the image that it is attached to verifies.

use std::io::Cursor;

use chancery_api::signed::Signed;
use chancery_core::depth::Depth;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::request::Request;
use chancery_format::seam::{Attachment, Layout, Options};
use chancery_format::table;
use chancery_testkit::pe::{Bits, image};
use reqwest::Method;
use serde_json::{Map, json};

use crate::world::{Answer, World};

fn prepared(world: &World, bytes: &[u8]) -> (Request, Layout) {
    let algorithm =
        world.gateway.keys().values().find(|key| key.id.as_str() == "dev-cms").unwrap().public_key.algorithm;
    let values = Map::new();
    let options = Options { values: &values, key: Some(algorithm) };
    let hooks = table::of(FormatName::Pe).unwrap();
    let prepared = (hooks.prepare)(&mut Cursor::new(bytes), &options).unwrap();
    let statement = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
    (Request::new(ProfileName::parse("dev").unwrap(), vec![statement]).unwrap(), prepared.layout)
}

async fn certify(world: &World) {
    let wish = json!({"common_name": "Acme Release", "days": 30}).to_string();
    let post = world
        .admin(Method::POST, "/admin/keys/dev-cms/certificate")
        .header("content-type", "application/json");
    let made = Answer::of(post.body(wish)).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_signed_whole() {
    let world = World::start().await;
    let bytes = image(Bits::B64, &[512], b"");
    let (request, layout) = prepared(&world, &bytes);
    // Without a certificate there is nothing that a verifier could trust.
    let refused = world.sign(&request).await;
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (403, Some("CH4018")),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("chancery key certify dev-cms"), "{}", refused.text());
    certify(&world).await;
    let answer = world.sign(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let signed: Signed = serde_json::from_slice(&answer.body).unwrap();
    let result = &signed.results[0];
    assert_eq!((result.format, result.key.as_str()), (FormatName::Pe, "dev-cms"));
    assert!(result.timestamp.is_some() && result.suffix.is_none() && result.certificate_identity.is_none());
    let hooks = table::of(FormatName::Pe).unwrap();
    let Attachment::Patch(patch) = (hooks.attach)(&layout, &result.blob).unwrap() else {
        panic!("not in the image")
    };
    let digest = request.statements()[0].1.artifact.digest;
    let mut whole = Vec::new();
    patch.copy(&mut Cursor::new(&bytes), digest, &mut whole).unwrap();
    assert_eq!(whole.get(..64), bytes.get(..64));
    let found = (hooks.extract)(&mut Cursor::new(&whole)).unwrap();
    assert_eq!(found.found.len(), 1, "{found:?}");
    // The ledger's entry about it names this statement.
    let search = world.get(&format!("/v1/ledger/search?statement={}", result.statement)).await;
    assert!(search.json()["indices"].as_array().unwrap().iter().any(|index| index == result.ledger.index));
    // The same image again is the same result.
    let again: Signed = serde_json::from_slice(&world.sign(&request).await.body).unwrap();
    assert_eq!(again.results[0].blob, result.blob);
}
