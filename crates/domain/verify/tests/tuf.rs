//! The TUF client's workflow against a repository made here: what is right is taken, every attack is refused by its own name.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

use std::collections::BTreeMap;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_core::tuf::Role;
use chancery_testkit::keys::TestKey;
use chancery_verify::tuf::canonical;
use chancery_verify::tuf::client::Client;
use chancery_verify::tuf::key;
use chancery_verify::tuf::refused::TufRefused;
use serde_json::{Value, json};

const TARGET: &str = "trusted_root.json";

/// Keys by name; a key's name says which role it is of.
struct Maker {
    keys: BTreeMap<&'static str, TestKey>,
}

/// Files as a mirror serves them.
type Files = BTreeMap<String, Vec<u8>>;

fn now() -> Time {
    Time::parse_rfc3339("2026-11-21T12:00:00Z").unwrap()
}

impl Maker {
    fn new() -> Self {
        let names = ["root1", "root2", "root3", "root4", "snapshot", "targets", "timestamp", "timestamp2"];
        let make = |name| (name, TestKey::generate(KeyAlgorithm::EcdsaP256));
        Self { keys: names.map(make).into_iter().collect() }
    }
    fn id(&self, name: &str) -> String {
        key::own(&self.keys[name].public_key().spki).0
    }
    fn seal(&self, signed: &Value, signers: &[&str]) -> Vec<u8> {
        let message = canonical::encode(signed).unwrap();
        let signatures: Vec<Value> = signers
            .iter()
            .map(|name| json!({"keyid": self.id(name), "sig": hex::encode(self.keys[name].sign(&message))}))
            .collect();
        json!({"signatures": signatures, "signed": signed}).to_string().into_bytes()
    }
    fn root(&self, version: u64, roots: &[&str], timestamp: &str) -> Value {
        let all = roots.iter().copied().chain(["snapshot", "targets", timestamp]);
        let keys: serde_json::Map<String, Value> =
            all.map(|name| key::own(&self.keys[name].public_key().spki)).collect();
        let role = |names: &[&str], threshold: u64| {
            let ids: Vec<String> = names.iter().map(|name| self.id(name)).collect();
            json!({"keyids": ids, "threshold": threshold})
        };
        json!({
            "_type": "root", "spec_version": "1.0.31", "version": version, "expires": "2027-01-01T00:00:00Z",
            "consistent_snapshot": true, "keys": keys,
            "roles": {
                "root": role(roots, 2), "snapshot": role(&["snapshot"], 1), "targets": role(&["targets"], 1),
                "timestamp": role(&[timestamp], 1),
            },
        })
    }
    /// A whole repository with one root; every other role has this version.
    fn repository(&self, version: u64) -> Files {
        let mut files = Files::new();
        let root = self.root(1, &["root1", "root2", "root3"], "timestamp");
        files.insert("1.root.json".into(), self.seal(&root, &["root1", "root3"]));
        let content = format!("content {version}");
        let digest = Sha256::of(content.as_bytes()).to_string();
        let targets = common(
            Role::Targets,
            version,
            json!({"targets": {TARGET: {"length": content.len(), "hashes": {"sha256": digest}}}}),
        );
        files.insert(format!("targets/{digest}.{TARGET}"), content.into_bytes());
        let targets = self.seal(&targets, &["targets"]);
        let named = json!({"version": version, "length": targets.len(), "hashes": {"sha256": Sha256::of(&targets).to_string()}});
        let snapshot = common(Role::Snapshot, version, json!({"meta": {"targets.json": named}}));
        files.insert(format!("{version}.targets.json"), targets);
        let snapshot = self.seal(&snapshot, &["snapshot"]);
        let timestamp =
            common(Role::Timestamp, version, json!({"meta": {"snapshot.json": {"version": version}}}));
        files.insert(format!("{version}.snapshot.json"), snapshot);
        files.insert("timestamp.json".into(), self.seal(&timestamp, &["timestamp"]));
        files
    }
    /// Changes what is signed and signs it again.
    fn change(&self, files: &mut Files, name: &str, signers: &[&str], change: impl FnOnce(&mut Value)) {
        let mut whole: Value = serde_json::from_slice(&files[name]).unwrap();
        change(&mut whole["signed"]);
        files.insert(name.to_owned(), self.seal(&whole["signed"], signers));
    }
}

