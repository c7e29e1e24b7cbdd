//! The audit of a whole service's life: governance, approvals, freezes, exceptions, refusals and signatures, from the data
//! directory, from copies, and from the service's address; and every piece of evidence damaged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::{Path, PathBuf};

use serde_json::Value;
use world::{Said, World};

const ALICE: &str = "data/people/alice.key";
const BOB: &str = "data/people/bob.key";
const CAROL: &str = "data/people/carol.key";
const ROOT: &str = "data/dev-root.key";

fn name_of(said: &Value) -> String {
    said["act"].as_str().unwrap().to_owned()
}

/// Both kinds of Notary envelopes.
fn sign_envelopes(world: &World) {
    for envelope in ["envelope=jws", "envelope=cose"] {
        let notary = ["sign", "plain", "--format", "notary", "--option", envelope, "--output", "notary"];
        world.run(&notary).expect(0);
    }
}

/// One of everything that people and jobs do.
fn live(world: &World) {
    for file in ["plain", "release", "glass"] {
        world.write(file, file.as_bytes());
    }
    world.run(&["sign", "plain"]).expect(0);
    sign_envelopes(world);
    world.run(&["sign", "plain", "--profile", "nowhere"]).expect(4);
    let release = ["sign", "release", "--profile", "release", "--no-wait"];
    world.run(&release).expect(5);
    let waiting = world.run(&["--json", "request", "list"]).expect(0).json();
    let id = waiting["requests"][0]["request"].as_str().unwrap().to_owned();
    for key in [ALICE, BOB] {
        world.run(&["request", "approve", &id, "--file", "release", "--key", key]).expect(0);
    }
    world.run(&release).expect(0);
    let set = ["--json", "freeze", "set", "--profile", "dev", "--reason", "drill", "--key", ALICE];
    let freeze = name_of(&world.run(&set).expect(0).json());
    world.run(&["sign", "plain", "--message", "--output", "frozen"]).expect(4);
    world.run(&["freeze", "lift", &freeze, "--reason", "over", "--key", ROOT]).expect(0);
    let now = chancery_core::time::Time::from_seconds(
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
            .unwrap(),
    );
    let (until, review) = (now.plus_seconds(3600).to_string(), now.plus_seconds(7200).to_string());
    let open = [
        "exception",
        "open",
        "--emergency",
        "--profile",
        "release",
        "--waive",
        "approvals",
        "--count",
        "1",
        "--until",
        &until,
        "--review",
        &review,
        "--owner",
        "alice",
        "--ticket",
        "INC-1",
        "--reason",
        "night",
        "--key",
        ALICE,
        "--out",
        "glass.act",
    ];
    world.run(&open).expect(0);
    world.run(&["act", "sign", "glass.act", "--key", BOB]).expect(0);
    let exception = name_of(&world.run(&["--json", "act", "submit", "glass.act"]).expect(0).json());
    world.run(&["sign", "glass", "--profile", "release", "--no-wait"]).expect(0);
    world.run(&["exception", "review", &exception, "--finding", "fine", "--key", CAROL]).expect(0);
    let profile = world.data().join("governance/profiles/dev.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace("count = 100", "count = 99")).unwrap();
    world.run(&["policy", "apply", "data/governance", "--signatures", "v2", "--key", ROOT]).expect(0);
    world.write("after", b"after");
    world.run(&["sign", "after"]).expect(0);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn audit(world: &World, ledger: &str) -> Said {
    let root = ["--root", "first-root.toml", "--host", "dev.localhost", "--trust", "data/trust.json"];
    world.run(&[&["audit", "--json", "--ledger", ledger, "--evidence", "evidence"][..], &root].concat())
}

#[test]
fn a_whole_life_is_audited_wherever_it_lies_and_damage_is_found() {
    let world = World::start();
    std::fs::copy(world.data().join("governance/root.toml"), world.path("first-root.toml")).unwrap();
    live(&world);
    let report =
        world.run(&["audit", "--json", "--data-dir", "data", "--root", "first-root.toml"]).expect(0).json();
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{report}");
    world.run(&["evidence", "export", "--data-dir", "data", "--to", "evidence"]).expect(0);
    world.run(&["ledger", "export", "--output", "copy"]).expect(0);
    audit(&world, "copy").expect(0);
    let address = world.env["CHANCERY_SERVER"].clone();
    audit(&world, &address).expect(0);
    let (mut found, mut unread) = (0, Vec::new());
    for file in files(&world.path("evidence")) {
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        *bad.get_mut(middle).unwrap() ^= 1;
        std::fs::write(&file, bad).unwrap();
        let said = audit(&world, "copy");
        if said.code == 11 {
            found += 1;
        } else {
            unread.push(String::from_utf8_lossy(&good).chars().take(60).collect::<String>());
        }
        std::fs::write(&file, good).unwrap();
    }
    // What people said about requests is in the evidence of the intents that rest on it; the records beside it are how the
    // service finds it again.
    let is_record = |text: &&String| text.starts_with("-----BEGIN SSH") || text.starts_with("{\"document\"");
    let others: Vec<&String> = unread.iter().filter(|text| !is_record(text)).collect();
    assert!(others.is_empty(), "not read: {others:?}");
    assert!(found >= 20, "{found} found, {} not read", unread.len());
    audit(&world, "copy").expect(0);
}
