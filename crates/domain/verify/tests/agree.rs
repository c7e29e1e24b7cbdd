//! Other clients and ours, on the same bundles with the same trusted root: genuine ones, and each way to bend one. Where
//! they differ, the table says why. A client that is absent is reported and not compared.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::fn_params_excessive_bools, reason = "test")]

mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::verdict::Outcome;
use chancery_testkit::keys::TestKey;
use chancery_verify::foreign::{Context, Digests, Expected, Instance, Signer};
use chancery_verify::verify;
use serde_json::{Value, json};
use world::{IDENTITY, ISSUER, Wish, World, now};

const ARTIFACT: &[u8] = b"hello\n";

/// What is done to a bundle; the second one is another genuine bundle by the same key.
type Bend = fn(&mut Value, &Value);

const BENDS: [(&str, Bend); 22] = [
    ("genuine", |_, _| {}),
    ("signature of another", |b, o| signature(b, o)),
    ("certificate of another", |b, o| take(b, o, "/verificationMaterial/certificate")),
    ("timestamp of another", |b, o| take(b, o, "/verificationMaterial/timestampVerificationData")),
    ("no timestamp", |b, _| {
        at(b, "/verificationMaterial/timestampVerificationData/rfc3161Timestamps", json!([]))
    }),
    ("timestamp twice", |b, _| twice(b, "/verificationMaterial/timestampVerificationData/rfc3161Timestamps")),
    ("entry of another", |b, o| take(b, o, "/verificationMaterial/tlogEntries")),
    ("body of another", |b, o| take(b, o, "/verificationMaterial/tlogEntries/0/canonicalizedBody")),
    ("proof of another", |b, o| take(b, o, "/verificationMaterial/tlogEntries/0/inclusionProof")),
    ("checkpoint of another", |b, o| {
        take(b, o, "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint")
    }),
    ("hash of the path", |b, _| flip(b, "/verificationMaterial/tlogEntries/0/inclusionProof/hashes/0")),
    ("root hash", |b, _| flip(b, "/verificationMaterial/tlogEntries/0/inclusionProof/rootHash")),
    ("tree size", |b, _| at(b, "/verificationMaterial/tlogEntries/0/inclusionProof/treeSize", json!("14"))),
    ("index in the tree", |b, _| {
        at(b, "/verificationMaterial/tlogEntries/0/inclusionProof/logIndex", json!("8"))
    }),
    ("index of the log", |b, _| at(b, "/verificationMaterial/tlogEntries/0/logIndex", json!("8"))),
    ("log id", |b, _| flip(b, "/verificationMaterial/tlogEntries/0/logId/keyId")),
    ("claimed time", |b, _| at(b, "/verificationMaterial/tlogEntries/0/integratedTime", json!("1795168800"))),
    ("no entry", |b, _| at(b, "/verificationMaterial/tlogEntries", json!([]))),
    ("entry twice", |b, _| twice(b, "/verificationMaterial/tlogEntries")),
    ("unknown member", |b, _| b["more"] = json!(1)),
    ("version 0.9", |b, _| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.9+json")),
    ("chain", |b, _| {
        let leaf = b["verificationMaterial"]["certificate"].take();
        b["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": [leaf]});
        b["verificationMaterial"].as_object_mut().unwrap().remove("certificate");
    }),
];

/// Where a client accepts what we refuse, and why it may: it does not read that copy of a fact. We refuse a bundle whose
/// copies differ, because some other client may read the other one.
const DIFFERENCES: [(&str, &str, &str); 17] = [
    ("cosign", "body of another", "makes the body again from what it verified"),
    ("cosign", "root hash", "takes the root from the checkpoint"),
    ("cosign", "tree size", "takes the size from the checkpoint"),
    ("cosign", "index in the tree", "takes the index of the log"),
    ("cosign", "timestamp twice", "counts equal tokens as one"),
    ("sigstore-python", "tree size", "takes the size from the checkpoint"),
    ("sigstore-python", "index of the log", "takes the index in the tree"),
    ("sigstore-python", "log id", "finds the key by the checkpoint's signature line"),
    ("sigstore-python", "claimed time", "does not read the time of logs that promise nothing"),
    (
        "@sigstore/verify",
        "certificate of another",
        "compares the entry with the key, which both certificates name",
    ),
    ("@sigstore/verify", "root hash", "takes the root from the checkpoint"),
    ("@sigstore/verify", "tree size", "takes the size from the checkpoint"),
    ("@sigstore/verify", "index of the log", "takes the index in the tree"),
    ("@sigstore/verify", "log id", "finds the key by the checkpoint's signature line"),
    ("@sigstore/verify", "claimed time", "does not read the time of logs that promise nothing"),
    ("@sigstore/verify", "unknown member", "ignores members that it does not know"),
    ("@sigstore/verify", "version 0.9", "takes any version that it does not know for a new one"),
];

