//! Duties: only what the keyguard read and knows to be its own is signed.

use std::process::Command;

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::id::KeyId;
use chancery_core::message::{Call, CertificateIssue, Reply, Stamp};
use chancery_core::port::clock::Clock as _;
use chancery_core::time::Time;
use chancery_core::tuf::Role;
use chancery_core::warrant::Duty;
use chancery_keyguard::duty::fulfil;
use chancery_keyguard::keyguard::CallError;
use chancery_x509::certificate::{Certificate, write_pem};
use chancery_x509::crl;
use chancery_x509::name::{Attribute, Name};
use chancery_x509::profile::authority::{self, AuthorityKind, Standing};
use chancery_x509::profile::code_signing::{self, CodeSigning};
use chancery_x509::profile::draft::{Issuance, Issuer};
use chancery_x509::serial::Serial;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, TimestampRequest};
use chancery_x509::tsp::response::{self, FailInfo, Response};
use chancery_x509::tsp::tst_info::TstInfo;
use chancery_x509::validity::Validity;
use const_oid::ObjectIdentifier;

use crate::seat::Seat;

const POLICY: &str = "1.3.6.1.4.1.57264.2";

fn id(name: &str) -> KeyId {
    KeyId::parse(name).unwrap()
}

/// Whether a duty is refused as not being what its key says; no key may be used then.
fn is_refused(seat: &Seat, duty: &Duty) -> bool {
    let before = seat.custodian.signatures();
    let outcome = fulfil(&seat.keyguard, duty);
    let refused = matches!(&outcome, Err(CallError::Refused(_)));
    assert_eq!(seat.custodian.signatures() == before, refused, "{outcome:?}");
    refused
}

fn request(message: &[u8], policy: Option<&str>) -> TimestampRequest {
    TimestampRequest {
        imprint: Imprint::of(DigestAlgorithm::Sha256, message),
        policy: policy.map(ObjectIdentifier::new_unwrap),
        nonce: Nonce::from_random(&[9; 8]),
        certificates: CertificateWish::Include,
    }
}

