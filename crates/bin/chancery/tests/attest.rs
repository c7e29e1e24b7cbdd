//! What callers say about files is signed as their claim, byte for byte, and never as what the service found itself.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use world::{IDENTITY, ISSUER, Said, World, tool};

const SBOM: &str = "{ \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.6\", \"score\": 9.80 }\n";
const BUNDLE: &str = "app.bin.cyclonedx.sigstore.json";

fn world() -> World {
    let world = World::start();
    world.write("app.bin", b"app");
    world.write("other.bin", b"other");
    world.write("sbom.json", SBOM.as_bytes());
    world
}

fn attest(world: &World, file: &str, kind: &str) -> Said {
    world.run(&["attest", file, "--type", kind, "--predicate", "sbom.json", "--profile", "dev"])
}

fn verify(world: &World, file: &str, bundle: &str, policy: &str) -> i32 {
    world.run(&["verify", file, "--bundle", bundle, "--policy", policy, "--offline"]).code
}

fn bundle(world: &World) -> Value {
    serde_json::from_slice(&std::fs::read(world.path(BUNDLE)).unwrap()).unwrap()
}

fn payload(bundle: &Value) -> String {
    let text = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn a_claim_is_signed_as_it_was_written_and_counts_as_that_claim_alone() {
    let mut world = world();
    attest(&world, "app.bin", "cyclonedx").expect(0);
    let written = bundle(&world);
    assert!(payload(&written).contains(SBOM), "{}", payload(&written));
    assert_eq!(verify(&world, "app.bin", BUNDLE, "dev-sbom"), 0);
    // Neither as a provenance, nor for another file, nor in place of the signature beside it.
    assert_eq!(verify(&world, "app.bin", BUNDLE, "dev"), 12);
    assert_eq!(verify(&world, "other.bin", BUNDLE, "dev-sbom"), 11);
    world.run(&["verify", "app.bin", "--policy", "dev", "--offline"]).expect(10);
    // One changed character of what was claimed.
    let mut changed = written.clone();
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(payload(&written).replace("9.80", "9.90")));
    world.write("changed.json", changed.to_string().as_bytes());
    assert_eq!(verify(&world, "app.bin", "changed.json", "dev-sbom"), 11);
    world.run(&["sign", "app.bin", "--profile", "dev"]).expect(0);
    assert_eq!(verify(&world, "app.bin", "app.bin.sigstore.json", "dev"), 0);
    assert_eq!(verify(&world, "app.bin", "app.bin.sigstore.json", "dev-sbom"), 12);
    world.stop();
    let data = world.data();
    world.run(&["audit", "--data-dir", data.to_str().unwrap()]).expect(0);
}

#[test]
fn cosign_verifies_a_claim_by_its_type() {
    let world = world();
    attest(&world, "app.bin", "cyclonedx").expect(0);
    let Some(cosign) = tool("bin/cosign") else { return };
    let says = |kind: &str, file: &str| {
        let mut command = Command::new(&cosign);
        command.args(["verify-blob-attestation", "--type", kind, "--bundle", BUNDLE]);
        command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
        command.arg("--trusted-root").arg(world.data().join("trusted_root.json")).arg(file);
        let home = world.directory.path();
        Said::from(command.env("HOME", home).current_dir(home).output().unwrap())
    };
    says("cyclonedx", "app.bin").expect(0);
    for (kind, file) in [("slsaprovenance1", "app.bin"), ("spdx", "app.bin"), ("cyclonedx", "other.bin")] {
        assert_ne!(says(kind, file).code, 0, "{kind} {file}");
    }
    println!("compared: cosign");
}

#[test]
fn what_the_service_says_itself_is_taken_from_nobody() {
    let world = world();
    for kind in ["https://slsa.dev/provenance/v1", "https://slsa.dev/verification_summary/v1", "nonsense"] {
        let said = attest(&world, "app.bin", kind);
        assert_ne!(said.code, 0, "{kind}");
    }
    world.write("sbom.json", b"{} {}");
    assert_ne!(attest(&world, "app.bin", "cyclonedx").code, 0);
    let here = std::fs::read_dir(world.directory.path()).unwrap();
    let left =
        here.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("sigstore"));
    assert_eq!(left.count(), 0);
}
