//! The one writer: order, receipts, group commit, refusals, crashes, forks.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::{Append, AppendError, Change, Sequencer as _};
use chancery_core::time::Time;
use chancery_ledger::merkle::verify_consistency;
use chancery_ledger::receipt::verify;
use chancery_ledger::tile::{Tile, decode_hashes, entries};
use chancery_store::database::StoreError;
use chancery_store::ledger::{Ledger, LedgerKey};
use tempfile::tempdir;
use world::{Keyguard, Mood, config, intent, key, leaf, one, open, request, trust, try_open};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_share_commits_and_all_receipts_hold() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    let mut tasks = Vec::new();
    for worker in 0..64_u64 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            let mut got = Vec::new();
            for round in 0..5 {
                let leaves = vec![leaf(worker * 1000 + round), leaf(worker * 1000 + round + 500)];
                let receipts =
                    ledger.append(Append { leaves: leaves.clone(), changes: vec![] }).await.unwrap();
                assert_eq!(receipts.len(), 2);
                assert_eq!(receipts[0].index + 1, receipts[1].index, "leaves of an append are neighbours");
                got.extend(leaves.into_iter().zip(receipts));
            }
            assert!(
                got.is_sorted_by_key(|(_, receipt)| receipt.index),
                "appends of one caller keep their order"
            );
            got
        }));
    }
    let mut indices = BTreeSet::new();
    let trust = trust(dir.path());
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    for (leaf, receipt) in all {
        assert!(indices.insert(receipt.index));
        verify(&receipt, leaf.as_bytes(), &trust).unwrap();
        let later = ledger.reader().receipt(receipt.index).await.unwrap();
        assert_eq!(later.size, 640);
        verify(&later, leaf.as_bytes(), &trust).unwrap();
        assert_eq!(ledger.reader().leaf(receipt.index).await.unwrap(), leaf);
    }
    assert_eq!(indices, (0..640).collect());
    let counters = ledger.counters();
    let commits = counters.commits.load(Ordering::Relaxed);
    assert_eq!(counters.appends.load(Ordering::Relaxed), 320);
    assert!(commits * 4 <= 320, "{commits} commits for 320 appends");
    assert_eq!(keyguard.size(), 640);
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_group_commit_every_append_has_its_own() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let mut config = config(dir.path());
    config.group_commit = false;
    let ledger = Ledger::open(config, keyguard, key(dir.path())).await.unwrap();
    let appends = (0..20).map(|n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.append(one(leaf(n))).await.unwrap() })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    assert_eq!(ledger.counters().commits.load(Ordering::Relaxed), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_append_refuses_nobody_else() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    let token = Sha256::of(b"token");
    let uses = |n: u8, leaf: u64| Append {
        leaves: vec![world::leaf(leaf)],
        changes: vec![Change::TokenUse {
            token,
            request: request(n),
            expires: Time::from_seconds(2_000_000_000),
        }],
    };
    // Together in the queue: the first binds the token, the same request joins, the other is refused.
    let (first, other, same, plain) = tokio::join!(
        ledger.append(uses(1, 0)),
        ledger.append(uses(2, 1)),
        ledger.append(uses(1, 2)),
        ledger.append(one(leaf(3))),
    );
    assert_eq!(first.unwrap()[0].index, 0);
    assert_eq!(other, Err(AppendError::TokenReplayed(request(1))));
    assert_eq!(same.unwrap()[0].index, 1);
    assert_eq!(plain.unwrap()[0].index, 2);
    // And across batches and restarts.
    ledger.close().await;
    let ledger = open(dir.path(), &keyguard).await;
    // The token is not in memory any more: the commit conflicts, and only the replay is refused.
    let (plain, replay) = tokio::join!(ledger.append(one(leaf(4))), ledger.append(uses(2, 1)));
    assert_eq!(plain.unwrap()[0].index, 3);
    assert_eq!(replay, Err(AppendError::TokenReplayed(request(1))));
    ledger.close().await;
    let ledger = open(dir.path(), &keyguard).await;
    let (same, replay, plain) =
        tokio::join!(ledger.append(uses(1, 5)), ledger.append(uses(2, 1)), ledger.append(one(leaf(6))));
    assert_eq!(same.unwrap()[0].index, 4);
    assert_eq!(replay, Err(AppendError::TokenReplayed(request(1))));
    assert_eq!(plain.unwrap()[0].index, 5);
    assert_eq!(ledger.append(one(String::new())).await, Err(AppendError::LeafSize(0)));
    assert_eq!(ledger.append(one("x".repeat(65_536))).await, Err(AppendError::LeafSize(65_536)));
    assert_eq!(ledger.append(one("x".repeat(65_535))).await.unwrap()[0].index, 6);

    // An intent is closed once; a release and an abandonment in one queue do not both happen.
    let opened = ledger.append(intent(9, "acme", 5)).await.unwrap()[0].index;
    let abandon = || Append { leaves: vec![leaf(9)], changes: vec![Change::Abandon { index: opened }] };
    let (one, two) = tokio::join!(ledger.append(abandon()), ledger.append(abandon()));
    assert!(one.is_ok());
    assert_eq!(two, Err(AppendError::Closed(opened)));
    for index in [opened, 0, 10_000, u64::MAX] {
        let append = Append { leaves: vec![leaf(1)], changes: vec![Change::Abandon { index }] };
        assert_eq!(ledger.append(append).await, Err(AppendError::Closed(index)));
    }
    assert_eq!(ledger.reader().size(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn intake_stops_at_the_disk_reserve_and_at_a_full_queue() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let mut config = config(dir.path());
    config.reserve = u64::MAX;
    let ledger = Ledger::open(config.clone(), Arc::clone(&keyguard) as _, key(dir.path())).await.unwrap();
    assert!(matches!(ledger.append(one(leaf(0))).await, Err(AppendError::Busy(_))));
    assert_eq!(ledger.counters().commits.load(Ordering::Relaxed), 0);
    ledger.close().await;
    config.reserve = 0;
    config.queue = 1;
    let ledger = Ledger::open(config, keyguard, key(dir.path())).await.unwrap();
    let all = futures_of(&ledger, 200).await;
    let busy = all.iter().filter(|result| matches!(result, Err(AppendError::Busy(_)))).count();
    let done = all.iter().filter(|result| result.is_ok()).count();
    assert!(busy > 0 && done > 0 && busy + done == 200, "{busy} busy, {done} done");
    assert_eq!(ledger.reader().size(), u64::try_from(done).unwrap(), "what was busy was not written");
}

async fn futures_of(ledger: &Ledger, count: u64) -> Vec<Result<(), AppendError>> {
    let spawn = |n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.append(one(leaf(n))).await.map(|_| ()) })
    };
    let mut results = Vec::new();
    for task in (0..count).map(spawn).collect::<Vec<_>>() {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_slept_is_caught_up() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(0))).await.unwrap();
    for mood in [Mood::Unavailable, Mood::Garbage] {
        keyguard.mood(mood);
        let refused = ledger.append(one(leaf(1))).await;
        assert!(matches!(refused, Err(AppendError::NotCosigned(_))), "{refused:?}");
    }
    let many = Append { leaves: (0..2000).map(leaf).collect(), changes: vec![] };
    assert!(matches!(ledger.append(many).await, Err(AppendError::NotCosigned(_))));
    // What is not cosigned is not shown.
    assert_eq!(ledger.reader().size(), 1);
    assert!(ledger.reader().leaf(1).await.is_err());
    keyguard.mood(Mood::Follows);
    let receipts = ledger.append(one(leaf(7))).await.unwrap();
    assert_eq!(receipts[0].index, 2003);
    verify(&receipts[0], leaf(7).as_bytes(), &trust(dir.path())).unwrap();
    assert_eq!(keyguard.size(), 2004);
    assert!(keyguard.inner.lock().unwrap().largest <= 2000);
    // Without any further append, the writer offers the head again by itself.
    keyguard.mood(Mood::Unavailable);
    assert!(matches!(ledger.append(one(leaf(8))).await, Err(AppendError::NotCosigned(_))));
    keyguard.mood(Mood::Follows);
    while ledger.reader().size() < 2005 {
        tokio::task::yield_now().await;
    }
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opens_without_a_follower_and_shows_nothing_until_it_answers() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(0))).await.unwrap();
    ledger.close().await;
    keyguard.mood(Mood::Unavailable);
    let ledger = open(dir.path(), &keyguard).await;
    assert_eq!((ledger.reader().checkpoint(), ledger.reader().size()), (None, 0));
    keyguard.mood(Mood::Follows);
    assert_eq!(ledger.append(one(leaf(1))).await.unwrap()[0].index, 1);
    ledger.close().await;
    // A follower that lost nothing but the connection: the whole ledger again, for one that starts anew.
    let fresh = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &fresh).await;
    assert_eq!((fresh.size(), ledger.reader().size()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_or_forked_database_stops_for_good() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(0))).await.unwrap();
    ledger.close().await;
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    copy(&data, &backup);
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(1))).await.unwrap();
    ledger.close().await;
    // Restored from the backup: the follower has seen more.
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let refused = try_open(dir.path(), &keyguard).await.unwrap_err();
    assert!(matches!(refused, StoreError::Inconsistent(_)), "{refused:?}");
    // The gateway hides that by growing first, while the follower cannot be reached: the next step stops it.
    keyguard.mood(Mood::Unavailable);
    let ledger = open(dir.path(), &keyguard).await;
    assert!(ledger.append(one(leaf(99))).await.is_err());
    keyguard.mood(Mood::Follows);
    assert!(matches!(ledger.append(one(leaf(98))).await, Err(AppendError::NotCosigned(_))));
    let why = ledger.stopped().await;
    assert!(why.contains("fork"), "{why}");
    assert!(matches!(ledger.append(one(leaf(97))).await, Err(AppendError::Busy(_))));
    assert_eq!(ledger.reader().checkpoint(), None);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_storage_is_seen_before_anything_is_signed() {
    for damage in [
        "UPDATE ledger_batch SET entries = CAST(replace(CAST(entries AS TEXT), '3', '4') AS BLOB)",
        "UPDATE ledger_head SET root = zeroblob(32)",
        "UPDATE ledger_head SET edge = zeroblob(length(edge))",
        "DELETE FROM ledger_batch WHERE first = 3",
    ] {
        let dir = tempdir().unwrap();
        let keyguard = Keyguard::new(&key(dir.path()));
        let ledger = open(dir.path(), &keyguard).await;
        for n in 0..6 {
            ledger.append(one(leaf(n))).await.unwrap();
        }
        ledger.close().await;
        execute(dir.path(), damage).await;
        let refused = try_open(dir.path(), &keyguard).await.unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{damage}: {refused:?}");
    }
}