fn common(role: Role, version: u64, more: Value) -> Value {
    let mut signed = json!({
        "_type": role.name(), "spec_version": "1.0.31", "version": version, "expires": "2026-12-01T00:00:00Z",
    });
    signed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    signed
}

/// The driver of the command line, over files in memory; answers with the target.
fn update(files: &Files, begin: &[u8], earlier: Option<&Files>) -> Result<Vec<u8>, TufRefused> {
    let mut client = Client::begin(begin)?;
    while let Some(next) = files.get(&format!("{}.root.json", client.root_version() + 1)) {
        client.root(next)?;
    }
    client.close_roots(now())?;
    if let Some(earlier) = earlier {
        client.remember(Role::Timestamp, &earlier["timestamp.json"])?;
        let snapshot = earlier.keys().find(|name| name.ends_with(".snapshot.json")).unwrap();
        client.remember(Role::Snapshot, &earlier[snapshot])?;
    }
    // A file that is not there is as good as a refusal.
    let at = |name: String| files.get(&name).ok_or(TufRefused::NoTarget(name));
    let version = client.timestamp(at("timestamp.json".into())?)?;
    let version = client.snapshot(at(format!("{version}.snapshot.json"))?)?;
    client.targets(at(format!("{version}.targets.json"))?)?;
    let content = at(format!("targets/{}", client.target_path(TARGET)?))?;
    client.target(TARGET, content)?;
    Ok(content.clone())
}

fn name_of(outcome: Result<Vec<u8>, TufRefused>) -> &'static str {
    outcome.map_or_else(|error| error.name(), |_| "taken")
}

#[test]
fn a_repository_is_taken_over_roots_and_versions() {
    let maker = Maker::new();
    let (first, mut later) = (maker.repository(1), maker.repository(2));
    assert_eq!(update(&first, &first["1.root.json"], None).unwrap(), b"content 1");
    // The next root: one key of three is exchanged, both thresholds sign.
    let second = maker.root(2, &["root1", "root3", "root4"], "timestamp");
    later.insert("2.root.json".into(), maker.seal(&second, &["root1", "root3", "root4"]));
    assert_eq!(update(&later, &first["1.root.json"], Some(&first)).unwrap(), b"content 2");
    // Once more the same: nothing new is no error.
    assert_eq!(update(&later, &later["2.root.json"], Some(&later)).unwrap(), b"content 2");
}

#[test]
fn a_repository_recovers_from_a_version_that_ran_away_by_another_key() {
    let maker = Maker::new();
    let mut away = maker.repository(9);
    let begin = away["1.root.json"].clone();
    let mut again = maker.repository(2);
    assert_eq!(name_of(update(&again, &begin, Some(&away))), "rolled-back");
    let second = maker.root(2, &["root1", "root2", "root3"], "timestamp2");
    again.insert("2.root.json".into(), maker.seal(&second, &["root1", "root2"]));
    maker.change(&mut again, "timestamp.json", &["timestamp2"], |_| {});
    // The snapshot's key is still the same, so what it said still bounds.
    assert_eq!(name_of(update(&again, &begin, Some(&away))), "rolled-back");
    maker.change(&mut away, "9.snapshot.json", &["snapshot"], |signed| {
        signed["meta"]["targets.json"]["version"] = json!(1);
    });
    assert_eq!(update(&again, &begin, Some(&away)).unwrap(), b"content 2");
}

type Attack = fn(&Maker, &mut Files);

