//! Unmodified clients accept our bundles with our trusted root, and refuse the same for another file or signer.
//!
//! `CHANCERY_TOOLS` names a directory with `bin/cosign`, `venv/bin/python` (sigstore) and `node/node_modules`
//! (@sigstore/verify). A tool that is absent is reported and not compared.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test")]

mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_testkit::keys::TestKey;
use chancery_x509::profile::authority::Standing;
use world::{IDENTITY, ISSUER, Wish, World};

const ARTIFACT: &[u8] = b"hello\n";

/// The files that a client is given.
struct Case<'a> {
    root: &'a Path,
    bundle: &'a Path,
    file: &'a Path,
    identity: &'a str,
    issuer: &'a str,
    is_message: bool,
}

fn tool(relative: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CHANCERY_TOOLS")?).join(relative);
    path.exists().then_some(path)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../dev/testkit/foreign").join(name)
}

fn cosign(program: &Path, case: &Case<'_>) -> Command {
    let mut command = Command::new(program);
    if case.is_message {
        command.arg("verify-blob");
    } else {
        command.args(["verify-blob-attestation", "--type", "slsaprovenance1"]);
    }
    command.args(["--certificate-identity", case.identity, "--certificate-oidc-issuer", case.issuer]);
    command.arg("--bundle").arg(case.bundle).arg("--trusted-root").arg(case.root).arg(case.file);
    command
}

fn python(program: &Path, case: &Case<'_>) -> Command {
    let mut command = Command::new(program);
    command.arg(script("verify_python.py")).args([case.root, case.bundle, case.file]);
    command.args([case.identity, case.issuer]);
    command
}

fn javascript(modules: &Path, case: &Case<'_>) -> Command {
    let mut command = Command::new("node");
    command.arg(script("verify.mjs")).arg(modules).args([case.root, case.bundle, case.file]);
    command.args([case.identity, case.issuer]);
    command
}

/// Runs a client without network: a proxy that refuses stands in every way out.
fn accepts(mut command: Command, home: &Path) -> Result<(), String> {
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let output = command.env("HOME", home).output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn compare(name: &str, relative: &str, make: fn(&Path, &Case<'_>) -> Command) {
    let Some(program) = tool(relative) else {
        println!("not compared: {name} is absent");
        return;
    };
    // What a development installation makes is as good to clients that were told to trust it.
    for standing in [Standing::Regular, Standing::Dev] {
        compare_in(&World::standing(standing), name, &program, make);
    }
    println!("compared: {name}");
}

fn compare_in(world: &World, name: &str, program: &Path, make: fn(&Path, &Case<'_>) -> Command) {
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let dir = tempfile::tempdir().unwrap();
    let path = |file: &str| dir.path().join(file);
    std::fs::write(path("root.json"), world.roots().to_json()).unwrap();
    std::fs::write(path("file"), ARTIFACT).unwrap();
    std::fs::write(path("other"), b"other\n").unwrap();
    for (wish, is_message) in [(Wish::default(), false), (Wish::message(), true)] {
        std::fs::write(path("bundle.json"), world.sign(ARTIFACT, &key, &wish).json).unwrap();
        let (root, bundle, file, other) =
            (path("root.json"), path("bundle.json"), path("file"), path("other"));
        let good = Case {
            root: &root,
            bundle: &bundle,
            file: &file,
            identity: IDENTITY,
            issuer: ISSUER,
            is_message,
        };
        let outcome = accepts(make(program, &good), dir.path());
        assert_eq!(outcome, Ok(()), "{name} must accept (message: {is_message})");
        let wrong = [
            Case { file: &other, ..good },
            Case { identity: "https://github.com/acme/other/w.yml@refs/heads/main", ..good },
            Case { issuer: "https://issuer.example", ..good },
        ];
        for case in wrong {
            assert!(accepts(make(program, &case), dir.path()).is_err(), "{name} must refuse");
        }
    }
}

#[test]
fn cosign_accepts_ours() {
    compare("cosign", "bin/cosign", cosign);
}

#[test]
fn sigstore_python_accepts_ours() {
    compare("sigstore-python", "venv/bin/python", python);
}

#[test]
fn sigstore_js_accepts_ours() {
    compare("@sigstore/verify", "node/node_modules", javascript);
}
