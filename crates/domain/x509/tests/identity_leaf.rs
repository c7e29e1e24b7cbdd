//! Identity leaves and their timestamps, judged by Python's cryptography, and what must be refused.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::claims::Claims;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, Purpose};
use chancery_x509::extension::{Criticality, Extension};
use chancery_x509::fulcio::FulcioError;
use chancery_x509::key;
use chancery_x509::profile::draft::{Issuer, ProfileError};
use chancery_x509::profile::identity_leaf::{self, Holder};
use chancery_x509::sct::{self, Sct, SctError};
use chancery_x509::serial::Serial;
use chancery_x509::{fulcio, profile};
use world::foreign::{run, text};
use world::{IDENTITY, NOW, Odd, P256, claims};

/// An identity leaf with its SCT: the log's key, the precertificate's bytes, the certificate.
fn identity() -> (TestKey, Vec<u8>, Certificate, TestKey) {
    let (log, key) = (TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256));
    let validity = identity_leaf::validity(NOW).unwrap();
    let make = |issuance: &profile::draft::Issuance<'_>| {
        identity_leaf::precertificate_tbs(issuance, IDENTITY, &claims(), Holder::Custody).unwrap()
    };
    let plain = P256.issuing.issue(&key, validity, make);
    let precertificate = plain.tbs().to_vec();
    let log_key = key::checked(&log.public_key()).unwrap();
    let data = sct::signed_data(&precertificate, P256.issuing.certificate.key().unwrap(), NOW).unwrap();
    let sct = Sct::new(&log_key, NOW, &log.sign(&data)).unwrap();
    let tbs = identity_leaf::final_tbs(&precertificate, &sct).unwrap();
    assert_eq!(identity_leaf::check_final(&precertificate, &tbs), Ok(()));
    let certificate = world::sign(&tbs, &P256.issuing.key);
    (log, precertificate, certificate, key)
}

fn identity_chain(leaf: &Certificate) -> Result<chain::VerifiedChain, chain::ChainError> {
    let pool = std::slice::from_ref(&P256.issuing.certificate);
    chain::verify(leaf, pool, std::slice::from_ref(&P256.root.certificate), Purpose::CodeSigning, NOW)
}

#[test]
fn identity_leaves_carry_claims_and_timestamp() {
    let (log, precertificate, leaf, _) = identity();
    let chain = identity_chain(&leaf).unwrap();
    let logs = [key::checked(&log.public_key()).unwrap()];
    let verified = sct::verify(&chain, &logs).unwrap();
    assert_eq!((verified.timestamp(), verified.log_id()), (NOW, logs[0].fingerprint()));
    assert_eq!(fulcio::claims(&leaf).unwrap(), claims());
    assert_eq!(leaf.alt_uris().collect::<Vec<_>>(), [IDENTITY]);
    assert!(leaf.subject().is_empty());
    assert_eq!(identity_leaf::without_sct_list(leaf.tbs()).unwrap(), precertificate);
    // Another log, no timestamp at all, and a timestamp of another certificate.
    assert_eq!(sct::verify(&chain, &[]), Err(SctError::UnknownLog));
    let plain = world::sign(&precertificate, &P256.issuing.key);
    assert_eq!(sct::verify(&identity_chain(&plain).unwrap(), &logs), Err(SctError::Absent));
    let (_, other, _, _) = identity();
    let stolen = &sct::read(&leaf).unwrap()[0];
    let swapped = world::sign(&identity_leaf::final_tbs(&other, stolen).unwrap(), &P256.issuing.key);
    assert!(matches!(sct::verify(&identity_chain(&swapped).unwrap(), &logs), Err(SctError::Signature(_))));
}

#[test]
fn the_final_leaf_is_the_precertificate_and_one_extension() {
    let (_, precertificate, leaf, _) = identity();
    for position in 0..leaf.tbs().len() {
        let mut altered = leaf.tbs().to_vec();
        altered[position] ^= 1;
        let proof = identity_leaf::check_final(&precertificate, &altered);
        // A flip inside the list itself leaves a list; its own signature is what guards it.
        let list = leaf.extensions().last().unwrap().value();
        let is_inside_list = position >= leaf.tbs().len() - list.len();
        assert!(proof.is_err() || is_inside_list, "{position}");
    }
    assert!(identity_leaf::check_final(&precertificate, &precertificate).is_err());
    let again = identity_leaf::final_tbs(leaf.tbs(), &sct::read(&leaf).unwrap()[0]);
    assert!(again.is_err());
}

