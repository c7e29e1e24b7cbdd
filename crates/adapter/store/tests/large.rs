//! 70,000 leaves, so that there are three tile levels; start-up and proofs do not depend on the size.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::time::Instant;

use chancery_core::port::sequencer::{Append, Sequencer as _};
use chancery_ledger::merkle::{leaf_hash, verify_consistency};
use chancery_ledger::receipt::verify;
use chancery_ledger::tile::{Tile, decode_hashes};
use tempfile::tempdir;
use world::{Keyguard, key, leaf, one, open, trust};

const SIZE: u64 = 70_000;

#[tokio::test(flavor = "multi_thread")]
async fn seventy_thousand_leaves() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let trust = trust(dir.path());
    let ledger = open(dir.path(), &keyguard).await;
    let started = Instant::now();
    let mut heads = vec![];
    for n in 0..SIZE / 1000 {
        let leaves: Vec<_> = (n * 1000..(n + 1) * 1000).map(leaf).collect();
        let receipts = ledger.append(Append { leaves: leaves.clone(), changes: vec![] }).await.unwrap();
        for place in [0, 499, 999] {
            verify(&receipts[place], leaves[place].as_bytes(), &trust).unwrap();
        }
        heads.push(*trust.open(&receipts[0].checkpoint).unwrap().head());
    }
    println!("{SIZE} leaves appended in {:?}", started.elapsed());
    let newest = *heads.last().unwrap();
    let reader = ledger.reader().clone();
    for index in (0..SIZE).step_by(997).chain([0, 255, 256, 65_535, 65_536, SIZE - 1]) {
        let receipt = reader.receipt(index).await.unwrap();
        verify(&receipt, leaf(index).as_bytes(), &trust).unwrap();
        assert!(receipt.proof.len() <= 17);
    }
    for old in &heads {
        let proof = reader.consistency(old.size, SIZE).await.unwrap();
        verify_consistency(old, &newest, &proof).unwrap();
        let middle = heads[heads.len() / 2];
        if old.size <= middle.size {
            let proof = reader.consistency(old.size, middle.size).await.unwrap();
            verify_consistency(old, &middle, &proof).unwrap();
        }
    }
    let paths: Vec<String> = Tile::edge(SIZE).iter().map(Tile::to_string).collect();
    assert_eq!(paths.last().unwrap(), "tile/2/000.p/1");
    let tile = decode_hashes(&reader.resource("tile/1/001.p/17").await.unwrap().unwrap()).unwrap();
    assert_eq!(tile.len(), 17);
    assert_eq!(decode_hashes(&reader.resource("tile/1/000").await.unwrap().unwrap()).unwrap().len(), 256);
    let first = decode_hashes(&reader.resource("tile/0/000").await.unwrap().unwrap()).unwrap();
    assert_eq!(first[3], leaf_hash(leaf(3).as_bytes()));
    drop(reader);
    ledger.close().await;
    assert!(dir.path().join("data/ledger/tile/0/272").exists());

    // What start-up reads is bounded: damage far to the left is the audit's matter, not start-up's.
    let large = start_up(dir.path(), &keyguard).await;
    let small = tempdir().unwrap();
    let other = Keyguard::new(&key(small.path()));
    let ledger = open(small.path(), &other).await;
    ledger.append(one(leaf(0))).await.unwrap();
    ledger.close().await;
    println!("start-up: {:?} at {SIZE} leaves, {:?} at one", large, start_up(small.path(), &other).await);
}

async fn start_up(directory: &std::path::Path, keyguard: &std::sync::Arc<Keyguard>) -> std::time::Duration {
    let started = Instant::now();
    let ledger = open(directory, keyguard).await;
    let taken = started.elapsed();
    ledger.close().await;
    taken
}
