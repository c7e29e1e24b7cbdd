//! Entries as logs write them, and every way to bend one.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};

fn pem(label: &str) -> String {
    STANDARD.encode(format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n"))
}

fn hash(byte: &str) -> String {
    format!("{{\"algorithm\":\"sha256\",\"value\":\"{}\"}}", byte.repeat(32))
}

/// One entry of each kind over digest `ab…`, signature `1 2 3`, verifier `1 2 3`.
fn samples() -> [(Kind, String, Logged); 5] {
    let logged = |digest_of, verifier, details: Option<&str>| Logged {
        digest_of,
        algorithm: DigestAlgorithm::Sha256,
        digest: vec![0xab; 32],
        signature: vec![1, 2, 3],
        verifier,
        key_details: details.map(str::to_owned),
    };
    let (certificate, key) = (Verifier::Certificate(vec![1, 2, 3]), Verifier::PublicKey(vec![1, 2, 3]));
    let (in_certificate, in_key) = (pem("CERTIFICATE"), pem("PUBLIC KEY"));
    let (ab, cd) = (hash("ab"), hash("cd"));
    let digest = STANDARD.encode([0xab; 32]);
    let details = "PKIX_ECDSA_P256_SHA_256";
    [
        (
            Kind::HashedRekordV1,
            format!(
                "{{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{{\"data\":{{\"hash\":{ab}}},\
                 \"signature\":{{\"content\":\"AQID\",\"publicKey\":{{\"content\":\"{in_key}\"}}}}}}}}"
            ),
            logged(DigestOf::Signed, key.clone(), None),
        ),
        (
            Kind::DsseV1,
            format!(
                "{{\"apiVersion\":\"0.0.1\",\"kind\":\"dsse\",\"spec\":{{\"envelopeHash\":{cd},\"payloadHash\":{ab},\
                 \"signatures\":[{{\"signature\":\"AQID\",\"verifier\":\"{in_certificate}\"}}]}}}}"
            ),
            logged(DigestOf::Payload, certificate.clone(), None),
        ),
        (
            Kind::IntotoV1,
            format!(
                "{{\"apiVersion\":\"0.0.2\",\"kind\":\"intoto\",\"spec\":{{\"content\":{{\"envelope\":{{\
                 \"payload\":\"ZTMw\",\"payloadType\":\"t\",\"signatures\":[{{\"publicKey\":\"{in_certificate}\",\
                 \"sig\":\"QVFJRA==\"}}]}},\"hash\":{cd},\"payloadHash\":{ab}}}}}}}"
            ),
            logged(DigestOf::Payload, certificate.clone(), None),
        ),
        (
            Kind::HashedRekordV2,
            format!(
                "{{\"apiVersion\":\"0.0.2\",\"kind\":\"hashedrekord\",\"spec\":{{\"hashedRekordV002\":{{\"data\":{{\
                 \"algorithm\":\"SHA2_256\",\"digest\":\"{digest}\"}},\"signature\":{{\"content\":\"AQID\",\
                 \"verifier\":{{\"keyDetails\":\"{details}\",\"publicKey\":{{\"rawBytes\":\"AQID\"}}}}}}}}}}}}"
            ),
            logged(DigestOf::Signed, key, Some(details)),
        ),
        (
            Kind::DsseV2,
            format!(
                "{{\"apiVersion\":\"0.0.2\",\"kind\":\"dsse\",\"spec\":{{\"dsseV002\":{{\"payloadHash\":{{\
                 \"algorithm\":\"SHA2_256\",\"digest\":\"{digest}\"}},\"signatures\":[{{\"content\":\"AQID\",\
                 \"verifier\":{{\"keyDetails\":\"{details}\",\"x509Certificate\":{{\"rawBytes\":\"AQID\"}}}}}}]}}}}}}"
            ),
            logged(DigestOf::Payload, certificate, Some(details)),
        ),
    ]
}

#[test]
fn every_kind_says_the_same_three_things() {
    for (kind, body, expected) in samples() {
        assert_eq!(parse(kind, body.as_bytes()), Ok(expected), "{body}");
        let (name, version) = kind.names();
        assert_eq!(Kind::of(name, version), Some(kind));
    }
    assert_eq!(Kind::of("rekord", "0.0.1"), None);
}

#[test]
fn an_entry_is_of_the_kind_that_was_stated() {
    for (kind, body, _) in samples() {
        for (other, ..) in samples() {
            assert_eq!(parse(other, body.as_bytes()).is_ok(), other == kind, "{kind:?} as {other:?}");
        }
    }
}

#[test]
fn bent_entries_are_refused() {
    for (kind, body, _) in samples() {
        for (from, to) in [
            ("\"apiVersion\":\"0.0.", "\"apiVersion\":\"0.1."),
            ("\"kind\":\"", "\"kind\":\"x"),
            ("AQID", "AQ"),
            ("{\"apiVersion\"", "{ \"apiVersion\""),
            ("\"spec\":{", "\"spec\":{\"a\":1,"),
            ("sha256", "sha1"),
            ("SHA2_256", "SHA2_512"),
            ("QVFJRA==", "AQID"),
        ] {
            if body.contains(from) {
                let bent = body.replace(from, to);
                assert!(parse(kind, bent.as_bytes()).is_err(), "{bent}");
            }
        }
        for cut in 0..body.len() {
            assert!(parse(kind, &body.as_bytes()[..cut]).is_err(), "{kind:?} {cut}");
        }
        assert!(parse(kind, format!("{body} ").as_bytes()).is_err());
        if let Some((head, rest)) = body.split_once("\"signatures\":[") {
            let (one, tail) = rest.split_once(']').unwrap();
            let twice = format!("{head}\"signatures\":[{one},{one}]{tail}");
            assert_eq!(parse(kind, twice.as_bytes()), Err(InvalidEntry::Signatures(2)));
            let none = format!("{head}\"signatures\":[]{tail}");
            assert_eq!(parse(kind, none.as_bytes()), Err(InvalidEntry::Signatures(0)));
        }
    }
    assert_eq!(parse(Kind::DsseV1, &vec![b' '; MAX_ENTRY + 1]), Err(InvalidEntry::Size));
}
