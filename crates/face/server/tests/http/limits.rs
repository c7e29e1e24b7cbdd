//! Too large, too many, too slow.

use std::time::Duration;

use chancery_server::dev_certificate::DevCertificate;
use chancery_server::patience::Patience;
use chancery_server::tls::Tls;
use tokio::io::AsyncWriteExt as _;

use crate::keyguard::Mood;
use crate::raw;
use crate::world::{Answer, Stage, World, request};

const MAX_BODY: usize = 4 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_heads_have_a_largest_size() {
    let world = World::start().await;
    let post = |body: Vec<u8>| world.post("/v1/sign").header("content-type", "application/json").body(body);
    assert_eq!(Answer::of(post(vec![b' '; MAX_BODY])).await.problem(), "CH2101");
    // The announced size alone is refused: nothing of the body is read.
    let head = format!(
        "POST /v1/sign HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        MAX_BODY + 1
    );
    let answer = raw::exchange(&world, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("CH2103"), "{answer}");
    let mut stream = raw::connect(&world).await;
    stream.write_all(b"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..=MAX_BODY / 0x10000 {
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let answer = raw::until(&mut stream, "CH2103").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let head = format!(
        "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Filler: {}\r\n\r\n",
        "x".repeat(32 << 10)
    );
    let answer = raw::exchange(&world, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let head = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Filler: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = raw::exchange(&world, head.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer =
        raw::exchange(&world, format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_query_is_small() {
    let world = World::start().await;
    let post = world.post("/v1/timestamp").header("content-type", "application/timestamp-query");
    assert_eq!(Answer::of(post.body(vec![0x30; 5000])).await.problem(), "CH2103");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_257th_is_told_so_at_once_and_health_still_answers() {
    let world = World::start().await;
    world.keyguard.set(Mood::Waits);
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..256 {
        let request = request(&[&format!("{n}")]);
        let signing = world.signing(&request, &world.token(&request));
        asking.spawn(async move { Answer::of(signing).await.status });
    }
    // The profile allows 100 in its window: those wait for the keyguard, the others are refused and leave their places.
    world.keyguard.orders.acquire_many(100).await.unwrap().forget();
    let mut refused = 0;
    while refused < 156 {
        assert_eq!(asking.join_next().await.unwrap().unwrap(), 429);
        refused += 1;
    }
    assert_eq!(world.get("/livez").await.status, 200);
    world.keyguard.set(Mood::Answers);
    world.keyguard.gate.add_permits(100);
    while let Some(status) = asking.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_take_places_until_there_are_none() {
    let world = World::start().await;
    let mut slow = Vec::new();
    for _ in 0..256 {
        let mut stream = raw::connect(&world).await;
        stream.write_all(b"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{").await.unwrap();
        slow.push(stream);
    }
    while !world.get("/metrics").await.text().contains("chancery_http_busy 256\n") {
        tokio::task::yield_now().await;
    }
    let answer = world.get("/v1/keys").await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "CH7503"));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.get("/livez").await.status, 200);
    drop(slow.split_off(200));
    while world.get("/v1/keys").await.status == 503 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_share_a_bounded_memory() {
    let world = World::start().await;
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut stream = raw::connect(&world).await;
        let head = format!(
            "POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {MAX_BODY}\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    while !world.get("/metrics").await.text().contains("chancery_http_busy 16\n") {
        tokio::task::yield_now().await;
    }
    // 16 bodies of 4 MiB fill 64 MiB; small requests go on as soon as there is a KiB, and are told so until then.
    let answer = world.sign(&request(&["a"])).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "CH7503"));
    held.clear();
    while world.sign(&request(&["a"])).await.status == 503 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_let_go() {
    let short = Duration::from_millis(300);
    let patience = Patience { handshake: short, head: short, body: short };
    let world = World::start_with(Stage::Development, (Tls::Plain, None), patience).await;
    let mut silent = raw::connect(&world).await;
    let mut half = raw::connect(&world).await;
    half.write_all(b"GET /livez HTT").await.unwrap();
    let mut body = raw::connect(&world).await;
    body.write_all(
        b"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
    )
    .await
    .unwrap();
    let answer = raw::until(&mut body, "CH7504").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    raw::until_closed(&mut body).await;
    assert_eq!(raw::until_closed(&mut silent).await, "");
    assert!(!raw::until_closed(&mut half).await.contains("200"));
    let certificate =
        DevCertificate::generate(chancery_core::time::Time::from_seconds(1_795_210_023)).unwrap();
    let world = World::start_with(Stage::Development, (Tls::Dev(certificate), None), patience).await;
    let mut silent = raw::connect(&world).await;
    assert_eq!(raw::until_closed(&mut silent).await, "", "no handshake");
}
