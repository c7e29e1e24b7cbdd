//! Killed at random moments, and a disk that fails: what was acknowledged stays true.
//!
//! The test runs itself again as a child that appends in a loop and prints each acknowledgement:
//!
//! ```text
//! ack {"intent":null,"leaf":"{\"n\":17}","receipt":{…}}
//! ```
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use chancery_core::port::sequencer::{Append, AppendError, Change, Sequencer as _};
use chancery_core::receipt::Receipt;
use chancery_ledger::merkle::verify_consistency;
use chancery_ledger::receipt::verify;
use chancery_store::intent;
use chancery_store::ledger::Ledger;
use tempfile::tempdir;
use world::{Keyguard, key, leaf, open, request, statement, trust};

const DIRECTORY: &str = "CHANCERY_CRASH_DIRECTORY";
const KILLS: usize = 60;

/// An append that was answered.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Ack {
    leaf: String,
    receipt: Receipt,
    /// The intent that the append opened, when this is true, or else closed.
    opened: bool,
    /// Index of the intent.
    intent: Option<u64>,
}

/// The child's part; without its directory it is no test.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let keyguard = Keyguard::remembering(&key(&directory), &directory.join("follower"));
        let ledger = open(&directory, &keyguard).await;
        print("open");
        let workers = (0..4).map(|worker| tokio::spawn(work(ledger.clone(), worker)));
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        print(&format!("stopped {}", ledger.stopped().await));
        let after = ledger.append(world::one(leaf(0))).await;
        print(if matches!(after, Err(AppendError::Busy(_))) { "refuses" } else { "accepts" });
    });
}

/// Appends intents and closes them, until an append fails.
async fn work(ledger: Ledger, worker: u8) {
    for n in 0_u64.. {
        let opening = world::intent(worker, "acme", 5);
        let Some(opened) = acknowledge(&ledger, opening, None).await else { return };
        let release = Change::Release {
            index: opened,
            request: request(worker),
            statement: statement(worker),
            result: format!("{{\"result\":{n}}}"),
        };
        let closing = Append { leaves: vec![leaf(opened)], changes: vec![release] };
        if acknowledge(&ledger, closing, Some(opened)).await.is_none() {
            return;
        }
    }
}

async fn acknowledge(ledger: &Ledger, append: Append, closes: Option<u64>) -> Option<u64> {
    let leaf = append.leaves.first().unwrap().clone();
    let receipt = ledger.append(append).await.ok()?.into_iter().next().unwrap();
    let index = receipt.index;
    let ack = Ack { leaf, receipt, opened: closes.is_none(), intent: Some(closes.unwrap_or(index)) };
    print(&format!("ack {}", serde_json::to_string(&ack).unwrap()));
    Some(index)
}

/// One whole line past the test harness.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn spawn(directory: &Path, mut command: Command) -> (Child, BufReader<ChildStdout>) {
    command.env(DIRECTORY, directory).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn arguments() -> [&'static str; 4] {
    ["child", "--exact", "--nocapture", "--test-threads=1"]
}

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0_u8) % below
}

/// The acknowledgements among the lines; a torn last line was not seen by anybody.
fn acks(text: &str) -> Vec<Ack> {
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole
        .filter_map(|line| line.strip_prefix("ack "))
        .map(|json| serde_json::from_str(json).unwrap())
        .collect()
}

#[test]
fn killed_at_random_moments_loses_nothing_that_was_acknowledged() {
    let dir = tempdir().unwrap();
    let _created = key(dir.path());
    let mut all = Vec::new();
    for round in 0..KILLS {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments());
        let (mut child, mut out) = spawn(dir.path(), command);
        let mut text = String::new();
        // Some die while they open, most of them while they append.
        for _ in 0..random(60) {
            out.read_line(&mut text).unwrap();
        }
        for _ in 0..random(3000) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        out.read_to_string(&mut text).unwrap();
        assert!(!text.contains("stopped"), "round {round}: {text}");
        let new = acks(&text);
        reopened(dir.path(), &new);
        all.extend(new);
    }
    println!("{KILLS} kills, {} acknowledged appends", all.len());
    assert!(all.len() > KILLS, "it was killed before it did anything");
    reopened(dir.path(), &all);
    let indices: BTreeSet<u64> = all.iter().map(|ack| ack.receipt.index).collect();
    assert_eq!(indices.len(), all.len(), "no index twice");
}

/// Opens what the child left behind, with the follower as it was, and holds it against what was acknowledged.
fn reopened(directory: &Path, acks: &[Ack]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let keyguard = Keyguard::remembering(&key(directory), &directory.join("follower"));
        let followed = keyguard.size();
        let ledger = open(directory, &keyguard).await;
        assert!(
            followed <= ledger.reader().size(),
            "follower at {followed}, ledger {}",
            ledger.reader().size()
        );
        check(directory, &ledger, acks).await;
        ledger.close().await;
    });
}

async fn check(directory: &Path, ledger: &Ledger, acks: &[Ack]) {
    let (trust, reader) = (trust(directory), ledger.reader());
    let newest = reader.checkpoint().map(|checkpoint| *trust.open(&checkpoint).unwrap().head());
    let mut state = BTreeMap::new();
    for ack in acks {
        let index = ack.receipt.index;
        let then = *verify(&ack.receipt, ack.leaf.as_bytes(), &trust).unwrap().checkpoint().head();
        let newest = newest.unwrap();
        let proof = reader.consistency(then.size, newest.size).await.unwrap();
        verify_consistency(&then, &newest, &proof).unwrap();
        verify(&reader.receipt(index).await.unwrap(), ack.leaf.as_bytes(), &trust).unwrap();
        assert_eq!(reader.leaf(index).await.unwrap(), ack.leaf);
        let intent = ack.intent.unwrap();
        // An opening may have been closed without an answer, never the other way round.
        *state.entry(intent).or_insert(ack.opened) &= ack.opened;
        assert!(intent::kept(ledger.database(), intent).await.unwrap().is_some());
    }
    let open = intent::open(ledger.database(), u32::MAX).await.unwrap();
    for intent in open {
        assert_ne!(state.get(&intent.index), Some(&false), "intent {} was released", intent.index);
    }
}

#[test]
fn a_failing_sync_ends_intake() {
    let dir = tempdir().unwrap();
    let _created = key(dir.path());
    let mut command = Command::new("strace");
    let inject = "inject=fsync,fdatasync:error=EIO:when=25+";
    command.args(["-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject]);
    command.arg(std::env::current_exe().unwrap()).args(arguments());
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("not compared: strace is absent");
        return;
    }
    let (mut child, mut out) = spawn(dir.path(), command);
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let stopped = text.lines().find(|line| line.starts_with("stopped ")).unwrap();
    assert!(stopped.contains("disk I/O error"), "{stopped}");
    assert!(text.lines().any(|line| line == "refuses"), "{text}");
    let acks = acks(&text);
    assert!(!acks.is_empty());
    reopened(dir.path(), &acks);
}