#[test]
fn no_flipped_byte_of_a_timestamp_is_accepted() {
    let (log, _, leaf, _) = identity();
    let logs = [key::checked(&log.public_key()).unwrap()];
    let list = leaf.extensions().last().unwrap().value().len();
    for position in leaf.tbs().len() - list..leaf.tbs().len() {
        let mut altered = leaf.tbs().to_vec();
        altered[position] ^= 1;
        // Signed again by the CA, so that only the timestamp itself can say no.
        let signature = P256.issuing.key.sign(&altered);
        let algorithm = KeyAlgorithm::EcdsaP256;
        let Ok(resigned) = chancery_x509::certificate::assemble(&altered, algorithm, &signature) else {
            continue;
        };
        let chain = identity_chain(&resigned).unwrap();
        assert!(sct::verify(&chain, &logs).is_err(), "{position}");
    }
}

#[test]
fn claims_that_cannot_be_certified_are_refused() {
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256).public_key();
    let issuer = Issuer::of(&P256.issuing.certificate).unwrap();
    let serial = Serial::new(&[1]).unwrap();
    let validity = identity_leaf::validity(NOW).unwrap();
    let issuance = profile::draft::Issuance { issuer: &issuer, serial: &serial, validity, key: &key };
    let make = |identity: &str, claims: &Claims| {
        identity_leaf::precertificate_tbs(&issuance, identity, claims, Holder::Custody)
    };
    for identity in ["", "no-scheme", "https://a b", "https://ä", "https:", "1https://a", "https://a\n"] {
        assert!(matches!(make(identity, &claims()), Err(ProfileError::Uri(_))), "{identity:?}");
    }
    for text in ["", "a\u{1b}[31m", &"x".repeat(1025)] {
        let mut bad = claims();
        bad.build_trigger = Some(text.to_owned());
        assert!(matches!(make(IDENTITY, &bad), Err(ProfileError::Claims(_))), "{text:?}");
    }
    let nobody = Claims::default();
    assert!(matches!(make(IDENTITY, &nobody), Err(ProfileError::Claims(_))));
    let mut large = claims();
    large
        .raw
        .extend(["event_name", "sha", "workflow", "repository", "ref"].map(|n| (n.into(), "x".repeat(1024))));
    for field in [&mut large.build_signer_uri, &mut large.build_config_uri, &mut large.run_invocation_uri] {
        *field = Some("x".repeat(1024));
    }
    for field in [
        &mut large.source_repository_uri,
        &mut large.source_repository_ref,
        &mut large.source_repository_owner_uri,
        &mut large.build_trigger,
        &mut large.deployment_environment,
        &mut large.runner_environment,
        &mut large.source_repository_visibility,
    ] {
        *field = Some("x".repeat(1024));
    }
    assert!(matches!(make(IDENTITY, &large), Err(ProfileError::Size(_))));
}

const ORACLE: &str = r#"
import sys, hashlib, datetime
try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key, Encoding, PublicFormat
except ImportError:
    print("absent"); sys.exit(0)
