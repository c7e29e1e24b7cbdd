//! The read side of the ledger: files, caching, single entries.

use chancery_core::port::sequencer::{Append, Sequencer as _};
use chancery_ledger::checkpoint::SignedCheckpoint;
use chancery_ledger::merkle::verify_inclusion;
use chancery_ledger::proof::TlogProof;
use chancery_ledger::tile::entries;

use crate::world::World;

async fn grown(world: &World, to: usize) {
    let time = chancery_core::time::Time::from_seconds(1_795_210_023);
    let mut leaves = Vec::new();
    for n in world.ledger.leaves().len()..to {
        let count = chancery_ledger::event::DeniedCount { issuer: String::new(), minute: n as u64, count: 1 };
        let event =
            chancery_ledger::event::Event { time, body: chancery_ledger::event::Body::DeniedCount(count) };
        leaves.push(event.encode().unwrap());
    }
    world.ledger.append(Append { leaves, changes: Vec::new() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn full_tiles_are_immutable_and_partial_ones_are_not() {
    let world = World::start().await;
    grown(&world, 300).await;
    let full = "public, max-age=31536000, immutable";
    let partial = "public, max-age=60";
    for (path, caching, size) in [
        ("/ledger/tile/0/000", full, 256 * 32),
        ("/ledger/tile/0/001.p/44", partial, 44 * 32),
        ("/ledger/tile/0/000.p/17", partial, 17 * 32),
        ("/ledger/tile/1/000.p/1", partial, 32),
    ] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status, answer.header("cache-control"), answer.body.len()),
            (200, caching, size),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
    let bundle = world.get("/ledger/tile/entries/000").await;
    assert_eq!(bundle.header("cache-control"), full);
    let leaves = world.ledger.leaves();
    let found: Vec<&str> = entries(&bundle.body, 256)
        .unwrap()
        .into_iter()
        .map(|leaf| std::str::from_utf8(leaf).unwrap())
        .collect();
    assert_eq!(found, leaves[..256]);
    let checkpoint = world.get("/ledger/checkpoint").await;
    assert_eq!(checkpoint.header("cache-control"), "no-cache");
    assert_eq!(checkpoint.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        SignedCheckpoint::open(checkpoint.text(), &world.ledger.vkey()).unwrap().checkpoint().head.size,
        300
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_paths_of_tiles_are_looked_up() {
    let world = World::start().await;
    for path in [
        "0/001",
        "0/0",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "8/000",
        "00/000",
        "0/x000/000",
        "0/000/",
        "0//000",
        "entries/000.p/999",
        "entries",
        "",
        "0/000.p",
        "..%2fcheckpoint",
        "0/..%2f..%2fcheckpoint",
        "0/000%00",
        "0/%ff",
        "0\\000",
        "-1/000",
        "0/1000",
    ] {
        let answer = world.get(&format!("/ledger/tile/{path}")).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        answer.problem();
    }
    for path in ["../checkpoint", "%2e%2e/checkpoint", "./0/000.p/1", "0/../0/000.p/1"] {
        let message = format!("GET /ledger/tile/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = crate::raw::exchange(&world, message.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    for path in ["/ledger", "/ledger/", "/ledger/checkpoint/", "/ledger/checkpoint.new", "/ledger/tile"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_with_their_proof() {
    let world = World::start().await;
    let size = world.ledger.leaves().len() as u64;
    for index in 0..size {
        let entry = world.get(&format!("/v1/ledger/entries/{index}")).await.json();
        let leaf = entry["leaf"].as_str().unwrap();
        assert_eq!(leaf, world.ledger.leaves()[usize::try_from(index).unwrap()]);
        let receipt = TlogProof::parse(entry["tlog_proof"].as_str().unwrap())
            .unwrap()
            .receipt(leaf.as_bytes())
            .unwrap();
        let head =
            SignedCheckpoint::open(&receipt.checkpoint, &world.ledger.vkey()).unwrap().checkpoint().head;
        verify_inclusion((index, head.size), &receipt.leaf_hash, &receipt.proof, &head.root).unwrap();
        assert_eq!(entry["ledger"]["size"], size);
    }
    for index in [size, u64::MAX] {
        assert_eq!(world.get(&format!("/v1/ledger/entries/{index}")).await.problem(), "CH2008");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_what_was_signed() {
    let world = World::start().await;
    let request = crate::world::request(&["a.bin"]);
    world.sign(&request).await;
    let (statement, body) = &request.statements()[0];
    for query in [
        format!("request={}", request.id()),
        format!("statement={statement}"),
        format!("artifact=sha256:{}", body.artifact.digest),
    ] {
        let found = world.get(&format!("/v1/ledger/search?{query}")).await.json();
        let indices: Vec<u64> = serde_json::from_value(found["indices"].clone()).unwrap();
        assert!(!indices.is_empty() && indices.is_sorted_by(|a, b| a > b), "{query}: {found}");
    }
    let none = world.get(&format!("/v1/ledger/search?artifact={}", "ab".repeat(32))).await.json();
    assert_eq!(none["indices"], serde_json::json!([]));
}
