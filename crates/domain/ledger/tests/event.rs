//! Events and hashedrekord leaves: goldens of every kind, and what must be refused.
#![expect(clippy::unwrap_used, reason = "test")]

use std::process::Command;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Event, InvalidEvent};
use chancery_ledger::hashedrekord::{HashedRekord, InvalidHashedRekord};

const H: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// One leaf of every kind, as it is in the ledger for ever.
fn goldens() -> Vec<String> {
    [
        r#"{"intent":4,"kind":"abandoned","request":"H","schema":"chancery.event/1","statement":"H","time":1795210023000,"why":"caller went away"}"#,
        r#"{"approval":"H","kind":"approval","request":"H","schema":"chancery.event/1","signature":"H","time":1795210023000,"verdict":"approve"}"#,
        r#"{"issuer_key":"ca-2026","kind":"certificate","purpose":"precertificate","schema":"chancery.event/1","serial":"01ab","tbs":"MAA=","time":1795210023000}"#,
        r#"{"artifacts":["H"],"claims":{"issuer":"https://i"},"code":"CH4012","issuer":"github","kind":"denied","profile":"acme-release","request":null,"schema":"chancery.event/1","time":1795210023000}"#,
        r#"{"count":17,"issuer":"","kind":"denied-count","minute":29920167,"schema":"chancery.event/1","time":1795210023000}"#,
        r#"{"certificate":"H","hashedrekord":"H","intent":4,"kind":"entry","schema":"chancery.event/1","time":1795210023000}"#,
        r#"{"act":"H","count":3,"emergency":true,"kind":"exception","profile":"acme-release","review":1795210023000,"schema":"chancery.event/1","signatures":"H","time":1795210023000,"until":1795210023000}"#,
        r#"{"act":"H","from":null,"kind":"freeze","schema":"chancery.event/1","scope":{"profile":"acme-release","runner":"self-hosted"},"signatures":"H","time":1795210023000,"until":1795210023000}"#,
        r#"{"artifact":"H","claims":{"issuer":"https://i","source_repository_ref":"refs/heads/main"},"depth":"structured","environment":"production","evidence":"H","exception":null,"family":"cms","format":"pe","issuer":"github","key":"acme-release-2026","kind":"intent","policy":"H","precertificate":null,"profile":"acme-release","request":"H","schema":"chancery.event/1","statement":"H","time":1795210023000,"to_be_signed":"H","token_use":"H"}"#,
        r#"{"issuer":"github","kind":"issuer-keys","schema":"chancery.event/1","sha256":"H","time":1795210023000}"#,
        r#"{"action":"created","algorithm":"ecdsa-p256","custody":"software","environment":"development","family":"provenance-dsse","key":"dev","kind":"key","schema":"chancery.event/1","spki_sha256":"H","time":1795210023000}"#,
        r#"{"approval":"H","artifacts":["H"],"claims":{"issuer":"https://i"},"issuer":"github","kind":"pending","policy":"H","profile":"acme-release","request":"H","schema":"chancery.event/1","time":1795210023000}"#,
        r#"{"kind":"policy","schema":"chancery.event/1","sequence":1,"signatures":"H","time":1795210023000,"version":"H"}"#,
        r#"{"act":"H","kind":"reanchor","root":"H","schema":"chancery.event/1","signatures":"H","size":7,"time":1795210023000}"#,
        r#"{"certificate":"H","depth":"artifact","format":"sigstore","hashedrekord":"H","intent":4,"kind":"result","request":"H","schema":"chancery.event/1","signature":"H","statement":"H","time":1795210023000,"timestamp":1795210023000,"token":"H"}"#,
        r#"{"act":"H","exception":"H","kind":"review","schema":"chancery.event/1","signatures":"H","time":1795210023000}"#,
        r#"{"kind":"root","schema":"chancery.event/1","sha256":"H","time":1795210023000}"#,
        r#"{"issuer":"gitlab","key":"H","kind":"session","schema":"chancery.event/1","time":1795210023000,"token_use":"H"}"#,
        r#"{"act":"H","kind":"trust","schema":"chancery.event/1","signatures":"H","time":1795210023000}"#,
        r#"{"act":"H","freeze":"H","kind":"unfreeze","schema":"chancery.event/1","signatures":"H","time":1795210023000}"#,
        r#"{"intent":4,"kind":"withdrawn","request":"H","schema":"chancery.event/1","statement":"H","time":1795210023000,"why":"coverage"}"#,
    ]
    .map(|golden| golden.replace("\"H\"", &format!("\"{H}\"")))
    .to_vec()
}

/// Fails to compile when a kind is added without a golden.
const fn place(body: &Body) -> usize {
    match body {
        Body::Abandoned(_) => 0,
        Body::Approval(_) => 1,
        Body::Certificate(_) => 2,
        Body::Denied(_) => 3,
        Body::DeniedCount(_) => 4,
        Body::Entry(_) => 5,
        Body::Exception(_) => 6,
        Body::Freeze(_) => 7,
        Body::Intent(_) => 8,
        Body::IssuerKeys(_) => 9,
        Body::Key(_) => 10,
        Body::Pending(_) => 11,
        Body::Policy(_) => 12,
        Body::Reanchor(_) => 13,
        Body::Result(_) => 14,
        Body::Review(_) => 15,
        Body::Root(_) => 16,
        Body::Session(_) => 17,
        Body::Trust(_) => 18,
        Body::Unfreeze(_) => 19,
        Body::Withdrawn(_) => 20,
    }
}