fn at(bundle: &mut Value, place: &str, value: Value) {
    *bundle.pointer_mut(place).unwrap() = value;
}

fn take(bundle: &mut Value, other: &Value, place: &str) {
    at(bundle, place, other.pointer(place).unwrap().clone());
}

fn twice(bundle: &mut Value, place: &str) {
    let one = bundle.pointer(place).unwrap()[0].clone();
    at(bundle, place, json!([one, one]));
}

fn flip(bundle: &mut Value, place: &str) {
    let mut bytes = STANDARD.decode(bundle.pointer(place).unwrap().as_str().unwrap()).unwrap();
    bytes[5] ^= 1;
    at(bundle, place, json!(STANDARD.encode(bytes)));
}

fn signature(bundle: &mut Value, other: &Value) {
    for place in ["/messageSignature/signature", "/dsseEnvelope/signatures/0/sig"] {
        if other.pointer(place).is_some() {
            take(bundle, other, place);
        }
    }
}

fn tool(relative: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CHANCERY_TOOLS")?).join(relative);
    path.exists().then_some(path)
}

/// The command of a client for the files in a directory.
fn client(name: &str, directory: &Path, is_message: bool) -> Option<Command> {
    let path = |file: &str| directory.join(file);
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../dev/testkit/foreign");
    let files = [path("root.json"), path("bundle.json"), path("file")];
    let mut command = match name {
        "cosign" => {
            let mut command = Command::new(tool("bin/cosign")?);
            let verb: &[&str] = if is_message {
                &["verify-blob"]
            } else {
                &["verify-blob-attestation", "--type", "slsaprovenance1"]
            };
            command
                .args(verb)
                .arg("--trusted-root")
                .arg(&files[0])
                .arg("--bundle")
                .arg(&files[1])
                .arg(&files[2]);
            command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
            command
        }
        "sigstore-python" => {
            let mut command = Command::new(tool("venv/bin/python")?);
            command.arg(scripts.join("verify_python.py")).args(files).args([IDENTITY, ISSUER]);
            command
        }
        _ => {
            let mut command = Command::new("node");
            command.arg(scripts.join("verify.mjs")).arg(tool("node/node_modules")?).args(files);
            command.args([IDENTITY, ISSUER]);
            command
        }
    };
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env("HOME", directory);
    Some(command)
}

#[test]
fn other_clients_say_the_same_of_the_same_bundles() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
    let roots = world.roots().to_json();
    write("root.json", roots.as_bytes());
    write("file", ARTIFACT);
    let instance = Instance::parse(&roots).unwrap();
    let expected = Expected::of(Signer::Identity { issuer: ISSUER.into(), identity: IDENTITY.into() });
    let context = Context { instance: &instance, expected: &expected, at: now() };
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let mut differences = Vec::new();
    let mut compared = [0; 3];
    for (wish, is_message) in [(Wish::default(), false), (Wish::message(), true)] {
        let made = |index| -> Value {
            serde_json::from_str(&world.sign(ARTIFACT, &key, &Wish { index, ..wish.clone() }).json).unwrap()
        };
        let (genuine, other) = (made(9), made(4));
        for (bend, apply) in BENDS {
            let mut bundle = genuine.clone();
            apply(&mut bundle, &other);
            let bytes = bundle.to_string();
            write("bundle.json", bytes.as_bytes());
            let ours = verify::foreign(&Digests::of(ARTIFACT), bytes.as_bytes(), &context).outcome();
            let ours = ours == Outcome::Verified;
            if bend == "genuine" {
                assert!(ours, "the genuine bundle");
            }
            for (number, name) in ["cosign", "sigstore-python", "@sigstore/verify"].into_iter().enumerate() {
                let Some(mut command) = client(name, directory.path(), is_message) else { continue };
                compared[number] += 1;
                let theirs = command.output().unwrap().status.success();
                let is_known = DIFFERENCES.iter().any(|(who, what, _)| *who == name && *what == bend);
                // Only towards more strictness: what we accept, they accept.
                if theirs != ours && !(is_known && theirs) {
                    differences
                        .push(format!("{name}, {bend} (message {is_message}): they {theirs}, we {ours}"));
                }
            }
        }
    }
    for (count, name) in compared.into_iter().zip(["cosign", "sigstore-python", "@sigstore/verify"]) {
        match count {
            0 => println!("not compared: {name} is absent"),
            count => println!("compared: {name}, {count} bundles"),
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
