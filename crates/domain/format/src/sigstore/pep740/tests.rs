//! Attestation objects: to a bundle and back, and everything that must be refused.

use super::*;
use crate::sigstore::bundle::TlogEntry;
use crate::sigstore::dsse::Envelope as Dsse;
use chancery_core::digest::Sha256;
use chancery_core::receipt::Receipt;

const PROVENANCE: &str = provenance::PREDICATE_TYPE;
const WHEEL: &str = "demo-1.0-py3-none-any.whl";

fn bundle(content: Content) -> Vec<u8> {
    let body = b"{}".to_vec();
    let root = STANDARD.encode(Sha256::of(b"root").as_bytes());
    let receipt = Receipt {
        origin: "log2026.sign.example".into(),
        index: 0,
        size: 1,
        leaf_hash: Sha256::of(b"\0{}"),
        proof: Vec::new(),
        checkpoint: format!("log2026.sign.example\n1\n{root}\n\n\u{2014} log2026.sign.example AAAA\n"),
    };
    let entry = TlogEntry::new(Sha256::of(b"log"), body, receipt).unwrap();
    let timestamps = vec![vec![0x30, 0]];
    Bundle { certificate: vec![0x30, 0], content, entry, timestamps }.to_json().into_bytes()
}

fn dsse(subjects: &[&str], predicate: &str) -> Vec<u8> {
    let subject = |name: &&str| json!({"name": name, "digest": {"sha256": Sha256::of(b"x").to_string()}});
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": subjects.iter().map(subject).collect::<Vec<_>>(),
        "predicateType": predicate, "predicate": {},
    });
    let payload = statement.to_string().into_bytes();
    bundle(Content::Dsse(Dsse { payload, payload_type: IN_TOTO.into(), signature: vec![1, 2, 3] }))
}

#[test]
fn says_what_the_bundle_says_but_for_the_timestamps() {
    let original = dsse(&[WHEEL], PROVENANCE);
    let made = of_bundle(&original, WHEEL).unwrap();
    assert!(is_one(made.as_bytes()) && !is_one(&original));
    let back = Bundle::parse(&to_bundle(made.as_bytes()).unwrap()).unwrap();
    let expected = Bundle { timestamps: Vec::new(), ..Bundle::parse(&original).unwrap() };
    assert_eq!(back, expected);
}

#[test]
fn only_a_statement_about_the_distribution_alone_becomes_one() {
    let message = bundle(Content::Message { digest: Sha256::of(b"x"), signature: vec![1] });
    let cases = [
        ("the file itself", message, "a statement about it"),
        ("another name", dsse(&["other-1.0.tar.gz"], PROVENANCE), "is about `other-1.0.tar.gz`"),
        ("two subjects", dsse(&[WHEEL, WHEEL], PROVENANCE), "is about"),
        ("another type", dsse(&[WHEEL], "https://cyclonedx.org/bom"), "https://cyclonedx.org/bom"),
        ("no bundle", b"{}".to_vec(), "bundle cannot be used"),
    ];
    for (name, bundle, words) in cases {
        let said = of_bundle(&bundle, WHEEL).unwrap_err().to_string();
        assert!(said.contains(words), "{name}: {said}");
    }
}

#[test]
fn other_shapes_are_refused() {
    let good = of_bundle(&dsse(&[WHEEL], PROVENANCE), WHEEL).unwrap();
    let entries = good.find("\"transparency_entries\":[").unwrap() + "\"transparency_entries\":[".len();
    let end = good.find("]},\"envelope\"").unwrap();
    let entry = good.get(entries..end).unwrap();
    let cases = [
        ("version", good.replace("\"version\":1", "\"version\":2")),
        ("version as text", good.replace("\"version\":1", "\"version\":\"1\"")),
        ("unknown member", good.replacen('{', "{\"x\":1,", 1)),
        ("twice the same member", good.replacen('{', "{\"version\":1,", 1)),
        ("no entry", good.replace(entry, "")),
        ("two entries", good.replace(entry, &format!("{entry},{entry}"))),
        ("array for the struct", "[1,{},{}]".to_owned()),
    ];
    for (name, text) in cases {
        assert!(to_bundle(text.as_bytes()).is_err(), "{name}");
    }
    for length in 0..good.len() {
        assert!(to_bundle(&good.as_bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn publishers_are_those_of_the_certificate() {
    let github = Claims {
        issuer: "https://token.actions.githubusercontent.com".into(),
        source_repository_uri: Some("https://github.com/acme/app".into()),
        build_config_uri: Some(
            "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1".into(),
        ),
        deployment_environment: Some("pypi".into()),
        ..Claims::default()
    };
    let expected =
        json!({"kind": "GitHub", "repository": "acme/app", "workflow": "release.yml", "environment": "pypi"});
    assert_eq!(publisher(&github), expected);
    let gitlab = Claims {
        issuer: "https://gitlab.com".into(),
        source_repository_uri: Some("https://gitlab.com/acme/group/app".into()),
        build_config_uri: Some("https://gitlab.com/acme/group/app//.gitlab-ci.yml@refs/heads/main".into()),
        ..Claims::default()
    };
    let expected = json!({"kind": "GitLab", "repository": "acme/group/app", "workflow_filepath": ".gitlab-ci.yml",
        "environment": null});
    assert_eq!(publisher(&gitlab), expected);
    let other = Claims { issuer: "https://ci.example".into(), ..Claims::default() };
    assert_eq!(
        provenance_object(&other, &["{}".into()])["attestation_bundles"][0]["publisher"]["issuer"],
        "https://ci.example"
    );
}
