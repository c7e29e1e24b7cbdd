//! Whole signatures: osslsigncode accepts ours for every key type, and refuses ours when a byte changed.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "test")]

mod authenticode;

use std::path::Path;

use authenticode::{Domain, END, STAMPED, START, attach, run, write_pem};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::format::FormatName;
use chancery_testkit::pe::{Bits, image};
use serde_json::json;

/// What osslsigncode says of an image; its exit status is not its verdict.
fn verdict(home: &Path, signed: &[u8]) -> Option<String> {
    std::fs::write(home.join("signed.exe"), signed).unwrap();
    let trust = ["verify", "-CAfile", "root.pem", "-TSA-CAfile", "tsa-root.pem"];
    run(home, "osslsigncode", &[&trust[..], &["-in", "signed.exe"]].concat())
}

fn is_accepted(said: &str) -> bool {
    said.contains("\nSignature verification: ok")
        && said.contains("Timestamp Server Signature verification: ok")
        && said.contains("Number of verified signatures: 1")
}

fn home(domain: &Domain) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write_pem(&home.path().join("root.pem"), &domain.root);
    write_pem(&home.path().join("tsa-root.pem"), &domain.tsa_root);
    home
}

#[test]
fn osslsigncode_accepts_every_key_type() {
    let options = json!({"program_name": "Acme Ägent", "url": "https://acme.example/x"});
    for algorithm in
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072, KeyAlgorithm::Rsa4096]
    {
        let domain = Domain::new(algorithm, END);
        let home = home(&domain);
        for (bits, overlay) in [(Bits::B32, 3), (Bits::B64, 0)] {
            let original = image(bits, &[512, 700], &vec![1; overlay]);
            let signed = domain.sign(&original, options.clone(), Some(STAMPED));
            let Some(said) = verdict(home.path(), &signed) else { return };
            assert!(is_accepted(&said), "{algorithm} {bits:?}\n{said}");
            assert!(said.contains("https://acme.example/x"), "{said}");
            // The calculated checksum and digest are printed beside the current ones.
            assert!(!said.contains("MISMATCH"), "{said}");
        }
    }
}

#[test]
fn osslsigncode_honours_our_timestamp() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, START + 200 * 86_400);
    let home = home(&domain);
    let original = image(Bits::B64, &[512], &[]);
    let cases = [(Some(STAMPED), true), (Some(START + 201 * 86_400), false), (None, false)];
    for (stamped, accepted) in cases {
        let signed = domain.sign(&original, json!({}), stamped);
        let Some(said) = verdict(home.path(), &signed) else { return };
        assert_eq!(is_accepted(&said), accepted, "{stamped:?}\n{said}");
    }
}

#[test]
fn osslsigncode_refuses_a_changed_image() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let home = home(&domain);
    let signed = domain.sign(&image(Bits::B64, &[512], &[]), json!({}), Some(STAMPED));
    let mut changed = signed.clone();
    changed[0x210] ^= 1;
    let Some(said) = verdict(home.path(), &changed) else { return };
    assert!(!is_accepted(&said) && said.contains("MISMATCH"), "{said}");
}

#[test]
fn the_same_statement_gives_the_same_bytes_and_a_wrong_key_none() {
    let domain = Domain::new(KeyAlgorithm::Rsa3072, END);
    let original = image(Bits::B32, &[512], b"x");
    let prepared = domain.prepare(&original, json!({})).unwrap();
    let statement = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
    let blob = domain.blob(&statement, None);
    assert_eq!(blob, domain.blob(&statement, None), "PKCS#1 v1.5 and no signing time");
    assert_eq!(attach(&prepared, &original, &blob).len() % 8, 0);

    let p384 = Domain::new(KeyAlgorithm::EcdsaP384, END);
    assert_eq!(p384.prepare(&original, json!({})).unwrap().body["digest_algorithm"], "sha384");
    assert!(p384.prepare(&original, json!({"digest_algorithm": "sha256"})).is_err());
}
