//! What the service signs is accepted by us and by unmodified clients, and by nobody for another file.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_testkit::pe::{Bits, image};
use serde_json::Value;
use world::{IDENTITY, ISSUER, Said, World, of_kind, tool};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/testkit/foreign");

/// What a Sigstore client is given.
#[derive(Clone, Copy)]
struct Case<'a> {
    world: &'a World,
    file: &'a str,
    bundle: &'a str,
    is_message: bool,
}

fn cosign(case: &Case<'_>) -> Option<Command> {
    let mut command = Command::new(tool("bin/cosign")?);
    if case.is_message {
        command.arg("verify-blob");
    } else {
        command.args(["verify-blob-attestation", "--type", "slsaprovenance1"]);
    }
    command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
    command.arg("--trusted-root").arg(case.world.data().join("trusted_root.json"));
    command.args(["--bundle", case.bundle, case.file]);
    Some(command)
}

fn python(case: &Case<'_>) -> Option<Command> {
    let mut command = Command::new(tool("venv/bin/python")?);
    command.arg(Path::new(SCRIPTS).join("verify_python.py"));
    Some(with_arguments(command, case))
}

fn javascript(case: &Case<'_>) -> Option<Command> {
    let modules = tool("node/node_modules")?;
    let mut command = Command::new("node");
    command.arg(Path::new(SCRIPTS).join("verify.mjs")).arg(modules);
    Some(with_arguments(command, case))
}

fn with_arguments(mut command: Command, case: &Case<'_>) -> Command {
    command.arg(case.world.data().join("trusted_root.json")).args([case.bundle, case.file, IDENTITY, ISSUER]);
    command
}

fn ours(case: &Case<'_>) -> Option<Command> {
    // A bundle is looked for beside the file.
    let beside = case.world.path(&format!("{}.sigstore.json", case.file));
    if beside != case.world.path(case.bundle) {
        std::fs::copy(case.world.path(case.bundle), beside).unwrap();
    }
    Some(case.world.command(&["verify", case.file, "--policy", "dev", "--offline"]))
}

/// How a client is called; `None` where it is absent.
type Client = fn(&Case<'_>) -> Option<Command>;

const CLIENTS: [(&str, Client); 4] =
    [("chancery", ours), ("cosign", cosign), ("sigstore-python", python), ("@sigstore/verify", javascript)];

/// Runs a client without network: a proxy that refuses stands in every way out.
fn said(case: &Case<'_>, mut command: Command) -> Said {
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let home = case.world.directory.path();
    command.env("HOME", home).current_dir(home).output().unwrap().into()
}

/// The bundle `into` with the ledger proof of the bundle `from`.
fn splice(world: &World, from: &str, into: &str) -> Vec<u8> {
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(world.path(name)).unwrap()).unwrap() };
    let (from, mut into) = (read(from), read(into));
    let proofs = "/verificationMaterial/tlogEntries";
    *into.pointer_mut(proofs).unwrap() = from.pointer(proofs).unwrap().clone();
    into.to_string().into_bytes()
}

#[test]
fn sigstore_clients_accept_ours_and_refuse_the_rest() {
    let world = World::start();
    for (flags, is_message) in [(&[][..], false), (&["--message"][..], true)] {
        for (name, bytes) in [("one.bin", b"one"), ("two.bin", b"two")] {
            world.write(name, bytes);
            let mut arguments = vec!["sign", name, "--json", "--replace"];
            arguments.extend_from_slice(flags);
            world.run(&arguments).expect(0);
        }
        std::fs::copy(world.path("one.bin.sigstore.json"), world.path("one.json")).unwrap();
        std::fs::copy(world.path("two.bin.sigstore.json"), world.path("two.json")).unwrap();
        world.write("changed.bin", b"onf");
        world.write("spliced.bin", b"one");
        world.write("spliced.json", &splice(&world, "two.json", "one.json"));
        let cases = [
            ("one.bin", "one.json", true),
            ("two.bin", "two.json", true),
            ("changed.bin", "one.json", false),
            ("one.bin", "two.json", false),
            ("spliced.bin", "spliced.json", false),
        ];
        for (client, command) in CLIENTS {
            for (file, bundle, accepted) in cases {
                let case = Case { world: &world, file, bundle, is_message };
                let Some(command) = command(&case) else { break };
                let said = said(&case, command);
                assert_eq!(
                    said.code == 0,
                    accepted,
                    "{client}: {file} {bundle} {is_message}: {}{}",
                    said.out,
                    said.err
                );
            }
            println!("compared: {client} (message: {is_message})");
        }
    }
}

fn osslsigncode(world: &World, file: &str) -> Option<String> {
    let roots = world.data().join("roots.pem");
    let mut command = Command::new(tool("osslsigncode")?);
    command.arg("verify").arg("-in").arg(world.path(file));
    command.arg("-CAfile").arg(&roots).arg("-TSA-CAfile").arg(&roots);
    let said = Said::from(command.output().unwrap());
    Some(said.out + &said.err)
}

/// osslsigncode's exit status has been 0 for files that it found fault with: its words decide.
fn accepts(verdict: &str) -> bool {
    verdict.contains("Signature verification: ok") && !verdict.contains("Signature verification: failed")
}

#[test]
fn a_portable_executable_is_signed_in_place() {
    let world = World::start();
    for (name, bits) in [("app64.exe", Bits::B64), ("app32.exe", Bits::B32)] {
        let unsigned = image(bits, &[0x400, 0x200], b"");
        world.write(name, &unsigned);
        world.run(&["sign", name, "--json"]).expect(0);
        world.run(&["verify", name, "--policy", "dev", "--offline"]).expect(0);
        let signed = std::fs::read(world.path(name)).unwrap();
        assert!(signed.len() > unsigned.len());
        let mut changed = signed.clone();
        *changed.get_mut(0x300).unwrap() ^= 1;
        world.write("changed.exe", &changed);
        world.run(&["verify", "changed.exe", "--policy", "dev", "--offline"]).expect(11);
        let Some(verdict) = osslsigncode(&world, name) else { continue };
        assert!(accepts(&verdict), "{verdict}");
        assert!(verdict.contains("Timestamp verified using"), "{verdict}");
        let verdict = osslsigncode(&world, "changed.exe").unwrap();
        assert!(!accepts(&verdict), "{verdict}");
        println!("compared: osslsigncode ({name})");
    }
}

fn bytes(path: &PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn the_same_wish_again_gives_the_same_signature() {
    let world = World::start();
    world.write("app.bin", b"app");
    let first = world.run(&["sign", "app.bin", "--json"]).expect(0).json();
    let bundle = world.path("app.bin.sigstore.json");
    let (before, kept) = (world.size(), bytes(&bundle));
    let again = world.run(&["sign", "app.bin", "--json", "--replace"]).expect(0).json();
    assert_eq!(again, first);
    assert_eq!(bytes(&bundle), kept);
    assert_eq!(world.size(), before);
    let leaves = world.leaves(0);
    assert_eq!(of_kind(&leaves, "intent").len(), 1);
    assert_eq!(of_kind(&leaves, "result").len(), 1);
    // Entry 0 is the root, entry 1 the first policy: nothing was signed before anybody could.
    assert_eq!(leaves.first().unwrap()["kind"], "root");
    assert_eq!(leaves.get(1).unwrap()["kind"], "policy");
}
