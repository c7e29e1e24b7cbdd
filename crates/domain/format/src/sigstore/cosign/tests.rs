//! What cosign 3.1.1 wrote, rebuilt; and everything beside it, refused.

use super::super::statement::{self, Content};
use super::*;

const DIGEST: &str = "7c6b054ece50f8b552489dd1c0fcdb298a9c265b7b52e65cfdc74c0bf8c3813a";

/// As cosign 3.1.1 writes them, byte for byte.
fn written() -> [String; 4] {
    let head = r#"{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":""#;
    let sign = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":""#;
    let rest = r#"}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}"#;
    [
        format!(
            r#"{head}127.0.0.1:5977/acme/app","digest":{{"sha256":"{DIGEST}"}}}}],"predicateType":"https://x.example/p/v1","predicate":{{"a":1.5,"b":"<x&y>","c":"éé","n":12345678901234567000}}}}"#
        ),
        format!(
            r#"{head}a.txt","digest":{{"sha256":"{DIGEST}"}}}}],"predicateType":"https://cyclonedx.org/bom","predicate":{{"zeta":{{"a":2,"b":1}}}}}}"#
        ),
        format!(r#"{sign}{DIGEST}"}},"annotations":{{}}{rest}"#),
        format!(r#"{sign}{DIGEST}"}},"annotations":{{"build":"7","x":"a&b<c>"}}{rest}"#),
    ]
}

/// The bytes that a statement comes to.
fn rebuilt(statement: &Statement) -> Vec<u8> {
    let digest = statement.artifact.digest;
    match statement::parse(statement).unwrap() {
        Content::Claimed { subject, predicate, spelling: Some(spelling) } => {
            spelling.attestation(digest, &subject, &predicate)
        }
        Content::Image { annotations, spelling } => spelling.image(digest, &annotations),
        other @ (Content::Claimed { .. }
        | Content::Message
        | Content::Provenance { .. }
        | Content::Vouched(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn what_cosign_writes_is_rebuilt_from_what_it_says() {
    let expected = [
        ("sha256:7c6b054ece50f8b552489dd1c0fcdb298a9c265b7b52e65cfdc74c0bf8c3813a", Family::ClaimedDsse),
        ("a.txt", Family::ClaimedDsse),
        ("sha256:7c6b054ece50f8b552489dd1c0fcdb298a9c265b7b52e65cfdc74c0bf8c3813a", Family::ProvenanceDsse),
        ("sha256:7c6b054ece50f8b552489dd1c0fcdb298a9c265b7b52e65cfdc74c0bf8c3813a", Family::ProvenanceDsse),
    ];
    for (payload, (name, family)) in written().into_iter().zip(expected) {
        let statement = read(payload.as_bytes()).unwrap();
        assert_eq!((statement.artifact.name.as_str(), statement.family), (name, family), "{payload}");
        assert_eq!(statement.artifact.digest.to_string(), DIGEST);
        assert_eq!(rebuilt(&statement), payload.as_bytes(), "{payload}");
    }
    let image = read(written()[3].as_bytes()).unwrap();
    assert_eq!(image.body, json!({"annotations": {"build": "7", "x": "a&b<c>"}, "spelling": "cosign"}));
    assert_eq!(statement::predicate_type(&image).as_deref(), Some(SIGN_PREDICATE));
    let attested = read(written()[0].as_bytes()).unwrap();
    assert_eq!(attested.body["subject"], "127.0.0.1:5977/acme/app");
}

#[test]
fn a_cosign_that_writes_spaces_is_known_too() {
    let digest = Sha256::parse_hex(DIGEST).unwrap();
    let annotations = BTreeMap::from([("a".to_owned(), "1,2".to_owned()), ("b".to_owned(), String::new())]);
    let predicate = Predicate::new("https://x.example/p".into(), r#"{"a":1, "b":[1, 2]}"#.into()).unwrap();
    for payload in [
        Spelling::CosignSpaced.image(digest, &annotations),
        Spelling::CosignSpaced.attestation(digest, "r.example/app", &predicate),
    ] {
        let text = String::from_utf8(payload.clone()).unwrap();
        assert!(text.contains(", \"predicateType\""), "{text}");
        let statement = read(&payload).unwrap();
        assert_eq!(statement.body["spelling"], "cosign-spaced");
        assert_eq!(rebuilt(&statement), payload);
    }
}

/// Whatever is read comes to the very bytes that were shown, or it is refused.
#[test]
fn no_change_is_signed_as_something_else() {
    for payload in written() {
        for at in 0..payload.len() {
            for flip in [1, 2, 0x20, 0x80] {
                let mut other = payload.clone().into_bytes();
                other[at] ^= flip;
                let Ok(statement) = read(&other) else { continue };
                assert!(statement::parse(&statement).is_ok(), "byte {at}");
                assert_eq!(rebuilt(&statement), other, "byte {at}");
            }
            assert!(read(&payload.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        assert!(read(format!("{payload} ").as_bytes()).is_err());
        assert!(read(format!(" {payload}").as_bytes()).is_err());
    }
}

#[test]
fn what_nobody_may_claim_or_nobody_can_rebuild_is_refused_in_words() {
    let [attested, _, image, _] = written();
    let reserved = |kind: &str| attested.replace("https://x.example/p/v1", kind);
    for kind in ["https://slsa.dev/provenance/v1", "https://slsa.dev/verification_summary/v1"] {
        let found = read(reserved(kind).as_bytes());
        assert!(
            matches!(found, Err(NotRebuilt::Predicate(InvalidPredicate::Reserved(_)))),
            "{kind}: {found:?}"
        );
    }
    let other_order = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v0.1","predicate":"text","predicateType":"https://spdx.dev/Document","subject":[{{"name":"a","digest":{{"sha256":"{DIGEST}"}}}}]}}"#
    );
    let pretty = attested.replace("\":", "\": ");
    let swapped = other_order.replace("\"text\"", "{}");
    let two = image
        .replace("\"subject\":[{", &format!("\"subject\":[{{\"digest\":{{\"sha256\":\"{DIGEST}\"}}}},{{"));
    let extra = image.replace("\"predicate\":{}", "\"predicate\":{},\"predicate\":{}");
    let full = image.replace("\"predicate\":{}", "\"predicate\":{\"x\":1}");
    let number = image.replace("\"annotations\":{}", "\"annotations\":{\"a\":1}");
    let control = image.replace("\"annotations\":{}", "\"annotations\":{\"a\":\"\\n\"}");
    let sha512 = attested.replace("sha256", "sha512");
    let unnamed = attested.replace("\"name\":\"127.0.0.1:5977/acme/app\",", "");
    for payload in [other_order, pretty, swapped, two, extra, full, number, control, sha512, unnamed] {
        assert!(read(payload.as_bytes()).is_err(), "{payload}");
    }
}
