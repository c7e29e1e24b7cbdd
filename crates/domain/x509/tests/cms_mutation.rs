//! Mutated tokens, answers and questions: read without a panic, verified never, and bounded in what they allocate.
#![expect(clippy::unwrap_used, reason = "test")]

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pki::{CertificateSpec, Usage, purpose, tlv};
use chancery_x509::certificate::Certificate;
use chancery_x509::cms::parse;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::imprint::Imprint;
use chancery_x509::tsp::request::{CertificateWish, Nonce, TimestampRequest};
use chancery_x509::tsp::response;
use chancery_x509::tsp::token::{self, Authority};
use chancery_x509::tsp::tst_info::TstInfo;
use chancery_x509::tsp::verify::{self, Expected, Stamped, Stampers, Trust};
use const_oid::ObjectIdentifier;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

struct Material {
    root: Certificate,
    token: Vec<u8>,
    info: Vec<u8>,
    request: Vec<u8>,
}

fn material() -> Material {
    let now = Time::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
    let [root_key, key] = [(); 2].map(|()| TestKey::generate(KeyAlgorithm::EcdsaP256));
    let spec = CertificateSpec {
        subject: "root",
        issuer: "root",
        serial: 1,
        not_before: now.plus_seconds(-60),
        not_after: now.plus_seconds(60),
        usage: Usage::Authority,
    };
    let root = Certificate::parse(&spec.issue(&root_key.public_key(), &root_key)).unwrap();
    let usage = Usage::Leaf(&[purpose::TIME_STAMPING]);
    let spec = CertificateSpec { subject: "stamper", serial: 2, usage, ..spec };
    let leaf = Certificate::parse(&spec.issue(&key.public_key(), &root_key)).unwrap();
    let request = TimestampRequest {
        imprint: Imprint::of(DigestAlgorithm::Sha256, b"x"),
        policy: None,
        nonce: Nonce::from_random(&[9; 16]),
        certificates: CertificateWish::Include,
    };
    let info = TstInfo {
        policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1"),
        imprint: request.imprint.clone(),
        serial: chancery_x509::serial::Serial::new(&[3; 16]).unwrap(),
        gen_time: now,
        accuracy: None,
        nonce: request.nonce.clone(),
    };
    let info = info.to_der().unwrap();
    let scheme = SignatureScheme::of(KeyAlgorithm::EcdsaP256);
    let authority = Authority { certificate: &leaf, issuers: &[], scheme };
    let signature = key.sign(token::attributes(&info, &authority).unwrap().to_be_signed());
    let token = token::assemble(&info, &authority, CertificateWish::Include, &signature).unwrap();
    Material { root, token, info, request: request.to_der() }
}

/// Overwrites, removes and doubles a few places.
fn mutate(bytes: &[u8], changes: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (at, kind, value) in changes {
        let at = usize::from(*at) % out.len().max(1);
        match kind % 3 {
            0 => out.iter_mut().skip(at).take(1).for_each(|byte| *byte = *value),
            1 => drop(out.drain(at..(at + usize::from(*value) % 8).min(out.len()))),
            _ => {
                let copy: Vec<u8> = out.iter().skip(at).take(usize::from(*value)).copied().collect();
                out.splice(at..at, copy);
            }
        }
    }
    out
}

#[test]
fn mutations_are_never_verified() {
    let good = material();
    let roots = [good.root.clone()];
    let trust = Trust { roots: &roots, known: &[], stampers: Stampers::Any, lists: &[] };
    let expected = Expected::of(Stamped::Message(b"x"));
    verify::token(&good.token, &expected, &trust).unwrap();
    let answer = response::granted(&good.token);
    let changes = prop::collection::vec(any::<(u16, u8, u8)>(), 1..6);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let judge = |changes: Vec<(u16, u8, u8)>| {
        let token = mutate(&good.token, &changes);
        prop_assert!(token == good.token || verify::token(&token, &expected, &trust).is_err());
        let answer = mutate(&answer, &changes);
        if let Ok(verified) = verify::response(&answer, &expected, &trust) {
            prop_assert_eq!(verified.token(), &good.token);
        }
        // What is read is written back the same, or it had two spellings.
        let request = mutate(&good.request, &changes);
        if let Ok(read) = TimestampRequest::parse(&request) {
            prop_assert_eq!(read.to_der().len(), request.len());
        }
        drop(TstInfo::parse(&mutate(&good.info, &changes)));
        Ok(())
    };
    runner.run(&changes, judge).unwrap();
}

#[test]
fn nothing_nests_without_a_bound() {
    let mut deep = vec![5, 0];
    for _ in 0..10_000 {
        deep = tlv(0x30, &[&deep]);
        if deep.len() > 60_000 {
            break;
        }
    }
    assert!(parse::parse(&deep).is_err());
    assert!(response::parse(&deep).is_err());
    assert!(TimestampRequest::parse(&deep).is_err());
    // Counts beyond the limits are refused before anything is kept of them.
    let many = tlv(0x31, &[&[0x30, 0].repeat(20_000)]);
    assert!(parse::parse(&tlv(0x30, &[&many])).is_err());
}
