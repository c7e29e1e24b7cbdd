//! Images that refused jobs would have signed, signatures without ledger, and what a freeze stops.

use serde_json::{Value, json};

use crate::world::registry::{Registry, push};
use crate::world::{IDENTITY, ISSUER, Said, World, of_kind, tool};
use crate::{client, cosign_signs, open, ours};

const ALICE: &str = "data/people/alice.key";

/// `cosign VERB` with everything that it needs to know of the service but the address of the log.
fn cosign(world: &World, verb: &[&str], claims: &str) -> Option<Said> {
    let mut command = client(world, tool("bin/cosign")?, verb);
    command.arg("--trusted-root").arg(world.data().join("trusted_root.json"));
    let url = format!("{}{claims}", world.env["ACTIONS_ID_TOKEN_REQUEST_URL"]);
    Some(command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url).output().unwrap().into())
}

/// Whether cosign finds the job's signature.
fn verifies(world: &World, verb: &str, more: &[&str]) -> bool {
    let signer = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];
    cosign(world, &[&[verb], &signer[..], more].concat(), "").unwrap().code == 0
}

/// `GET` or `POST` of the service, as a program without any help.
fn curl(world: &World, path: &str, body: Option<&Value>) -> Said {
    let url = format!("{}{path}", world.env["CHANCERY_SERVER"]);
    let mut command = client(world, "curl".into(), &["-sS", "--cacert", &world.env["CHANCERY_CA"], &url]);
    command.args(["--write-out", "\n%{http_code}"]);
    if let Some(body) = body {
        command.args(["--header", "content-type: application/json", "--data"]).arg(body.to_string());
    }
    Said::from(command.output().unwrap()).expect(0)
}

/// A file of the TUF repository, found as TUF clients find it.
fn target(world: &World, name: &str) -> String {
    let get = |path: &str| {
        let said = curl(world, &format!("/tuf/{path}"), None).out;
        let (body, status) = said.rsplit_once('\n').unwrap();
        assert_eq!(status, "200", "{path}: {body}");
        body.to_owned()
    };
    let json = |path: &str| serde_json::from_str::<Value>(&get(path)).unwrap()["signed"].clone();
    let snapshot = json("timestamp.json")["meta"]["snapshot.json"]["version"].clone();
    let targets = json(&format!("{snapshot}.snapshot.json"))["meta"]["targets.json"]["version"].clone();
    let hash = json(&format!("{targets}.targets.json"))["targets"][name]["hashes"]["sha256"].clone();
    get(&format!("targets/{}.{name}", hash.as_str().unwrap()))
}

#[test]
fn an_image_is_signed_by_the_job_that_policy_names_and_by_no_other() {
    let world = open();
    let Some(oras) = tool("bin/oras") else { return };
    let Some(registry) = Registry::start(&world) else { return };
    let image = push(&world, &oras, &format!("{}/acme/app:one", registry.host), "one");
    let words = ["sign", "--yes", "--allow-insecure-registry", "--signing-config", "signing.json", &image];
    let size = world.size();
    let Some(said) = cosign(&world, &words, "&ref=refs/heads/x") else { return };
    assert_ne!(said.code, 0);
    for words in ["CH4012", "found `refs/heads/x`, expected `refs/heads/main`", "; request r-"] {
        assert!(said.err.contains(words), "{}", said.err);
    }
    let leaves = world.leaves(size);
    let denied = of_kind(&leaves, "denied");
    assert_eq!(denied.len(), 1, "{leaves:?}");
    assert!(denied[0]["code"] == "CH4012" && denied[0]["profile"] == "cosign", "{denied:?}");
    assert!(of_kind(&leaves, "intent").is_empty());
    let check = || verifies(&world, "verify", &["--allow-insecure-registry", &image]);
    assert!(!check(), "nothing was attached");
    cosign(&world, &words, "").unwrap().expect(0);
    assert!(check());
    assert_eq!(of_kind(&world.leaves(size), "entry").len(), 1);
    println!("compared: cosign sign by itself");
}

