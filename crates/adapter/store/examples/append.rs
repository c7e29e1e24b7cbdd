//! Appends as fast as it can and prints what an append cost, as one line of JSON.
//!
//! ```text
//! append <concurrency> <seconds> [--no-group] [--signatures]
//! {"appends":3180,"commits":3180,"concurrency":1,"cpu_us_per_append":310,…,"p50_us":390,"p99_us":910}
//! ```
//!
//! Without `--signatures` an append is one leaf of 600 bytes. With it, every second one is an intent with its token and
//! a wish of 6 KB, and the one after it releases the result with two leaves, as a signature does.
#![expect(clippy::unwrap_used, reason = "a measurement ends at the first surprise")]

#[path = "../tests/world/mod.rs"]
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::sequencer::{Append, Change, Sequencer as _};
use chancery_core::time::Time;
use chancery_store::ledger::Ledger;
use world::{Keyguard, config, key};

/// Clock ticks of `/proc/<pid>/stat` on Linux.
const TICK: Duration = Duration::from_millis(10);

/// What is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    concurrency: u64,
    period: Duration,
    kind: Kind,
    commit: Commit,
}

/// Whether appends share commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    Each,
    Group,
}

/// What an append consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Signature,
}

fn main() {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    let (Some(concurrency), Some(seconds)) = (number(0), number(1)) else {
        writeln!(err, "usage: append <concurrency> <seconds> [--no-group] [--signatures]").unwrap();
        std::process::exit(2);
    };
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let kind = if has("--signatures") { Kind::Signature } else { Kind::Plain };
    let commit = if has("--no-group") { Commit::Each } else { Commit::Group };
    let plan = Plan { concurrency, period: Duration::from_secs(seconds), kind, commit };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let line = runtime.block_on(measure(plan));
    writeln!(out, "{line}").unwrap();
}

async fn measure(plan: Plan) -> serde_json::Value {
    let Plan { concurrency, period, kind, commit } = plan;
    let directory = tempfile::tempdir().unwrap();
    let keyguard = Keyguard::new(&key(directory.path()));
    let mut config = config(directory.path());
    config.group_commit = commit == Commit::Group;
    let ledger = Ledger::open(config, keyguard, key(directory.path())).await.unwrap();
    // The first appends make the write-ahead log's pages and fill the caches of prepared statements.
    run(&ledger, concurrency, period / 8, kind).await;
    let commits = || ledger.counters().commits.load(Ordering::Relaxed);
    let (commits_before, cpu_before, started) = (commits(), cpu(), Instant::now());
    let mut latencies = run(&ledger, concurrency, period, kind).await;
    let (wall, cpu, commits) = (started.elapsed(), cpu() - cpu_before, commits() - commits_before);
    latencies.sort_unstable();
    let appends = u64::try_from(latencies.len()).unwrap().max(1);
    let percentile = |percent: u64| {
        let at = usize::try_from(appends.saturating_sub(1) * percent / 100).unwrap();
        latencies.get(at).map_or(0, Duration::as_micros)
    };
    let each = |count: u64| cpu.as_micros() / u128::from(count.max(1));
    let receipt = receipts(&ledger).await;
    serde_json::json!({
        "appends": appends,
        "appends_per_second": u128::from(appends) * 1_000_000 / wall.as_micros().max(1),
        "commits": commits,
        "concurrency": concurrency,
        "cpu_us_per_append": each(appends),
        "cpu_us_per_commit": each(commits),
        "group_commit": commit == Commit::Group,
        "kind": format!("{kind:?}").to_lowercase(),
        "p50_us": percentile(50),
        "p99_us": percentile(99),
        "receipt_us": receipt.as_micros(),
    })
}

/// The mean time to make a receipt for leaves all over the ledger.
async fn receipts(ledger: &Ledger) -> Duration {
    const COUNT: u32 = 200;
    let size = ledger.reader().size();
    let started = Instant::now();
    for n in 0..u64::from(COUNT) {
        ledger.reader().receipt(n * 7919 % size).await.unwrap();
    }
    started.elapsed() / COUNT
}

async fn run(ledger: &Ledger, concurrency: u64, period: Duration, kind: Kind) -> Vec<Duration> {
    let start = ledger.reader().size();
    let worker = |worker: u64| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let (until, mut latencies, mut n) = (Instant::now() + period, Vec::new(), 0_u64);
            while Instant::now() < until {
                let name = format!("{start} {worker} {n}");
                match kind {
                    Kind::Plain => drop(timed(&ledger, plain(&name), &mut latencies).await),
                    Kind::Signature => {
                        let index = timed(&ledger, intent(&name), &mut latencies).await;
                        timed(&ledger, release(&name, index), &mut latencies).await;
                    }
                }
                n += 1;
            }
            latencies
        })
    };
    let mut latencies = Vec::new();
    for task in (0..concurrency).map(worker).collect::<Vec<_>>() {
        latencies.extend(task.await.unwrap());
    }
    latencies
}

async fn timed(ledger: &Ledger, append: Append, latencies: &mut Vec<Duration>) -> u64 {
    let started = Instant::now();
    let receipts = ledger.append(append).await.unwrap();
    latencies.push(started.elapsed());
    receipts.last().unwrap().index
}

fn leaf(name: &str, size: usize) -> String {
    format!(
        "{{\"n\":\"{name}\",\"pad\":\"{}\",\"profile\":\"acme\",\"time\":1795210023000}}",
        "x".repeat(size)
    )
}

fn plain(name: &str) -> Append {
    Append { leaves: vec![leaf(name, 540)], changes: vec![] }
}

fn ids(name: &str) -> (RequestId, StatementId) {
    let digest = Sha256::of(name.as_bytes());
    (RequestId::new(digest), StatementId::new(digest))
}

fn intent(name: &str) -> Append {
    let (request, statement) = ids(name);
    let expires = Time::from_seconds(2_000_000_000);
    let token = Change::TokenUse { token: request.digest(), request, expires };
    let wish = format!("{{\"wish\":\"{}\"}}", "w".repeat(6000)).into();
    Append {
        leaves: vec![leaf(name, 1100)],
        changes: vec![token, Change::Intent { request, statement, wish, plan: "{}".into() }],
    }
}

fn release(name: &str, index: u64) -> Append {
    let (request, statement) = ids(name);
    let result = format!("{{\"result\":\"{}\"}}", "r".repeat(3000));
    let release = Change::Release { index, request, statement, result };
    Append { leaves: vec![leaf(name, 900), leaf(name, 400)], changes: vec![release] }
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).unwrap().parse::<u32>().unwrap();
    TICK * (ticks(11) + ticks(12))
}
