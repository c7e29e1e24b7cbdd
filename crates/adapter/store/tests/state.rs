//! The nouns beside the ledger: intents, releases, search, policies, certificates, limits.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use chancery_core::digest::Sha256;
use chancery_core::id::{KeyId, PolicyVersion, ProfileName};
use chancery_core::port::sequencer::{Append, Change, Sequencer as _};
use chancery_core::time::Time;
use chancery_ledger::event::CertificatePurpose;
use chancery_store::certificate::{self, StoredCertificate};
use chancery_store::ledger::Ledger;
use chancery_store::policy::{self, StoredPolicy};
use chancery_store::{intent, limit, token_use};
use tempfile::tempdir;
use world::{Keyguard, key, leaf, open, request, statement};

#[tokio::test(flavor = "multi_thread")]
async fn intents_open_and_close_with_their_leaves() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    let mut indices = Vec::new();
    for n in 0..4 {
        let profile = if n == 3 { "other" } else { "acme" };
        indices.push(ledger.append(world::intent(n, profile, 1000 * i64::from(n))).await.unwrap()[0].index);
        ledger.signed().put(indices[usize::from(n)], &format!("{{\"signed\":{n}}}")).unwrap();
    }
    let release = Change::Release {
        index: indices[1],
        request: request(1),
        statement: statement(1),
        result: "{\"result\":1}".into(),
    };
    ledger.append(Append { leaves: vec![leaf(1)], changes: vec![release] }).await.unwrap();
    // A change without a leaf is durable as well.
    let abandon = Change::Abandon { index: indices[2] };
    assert_eq!(ledger.append(Append { leaves: vec![], changes: vec![abandon] }).await, Ok(vec![]));

    // At once, before the search index has caught up, and again after a restart.
    check_intents(&ledger, &indices).await;
    check_limits(&ledger).await;
    check_results(&ledger, &indices).await;
    ledger.close().await;
    let ledger = open(dir.path(), &keyguard).await;
    check_intents(&ledger, &indices).await;
    check_limits(&ledger).await;
    check_results(&ledger, &indices).await;
}

fn kept(n: u64) -> intent::Kept {
    intent::Kept { wish: format!("{{\"wish\":{n}}}"), plan: format!("{{\"plan\":{n}}}") }
}

async fn check_intents(ledger: &Ledger, indices: &[u64]) {
    let database = ledger.database();
    let open = intent::open(database, 100).await.unwrap();
    assert_eq!(open.iter().map(|intent| intent.index).collect::<Vec<_>>(), [indices[0], indices[3]]);
    assert_eq!(open[0].kept, kept(0));
    assert_eq!(open[1].at, Time::from_millis(3000));
    assert_eq!(intent::open_for(database, request(0), statement(0)).await.unwrap().len(), 1);
    assert!(intent::open_for(database, request(1), statement(1)).await.unwrap().is_empty());
    assert_eq!(intent::kept(database, indices[1]).await.unwrap().unwrap(), kept(1));
}

async fn check_limits(ledger: &Ledger) {
    let database = ledger.database();
    let acme = ProfileName::parse("acme").unwrap();
    assert_eq!(limit::count(database, &acme, Time::from_millis(1000)).await.unwrap(), 2);
    let moments = limit::moments(database, Time::from_millis(2000), 10).await.unwrap();
    assert_eq!(moments.len(), 2);
    assert_eq!(moments[1], (ProfileName::parse("other").unwrap(), Time::from_millis(3000)));
}

