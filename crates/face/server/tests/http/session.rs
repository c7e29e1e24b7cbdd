//! `POST /v1/sessions` and what comes after it.

use chancery_api::session::HEADER;
use chancery_identity::dev_issuer::DevToken;
use chancery_identity::possession::{SessionKey, beginning, of_request};

use crate::world::{Answer, World, request};

async fn post(world: &World, path: &str, token: &str, proofs: &[String], body: String) -> Answer {
    let mut request =
        world.post(path).bearer_auth(token).header("content-type", "application/json").body(body);
    for proof in proofs {
        request = request.header(HEADER, proof);
    }
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_exchanged_and_every_request_is_proven() {
    let world = World::start().await;
    let documents = crate::world::with_sessions(&world);
    let apply =
        world.admin(reqwest::Method::POST, "/admin/policy").header("content-type", "application/json");
    assert_eq!(Answer::of(apply.body(documents)).await.status, 200);
    let token = world.token_of(DevToken { audience: "chancery:sign.example".into(), ..DevToken::default() });
    let (key, other) = (SessionKey::generate().unwrap(), SessionKey::generate().unwrap());
    let (body, request) = (request(&["a.bin"]).canonical().to_owned(), request(&["a.bin"]));
    let begin = |key: &SessionKey| key.prove(&beginning(&token)).unwrap().header();
    let prove = |key: &SessionKey| key.prove(&of_request(request.id())).unwrap().header();

    for (path, proofs, status, code) in [
        ("/v1/sign", vec![], 403, "CH4017"),
        ("/v1/sign", vec![prove(&key)], 403, "CH4043"),
        ("/v1/sessions", vec![], 403, "CH4043"),
        ("/v1/sessions", vec!["x".to_owned()], 400, "CH2101"),
        ("/v1/sessions", vec![begin(&key), begin(&key)], 400, "CH2101"),
        ("/v1/sessions", vec![prove(&key)], 403, "CH4043"),
    ] {
        let answer = post(&world, path, &token, &proofs, body.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{path} {proofs:?}");
    }
    let begun = post(&world, "/v1/sessions", &token, &[begin(&key)], String::new()).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    assert!(begun.json()["expires_at"].is_string());
    let second = post(&world, "/v1/sessions", &token, &[begin(&other)], String::new()).await;
    assert_eq!((second.status, second.problem().as_str()), (403, "CH4043"));
    let without = post(&world, "/v1/sign", &token, &[], body.clone()).await;
    assert_eq!((without.status, without.problem().as_str()), (403, "CH4043"));
    let signed = post(&world, "/v1/sign", &token, &[prove(&key)], body).await;
    assert_eq!(signed.status, 200, "{}", signed.text());
}
