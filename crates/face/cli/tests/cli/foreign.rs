//! `verify` and `inspect` of what other Sigstore instances made, as their users type it.

use std::path::{Path, PathBuf};

use crate::session::{Ran, TestHost, run};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const OAUTH: &str = "https://github.com/login/oauth";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/foreign/sigstore").join(name)
}

fn verify(words: &[&str]) -> Ran {
    run(&TestHost::default(), &[&["verify"], words].concat())
}

/// A bundle of cosign 3 beside its file, with what is expected of it.
fn blob(identity: &str, more: &[&str]) -> Ran {
    let (file, bundle, root) =
        (data("cosign-v3-blob.txt"), data("cosign-v3-blob.sigstore.json"), data("public_root.json"));
    let mut words = vec![file.to_str().unwrap(), "--bundle", bundle.to_str().unwrap()];
    words.extend(["--trusted-root", root.to_str().unwrap(), "--certificate-identity", identity]);
    words.extend(["--certificate-oidc-issuer", OAUTH]);
    words.extend(more);
    verify(&words)
}

#[test]
fn a_file_of_the_public_instance_is_judged_by_flags() {
    let ran = blob("w.vollprecht@gmail.com", &["--json"]);
    let document = ran.json();
    assert_eq!((ran.code, document["result"].as_str()), (0, Some("verified")), "{ran:?}");
    assert_eq!(document["signer"]["identity"], "w.vollprecht@gmail.com");
    assert_eq!((document["policy"].is_null(), document["offline"].as_bool()), (true, Some(true)));
    assert_eq!(document["trust"]["authenticated"], false);
    let checks = document["checks"].as_array().unwrap();
    let not_made: Vec<_> =
        checks.iter().filter(|check| check["ok"].is_null()).map(|check| &check["id"]).collect();
    assert_eq!(not_made, ["revocation"]);
    let text = blob("w.vollprecht@gmail.com", &[]);
    assert!(text.out.contains("public_root.json") && text.err.is_empty(), "{text:?}");
    assert_eq!(blob("w.vollprecht@example.com", &[]).code, 12);
    assert_eq!(blob("w.vollprecht@gmail.com", &["--predicate", "https://slsa.dev/provenance/v1"]).code, 12);
    assert_eq!(blob("w.vollprecht@gmail.com", &["--times", "2"]).code, 0, "an authority and the log");
    assert_eq!(blob("w.vollprecht@gmail.com", &["--times", "3"]).code, 13);
    assert_eq!(blob("w.vollprecht@gmail.com", &["--logs", "2"]).code, 14);
    assert_eq!(blob("w.vollprecht@gmail.com", &["--at", "2025-01-01T00:00:00Z"]).code, 13, "signed later");
}

#[test]
fn a_digest_stands_for_a_file_that_is_elsewhere() {
    let (bundle, root) = (data("v3_github.sigstore.json"), data("public_root.json"));
    let identity = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2";
    let judge = |digest: &str, bundled: bool| {
        let mut words = vec![digest, "--trusted-root", root.to_str().unwrap()];
        words.extend(["--certificate-identity", identity, "--certificate-oidc-issuer", GITHUB]);
        if bundled {
            words.extend(["--bundle", bundle.to_str().unwrap()]);
        }
        verify(&words).code
    };
    let right = "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";
    assert_eq!(judge(right, true), 0);
    assert_eq!(judge(&right.replace("c4e9", "c4e8"), true), 11);
    assert_eq!(judge(right, false), 2, "a digest has nothing beside it");
    assert_eq!(judge(right.split_at(40).0, true), 2, "no such file");
}

#[test]
fn nothing_is_accepted_without_an_expected_signer() {
    let (file, root) = (data("cosign-v3-blob.txt"), data("public_root.json"));
    let (file, root) = (file.to_str().unwrap(), root.to_str().unwrap());
    assert_eq!(verify(&[file, "--trusted-root", root]).code, 12);
    for words in [
        &["--certificate-identity", "x", "--certificate-oidc-issuer", "y"][..],
        &["--trusted-root", root, "--certificate-identity", "x"],
        &["--trusted-root", root, "--certificate-oidc-issuer", "x"],
        &["--trusted-root", root, "--key", file],
        &[
            "--trusted-root",
            root,
            "--key",
            file,
            "--certificate-identity",
            "x",
            "--certificate-oidc-issuer",
            "y",
        ],
        &["--trusted-root", file, "--certificate-identity", "x", "--certificate-oidc-issuer", "y"],
        &[
            "--trusted-root",
            root,
            "--certificate-identity",
            "x",
            "--certificate-oidc-issuer",
            "y",
            "--policy",
            "p",
        ],
    ] {
        assert_eq!(verify(&[&[file], words].concat()).code, 2, "{words:?}");
    }
}

#[test]
fn foreign_bundles_are_shown() {
    let bundle = data("npm-sigstore-2.0.0.sigstore.json");
    let ran = run(&TestHost::default(), &["inspect", bundle.to_str().unwrap(), "--json"]);
    let shown = &ran.json()["signatures"][0];
    assert_eq!((ran.code, shown["version"].as_str()), (0, Some("0.1")), "{ran:?}");
    assert_eq!(shown["log_entries"][0]["kind"], "intoto 0.0.2");
    assert_eq!(shown["content"]["statement"]["subject"][0]["name"], "pkg:npm/sigstore@2.0.0");
    assert!(
        shown["certificates"][0]["identity"][0].as_str().unwrap().starts_with("https://github.com/sigstore/")
    );
}