const ATTACKS: [(&str, &str, Attack); 26] = [
    ("a root by one key of three", "threshold", |maker, files| {
        let next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        files.insert("2.root.json".into(), maker.seal(&next, &["root1"]));
    }),
    ("a root by new keys only", "threshold", |maker, files| {
        let next = maker.root(2, &["root3", "root4"], "timestamp");
        files.insert("2.root.json".into(), maker.seal(&next, &["root3", "root4"]));
    }),
    ("a root by old keys only", "threshold", |maker, files| {
        let next = maker.root(2, &["root2", "root4"], "timestamp");
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("a root that skips a version", "rolled-back", |maker, files| {
        let next = maker.root(3, &["root1", "root2", "root3"], "timestamp");
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("the same root again", "rolled-back", |_, files| {
        files.insert("2.root.json".into(), files["1.root.json"].clone());
    }),
    ("one key under two names", "threshold", |maker, files| {
        let mut next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        let twin = next["keys"][maker.id("root1")].clone();
        next["keys"]["twin"] = twin;
        next["roles"]["root"]["keyids"].as_array_mut().unwrap().push(json!("twin"));
        let mut whole: Value = serde_json::from_slice(&maker.seal(&next, &["root1"])).unwrap();
        let mut again = whole["signatures"][0].clone();
        again["keyid"] = json!("twin");
        whole["signatures"].as_array_mut().unwrap().push(again);
        files.insert("2.root.json".into(), whole.to_string().into_bytes());
    }),
    ("one signature twice", "malformed", |maker, files| {
        let next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root1"]));
    }),
    ("a threshold of nobody", "malformed", |maker, files| {
        let mut next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        next["roles"]["timestamp"]["threshold"] = json!(0);
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("an expired root", "expired", |maker, files| {
        let mut next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        next["expires"] = json!("2026-11-21T12:00:00Z");
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("a root without consistent snapshots", "malformed", |maker, files| {
        let mut next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        next["consistent_snapshot"] = json!(false);
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("a key off its curve", "key", |maker, files| {
        let mut next = maker.root(2, &["root1", "root2", "root3"], "timestamp");
        next["keys"]["odd"] = json!({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": format!("04{}", "11".repeat(64))}});
        files.insert("2.root.json".into(), maker.seal(&next, &["root1", "root2"]));
    }),
    ("a timestamp by another role's key", "threshold", |maker, files| {
        maker.change(files, "timestamp.json", &["snapshot"], |_| {});
    }),
    ("a frozen timestamp", "expired", |maker, files| {
        maker.change(files, "timestamp.json", &["timestamp"], |signed| {
            signed["expires"] = json!("2026-11-21T11:59:59Z");
        });
    }),
    ("a timestamp that is larger than any", "size", |maker, files| {
        maker.change(files, "timestamp.json", &["timestamp"], |signed| {
            signed["x"] = json!("x".repeat(20_000))
        });
    }),
    ("a timestamp that names nothing", "malformed", |maker, files| {
        maker.change(files, "timestamp.json", &["timestamp"], |signed| signed["meta"] = json!({}));
    }),
    ("a snapshot in the timestamp's place", "malformed", |_, files| {
        files.insert("timestamp.json".into(), files["2.snapshot.json"].clone());
    }),
    ("a snapshot of another version", "mixed", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| signed["version"] = json!(3));
    }),
    ("a snapshot by nobody", "threshold", |maker, files| {
        maker.change(files, "2.snapshot.json", &[], |_| {});
    }),
    ("an expired snapshot", "expired", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| {
            signed["expires"] = json!("2020-01-01T00:00:00Z")
        });
    }),
    ("a snapshot that forgets the targets", "rolled-back", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| signed["meta"] = json!({}));
    }),
    ("targets of an older snapshot", "digest", |maker, files| {
        let older = maker.repository(1)["1.targets.json"].clone();
        files.insert("2.targets.json".into(), older);
    }),
    ("targets whose digest nobody named, of another version", "mixed", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| {
            signed["meta"]["targets.json"] = json!({"version": 2});
        });
        maker.change(files, "2.targets.json", &["targets"], |signed| signed["version"] = json!(5));
    }),
    ("expired targets", "expired", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| {
            signed["meta"]["targets.json"] = json!({"version": 2});
        });
        maker.change(files, "2.targets.json", &["targets"], |signed| {
            signed["expires"] = json!("2020-01-01T00:00:00Z")
        });
    }),
    ("targets without the file", "no-target", |maker, files| {
        maker.change(files, "2.snapshot.json", &["snapshot"], |signed| {
            signed["meta"]["targets.json"] = json!({"version": 2});
        });
        maker.change(files, "2.targets.json", &["targets"], |signed| signed["targets"] = json!({}));
    }),
    ("a target with other bytes", "digest", |_, files| {
        let name = files.keys().find(|name| name.starts_with("targets/")).unwrap().clone();
        files.get_mut(&name).unwrap()[0] ^= 1;
    }),
    ("a target that is longer", "digest", |_, files| {
        let name = files.keys().find(|name| name.starts_with("targets/")).unwrap().clone();
        files.get_mut(&name).unwrap().push(b'\n');
    }),
];

#[test]
fn every_attack_is_refused_by_its_own_name() {
    let maker = Maker::new();
    let earlier = maker.repository(1);
    let begin = earlier["1.root.json"].clone();
    for (what, expected, attack) in ATTACKS {
        let mut files = maker.repository(2);
        assert_eq!(name_of(update(&files, &begin, Some(&earlier))), "taken", "{what}: without the attack");
        attack(&maker, &mut files);
        assert_eq!(name_of(update(&files, &begin, Some(&earlier))), expected, "{what}");
    }
    let newer = maker.repository(3);
    assert_eq!(name_of(update(&maker.repository(2), &begin, Some(&newer))), "rolled-back");
}

#[test]
fn every_changed_byte_of_every_file_is_refused() {
    let maker = Maker::new();
    let files = maker.repository(2);
    let begin = files["1.root.json"].clone();
    for name in files.keys().filter(|name| *name != "1.root.json") {
        let length = files[name].len();
        for at in (0..length).step_by(7) {
            let mut changed = files.clone();
            let byte = &mut changed.get_mut(name).unwrap()[at];
            // A digit for a digit, a letter for a letter: still JSON, so that more than the parser is asked.
            *byte = if *byte == b'1' {
                b'2'
            } else if *byte == b'a' {
                b'b'
            } else {
                *byte ^ 1
            };
            assert_ne!(name_of(update(&changed, &begin, None)), "taken", "{name} byte {at} of {length}");
        }
    }
}

#[test]
fn keys_of_older_sigstore_roots_and_ed25519_count() {
    let ecdsa = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let point = hex::encode(ecdsa.public_key().spki.last_chunk::<65>().unwrap());
    let old = json!({"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": point}, "keyid_hash_algorithms": ["sha256"]});
    let ed25519 = TestKey::generate(KeyAlgorithm::Ed25519);
    let raw = hex::encode(ed25519.public_key().spki.last_chunk::<32>().unwrap());
    let ed = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw}});
    for (value, key) in [(old, &ecdsa), (ed, &ed25519)] {
        let parsed = key::TufKey::parse(&value).unwrap().unwrap();
        assert!(parsed.verifies(b"message", &key.sign(b"message")));
        assert!(!parsed.verifies(b"massage", &key.sign(b"message")));
    }
    let unknown = json!({"keytype": "sphincs", "scheme": "sphincs-shake-128s", "keyval": {"public": "00"}});
    assert_eq!(key::TufKey::parse(&unknown), Ok(None));
}