fn stamp(seat: &Seat, request: Vec<u8>) -> Vec<u8> {
    let stamp = Stamp { request, serial: vec![0x42; 16], digest: DigestAlgorithm::Sha256 };
    match seat.keyguard.answer(Call::Stamp(stamp)) {
        Reply::Stamped(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn timestamp_requests_fail_as_the_rfc_says() {
    let seat = Seat::new();
    let mut sha1 = request(b"x", None).to_der();
    // id-sha256 becomes an algorithm that is not served.
    let at = sha1.windows(9).position(|w| w == [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]).unwrap();
    sha1.iter_mut().skip(at + 8).take(1).for_each(|byte| *byte = 4);
    let cases = [
        (vec![0x30, 0], FailInfo::BadDataFormat),
        (sha1, FailInfo::BadAlg),
        (request(b"x", Some("1.2.3")).to_der(), FailInfo::UnacceptedPolicy),
    ];
    for (request, expected) in cases {
        match response::parse(&stamp(&seat, request)).unwrap() {
            Response::Rejected { fail_info, .. } => assert_eq!(fail_info, Some(expected)),
            Response::Granted { .. } => panic!("granted, expected {expected:?}"),
        }
    }
}

#[test]
fn openssl_accepts_the_timestamps() {
    let seat = Seat::new();
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let answer = stamp(&seat, request(b"signature", Some(POLICY)).to_der());
    std::fs::write(file("answer"), answer).unwrap();
    let root = &seat.keyguard.established().unwrap().shown.tsa_root;
    std::fs::write(file("root.pem"), write_pem("CERTIFICATE", &root.0)).unwrap();
    for (message, expected) in [("signature", true), ("signaturf", false)] {
        std::fs::write(file("data"), message).unwrap();
        let at = seat.clock.now().seconds().to_string();
        let run = Command::new("openssl")
            .args(["ts", "-verify", "-in", "answer", "-data", "data", "-CAfile", "root.pem", "-attime", &at])
            .current_dir(home.path())
            .output();
        let Ok(run) = run else {
            println!("not compared: openssl is absent");
            return;
        };
        assert_eq!(run.status.success(), expected, "{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn the_time_stamping_key_signs_only_timestamps_of_now() {
    let seat = Seat::new();
    let info = |policy: &str, at: Time| TstInfo {
        policy: ObjectIdentifier::new_unwrap(policy),
        imprint: Imprint::of(DigestAlgorithm::Sha256, b"x"),
        serial: Serial::new(&[1; 16]).unwrap(),
        gen_time: at,
        accuracy: None,
        nonce: None,
    };
    let now = seat.clock.now();
    let duty = |tst_info: Vec<u8>| Duty::Timestamp { key: id("chancery-tsa"), tst_info };
    let good = info(POLICY, now).to_der().unwrap();
    assert!(!is_refused(&seat, &duty(good.clone())));
    let mut longer = good.clone();
    longer.push(0);
    let bad = [
        Vec::new(),
        b"any bytes".to_vec(),
        longer,
        info("1.2.3", now).to_der().unwrap(),
        info(POLICY, now.plus_seconds(-3600)).to_der().unwrap(),
        info(POLICY, now.plus_seconds(3600)).to_der().unwrap(),
    ];
    for tst_info in bad {
        assert!(is_refused(&seat, &duty(tst_info)));
    }
    // The bytes of one duty are not those of another key.
    for key in ["chancery-issuing", "chancery-cosigner", "a-cms"] {
        assert!(is_refused(&seat, &Duty::Timestamp { key: id(key), tst_info: good.clone() }));
    }
}

#[test]
fn only_the_newest_checkpoint_of_the_pinned_ledger_is_cosigned() {
    let seat = Seat::new();
    let batch = seat.ledger.batch(0, &["{}".to_owned()]);
    assert!(matches!(seat.keyguard.answer(Call::Follow(batch.clone())), Reply::Cosigned(_)));
    let (text, _) = batch.checkpoint.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let duty = |checkpoint: String| Duty::Cosignature {
        key: id("chancery-cosigner"),
        checkpoint: checkpoint.into_bytes(),
        at: seat.clock.now(),
    };
    assert!(!is_refused(&seat, &duty(text.clone())));
    let bad = [
        String::new(),
        "any text\n".to_owned(),
        text.replace("log2026", "log2027"),
        text.replace("\n1\n", "\n2\n"),
        text.replace("\n1\n", "\n0\n"),
        format!("{text}extension\n"),
    ];
    for text in bad {
        assert!(is_refused(&seat, &duty(text.clone())), "{text}");
    }
}

struct Draft<'a> {
    issuing: &'a Certificate,
    key: &'a PublicKey,
    days: i64,
}

fn leaf(draft: &Draft<'_>, from: Time, name: &Name) -> Vec<u8> {
    let issuer = Issuer::of(draft.issuing).unwrap();
    let serial = Serial::new(&[0x41; 16]).unwrap();
    let validity = Validity::new(from, from.plus_seconds(draft.days * 86_400)).unwrap();
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: draft.key };
    code_signing::tbs(&issuance, &CodeSigning { subject: name, uris: &[], crl: None }).unwrap()
}

#[test]
fn authorities_sign_known_profiles_only() {
    let seat = Seat::new();
    let established = seat.keyguard.established().unwrap();
    let keys = match seat.keyguard.answer(Call::KeyList) {
        Reply::Keys(keys) => keys,
        other => panic!("{other:?}"),
    };
    let key = |name: &str| keys.iter().find(|key| key.id == id(name)).unwrap().public_key.clone();
    let (cms, message) = (key("a-cms"), key("a-message"));
    let stranger = chancery_testkit::keys::TestKey::generate(cms.algorithm).public_key();
    let name = Name::build(&[(Attribute::CommonName, "Acme")]).unwrap();
    let lineage = &established.lineage;
    let (issuing, tsa) =
        (&lineage.issuing().first().unwrap().value, &lineage.stamping().first().unwrap().value);
    let now = seat.clock.now();
    let good = leaf(&Draft { issuing, key: &cms, days: 460 }, now, &name);
    let duty = |key: &str, tbs: &[u8]| Duty::Certificate { key: id(key), tbs: tbs.to_vec() };
    assert!(!is_refused(&seat, &duty("chancery-issuing", &good)));

    let issuer = Issuer::of(issuing).unwrap();
    let serial = Serial::new(&[0x41; 16]).unwrap();
    let validity = Validity::new(now, now.plus_seconds(86_400)).unwrap();
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key: &cms };
    let kind = AuthorityKind::Issuing { path_length: 0 };
    let authority = authority::tbs(&issuance, &name, kind, Standing::Dev).unwrap();
    let uris = CodeSigning { subject: &name, uris: &["https://acme.example"], crl: None };
    let bad = [
        ("chancery-issuing", b"any bytes".to_vec()),
        ("chancery-issuing", [good.as_slice(), &[0]].concat()),
        ("chancery-issuing", leaf(&Draft { issuing, key: &cms, days: 461 }, now, &name)),
        ("chancery-issuing", leaf(&Draft { issuing, key: &message, days: 1 }, now, &name)),
        ("chancery-issuing", leaf(&Draft { issuing, key: &stranger, days: 1 }, now, &name)),
        ("chancery-issuing", leaf(&Draft { issuing: &established.root, key: &cms, days: 1 }, now, &name)),
        ("chancery-issuing", authority),
        ("chancery-issuing", code_signing::tbs(&issuance, &uris).unwrap()),
        ("chancery-issuing", tsa.tbs().to_vec()),
        ("chancery-root", established.root.tbs().to_vec()),
        ("chancery-root", issuing.tbs().to_vec()),
        ("chancery-tsa-root", tsa.tbs().to_vec()),
        ("chancery-tsa", good.clone()),
        ("chancery-cosigner", good.clone()),
        ("a-cms", good),
    ];
    for (key, tbs) in bad {
        assert!(is_refused(&seat, &duty(key, &tbs)), "{key}");
    }
}

#[test]
fn revocation_lists_are_those_of_the_signing_authority() {
    let seat = Seat::new();
    let established = seat.keyguard.established().unwrap();
    let (now, issuing) = (seat.clock.now(), &established.lineage.issuing().first().unwrap().value);
    let list = |issuer: &Certificate, days: i64| {
        let in_force = Validity::new(now, now.plus_seconds(days * 86_400)).unwrap();
        crl::tbs(&Issuer::of(issuer).unwrap(), in_force, 7, &[]).unwrap()
    };
    let duty = |key: &str, tbs: Vec<u8>| Duty::Certificate { key: id(key), tbs };
    assert!(!is_refused(&seat, &duty("chancery-issuing", list(issuing, 7))));
    assert!(!is_refused(&seat, &duty("chancery-root", list(&established.root, 366))));
    assert!(is_refused(&seat, &duty("chancery-issuing", list(&established.root, 7))));
    assert!(is_refused(&seat, &duty("chancery-issuing", list(issuing, 367))));
    assert!(is_refused(&seat, &duty("chancery-ct", list(issuing, 7))));
}

#[test]
fn certificates_are_issued_for_keys_of_families_that_use_them() {
    let seat = Seat::new();
    let place = (Some("DE".to_owned()), Some("Berlin".to_owned()));
    let issue_in = |key: &str, days, (country, state): (Option<String>, Option<String>)| {
        let crl = Some("http://crl.example/issuing.crl".to_owned());
        let (common_name, serial) = ("Acme".to_owned(), vec![0x41; 16]);
        let wish = CertificateIssue { key: id(key), common_name, country, state, crl, days, serial };
        seat.keyguard.answer(Call::CertificateIssue(wish))
    };
    let issue = |key: &str, days| issue_in(key, days, (None, None));
    let Reply::Chain(chain) = issue_in("a-notary", 30, place.clone()) else { panic!("no chain") };
    let leaf = chancery_x509::certificate::Certificate::parse(&chain[0].0).unwrap();
    assert_eq!((chain.len(), leaf.subject().to_string()), (3, "CN=Acme,O=Acme,ST=Berlin,C=DE".to_owned()));
    for wrong in
        [(None, None), (place.0.clone(), None), (None, place.1.clone()), (Some("de".to_owned()), place.1)]
    {
        assert!(matches!(issue_in("a-notary", 30, wrong), Reply::Refused(_)));
    }
    assert!(matches!(issue("a-cms", 460), Reply::Chain(chain) if chain.len() == 2));
    for (key, days) in [("a-cms", 0), ("a-cms", 461), ("a-message", 1), ("chancery-issuing", 1)] {
        assert!(matches!(issue(key, days), Reply::Refused(_)), "{key} {days}");
    }
}

#[test]
fn no_role_of_the_repository_is_signed_before_people_signed_a_list() {
    let seat = Seat::new();
    for role in Role::ALL {
        let expires = seat.clock.now().plus_seconds(60);
        let duty = Duty::Tuf { key: id("chancery-tuf"), role, version: 1, names: 1, expires };
        assert!(is_refused(&seat, &duty), "{role:?}");
    }
}