#[test]
fn both_signing_configurations_that_the_service_writes_work() {
    let world = open();
    if tool("bin/cosign").is_none() {
        return;
    }
    world.write("app.txt", b"hello");
    world.write("changed.txt", b"hellp");
    for (name, logged) in [("signing_config.v0.2.json", true), ("signing_config.no-log.v0.2.json", false)] {
        world.write("served.json", target(&world, name).as_bytes());
        let size = world.size();
        let words =
            ["sign-blob", "--yes", "--signing-config", "served.json", "--bundle", "app.json", "app.txt"];
        cosign(&world, &words, "").unwrap().expect(0);
        let entries = of_kind(&world.leaves(size), "entry").len();
        assert_eq!(entries, usize::from(logged), "{name}");
        let check = |file: &str, more: &[&str]| {
            verifies(&world, "verify-blob", &[&["--bundle", "app.json"], more, &[file]].concat())
        };
        // Without an entry a verifier has to say that it wants none; the time stamp is what counts then.
        assert_eq!(check("app.txt", &[]), logged, "{name}");
        let unlogged = ["--insecure-ignore-tlog", "--use-signed-timestamps"];
        assert!(check("app.txt", &unlogged) && !check("changed.txt", &unlogged), "{name}");
        // Ours has no such way.
        assert_eq!(ours(&world, "app.json", "app.txt") == 0, logged, "{name}");
    }
    println!("compared: cosign with and without the ledger");
}

/// The entry that cosign would ask for, of a bundle without one.
fn entry_of(bundle: &Value) -> Value {
    let certificate = bundle["verificationMaterial"]["certificate"]["rawBytes"].clone();
    let verifier =
        json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": certificate}});
    let message = &bundle["messageSignature"];
    json!({"hashedRekordRequestV002": {"digest": message["messageDigest"]["digest"],
        "signature": {"content": message["signature"], "verifier": verifier}}})
}

#[test]
fn a_freeze_stops_certificates_and_entries() {
    let world = open();
    if tool("bin/cosign").is_none() {
        return;
    }
    world.write("app.txt", b"hello");
    world.write("served.json", target(&world, "signing_config.no-log.v0.2.json").as_bytes());
    let words = ["sign-blob", "--yes", "--signing-config", "served.json", "--bundle", "app.json", "app.txt"];
    cosign(&world, &words, "").unwrap().expect(0);
    let bundle: Value = serde_json::from_slice(&std::fs::read(world.path("app.json")).unwrap()).unwrap();
    let set = ["--json", "freeze", "set", "--profile", "cosign", "--reason", "drill", "--key", ALICE];
    let freeze = world.run(&set).expect(0).json();
    let size = world.size();
    // No new certificate, and the one that is live yet is good for nothing.
    let said = cosign_signs(&world, "", "no.json", "app.txt").unwrap();
    assert!(said.code != 0 && said.err.contains("CH4021"), "{}", said.err);
    let said = curl(&world, "/api/v2/log/entries", Some(&entry_of(&bundle))).out;
    assert!(said.ends_with("\n403") && said.contains("CH4021"), "{said}");
    let leaves = world.leaves(size);
    assert!(of_kind(&leaves, "entry").is_empty() && of_kind(&leaves, "intent").is_empty(), "{leaves:?}");
    assert!(of_kind(&leaves, "denied").iter().any(|leaf| leaf["code"] == "CH4021"), "{leaves:?}");
    // Lifted, the same entry is taken.
    let name = freeze["act"].as_str().unwrap();
    let lift = ["freeze", "lift", name, "--reason", "over", "--key", "data/dev-root.key"];
    world.run(&lift).expect(0);
    let said = curl(&world, "/api/v2/log/entries", Some(&entry_of(&bundle))).out;
    assert!(said.ends_with("\n201"), "{said}");
}
