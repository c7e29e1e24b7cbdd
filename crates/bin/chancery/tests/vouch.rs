//! A verifier of its own says of a file that it passed, after the service verified what the file's attestations say; and what it
//! says opens another profile.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use world::{ISSUER, Said, World, tool};

const VERIFIER: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/verify";
const RESOURCE: &str = "pkg:generic/acme/app@1.4.0";
const VSA: &str = "app.bin.vsa.sigstore.json";
const BOM: &str = "app.bin.cyclonedx.sigstore.json";

/// A profile that vouches, for jobs of a branch that signs nothing else.
const PROFILE: &str = r#"environment = "development"
owner = "platform@acme.example"
purpose = "say what passed"
binding = "request"
depth = "structured"
timestamp = "builtin"
[keys]
verifier-dsse = "acme-verifier"
[formats.sigstore]
families = ["verifier-dsse"]
depth = "digest"
[[limits]]
count = 100
window = "10m"
[approvals]
need = 0
[vouch]
verifier = "https://acme.example/verifier"
levels = ["SLSA_BUILD_LEVEL_2", "ACME_INVENTORIED"]
resources = ["pkg:generic/acme/*"]
[[attestations]]
name = "bom"
policy = "dev-sbom"
[[grants]]
name = "verifier"
issuer = "dev"
purpose = "verification jobs"
[grants.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/verify"
"#;

const POLICY: &str = r#"environment = "development"
formats = ["sigstore"]
issuer = "https://issuer.dev.localhost"
identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/verify"
predicate = "https://slsa.dev/verification_summary/v1"
[vsa]
verifier = "https://acme.example/verifier"
resource = "pkg:generic/acme/*"
levels = ["SLSA_BUILD_LEVEL_1"]
"#;

/// What signs only what was vouched for.
fn gated() -> String {
    let dev =
        include_str!("../../../../testdata/governance/dev/profiles/dev.toml").replace("\"dev-", "\"gated-");
    dev.replacen("[[grants]]", "[[attestations]]\nname = \"passed\"\npolicy = \"dev-vsa\"\n[[grants]]", 1)
}

fn world() -> World {
    let mut world = World::cold();
    for (folder, name, text) in [
        ("profiles", "verifier", PROFILE.to_owned()),
        ("profiles", "gated", gated()),
        ("verification", "dev-vsa", POLICY.to_owned()),
        ("verification", "dev-vsa-3", POLICY.replace("LEVEL_1", "LEVEL_3")),
    ] {
        let folder = world.data().join("governance").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    world.serve(&[]);
    world.write("app.bin", b"app");
    world.write("other.bin", b"other");
    world.write("sbom.json", b"{\"bomFormat\":\"CycloneDX\"}");
    let line = ["attest", "app.bin", "--type", "cyclonedx", "--predicate", "sbom.json", "--profile", "dev"];
    world.run(&line).expect(0);
    world
}

fn vouch(world: &World, more: &[&str]) -> Said {
    let line = ["vouch", "app.bin", "--profile", "verifier", "--json", "--attestation", BOM];
    let claims = [("ref", "refs/heads/verify"), ("sub", "repo:acme/app:ref:refs/heads/verify")];
    world.run_as(&claims[..1], &[&line[..], more].concat())
}

fn verify(world: &World, file: &str, bundle: &str, policy: &str) -> i32 {
    world.run(&["verify", file, "--bundle", bundle, "--policy", policy, "--offline"]).code
}

fn payload(bundle: &Value) -> Value {
    let text = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

fn read(world: &World, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(world.path(name)).unwrap()).unwrap()
}

#[test]
fn what_passed_is_said_by_a_verifier_and_opens_another_profile() {
    let mut world = world();
    world.run(&["sign", "app.bin", "--profile", "gated"]).expect(4);
    vouch(&world, &["--resource", RESOURCE]).expect(0);
    let said = payload(&read(&world, VSA));
    let predicate = &said["predicate"];
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["resourceUri"], RESOURCE);
    assert_eq!(predicate["verifier"]["id"], "https://acme.example/verifier");
    assert_eq!(predicate["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_2", "ACME_INVENTORIED"]));
    let bom = std::fs::read(world.path(BOM)).unwrap();
    let digest = chancery_core::digest::Sha256::of(&bom).to_string();
    assert_eq!(predicate["inputAttestations"][0]["digest"]["sha256"], digest);
    assert_eq!(verify(&world, "app.bin", VSA, "dev-vsa"), 0);
    assert_eq!(verify(&world, "app.bin", VSA, "dev-vsa-3"), 12);
    // It is no signature of the file, and says nothing of another.
    assert_eq!(verify(&world, "app.bin", VSA, "dev"), 12);
    assert_eq!(verify(&world, "other.bin", VSA, "dev-vsa"), 11);
    let mut changed = read(&world, VSA);
    let mut higher = said.clone();
    higher["predicate"]["verifiedLevels"][0] = json!("SLSA_BUILD_LEVEL_3");
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(higher.to_string()));
    world.write("changed.json", changed.to_string().as_bytes());
    assert_eq!(verify(&world, "app.bin", "changed.json", "dev-vsa"), 11);
    // The loop closes: what demanded a summary signs with it, and with nothing less.
    world.run(&["sign", "app.bin", "--profile", "gated", "--attestation", "changed.json"]).expect(4);
    world.run(&["sign", "app.bin", "--profile", "gated", "--attestation", BOM]).expect(4);
    world.run(&["sign", "app.bin", "--profile", "gated", "--attestation", VSA]).expect(0);
    vouch(&world, &["--resource", RESOURCE, "--svr"]).expect(0);
    let result = payload(&read(&world, "app.bin.svr.sigstore.json"));
    assert_eq!(result["predicateType"], "https://in-toto.io/attestation/svr/v0.2");
    assert_eq!(result["predicate"]["properties"], json!(["SLSA_BUILD_LEVEL_2", "ACME_INVENTORIED"]));
    world.stop();
    let data = world.data();
    world.run(&["audit", "--data-dir", data.to_str().unwrap()]).expect(0);
}