/// The public instance's own repository: fifteen roots since 2021, over keys of three spellings.
#[test]
fn the_public_repository_is_followed_from_its_first_root() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../testdata/foreign/sigstore-tuf");
    let file = |name: &str| std::fs::read(format!("{folder}/{name}")).unwrap();
    let update = |files: &dyn Fn(&str) -> Vec<u8>| -> Result<u64, TufRefused> {
        let mut client = Client::begin(&files("1.root.json"))?;
        for version in 2..=15 {
            client.root(&files(&format!("{version}.root.json")))?;
        }
        client.close_roots(Time::parse_rfc3339("2026-08-28T12:00:00Z").unwrap())?;
        assert_eq!(client.timestamp(&files("timestamp.json"))?, 165);
        assert_eq!(client.snapshot(&files("snapshot.json"))?, 14);
        client.targets(&files("targets.json"))?;
        client.target("trusted_root.json", &files("trusted_root.json"))?;
        Ok(client.root_version())
    };
    assert_eq!(update(&file), Ok(15));
    let names = (1..=15).map(|version| format!("{version}.root.json"));
    let others = ["timestamp.json", "snapshot.json", "targets.json", "trusted_root.json"].map(str::to_owned);
    for name in names.chain(others) {
        // A year for a year: well formed, and signed by nobody.
        let damaged = |wanted: &str| {
            let text = String::from_utf8(file(wanted)).unwrap();
            let changed =
                text.replacen("\"expires\": \"20", "\"expires\": \"21", 1).replacen("2021-0", "2020-0", 1);
            let bytes = if wanted == name { changed } else { text.clone() };
            assert!(wanted != name || bytes != text, "{name}");
            bytes.into_bytes()
        };
        let outcome = update(&damaged).map_err(|error| error.name());
        assert!(matches!(outcome, Err("threshold" | "digest")), "{name}: {outcome:?}");
    }
}
