//! Unmodified Sigstore clients with keys of their own: they get certificates, entries and timestamps from this service, the
//! bundles verify everywhere, and a job that policy refuses reads why in its own terminal.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[path = "facade/variants.rs"]
mod variants;
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use world::{IDENTITY, ISSUER, Said, World, of_kind, tool};

const PROFILE: &str = r#"environment = "development"
owner = "platform@acme.example"
purpose = "jobs that run cosign by themselves"
[facade]
[[limits]]
count = 100
window = "1h"
[[grants]]
name = "acme-app-main"
issuer = "dev"
[grants.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/main"
"#;

/// A service whose policy lets jobs of the main branch sign by themselves, and what clients have to know of it.
fn open() -> World {
    let world = World::start();
    std::fs::write(world.data().join("governance/profiles/cosign.toml"), PROFILE).unwrap();
    world.run(&["policy", "apply", "data/governance", "--key", "data/dev-root.key"]).expect(0);
    let url = world.env["CHANCERY_SERVER"].clone();
    let service = |url: &str, version: u8| {
        json!([{"url": url, "majorApiVersion": version, "operator": "acme",
            "validFor": {"start": "2024-01-01T00:00:00Z"}}])
    };
    let signing = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(&url, 1), "oidcUrls": [],
        "rekorTlogUrls": service(&url, 2), "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service(&format!("{url}/v1/timestamp"), 1), "tsaConfig": {"selector": "ANY"}});
    world.write("signing.json", signing.to_string().as_bytes());
    let root = std::fs::read(world.data().join("trusted_root.json")).unwrap();
    let root: Value = serde_json::from_slice(&root).unwrap();
    let whole = json!({"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root, "signingConfig": signing});
    world.write("client.json", whole.to_string().as_bytes());
    world
}

/// A foreign client in the place and environment of a job, with nothing of this machine's home.
fn client(world: &World, program: PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let ca = &world.env["CHANCERY_CA"];
    command.args(arguments).envs(&world.env).current_dir(world.directory.path());
    command.env("HOME", world.directory.path()).env("SSL_CERT_FILE", ca).env("REQUESTS_CA_BUNDLE", ca);
    command
}

fn cosign(world: &World, arguments: &[&str]) -> Option<Said> {
    Some(client(world, tool("bin/cosign")?, arguments).output().unwrap().into())
}

/// Signs as the job of the development issuer that asks for its token itself, with further claims.
fn cosign_signs(world: &World, claims: &str, bundle: &str, file: &str) -> Option<Said> {
    let data = world.data();
    let root = data.join("trusted_root.json");
    let arguments = ["sign-blob", "--yes", "--signing-config", "signing.json", "--trusted-root"];
    let arguments = [&arguments[..], &[root.to_str().unwrap(), "--bundle", bundle, file]].concat();
    let mut command = client(world, tool("bin/cosign")?, &arguments);
    let url = format!("{}{claims}", world.env["ACTIONS_ID_TOKEN_REQUEST_URL"]);
    Some(command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url).output().unwrap().into())
}

fn cosign_verifies(world: &World, bundle: &str, file: &str) -> Option<i32> {
    let data = world.data();
    let root = data.join("trusted_root.json");
    let identity = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];
    let arguments = ["verify-blob", "--trusted-root", root.to_str().unwrap(), "--bundle", bundle];
    cosign(world, &[&arguments[..], &identity, &[file]].concat()).map(|said| said.code)
}

fn python(world: &World, arguments: &[&str]) -> Option<Said> {
    let mut command =
        client(world, tool("venv/bin/python")?, &["-m", "sigstore", "--trust-config", "client.json"]);
    for name in ["GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
        command.env_remove(name);
    }
    Some(command.args(arguments).output().unwrap().into())
}

fn python_signs(world: &World, token: &str, bundle: &str, file: &str) -> Option<Said> {
    python(world, &["sign", "--overwrite", "--identity-token", token, "--bundle", bundle, file])
}

fn python_verifies(world: &World, bundle: &str, file: &str) -> Option<i32> {
    let identity = ["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER];
    python(world, &[&["verify", "identity", "--bundle", bundle][..], &identity, &[file]].concat())
        .map(|said| said.code)
}

fn ours(world: &World, bundle: &str, file: &str) -> i32 {
    let verify = ["verify", file, "--bundle", bundle, "--policy", "dev", "--offline"];
    world.run(&verify).code
}

/// Everybody accepts a bundle for its file, and for no other.
fn everybody_verifies(world: &World, bundle: &str) {
    world.write("changed.txt", b"hellp");
    let _unsigned = std::fs::remove_file(world.path("app.txt.sigstore.json"));
    for (file, accepted) in [("app.txt", true), ("changed.txt", false)] {
        assert_eq!(ours(world, bundle, file) == 0, accepted, "chancery verifies {file}");
        for code in
            [cosign_verifies(world, bundle, file), python_verifies(world, bundle, file)].into_iter().flatten()
        {
            assert_eq!(code == 0, accepted, "{file} with {bundle}");
        }
    }
}

/// The job holds the key of its certificate and can sign what it likes; the story of its build is not its to tell.
#[test]
fn provenance_that_a_job_writes_itself_does_not_count_here() {
    let world = open();
    world.write("app.txt", b"app");
    world.write("predicate.json", b"{\"buildDefinition\":{},\"runDetails\":{}}");
    let root = world.data().join("trusted_root.json");
    for (kind, refused) in [("slsaprovenance1", true), ("cyclonedx", false)] {
        let bundle = format!("{kind}.json");
        let arguments =
            ["attest-blob", "--yes", "--signing-config", "signing.json", "--predicate", "predicate.json"];
        let more = ["--type", kind, "--bundle", &bundle, "--trusted-root", root.to_str().unwrap(), "app.txt"];
        let Some(said) = cosign(&world, &[&arguments[..], &more].concat()) else { return };
        said.expect(0);
        let policy = if refused { "dev" } else { "dev-sbom" };
        let said = world.run(&["verify", "app.txt", "--bundle", &bundle, "--policy", policy, "--offline"]);
        assert_eq!(said.code != 0, refused, "{kind}: {}{}", said.out, said.err);
        assert!(!refused || said.err.contains("by a key that the client holds"), "{}", said.err);
    }
}

#[test]
fn cosign_and_sigstore_python_sign_by_themselves() {
    let world = open();
    world.write("app.txt", b"hello");
    let mut made = 0;
    if let Some(said) = cosign_signs(&world, "", "cosign.json", "app.txt") {
        said.expect(0);
        everybody_verifies(&world, "cosign.json");
        made += 1;
    }
    let token = world.token("sigstore");
    if let Some(said) = python_signs(&world, &token, "python.json", "app.txt") {
        said.expect(0);
        everybody_verifies(&world, "python.json");
        made += 1;
        // The token was used; with it nobody gets a second certificate.
        assert_ne!(python_signs(&world, &token, "again.json", "app.txt").unwrap().code, 0);
    }
    let leaves = world.leaves(0);
    assert_eq!(of_kind(&leaves, "entry").len(), made);
    let audit = ["audit", "--json", "--data-dir", "data"];
    let report = world.run(&audit).expect(0).json();
    assert_eq!(report["counts"]["signatures"], made, "{report}");
}

#[test]
fn a_job_that_policy_refuses_reads_why() {
    let world = open();
    world.write("app.txt", b"hello");
    let size = world.size();
    let words = [
        "CH4012: grant `acme-app-main` of profile `cosign` does not hold",
        "found `refs/heads/x`, expected `refs/heads/main`",
        "; request r-",
    ];
    let mut refused = 0;
    if let Some(said) = cosign_signs(&world, "&ref=refs/heads/x", "no.json", "app.txt") {
        assert_ne!(said.code, 0);
        assert!(words.iter().all(|words| said.err.contains(words)), "{}", said.err);
        refused += 1;
    }
    let token = world.run(&["dev", "token", "--audience", "sigstore", "--ref", "refs/heads/x"]).expect(0).out;
    if let Some(said) = python_signs(&world, token.trim(), "no.json", "app.txt") {
        assert_ne!(said.code, 0);
        let shown = said.err.replace('\n', " ");
        assert!(words.iter().all(|words| shown.contains(words)), "{}", said.err);
        refused += 1;
    }
    let leaves = world.leaves(size);
    let denied = of_kind(&leaves, "denied");
    assert_eq!(denied.len(), refused, "{leaves:?}");
    assert!(denied.iter().all(|leaf| leaf["code"] == "CH4012" && leaf["profile"] == "cosign"), "{denied:?}");
    assert!(of_kind(&leaves, "intent").is_empty() && !world.path("no.json").exists());
}
