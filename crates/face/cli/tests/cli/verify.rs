//! `verify` and `inspect` over genuine and spoilt signatures: exit codes, JSON, and no network.

use std::path::{Path, PathBuf};

use chancery_verify::trust_json;
use serde_json::Value;

use crate::session::{Ran, TestHost, run};
use crate::world::{self, Wish, World};

const ARTIFACT: &[u8] = b"an artifact";

struct Place {
    directory: tempfile::TempDir,
    world: World,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap(), world: World::new() };
        place.write("app.bin", ARTIFACT);
        let key =
            chancery_testkit::keys::TestKey::generate(chancery_core::algorithm::KeyAlgorithm::EcdsaP256);
        let made = place.world.sign(ARTIFACT, &key, &Wish::default());
        place.write("app.bin.sigstore.json", made.json.as_bytes());
        place.write("trust.json", place.trust().as_bytes());
        place
    }
    fn trust(&self) -> String {
        let mut snapshot = self.world.snapshot();
        snapshot.policies.insert("release".into(), world::policy());
        let mut other = world::policy();
        other.issuer = Some("https://other.example".into());
        snapshot.policies.insert("other".into(), other);
        trust_json::seal(&snapshot, Vec::new()).unwrap()
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }
    fn verify(&self, files: &[&str], more: &[&str]) -> Ran {
        let paths: Vec<PathBuf> = files.iter().map(|name| self.path(name)).collect();
        let trust = self.path("trust.json");
        let mut line = vec!["verify", "--offline", "--trust", trust.to_str().unwrap()];
        line.extend(paths.iter().map(|path| path.to_str().unwrap()));
        line.extend(more);
        run(&TestHost::default(), &line)
    }
}

fn check<'a>(document: &'a Value, id: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn a_genuine_signature_is_accepted_and_says_by_whom() {
    let place = Place::new();
    let ran = place.verify(&["app.bin"], &["--policy", "release", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["schema"], "chancery.verify/1");
    assert_eq!((&document["result"], &document["exit_code"]), (&"verified".into(), &0.into()));
    assert_eq!(document["subject"]["sha256"], chancery_core::digest::Sha256::of(ARTIFACT).to_string());
    assert_eq!(document["offline"], true);
    assert_eq!(document["signer"]["identity"], world::IDENTITY);
    let ids: Vec<&str> =
        document["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    let names = chancery_core::verdict::CheckName::ALL.map(|name| name.name());
    assert_eq!(ids, names);
    assert!(names.iter().all(|name| check(&document, name)["ok"] == true), "{document:#}");
    let text = place.verify(&["app.bin"], &["--policy", "release", "--explain"]);
    assert!(text.out.starts_with("✓ ") && text.out.contains(world::IDENTITY) && text.err.is_empty());
}

#[test]
fn every_rejection_has_its_exit_code() {
    let place = Place::new();
    let bundle = std::fs::read(place.path("app.bin.sigstore.json")).unwrap();
    place.write("changed.bin", b"an artifacT");
    place.write("changed.bin.sigstore.json", &bundle);
    place.write("unsigned.bin", ARTIFACT);
    place.write("broken.bin", ARTIFACT);
    place.write("broken.bin.sigstore.json", &bundle[..bundle.len() - 1]);
    let release = ["--policy", "release", "--json"];
    let late: Vec<&str> = release.iter().copied().chain(["--at", "2030-01-01T00:00:00Z"]).collect();
    let cases: [(&str, &[&str], u8, &str); 6] = [
        ("changed.bin", &release, 11, "digest"),
        ("broken.bin", &release, 11, "structure"),
        ("unsigned.bin", &release, 10, "signature"),
        ("app.bin", &["--policy", "other", "--json"], 12, "identity"),
        ("app.bin", &late, 12, "chain"),
        ("app.bin", &["--policy", "release", "--json", "--explain"], 0, ""),
    ];
    for (file, flags, code, failed) in cases {
        let ran = place.verify(&[file], flags);
        assert_eq!(ran.code, code, "{file} {flags:?}: {}", ran.out);
        let document = ran.json();
        assert_eq!(document["exit_code"], code, "{file}");
        if !failed.is_empty() {
            assert_eq!(check(&document, failed)["ok"], false, "{file}: {document:#}");
            assert!(check(&document, failed)["error"].as_str().unwrap().starts_with("CH6"));
        }
    }
    let all = place.verify(&["app.bin", "unsigned.bin", "changed.bin"], &release);
    assert_eq!(all.code, 11);
    assert_eq!(all.json()["results"].as_array().unwrap().len(), 3);
}

#[test]
fn without_an_expected_signer_nothing_succeeds() {
    let place = Place::new();
    let ran = place.verify(&["app.bin"], &["--json"]);
    assert_eq!((ran.code, ran.json()["code"].as_str()), (12, Some("CH6012")));
    let unknown = place.verify(&["app.bin"], &["--policy", "nobody", "--json"]);
    assert_eq!((unknown.code, unknown.json()["expected"].as_str()), (2, Some("other, release")));
    assert_eq!(place.verify(&["missing.bin"], &["--policy", "release"]).code, 2);
    place.write("trust.json", b"{}");
    assert_eq!(place.verify(&["app.bin"], &["--policy", "release"]).code, 2);
}

#[test]
fn every_truncation_of_trust_and_bundle_is_refused() {
    let place = Place::new();
    let bundle = std::fs::read(place.path("app.bin.sigstore.json")).unwrap();
    for keep in (0..bundle.len()).step_by(97) {
        place.write("app.bin.sigstore.json", &bundle[..keep]);
        assert_eq!(place.verify(&["app.bin"], &["--policy", "release"]).code, 11, "bundle of {keep} bytes");
    }
    place.write("app.bin.sigstore.json", &bundle);
    let trust = place.trust();
    for keep in (0..trust.len()).step_by(211) {
        place.write("trust.json", &trust.as_bytes()[..keep]);
        assert_eq!(place.verify(&["app.bin"], &["--policy", "release"]).code, 2, "trust of {keep} bytes");
    }
}

#[test]
fn inspect_shows_without_judging() {
    let place = Place::new();
    place.write("app.bin", b"another artifact");
    let file = place.path("app.bin");
    let document = run(&TestHost::default(), &["inspect", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(document["judged"], false);
    let certificate = &document["signatures"][0]["certificate"];
    assert_eq!(certificate["identity"][0], world::IDENTITY);
    assert_eq!(certificate["claims"]["source_repository_identifier"], "42");
    assert_eq!(document["signatures"][0]["ledger"]["index"], 9);
    let pe = place.path("app.exe");
    std::fs::write(&pe, chancery_testkit::pe::image(chancery_testkit::pe::Bits::B64, &[512], b"")).unwrap();
    let document = run(&TestHost::default(), &["inspect", pe.to_str().unwrap(), "--json"]).json();
    assert_eq!(document["signatures"], serde_json::json!([]));
    assert!(Path::new(&pe).exists());
}