async fn check_results(ledger: &Ledger, indices: &[u64]) {
    let released = ledger.reader().released(request(1), statement(1)).await.unwrap().unwrap();
    assert_eq!((released.intent, released.result.as_str()), (indices[1], "{\"result\":1}"));
    assert_eq!(ledger.reader().released(request(2), statement(2)).await.unwrap(), None);
    assert_eq!(ledger.reader().released(request(1), statement(2)).await.unwrap(), None);
    assert_eq!(
        ledger.signed().all().unwrap(),
        [(indices[0], "{\"signed\":0}".to_owned()), (indices[3], "{\"signed\":3}".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_what_leaves_say_and_nothing_else() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    for n in 0..50 {
        ledger.append(world::intent(n, "acme", 1)).await.unwrap();
    }
    let again = ledger.append(world::intent(7, "acme", 2)).await.unwrap()[0].index;
    ledger.close().await;
    // Lost: it is rebuilt from the leaves.
    for file in ["search.db", "search.db-wal", "search.db-shm"] {
        let _absent = std::fs::remove_file(dir.path().join("data").join(file));
    }
    let ledger = open(dir.path(), &keyguard).await;
    let reader = ledger.reader();
    while reader.by_request(request(7)).await.unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.by_request(request(7)).await.unwrap(), [7, again]);
    assert_eq!(reader.by_statement(statement(8)).await.unwrap(), [8]);
    assert_eq!(reader.by_artifact(Sha256::of(&[9])).await.unwrap(), [9]);
    assert!(reader.by_artifact(Sha256::of(b"other")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_certificates_and_tokens_are_kept() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    let database = ledger.database();
    let version = |n: u8| PolicyVersion::new(Sha256::of(&[n]));
    let stored = |n: u8, sequence| StoredPolicy {
        version: version(n),
        sequence,
        document: format!("{{\"n\":{n}}}"),
        signatures: format!("[{n}]"),
        applied_at: Time::from_millis(i64::from(n)),
    };
    assert_eq!(policy::latest(database).await.unwrap(), None);
    for (n, sequence) in [(1, 1), (2, 2), (1, 1)] {
        policy::put(database, &stored(n, sequence)).await.unwrap();
    }
    assert!(policy::put(database, &stored(3, 2)).await.is_err());
    assert_eq!(policy::latest(database).await.unwrap(), Some(stored(2, 2)));
    assert_eq!(policy::by_version(database, version(1)).await.unwrap(), Some(stored(1, 1)));
    assert_eq!(policy::all(database).await.unwrap().len(), 2);

    let certificate = StoredCertificate {
        key: KeyId::parse("ca").unwrap(),
        purpose: CertificatePurpose::CodeSigning,
        chain: vec![vec![0x30, 0], vec![0x30, 1]],
        created_at: Time::from_millis(5),
    };
    for _ in 0..2 {
        certificate::put(database, &certificate).await.unwrap();
    }
    assert_eq!(
        certificate::for_key(database, &certificate.key).await.unwrap(),
        std::slice::from_ref(&certificate)
    );
    assert_eq!(certificate::all(database).await.unwrap().len(), 1);
    assert!(certificate::put(database, &StoredCertificate { chain: vec![], ..certificate }).await.is_err());
    assert_eq!(token_use::bound_to(database, Sha256::of(b"t")).await.unwrap(), None);
}

/// Five hundred statements of one request keep the evidence once, and each finds its order again.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_evidence_once() {
    let dir = tempdir().unwrap();
    let keyguard = Keyguard::new(&key(dir.path()));
    let ledger = open(dir.path(), &keyguard).await;
    let evidence = "e".repeat(20_000);
    let wish = format!("{{\"evidence\":\"{evidence}\",\"request\":\"r\"}}");
    let kept = |n: u64| intent::Kept { wish: wish.clone(), plan: format!("{n}") };
    let append = |n: u64| {
        let (request, statement) = (request(1), statement(2));
        let change = Change::Intent { request, statement, wish: wish.as_str().into(), plan: format!("{n}") };
        Append { leaves: vec![leaf(n)], changes: vec![change] }
    };
    // The first alone, some together in one batch, the rest in whatever batches come.
    ledger.append(append(0)).await.unwrap();
    let appends = (1..500).map(|n| {
        let (ledger, append) = (ledger.clone(), append(n));
        tokio::spawn(async move { (n, ledger.append(append).await.unwrap()[0].index) })
    });
    let mut indices = vec![(0, 0)];
    for append in appends.collect::<Vec<_>>() {
        indices.push(append.await.unwrap());
    }
    ledger
        .append(Append { leaves: vec![leaf(0)], changes: vec![Change::Abandon { index: 0 }] })
        .await
        .unwrap();
    ledger.close().await;
    let size = std::fs::metadata(dir.path().join("data/state.db")).unwrap().len();
    assert!(size < 1_000_000, "{size} bytes for 500 orders of 20 KB");
    let ledger = open(dir.path(), &keyguard).await;
    for (n, index) in &indices {
        assert_eq!(intent::kept(ledger.database(), *index).await.unwrap().unwrap(), kept(*n));
    }
    let open = intent::open(ledger.database(), 1000).await.unwrap();
    assert_eq!(open.len(), 499);
    indices.sort_by_key(|(_, index)| *index);
    assert!(open.iter().zip(&indices[1..]).all(|(open, (n, _))| open.kept == kept(*n)));
    // A new process starts with a base of its own.
    let index = ledger.append(append(777)).await.unwrap()[0].index;
    assert_eq!(intent::kept(ledger.database(), index).await.unwrap().unwrap(), kept(777));
}