leaf = x509.load_der_x509_certificate(open("leaf.der", "rb").read())
issuer = x509.load_der_x509_certificate(open("issuer.der", "rb").read())
spki = open("log.der", "rb").read()
leaf.verify_directly_issued_by(issuer)
oid = x509.ObjectIdentifier
sct, = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
assert sct.log_id == hashlib.sha256(spki).digest()
tbs = leaf.tbs_precertificate_bytes
issuer_hash = hashlib.sha256(issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
ms = int(sys.argv[1])
assert sct.timestamp.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000 == ms
data = b"\0\0" + ms.to_bytes(8, "big") + b"\0\1" + issuer_hash + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
load_der_public_key(spki).verify(sct.signature, data, ec.ECDSA(hashes.SHA256()))
san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
assert san.critical and len(leaf.subject) == 0
def value(n): return leaf.extensions.get_extension_for_oid(oid("1.3.6.1.4.1.57264.1.%d" % n)).value.value
print(san.value.get_values_for_type(x509.UniformResourceIdentifier)[0])
print(value(1).decode())
v = value(8); assert v[0] == 12 and v[1] == len(v) - 2
print(v[2:].decode())
print(",".join(str(n) for n in range(1, 25) if any(e.oid == oid("1.3.6.1.4.1.57264.1.%d" % n) for e in leaf.extensions)))
"#;

#[test]
fn python_reads_the_identity_leaf_and_verifies_its_timestamp() {
    let (log, _, leaf, _) = identity();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("leaf.der"), leaf.as_der()).unwrap();
    std::fs::write(folder.join("issuer.der"), P256.issuing.certificate.as_der()).unwrap();
    std::fs::write(folder.join("log.der"), log.public_key().spki).unwrap();
    let Some(output) = run("python3", &["-c", ORACLE, &NOW.millis().to_string()], folder) else { return };
    let said = text(&output);
    if said.trim() == "absent" {
        world::foreign::not_compared("python's cryptography");
        return;
    }
    assert!(output.status.success(), "{said}");
    let issuer = claims().issuer;
    let numbers = "1,2,3,4,5,6,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24";
    assert_eq!(said.lines().collect::<Vec<_>>(), [IDENTITY, &issuer, &issuer, numbers]);
}

#[test]
fn the_list_stands_at_the_end() {
    let (_, precertificate, leaf, _) = identity();
    let each: Vec<Vec<u8>> = leaf.extensions().iter().map(Extension::to_der).collect();
    let size = each.iter().map(Vec::len).sum::<usize>();
    let head = &leaf.tbs()[..leaf.tbs().len() - size];
    assert_eq!([head, &each.concat()].concat(), leaf.tbs());
    let mut moved = each;
    moved.rotate_right(1);
    let moved = [head, &moved.concat()].concat();
    // The same without the list, and yet not what was promised.
    assert_eq!(identity_leaf::without_sct_list(&moved).unwrap(), precertificate);
    assert!(identity_leaf::check_final(&precertificate, &moved).is_err());
}

#[test]
fn timestamps_outside_the_validity_are_refused() {
    let (log, precertificate, _, _) = identity();
    let log_key = key::checked(&log.public_key()).unwrap();
    let stamp = |at: Time| {
        let issuer = P256.issuing.certificate.key().unwrap();
        let data = sct::signed_data(&precertificate, issuer, at).unwrap();
        let sct = Sct::new(&log_key, at, &log.sign(&data)).unwrap();
        let leaf = world::sign(&identity_leaf::final_tbs(&precertificate, &sct).unwrap(), &P256.issuing.key);
        sct::verify(&identity_chain(&leaf).unwrap(), std::slice::from_ref(&log_key))
    };
    for (seconds, valid) in [(-1, false), (0, true), (600, true), (601, false)] {
        let result = stamp(NOW.plus_seconds(seconds));
        assert_eq!(result.is_ok(), valid, "{seconds}: {result:?}");
    }
}

#[test]
fn certificates_that_name_two_issuers_name_none() {
    let arc = |n| [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, n];
    let raw = |value: &[u8]| Extension::new(&arc(1), Criticality::Optional, value.to_vec());
    let encoded = |value: &[u8]| Extension::new(&arc(8), Criticality::Optional, value.to_vec());
    let read = |extensions: &[Extension]| {
        let odd = extensions.iter().cloned().fold(Odd::leaf(&P256.issuing), Odd::with);
        fulcio::claims(&odd.make(&P256.leaf.key, &P256.issuing.key))
    };
    assert_eq!(read(&[raw(b"a:b")]).unwrap().issuer, "a:b");
    assert_eq!(read(&[encoded(b"\x0c\x03a:b")]).unwrap().issuer, "a:b");
    assert!(read(&[raw(b"a:b"), encoded(b"\x0c\x03a:b")]).is_ok());
    let differ = read(&[raw(b"a:b"), encoded(b"\x0c\x03a:c")]);
    assert!(matches!(differ, Err(FulcioError::IssuersDiffer { .. })), "{differ:?}");
    assert_eq!(read(&[]), Err(FulcioError::NoIssuer));
    for bad in [&b"a:b"[..], b"\x0c\x03a:b\0", b"\x13\x03a:b", b"\x0c\x00", b"\x0c\x02\xc3\x28"] {
        assert!(read(&[encoded(bad)]).is_err(), "{bad:02x?}");
    }
}