/// A bit that flips between the commit and the checkpoint (Yeti 2022): a trigger plays the broken memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_on_the_way_to_the_disk_is_never_signed() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(1))).await.unwrap();
    execute(
        dir.path(),
        "CREATE TRIGGER flip AFTER INSERT ON ledger_batch BEGIN UPDATE ledger_batch SET \
         entries = CAST(replace(CAST(entries AS TEXT), '8', '9') AS BLOB) WHERE first = NEW.first; END",
    )
    .await;
    assert!(ledger.append(one(leaf(2))).await.is_ok());
    assert!(ledger.append(one(leaf(8))).await.is_err());
    assert!(ledger.stopped().await.contains("read back"));
    assert_eq!(keyguard.size(), 2);
}

async fn execute(directory: &std::path::Path, sql: &'static str) {
    use sqlx::Connection as _;
    let url = format!("sqlite://{}", directory.join("data/state.db").display());
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Crash between commit and publication: the runtime is torn down with everything in it; the files are removed.
#[test]
fn what_was_committed_is_published_after_a_crash() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let crashed = runtime();
    let old = crashed.block_on(async {
        let ledger = open(dir.path(), &keyguard).await;
        ledger.append(Append { leaves: (0..600).map(leaf).collect(), changes: vec![] }).await.unwrap();
        keyguard.mood(Mood::Unavailable);
        ledger.append(one(leaf(600))).await.unwrap_err();
        ledger.reader().checkpoint().unwrap()
    });
    crashed.shutdown_background();
    let published = dir.path().join("data/ledger");
    std::fs::remove_dir_all(&published).unwrap();
    keyguard.mood(Mood::Follows);
    runtime().block_on(async {
        let ledger = loop {
            // The lock goes with the last task of the crashed runtime.
            match try_open(dir.path(), &keyguard).await {
                Ok(ledger) => break ledger,
                Err(StoreError::File { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(ledger.reader().size(), 601);
        assert_ne!(ledger.reader().checkpoint().unwrap(), old);
        let trust = trust(dir.path());
        let head = *trust.open(&ledger.reader().checkpoint().unwrap()).unwrap().head();
        let before = *trust.open(&old).unwrap().head();
        let proof = ledger.reader().consistency(600, 601).await.unwrap();
        verify_consistency(&before, &head, &proof).unwrap();
        ledger.close().await;
    });
    for tile in Tile::edge(601) {
        assert!(published.join(tile.to_string()).exists(), "{tile}");
    }
    for tile in ["tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"] {
        assert!(published.join(tile).exists(), "{tile}");
    }
    let text = std::fs::read_to_string(published.join("checkpoint")).unwrap();
    trust(dir.path()).open(&text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_resources_are_the_same_tiles() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    for n in 0..3 {
        ledger
            .append(Append { leaves: (n * 200..(n + 1) * 200).map(leaf).collect(), changes: vec![] })
            .await
            .unwrap();
    }
    let reader = ledger.reader().clone();
    let text = reader.resource("checkpoint").await.unwrap().unwrap();
    assert_eq!(Some(String::from_utf8(text).unwrap()), reader.checkpoint());
    let bundle = reader.resource("tile/entries/002.p/88").await.unwrap().unwrap();
    assert_eq!(entries(&bundle, 256).unwrap().last().unwrap(), &leaf(599).as_bytes());
    let narrower = reader.resource("tile/0/002.p/10").await.unwrap().unwrap();
    assert_eq!(decode_hashes(&narrower).unwrap().len(), 10);
    for absent in
        ["tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/1/001", "tile/2/000.p/1", "../state.db", ""]
    {
        assert_eq!(reader.resource(absent).await.unwrap(), None, "{absent}");
    }
    let mut resources = Vec::new();
    for path in [
        "tile/entries/000",
        "tile/entries/001",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
    ] {
        resources.push((path, reader.resource(path).await.unwrap().unwrap()));
    }
    drop(reader);
    ledger.close().await;
    for (path, bytes) in resources {
        assert_eq!(std::fs::read(dir.path().join("data/ledger").join(path)).unwrap(), bytes, "{path}");
    }
}

/// A tile or bundle that is damaged in the database makes no receipt and never replaces a good file.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_tiles_make_no_receipts_and_are_not_published() {
    for (damage, path, receipt) in [
        ("UPDATE ledger_tile SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0", "tile/0/000", false),
        (
            "UPDATE ledger_batch SET entries = CAST(replace(CAST(entries AS TEXT), '12', '13') AS BLOB) \
             WHERE first = 0",
            "tile/entries/000",
            true,
        ),
    ] {
        let dir = tempdir().unwrap();
        let keyguard = Keyguard::new(&key(dir.path()));
        let ledger = open(dir.path(), &keyguard).await;
        ledger.append(Append { leaves: (0..300).map(leaf).collect(), changes: vec![] }).await.unwrap();
        ledger.append(Append { leaves: (300..600).map(leaf).collect(), changes: vec![] }).await.unwrap();
        let good = ledger.reader().resource(path).await.unwrap().unwrap();
        ledger.close().await;
        execute(dir.path(), damage).await;
        let ledger = open(dir.path(), &keyguard).await;
        ledger.append(one(leaf(600))).await.unwrap();
        match ledger.reader().receipt(3).await {
            Ok(held) => {
                verify(&held, leaf(3).as_bytes(), &trust(dir.path())).map(|_| assert!(receipt)).unwrap()
            }
            Err(refused) => assert!(!receipt && matches!(refused, StoreError::Corrupt(_)), "{refused:?}"),
        }
        let other = ledger.reader().receipt(599).await.unwrap();
        verify(&other, leaf(599).as_bytes(), &trust(dir.path())).unwrap();
        ledger.close().await;
        assert_eq!(std::fs::read(dir.path().join("data/ledger").join(path)).unwrap(), good, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_writer() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let _ledger = open(dir.path(), &keyguard).await;
    let second = try_open(dir.path(), &keyguard).await.unwrap_err();
    assert!(matches!(second, StoreError::File { .. }), "{second:?}");
}

/// The key file and the checkpoint's signature as openssl sees them.
#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_checkpoint() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let dir = tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    ledger.append(one(leaf(0))).await.unwrap();
    let note = ledger.reader().checkpoint().unwrap();
    let (text, lines) = note.split_once("\n\n").unwrap();
    let signature = STANDARD.decode(lines.lines().next().unwrap().rsplit_once(' ').unwrap().1).unwrap();
    std::fs::write(path("text"), format!("{text}\n")).unwrap();
    std::fs::write(path("signature"), &signature[4..]).unwrap();
    let openssl = |args: &[&str]| Command::new("openssl").current_dir(dir.path()).args(args).output();
    let Ok(public) =
        openssl(&["pkey", "-inform", "DER", "-in", "ledger.key", "-pubout", "-out", "public.pem"])
    else {
        println!("not compared: openssl is absent");
        return;
    };
    assert!(public.status.success(), "{public:?}");
    let verify = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "public.pem",
        "-rawin",
        "-in",
        "text",
        "-sigfile",
        "signature",
    ];
    assert!(openssl(&verify).unwrap().status.success());
    std::fs::write(path("text"), format!("{text} \n")).unwrap();
    assert!(!openssl(&verify).unwrap().status.success());
}

#[test]
fn key_files_are_private_and_never_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempdir().unwrap();
    let first = key(dir.path());
    assert_eq!(key(dir.path()).verifier(), first.verifier());
    assert!(!format!("{first:?}").contains("pair"));
    let path = dir.path().join("ledger.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(LedgerKey::load(&path, &world::origin()).is_err());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, b"not a key").unwrap();
    assert!(LedgerKey::load_or_create(&path, &world::origin()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"not a key");
}