#[test]
fn every_kind_has_one_spelling() {
    for (index, leaf) in goldens().iter().enumerate() {
        let event = Event::decode(leaf).unwrap();
        assert_eq!(place(&event.body), index);
        assert_eq!(event.time, Time::from_millis(1_795_210_023_000));
        assert_eq!(event.encode().unwrap(), *leaf);
    }
}

#[test]
fn nothing_else_is_an_event() {
    for leaf in goldens() {
        let wrong = [
            leaf.replace(':', ": "),
            leaf.replace("event/1", "event/2"),
            leaf.replacen('{', "{\"a\":1,", 1),
            leaf.replace("\"time\":1795210023000", "\"time\":1795210023000.0"),
            leaf.replace("\"time\":1795210023000", "\"time\":\"1795210023000\""),
            leaf.replace(H, &H.to_uppercase()),
            leaf.replace("\"kind\":\"", "\"kind\":\"x"),
            leaf.replace(",\"schema\":\"chancery.event/1\"", ""),
            format!("{leaf} "),
            leaf.get(..leaf.len() - 1).unwrap().to_owned(),
        ];
        for wrong in wrong.iter().filter(|wrong| **wrong != leaf) {
            assert!(Event::decode(wrong).is_err(), "{wrong}");
        }
        // An absent optional field would be a second spelling of null.
        let absent = leaf
            .replace("\"precertificate\":null,", "")
            .replace("\"exception\":null,", "")
            .replace("\"request\":null,", "");
        assert_eq!(absent == leaf, Event::decode(&absent).is_ok(), "{absent}");
    }
}

#[test]
fn no_event_names_a_person_or_exceeds_a_leaf() {
    let intent = goldens().into_iter().find(|leaf| leaf.contains("\"kind\":\"intent\"")).unwrap();
    for name in ["actor", "actor_id", "email", "subject", "user_email", "user_login"] {
        let named = intent.replace("\"claims\":{", &format!("\"claims\":{{\"{name}\":\"x\","));
        assert!(Event::decode(&named).is_err(), "{name}");
        let mut event = Event::decode(&intent).unwrap();
        if let Body::Intent(intent) = &mut event.body {
            intent.claims.insert(name.into(), "x".into());
        }
        assert_eq!(event.encode(), Err(InvalidEvent::Personal(name.into())));
    }
    let mut event = Event::decode(&intent).unwrap();
    if let Body::Intent(intent) = &mut event.body {
        intent.claims.insert("issuer".into(), "x".repeat(70_000));
    }
    assert!(matches!(event.encode(), Err(InvalidEvent::Size(_))));
}

fn record(algorithm: KeyAlgorithm) -> HashedRekord {
    let digest = vec![7; algorithm.digest().unwrap().size()];
    HashedRekord::new(algorithm, digest, vec![0x30, 0x45, 0xff], vec![0x30, 0x82, 0x01]).unwrap()
}

#[test]
fn hashedrekord_is_what_sigstore_clients_rebuild() {
    let golden = concat!(
        r#"{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","#,
        r#""digest":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="},"signature":{"content":"MEX/","verifier":"#,
        r#"{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"MIIB"}}}}}}"#
    );
    let leaf = record(KeyAlgorithm::EcdsaP256).encode().unwrap();
    assert_eq!(leaf, golden);
    for algorithm in
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072, KeyAlgorithm::Rsa4096]
    {
        let leaf = record(algorithm).encode().unwrap();
        assert_eq!(HashedRekord::parse(&leaf).unwrap(), record(algorithm));
    }
    assert_eq!(
        HashedRekord::new(KeyAlgorithm::Ed25519, vec![0; 32], vec![], vec![]),
        Err(InvalidHashedRekord::Algorithm(KeyAlgorithm::Ed25519))
    );
    for wrong in [
        leaf.replace("0.0.2", "0.0.1"),
        leaf.replace("hashedrekord", "dsse"),
        leaf.replace("SHA2_256", "SHA2_384"),
        leaf.replace("P256_SHA_256", "P384_SHA_384"),
        leaf.replace("\"kind\"", "\"a\":1,\"kind\""),
        leaf.replace("MEX/", "MEX_"),
        leaf.replace("x509Certificate", "publicKey"),
        format!("{leaf}\n"),
    ] {
        assert!(HashedRekord::parse(&wrong).is_err(), "{wrong}");
    }
}

/// Python's sorted, compact JSON is what the reference log of the interoperability tests hashes.
#[test]
fn hashedrekord_agrees_with_another_encoder() {
    let leaf = record(KeyAlgorithm::Rsa3072).encode().unwrap();
    let program = "import json,sys; print(json.dumps(json.loads(sys.argv[1]),sort_keys=True,separators=(',',':')),end='')";
    let Ok(output) = Command::new("python3").args(["-c", program, &leaf]).output() else {
        println!("not compared: python3 is absent");
        return;
    };
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), leaf);
}
