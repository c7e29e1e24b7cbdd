//! Insiders: whoever can write the service's data changes it, and the audit says so, with the index of the entry.
//!
//! Each run takes a world with signatures, changes one thing at random, audits it, and for a part of the runs starts the
//! service on it and asks for a signature that policy does not allow. `CHANCERY_INSIDER_COUNT`, `_SEED` and `_ONLY` choose
//! how many, which, and which kind; `cargo xtask faults insider` sets them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[path = "insider/change.rs"]
mod change;
#[path = "insider/random.rs"]
mod random;
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use chancery_archive::data_dir::DataDir;
use chancery_audit::auditor::Auditor;
use chancery_audit::pins::Pins;
use chancery_audit::report::Report;
use chancery_audit::source::{Ledger as _, Unreadable};
use chancery_core::digest::Sha256;
use chancery_ledger::checkpoint::SignedCheckpoint;
use chancery_verify::trust_json;
use change::{KINDS, Kind};
use random::Random;
use world::World;

/// What the auditor keeps at home.
struct Auditing {
    pins: Pins,
}

impl Auditing {
    fn new(data: &Path) -> Self {
        let trust = std::fs::read_to_string(data.join("trust.json")).unwrap();
        let trust = trust_json::parse(&trust, None).unwrap();
        let root = std::fs::read(data.join("governance/root.toml")).unwrap();
        let note = std::fs::read_to_string(data.join("gateway/ledger/checkpoint")).unwrap();
        let earlier = SignedCheckpoint::open(&note, trust.roots.ledgers.first().unwrap().key()).unwrap();
        let earlier = Some(*earlier.head());
        Self {
            pins: Pins { trust, root: Some(Sha256::of(&root)), host: "dev.localhost".to_owned(), earlier },
        }
    }
    fn audit(&self, data: &Path) -> Result<Report, Unreadable> {
        let data = DataDir::open(data)?;
        let mut auditor = Auditor::new(self.pins.clone(), &data, &data).unwrap();
        auditor.with_rows(&data);
        auditor.checkpoint(&data.checkpoint()?);
        for leaf in data.leaves(0, data.size()?)? {
            if let Some(job) = auditor.leaf(leaf.as_deref())? {
                auditor.take(job.run());
            }
        }
        for job in auditor.rest()? {
            auditor.take(job.run());
        }
        Ok(auditor.finish())
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// A world with a few dozen signatures of both kinds, refusals, and two callers.
fn make() -> World {
    let mut world = World::start();
    for batch in 0..6 {
        let names: Vec<String> = (0..4).map(|n| format!("file-{batch}-{n}")).collect();
        for name in &names {
            world.write(name, name.as_bytes());
        }
        let mut line = vec!["sign", "--profile", "dev"];
        line.extend(names.iter().map(String::as_str));
        world.run(&line).expect(0);
    }
    world.write("image.exe", &chancery_testkit::pe::image(chancery_testkit::pe::Bits::B64, &[8, 300], &[]));
    world.run(&["sign", "--profile", "dev", "image.exe"]).expect(0);
    world.run(&["sign", "--profile", "nobody", "file-0-0"]);
    world.stop();
    let gateway = world.data().join("gateway");
    let backup = world.data().join("backup");
    std::fs::create_dir_all(backup.join("ledger")).unwrap();
    for name in ["state.db", "state.db-wal", "ledger/checkpoint"] {
        if gateway.join(name).exists() {
            std::fs::copy(gateway.join(name), backup.join(name)).unwrap();
        }
    }
    world.serve(&[]);
    world.write("later", b"later");
    world.run(&["sign", "--profile", "dev", "later"]).expect(0);
    world.stop();
    world
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Every so many runs the service is started on what was changed, and asked for what policy does not allow.
const ASKED: u64 = 10;

/// A service that does not start signs nothing; one that does refuses a job from another branch, and signs nothing
/// for it.
fn ask(place: tempfile::TempDir, said: &str) {
    let mut world = World { directory: place, server: None, env: BTreeMap::new() };
    let mut command = world.service();
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    world.server = Some(child);
    let Ok(ready) = serde_json::from_str::<serde_json::Value>(&line) else { return };
    let env = std::fs::read_to_string(ready["env"].as_str().unwrap()).unwrap();
    let variables = env.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    world.env =
        variables.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
    world.write("evil.bin", said.as_bytes());
    let answer = world.run_as(&[("ref", "refs/heads/evil")], &["sign", "--profile", "dev", "evil.bin"]);
    assert_ne!(answer.code, 0, "signed after {said}: {answer:?}");
    assert!(!world.path("evil.bin.sigstore.json").exists(), "signed after {said}");
}

/// What one kind of change came to.
#[derive(Default)]
struct Tally {
    runs: u64,
    /// Reported with the index of an entry that the change belongs to.
    reported: u64,
    /// What it reads is no database or no checkpoint any more.
    unreadable: u64,
    /// The change came to the same bytes.
    nothing: u64,
    missed: Vec<String>,
}

#[test]
fn whatever_an_insider_changes_is_reported() {
    let count = setting("CHANCERY_INSIDER_COUNT").unwrap_or(200);
    let seed = setting("CHANCERY_INSIDER_SEED").unwrap_or(7);
    let only = std::env::var("CHANCERY_INSIDER_ONLY").ok();
    println!("seed {seed}, {count} runs");
    let world = make();
    let data: PathBuf = world.data();
    let auditing = Auditing::new(&data);
    let honest = auditing.audit(&data).unwrap();
    assert!(honest.is_clean(), "{:?}", honest.findings);
    assert!(honest.counts.signatures >= 25, "{:?}", honest.counts);
    let kinds: Vec<&Kind> =
        KINDS.iter().filter(|kind| only.as_deref().is_none_or(|only| kind.name == only)).collect();
    let mut asks = 0;
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for run in 0..count {
        let mut random = Random::new(seed.wrapping_add(run));
        let kind = kinds[usize::try_from(run).unwrap() % kinds.len()];
        let place = tempfile::tempdir().unwrap();
        let copied = place.path().join("data");
        copy(&data, &copied);
        let tally = tallies.entry(kind.name).or_default();
        tally.runs += 1;
        let Some(changed) = (kind.apply)(&copied, &mut random) else {
            tally.nothing += 1;
            continue;
        };
        match auditing.audit(&copied) {
            Ok(report) if changed.is_named_by(report.findings.iter().map(|finding| finding.index)) => {
                tally.reported += 1;
            }
            Ok(report) => {
                let (said, first) = (&changed.said, report.first());
                tally.missed.push(format!("run {run}: {said} ({:?}): {first:?}", changed.entries));
            }
            Err(_) => tally.unreadable += 1,
        }
        if run % ASKED == 0 {
            asks += 1;
            ask(place, &changed.said);
        }
    }
    println!("asked for a signature against policy: {asks}, obtained: 0");
    println!(
        "{:<28} {:>6} {:>9} {:>10} {:>8} {:>7}",
        "change", "runs", "reported", "unreadable", "nothing", "missed"
    );
    for (name, tally) in &tallies {
        let missed = tally.missed.len();
        let Tally { runs, reported, unreadable, nothing, .. } = tally;
        println!("{name:<28} {runs:>6} {reported:>9} {unreadable:>10} {nothing:>8} {missed:>7}");
    }
    let missed: Vec<&String> = tallies.values().flat_map(|tally| &tally.missed).collect();
    assert!(missed.is_empty(), "not reported: {missed:#?}");
}
