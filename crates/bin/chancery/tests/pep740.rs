//! Attestation objects of Python packages: made from our bundles, judged by us and by pypi-attestations.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::Command;

use serde_json::Value;
use world::{IDENTITY, ISSUER, Said, World, tool};

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const ATTESTATION: &str = "demo-1.0-py3-none-any.whl.slsa.attestation";

/// pypi-attestations knows the public instance alone and takes no time but that of the entry or of a timestamp, for which the
/// object has no place. So it is given our root, and with `with-time` the bundle's timestamps; everything else is its own.
const THEIRS: &str = r#"
import pathlib, sys
from pypi_attestations import Attestation, Distribution
from rfc3161_client import decode_timestamp_response
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

root, bundle, attestation, dist, identity, issuer, mode = sys.argv[1:]
Verifier.production = classmethod(lambda cls, offline=False: Verifier(trusted_root=TrustedRoot.from_file(root)))
if mode == "with-time":
    inner = Bundle.from_json(pathlib.Path(bundle).read_bytes())._inner.verification_material
    tokens = inner.timestamp_verification_data.rfc3161_timestamps
    stamps = [decode_timestamp_response(token.signed_timestamp) for token in tokens]
    plain = Bundle._from_parts.__func__
    Bundle._from_parts = classmethod(lambda cls, cert, content, log_entry: plain(cls, cert, content, log_entry, stamps))
read = Attestation.model_validate_json(pathlib.Path(attestation).read_bytes())
kind, _ = read.verify(policy.Identity(identity=identity, issuer=issuer), Distribution.from_file(pathlib.Path(dist)), offline=True)
print(kind)
"#;

fn world() -> World {
    let world = World::start();
    world.write(WHEEL, b"a wheel");
    world.write("other-1.0-py3-none-any.whl", b"a wheel");
    world.run(&["sign", WHEEL, "--profile", "dev"]).expect(0);
    world.run(&["pep740", WHEEL, "--provenance"]).expect(0);
    world
}

fn verify(world: &World, file: &str, attestation: &str, more: &[&str]) -> i32 {
    let arguments = ["verify", file, "--bundle", attestation, "--policy", "dev", "--offline"];
    world.run(&[&arguments, more].concat()).code
}

fn theirs(world: &World, attestation: &str, dist: &str, mode: &str) -> Option<Said> {
    let python = tool("venv/bin/python")?;
    let mut command = Command::new(python);
    command.args(["-c", THEIRS]).arg(world.data().join("trusted_root.json"));
    command.args([&format!("{WHEEL}.sigstore.json"), attestation, dist, IDENTITY, ISSUER, mode]);
    let home = world.directory.path();
    Some(Said::from(command.env("HOME", home).current_dir(home).output().unwrap()))
}

#[test]
fn an_attestation_object_counts_by_the_time_of_its_cosigned_entry() {
    let mut world = world();
    assert_eq!(verify(&world, WHEEL, ATTESTATION, &[]), 0);
    let told =
        world.run(&["verify", WHEEL, "--bundle", ATTESTATION, "--policy", "dev", "--offline", "--json"]);
    assert!(told.expect(0).json()["signer"]["signed_at"].is_string());
    world.write("changed.whl", b"another wheel");
    assert_eq!(verify(&world, "changed.whl", ATTESTATION, &[]), 11);
    assert_ne!(
        verify(&world, WHEEL, ATTESTATION, &["--at", "2020-01-01T00:00:00Z"]),
        0,
        "before it was signed"
    );
    // The same parts as a bundle without timestamps are no bundle.
    let text = std::fs::read_to_string(world.path(&format!("{WHEEL}.sigstore.json"))).unwrap();
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    bundle["verificationMaterial"].as_object_mut().unwrap().remove("timestampVerificationData");
    world.write("bare.json", bundle.to_string().as_bytes());
    assert_eq!(verify(&world, WHEEL, "bare.json", &[]), 13);
    let object: Value =
        serde_json::from_str(&std::fs::read_to_string(world.path(&format!("{WHEEL}.provenance"))).unwrap())
            .unwrap();
    let published = &object["attestation_bundles"][0];
    let one = std::fs::read_to_string(world.path(ATTESTATION)).unwrap();
    assert_eq!(published["attestations"][0], serde_json::from_str::<Value>(&one).unwrap());
    assert_eq!(published["publisher"]["issuer"], ISSUER);
    world.stop();
}

#[test]
fn every_changed_part_is_refused() {
    let world = world();
    let text = std::fs::read_to_string(world.path(ATTESTATION)).unwrap();
    let mut accepted = Vec::new();
    // Every part of the text, a character at a time: 60 places are flipped, from the first to the last.
    let step = (text.len() / 60).max(1);
    for at in (0..text.len()).step_by(step) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        world.write("flipped.attestation", &bytes);
        if verify(&world, WHEEL, "flipped.attestation", &[]) == 0 {
            accepted.push(at);
        }
    }
    assert_eq!(accepted, Vec::<usize>::new());
    // A distribution under another name has no object: PEP 740 binds the name, too.
    let bundle = format!("{WHEEL}.sigstore.json");
    let said = world.run(&["pep740", "other-1.0-py3-none-any.whl", "--bundle", &bundle]);
    assert!(said.err.contains("is about `demo-1.0-py3-none-any.whl`"), "{}", said.err);
    assert!(!world.path("other-1.0-py3-none-any.whl.slsa.attestation").exists());
}

#[test]
fn pypi_attestations_agrees_on_everything_but_the_time() {
    let world = world();
    let Some(said) = theirs(&world, ATTESTATION, WHEEL, "with-time") else { return };
    assert_eq!(said.expect(0).out.trim(), "https://slsa.dev/provenance/v1");
    let plain = theirs(&world, ATTESTATION, WHEEL, "plain").unwrap();
    assert_ne!(plain.code, 0);
    assert!(plain.err.contains("timestamp"), "{}", plain.err);
    let text = std::fs::read_to_string(world.path(ATTESTATION)).unwrap();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    let statement = changed["envelope"]["statement"].as_str().unwrap().replacen('J', "K", 1);
    changed["envelope"]["statement"] = statement.into();
    world.write("changed.attestation", changed.to_string().as_bytes());
    assert_ne!(theirs(&world, "changed.attestation", WHEEL, "with-time").unwrap().code, 0);
    assert_ne!(theirs(&world, ATTESTATION, "other-1.0-py3-none-any.whl", "with-time").unwrap().code, 0);
}
