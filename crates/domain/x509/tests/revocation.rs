//! Revocation lists: written, read back, judged by openssl, and what must be refused.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_x509::crl::{self, CrlError, Revocation, RevocationReason};
use chancery_x509::extension::{Criticality, Extension, KeyUsage, write_all};
use chancery_x509::oid;
use chancery_x509::profile::draft::Issuer;
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tlv;
use chancery_x509::validity::write_time;
use world::foreign::{openssl, run, text, write};
use world::{NOW, Odd, P256, World, days};

fn revocation(serial: &[u8], reason: RevocationReason) -> Revocation {
    Revocation { serial: Serial::new(serial).unwrap(), since: NOW.plus_seconds(-3600), reason }
}

fn revoked() -> Vec<Revocation> {
    let leaf = P256.leaf.certificate.serial().as_bytes();
    vec![
        revocation(&[0x70], RevocationReason::Unspecified),
        revocation(leaf, RevocationReason::KeyCompromise),
        revocation(&[2, 3], RevocationReason::PrivilegeWithdrawn),
    ]
}

fn make_crl(entries: &[Revocation]) -> crl::Crl {
    let issuer = Issuer::of(&P256.issuing.certificate).unwrap();
    let tbs = crl::tbs(&issuer, days(-1, 6), 41, entries).unwrap();
    crl::assemble(&tbs, issuer.algorithm(), &P256.issuing.key.sign(&tbs)).unwrap()
}

#[test]
fn revocation_lists_are_found_in_and_checked() {
    let list = make_crl(&revoked());
    let issuer = &P256.issuing.certificate;
    assert_eq!((list.number(), list.revoked().len()), (&[41][..], 3));
    let verified = list.clone().verify(issuer, NOW).unwrap();
    let found = verified.find(P256.leaf.certificate.serial()).unwrap();
    assert_eq!(found.reason, RevocationReason::KeyCompromise);
    assert_eq!(verified.find(&Serial::new(&[0x71]).unwrap()), None);
    assert!(matches!(list.clone().verify(issuer, NOW.plus_seconds(7 * 86_400)), Err(CrlError::Stale { .. })));
    assert!(matches!(list.clone().verify(&P256.root.certificate, NOW), Err(CrlError::NotIssuer(_))));
    let other = World::of(KeyAlgorithm::EcdsaP256).issuing.certificate;
    assert!(matches!(list.clone().verify(&other, NOW), Err(CrlError::WrongSignature(_))));
    assert!(make_crl(&[]).verify(issuer, NOW).unwrap().list().revoked().is_empty());
    let twice =
        [revocation(&[5], RevocationReason::Superseded), revocation(&[5], RevocationReason::Superseded)];
    let by = Issuer::of(issuer).unwrap();
    assert!(matches!(crl::tbs(&by, days(-1, 6), 1, &twice), Err(CrlError::Duplicate(_))));
}

#[test]
fn no_flipped_byte_of_a_revocation_list_is_accepted() {
    let (list, issuer) = (make_crl(&revoked()), &P256.issuing.certificate);
    for position in 0..list.as_der().len() {
        let mut altered = list.as_der().to_vec();
        altered[position] ^= 1;
        let result = crl::Crl::parse(&altered).and_then(|crl| crl.verify(issuer, NOW));
        assert!(result.is_err(), "{position}");
        assert!(crl::Crl::parse(&list.as_der()[..position]).is_err());
    }
}

#[test]
fn openssl_reads_and_obeys_the_revocation_list() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "root.pem", &P256.root.certificate);
    write(folder, "issuing.pem", &P256.issuing.certificate);
    write(folder, "leaf.pem", &P256.leaf.certificate);
    for (entries, accepted) in [(revoked(), false), (Vec::new(), true)] {
        std::fs::write(folder.join("list.pem"), make_crl(&entries).to_pem()).unwrap();
        let Some(said) = openssl("crl -in list.pem -noout -text -verify -CAfile issuing.pem", folder) else {
            return;
        };
        assert!(said.contains("verify OK") && said.contains("X509v3 CRL Number"), "{said}");
        assert_eq!(said.contains("Key Compromise"), !accepted);
        let verify = format!(
            "verify -crl_check -attime {} -CAfile root.pem -untrusted issuing.pem -CRLfile list.pem leaf.pem",
            NOW.seconds()
        );
        let arguments: Vec<&str> = verify.split(' ').collect();
        let said = text(&run("openssl", &arguments, folder).unwrap());
        assert_eq!(said.contains("leaf.pem: OK"), accepted, "{said}");
        assert_eq!(said.contains("certificate revoked"), !accepted, "{said}");
    }
}

/// A list with these extensions and this reason code, signed by the issuing authority.
fn odd_list(extensions: &[Extension], reason: u8) -> Result<crl::Crl, CrlError> {
    let reason = tlv::write(tlv::ENUMERATED, &[&[reason]]);
    let reason = Extension::new(oid::CRL_REASON, Criticality::Optional, reason);
    let moment = write_time(NOW);
    let entry = tlv::write(tlv::SEQUENCE, &[&[2, 1, 5], &moment, &write_all(&[reason])]);
    let tbs = tlv::write(
        tlv::SEQUENCE,
        &[
            &[2, 1, 1],
            &SignatureScheme::of(KeyAlgorithm::EcdsaP256).to_der(),
            P256.issuing.certificate.subject().as_der(),
            &moment,
            &write_time(NOW.plus_seconds(60)),
            &tlv::write(tlv::SEQUENCE, &[&entry]),
            &tlv::write(tlv::context(0), &[&write_all(extensions)]),
        ],
    );
    crl::assemble(&tbs, KeyAlgorithm::EcdsaP256, &P256.issuing.key.sign(&tbs))
}

#[test]
fn reasons_that_are_not_written_still_revoke() {
    let number = Extension::new(oid::CRL_NUMBER, Criticality::Optional, vec![2, 1, 1]);
    for (code, reason) in [(1, RevocationReason::KeyCompromise), (6, RevocationReason::Unspecified)] {
        let list = odd_list(std::slice::from_ref(&number), code);
        let list = list.unwrap().verify(&P256.issuing.certificate, NOW).unwrap();
        assert_eq!(list.find(&Serial::new(&[5]).unwrap()).unwrap().reason, reason);
    }
}

#[test]
fn lists_that_are_not_whole_are_refused() {
    let number = |criticality| Extension::new(oid::CRL_NUMBER, criticality, vec![2, 1, 1]);
    let good = [number(Criticality::Optional)];
    let indirect = Extension::new(&[0x55, 0x1d, 0x1c], Criticality::Critical, vec![0x30, 0]);
    assert!(odd_list(&good, 1).is_ok());
    for extensions in [
        vec![number(Criticality::Critical)],
        vec![number(Criticality::Optional), indirect],
        vec![Extension::new(&[0x2a, 3], Criticality::Optional, vec![5, 0])],
    ] {
        assert!(odd_list(&extensions, 1).is_err(), "{extensions:?}");
    }
    assert!(odd_list(&good, 7).is_err());
}

#[test]
fn an_authority_that_may_not_sign_lists_did_not() {
    let mut shape = Odd::authority(&P256.root, "Issuing", Some(0));
    shape = shape.with(KeyUsage::KEY_CERT_SIGN.to_extension());
    let certificate = shape.make(&P256.issuing.key, &P256.root.key);
    assert!(matches!(make_crl(&revoked()).verify(&certificate, NOW), Err(CrlError::NotIssuer(_))));
}