#[test]
fn nothing_is_vouched_for_that_was_not_verified() {
    let world = world();
    let refused = |said: Said, code: i32, expected: &str| {
        let found = said.expect(code).json();
        assert_eq!(found["code"], expected, "{found:#}");
    };
    refused(vouch(&world, &["--resource", "pkg:generic/other/app@1"]), 2, "CH5004");
    // An attestation of another file, one that was changed, and a caller who signs releases.
    let other = [
        "vouch",
        "other.bin",
        "--profile",
        "verifier",
        "--json",
        "--attestation",
        BOM,
        "--resource",
        RESOURCE,
    ];
    refused(world.run_as(&[("ref", "refs/heads/verify")], &other), 4, "CH4044");
    let mut changed = read(&world, BOM);
    let bent = payload(&changed).to_string().replace("CycloneDX", "CycloneDx");
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(bent));
    world.write(BOM, changed.to_string().as_bytes());
    refused(vouch(&world, &["--resource", RESOURCE]), 4, "CH4045");
    let line =
        ["vouch", "app.bin", "--profile", "verifier", "--json", "--attestation", BOM, "--resource", RESOURCE];
    assert_ne!(world.run(&line).code, 0);
    refused(world.run(&[&["vouch", "app.bin", "--profile", "dev"], &line[4..]].concat()), 2, "CH2074");
    assert!(!world.path(VSA).exists());
    // Nobody may claim a summary.
    let claim = ["attest", "app.bin", "--type", "https://slsa.dev/verification_summary/v1"];
    assert_ne!(world.run(&[&claim[..], &["--predicate", "sbom.json", "--profile", "dev"]].concat()).code, 0);
}

#[test]
fn a_verifier_signs_nothing_else_and_is_nobody_who_signs() {
    let world = World::cold();
    let folder = world.data().join("governance/profiles");
    std::fs::create_dir_all(&folder).unwrap();
    let check = |text: String| {
        std::fs::write(folder.join("verifier.toml"), text).unwrap();
        let mut command = world.service();
        let said = Said::from(command.stderr(std::process::Stdio::piped()).output().unwrap());
        assert_ne!(said.code, 0);
        said.err
    };
    let shared = check(PROFILE.replace("refs/heads/verify", "refs/heads/main"));
    assert!(shared.contains("give the verifier a job of its own"), "{shared}");
    let more = check(PROFILE.replace("[formats", "message = \"m\"\n[formats"));
    assert!(more.contains("one key, of family `verifier-dsse`"), "{more}");
    let (before, after) = PROFILE.split_once("[[attestations]]").unwrap();
    let nothing = check(format!("{before}[[grants]]{}", after.split_once("[[grants]]").unwrap().1));
    assert!(nothing.contains("nothing is verified"), "{nothing}");
}

#[test]
fn cosign_reads_the_summary() {
    let world = world();
    vouch(&world, &["--resource", RESOURCE]).expect(0);
    let Some(cosign) = tool("bin/cosign") else { return };
    let says = |kind: &str, file: &str| {
        let mut command = Command::new(&cosign);
        command.args(["verify-blob-attestation", "--type", kind, "--bundle", VSA]);
        command.args(["--certificate-identity", VERIFIER, "--certificate-oidc-issuer", ISSUER]);
        command.arg("--trusted-root").arg(world.data().join("trusted_root.json")).arg(file);
        let home = world.directory.path();
        Said::from(command.env("HOME", home).current_dir(home).output().unwrap())
    };
    says("https://slsa.dev/verification_summary/v1", "app.bin").expect(0);
    assert_ne!(says("https://slsa.dev/verification_summary/v1", "other.bin").code, 0);
    assert_ne!(says("slsaprovenance1", "app.bin").code, 0);
    println!("compared: cosign");
}
