//! Shapes that every answer keeps: ids, problems, strict input.

use std::collections::BTreeSet;

use crate::keyguard::Mood;
use crate::raw;
use crate::world::{Answer, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_that_cannot_harm() {
    let world = World::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        assert!(seen.insert(world.get("/livez").await.header("x-request-id").to_owned()), "ids repeat");
    }
    let ask = |id: String| {
        reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(world.url("/v1/nope"))
            .header("x-request-id", id)
    };
    let kept = Answer::of(ask("job-7.step_3".into())).await;
    assert_eq!(kept.header("x-request-id"), "job-7.step_3");
    kept.problem();
    for evil in ["a b", "\"", "<x>", "\u{7f}x", "%0a", &"x".repeat(65)] {
        let Ok(value) = reqwest::header::HeaderValue::from_str(evil) else { continue };
        let asked = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(world.url("/v1/nope"))
            .header("x-request-id", value);
        let answer = Answer::of(asked).await;
        assert!(answer.header("x-request-id").starts_with("r-"), "{evil}");
        answer.problem();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_headers_are_read_strictly() {
    let world = World::start().await;
    let digest = "ab".repeat(32);
    for path in [
        "/v1/ledger/search".to_owned(),
        "/v1/ledger/search?other=1".into(),
        format!("/v1/ledger/search?artifact={digest}&artifact={digest}"),
        format!("/v1/ledger/search?artifact={}", digest.to_uppercase()),
        "/readyz?verbose=maybe".into(),
        "/v1/ledger/entries/01".into(),
        "/v1/ledger/entries/-1".into(),
        "/v1/requests/xyz".into(),
    ] {
        assert_eq!(world.get(&path).await.problem(), "CH2101", "{path}");
    }
    let body = request(&["a"]).canonical().to_owned();
    for (media, code) in [
        ("text/plain", "CH2104"),
        ("application/json; charset=utf-16", "CH2104"),
        ("application/jsonx", "CH2104"),
        ("application/json; charset=UTF-8", "CH3008"),
    ] {
        let post = world.post("/v1/sign").header("content-type", media).body(body.clone());
        assert_eq!(Answer::of(post).await.problem(), code, "{media}");
    }
    assert_eq!(
        Answer::of(world.post("/v1/sign").body(body.clone())).await.problem(),
        "CH2104",
        "no media type"
    );
    let post = || world.post("/v1/sign").header("content-type", "application/json").body(body.clone());
    let two = post().header("authorization", "Bearer a").header("authorization", "Bearer b");
    assert_eq!(Answer::of(two).await.problem(), "CH2101");
    assert_eq!(Answer::of(post().header("authorization", "Basic dTpw")).await.problem(), "CH3008");
    assert_eq!(
        Answer::of(
            world.post("/v1/sign?dry_run=1").header("content-type", "application/json").body(body.clone())
        )
        .await
        .problem(),
        "CH2101"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_readings_of_one_message_are_refused() {
    let world = World::start().await;
    for head in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: +2\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let message = format!(
            "POST /v1/sign HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{head}\r\n{{}}"
        );
        let answer = raw::exchange(&world, message.as_bytes()).await;
        let statuses: Vec<&str> = answer.matches("HTTP/1.1 ").collect();
        assert!(statuses.len() <= 1, "{head}: {answer}");
        assert!(!answer.contains(" 200 "), "{head}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_is_missing() {
    let world = World::start().await;
    assert_eq!(world.get("/livez").await.text(), "ok\n");
    let ready = world.get("/readyz?verbose").await;
    assert_eq!((ready.status, ready.json()["ok"].as_bool()), (200, Some(true)), "{}", ready.text());
    let items: Vec<_> = ready.json()["report"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["item"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(items, ["keyguard", "ledger", "policy"]);
    assert_eq!(world.get("/readyz").await.json()["report"], serde_json::json!([]));
    let world = World::start().await;
    world.keyguard.set(Mood::Away);
    let ready = world.get("/readyz?verbose=true").await;
    assert_eq!((ready.status, ready.json()["ok"].as_bool()), (503, Some(false)), "{}", ready.text());
    assert_eq!(ready.json()["report"][0]["ok"], false);
    assert_eq!(world.get("/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_under_bounded_labels() {
    let world = World::start().await;
    world.sign(&request(&["a", "b"])).await;
    world.sign(&crate::world::request_for("no-such-profile", &["a"])).await;
    world.get("/nope").await;
    let metrics = world.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    let entries = world.ledger.leaves().len();
    for line in [
        &format!("chancery_log_size_entries {entries}"),
        "chancery_sign_requests_total{profile=\"dev\",format=\"sigstore\",result=\"signed\",depth=\"structured\"} 2",
        "chancery_sign_requests_total{profile=\"\",format=\"sigstore\",result=\"refused\",depth=\"structured\"} 1",
        "chancery_problems_total{code=\"CH2008\"} 1",
        "chancery_http_requests_total{route=\"/v1/sign\",status=\"200\"} 1",
        "chancery_http_requests_total{route=\"/v1/sign\",status=\"403\"} 1",
        "chancery_http_requests_total{route=\"other\",status=\"404\"} 1",
        "chancery_open_intents 0",
        "chancery_sign_duration_seconds_count{stage=\"total\"} 2",
        "chancery_policy_sequence 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
    }
    assert!(!text.contains("no-such-profile"), "labels that callers choose are not bounded");
}
