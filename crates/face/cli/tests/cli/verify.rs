//! `verify` and `inspect` over genuine and spoilt signatures: exit codes, JSON, and no network.

use std::path::{Path, PathBuf};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_testkit::keys::TestKey;
use chancery_verify::trust_json;
use serde_json::Value;

use crate::session::{Ran, TestHost, run};
use crate::trust::TrustSigner;
use crate::world::{self, Wish, World};

const ARTIFACT: &[u8] = b"an artifact";

struct Place {
    directory: tempfile::TempDir,
    world: World,
    signer: TrustSigner,
}

impl Place {
    fn new() -> Self {
        let signer = TrustSigner::new();
        let place = Self { directory: tempfile::tempdir().unwrap(), world: World::new(), signer };
        place.write("app.bin", ARTIFACT);
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
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
        self.signer.seal(&snapshot)
    }
    fn vkey(&self) -> String {
        self.signer.vkey().to_string()
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
        let vkey = self.vkey();
        let mut line = vec!["verify", "--offline", "--trust", trust.to_str().unwrap(), "--trust-key", &vkey];
        line.extend(paths.iter().map(|path| path.to_str().unwrap()));
        line.extend(more);
        run(&TestHost::default(), &line)
    }
}

#[test]
fn trust_must_be_signed_by_the_key_that_is_named() {
    let place = Place::new();
    let release = ["--policy", "release", "--json"];
    let ran = place.verify(&["app.bin"], &release).json();
    assert_eq!(ran["trust"], serde_json::json!({"authenticated": true, "key": place.vkey()}));
    let trust = place.trust();
    let refused = |text: &str, codes: &[&str]| {
        place.write("trust.json", text.as_bytes());
        let ran = place.verify(&["app.bin"], &release);
        let code = ran.json()["code"].as_str().unwrap().to_owned();
        assert!(codes.contains(&code.as_str()) && [2, 12].contains(&ran.code), "{ran:?}");
    };
    // Whom to trust is exchanged for somebody else's choice, which reads as well as the right one.
    let snapshot = place.world.snapshot();
    refused(&trust_json::seal(&snapshot, Vec::new()).unwrap(), &["CH6015"]);
    refused(&Place::new().trust(), &["CH6015"]);
    for position in (0..trust.len()).step_by(37) {
        let mut bytes = trust.clone().into_bytes();
        bytes[position] ^= 0x01;
        refused(&String::from_utf8(bytes).unwrap(), &["CH6015", "CH2005"]);
    }
    place.write("trust.json", trust.as_bytes());
    for bad in ["", "trust.sign.example", place.vkey().trim_start_matches('t')] {
        let (file, trust) = (place.path("app.bin"), place.path("trust.json"));
        let (file, trust) = (file.to_str().unwrap(), trust.to_str().unwrap());
        let line = ["verify", file, "--trust", trust, "--trust-key", bad, "--policy", "release", "--json"];
        let ran = run(&TestHost::default(), &line);
        assert_eq!((ran.code, ran.json()["code"].as_str()), (2, Some("CH2001")), "{bad}");
    }
}

#[test]
fn trust_that_nobody_vouches_for_is_told() {
    let place = Place::new();
    let (file, trust) = (place.path("app.bin"), place.path("trust.json"));
    let line = ["verify", file.to_str().unwrap(), "--trust", trust.to_str().unwrap(), "--policy", "release"];
    let ran = run(&TestHost::default(), &line);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.err.matches("trust.json was not authenticated: ").count(), 1, "{}", ran.err);
    let document = run(&TestHost::default(), &[&line[..], &["--json"]].concat()).json();
    assert_eq!(document["trust"]["authenticated"], false);
    assert!(document["trust"]["note"].as_str().unwrap().starts_with("trust.json was not authenticated: "));
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
