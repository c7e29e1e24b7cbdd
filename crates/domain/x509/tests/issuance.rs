//! What the profiles make, read back, and judged by openssl.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::{Certificate, parse_pem_bundle};
use chancery_x509::chain::{self, Purpose};
use chancery_x509::key::{self, KeyError, KeyKind, VerifyingKey};
use chancery_x509::profile::authority::{AuthorityKind, Standing};
use chancery_x509::profile::timestamping;
use chancery_x509::signature::SignatureScheme;
use world::foreign::{openssl, write};
use world::{Holder, NOW, P256, World, days, name, root};

#[test]
fn openssl_accepts_chains_of_every_algorithm() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let world = World::of(algorithm);
        write(folder, "root.pem", &world.root.certificate);
        write(folder, "issuing.pem", &world.issuing.certificate);
        write(folder, "leaf.pem", &world.leaf.certificate);
        let at = NOW.seconds();
        let verify =
            format!("verify -x509_strict -attime {at} -CAfile root.pem -untrusted issuing.pem leaf.pem");
        let Some(said) = openssl(&verify, folder) else { return };
        assert!(said.contains("leaf.pem: OK"), "{said}");
        let shown = openssl("x509 -in leaf.pem -noout -text -nameopt RFC2253", folder).unwrap();
        for expected in [
            "Issuer: CN=Issuing,O=Corp\\, Example,ST=Berlin,C=DE",
            "Subject: CN=Leaf,O=Corp\\, Example,ST=Berlin,C=DE",
            "X509v3 Key Usage: critical",
            "Digital Signature",
            "Code Signing",
            "URI:https://corp.example/team",
            "URI:http://crl.corp.example/issuing.crl",
            "CA:FALSE",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        assert_eq!(world.leaf.certificate.subject().to_string(), "CN=Leaf,O=Corp\\, Example,ST=Berlin,C=DE");
    }
}

fn timestamping_world() -> (Holder, Holder) {
    let p256 = || TestKey::generate(KeyAlgorithm::EcdsaP256);
    let root = root("TSA Root", p256(), AuthorityKind::TimestampRoot, Standing::Regular);
    let key = p256();
    let certificate =
        root.issue(&key, days(-1, 400), |issuance| timestamping::tbs(issuance, &name("TSA"), None).unwrap());
    (root, Holder { key, certificate })
}

#[test]
fn openssl_accepts_the_timestamping_authority() {
    let (root, leaf) = timestamping_world();
    let roots = std::slice::from_ref(&root.certificate);
    assert!(chain::verify(&leaf.certificate, &[], roots, Purpose::TimeStamping, NOW).is_ok());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "root.pem", &root.certificate);
    write(folder.path(), "leaf.pem", &leaf.certificate);
    let at = NOW.seconds();
    let verify = format!("verify -x509_strict -purpose timestampsign -attime {at} -CAfile root.pem leaf.pem");
    let Some(said) = openssl(&verify, folder.path()) else { return };
    assert!(said.contains("leaf.pem: OK"), "{said}");
}

#[test]
fn reads_what_openssl_makes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = "[req]\ndistinguished_name=dn\n[dn]\n[leaf]\nkeyUsage=critical,digitalSignature\n\
                  extendedKeyUsage=codeSigning\nbasicConstraints=critical,CA:FALSE\n\
                  subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n";
    std::fs::write(folder.join("c.cnf"), config).unwrap();
    let make =
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /C=DE/CN=Foreign";
    if openssl(make, folder).is_none() {
        return;
    }
    for (digest, accepted) in [("sha256", true), ("sha384", true), ("sha512", true), ("sha1", false)] {
        openssl("req -new -newkey rsa:2048 -nodes -keyout l.key -out l.csr -subj /O=Foreign/CN=Leaf", folder);
        let sign = format!(
            "x509 -req -in l.csr -CA ca.pem -CAkey ca.key -out l.pem -days 30 -{digest} -extfile c.cnf -extensions leaf -set_serial 77"
        );
        openssl(&sign, folder);
        let read =
            |file| Certificate::parse_pem(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        let (ca, leaf) = (read("ca.pem"), read("l.pem"));
        assert_eq!(leaf.subject().to_string(), "CN=Leaf,O=Foreign");
        assert_eq!(leaf.key().unwrap().kind(), KeyKind::Rsa(2048));
        let at = leaf.validity().not_before().plus_seconds(60);
        // openssl's own default marks the authority without key usage, which a root may lack.
        let result = chain::verify(&leaf, &[], &[ca], Purpose::CodeSigning, at);
        assert_eq!(result.is_ok(), accepted, "{digest}: {result:?}");
    }
    // RSA of 2048 bits verifies, but is never a key of ours.
    let leaf = Certificate::parse_pem(&std::fs::read_to_string(folder.join("l.pem")).unwrap()).unwrap();
    assert_eq!(leaf.key().unwrap().signing_key(), None);
    assert_eq!(key::parse(leaf.spki()), Err(KeyError::Size(2048)));
}

#[test]
fn weak_and_strange_keys_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (make, accepted) in [
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", true),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", true),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521", false),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", false),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", false),
        ("genpkey -algorithm ED25519", true),
        ("genpkey -algorithm X25519", false),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", false),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", false),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072", true),
        ("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:3072", false),
    ] {
        if openssl(&format!("{make} -out k.pem"), folder).is_none() {
            return;
        }
        openssl("pkey -in k.pem -pubout -outform DER -out k.der", folder);
        let spki = std::fs::read(folder.join("k.der")).unwrap();
        assert_eq!(key::parse(&spki).is_ok(), accepted, "{make}");
        assert!(key::parse(&[spki.as_slice(), &[0]].concat()).is_err());
    }
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem", folder);
    openssl("pkey -in k.pem -pubout -ec_conv_form compressed -outform DER -out k.der", folder);
    assert_eq!(key::parse(&std::fs::read(folder.join("k.der")).unwrap()), Err(KeyError::Weak));
}

/// Every digest with every curve: the scheme that a key was read for and the others must not differ but in cost.
#[test]
fn keys_verify_by_each_of_their_schemes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("message"), b"message").unwrap();
    let digests = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    for curve in ["P-256", "P-384"] {
        let make = format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out k.pem");
        if openssl(&make, folder).is_none() {
            return;
        }
        openssl("pkey -in k.pem -pubout -outform DER -out k.der", folder);
        let key = VerifyingKey::parse(&std::fs::read(folder.join("k.der")).unwrap()).unwrap();
        for digest in digests {
            openssl(
                &format!("dgst -{} -sign k.pem -out signature message", digest.name().replace('-', "")),
                folder,
            );
            let signature = std::fs::read(folder.join("signature")).unwrap();
            for other in digests {
                let scheme = SignatureScheme::Ecdsa(other);
                let whole = key.verify(scheme, b"message", &signature);
                let hashed = key.verify_prehashed(scheme, &other.hash(b"message"), &signature);
                let expected = if other == digest { Ok(()) } else { Err(KeyError::WrongSignature) };
                assert_eq!((whole, hashed), (expected.clone(), expected), "{curve} {digest:?} {other:?}");
            }
        }
        for scheme in [SignatureScheme::Ed25519, SignatureScheme::Rsa(DigestAlgorithm::Sha256)] {
            assert_eq!(key.verify(scheme, b"message", &[0; 64]), Err(KeyError::Mismatch));
        }
    }
}

#[test]
fn keys_verify_messages_and_digests() {
    for algorithm in KeyAlgorithm::ALL.into_iter().filter(|a| *a != KeyAlgorithm::Rsa4096) {
        let key = TestKey::generate(algorithm);
        let public = key.public_key();
        let signature = key.sign(b"message");
        assert_eq!(key::verify(&public, b"message", &signature), Ok(()));
        assert_eq!(key::verify(&public, b"Message", &signature), Err(KeyError::WrongSignature));
        if let Some(digest) = algorithm.digest() {
            assert_eq!(key::verify_prehashed(&public, &digest.hash(b"message"), &signature), Ok(()));
            assert_eq!(key::verify_prehashed(&public, b"short", &signature), Err(KeyError::Mismatch));
        }
        for position in 0..public.spki.len() {
            let mut altered = public.clone();
            altered.spki[position] ^= 1;
            assert!(key::verify(&altered, b"message", &signature).is_err(), "{algorithm} {position}");
        }
        let mut mislabelled = public.clone();
        mislabelled.algorithm = KeyAlgorithm::Rsa4096;
        assert_eq!(key::verify(&mislabelled, b"message", &signature), Err(KeyError::Mismatch));
        // The point off the curve, and the modulus that is even.
        let mut off = public;
        if let Some(last) = off.spki.last_mut().filter(|_| algorithm != KeyAlgorithm::Ed25519) {
            *last ^= 1;
            assert!(VerifyingKey::parse(&off.spki).is_err(), "{algorithm}");
        }
    }
}

#[test]
fn pem_holds_certificates_and_nothing_else() {
    let (one, two) = (&P256.leaf.certificate, &P256.issuing.certificate);
    let bundle = format!("{}\n{}", one.to_pem(), two.to_pem());
    assert_eq!(parse_pem_bundle(&bundle).unwrap(), [one.clone(), two.clone()]);
    assert_eq!(&Certificate::parse_pem(&one.to_pem()).unwrap(), one);
    for bad in ["", "x", &bundle, &format!("x{}", one.to_pem()), &one.to_pem().replace("END", "FIN")] {
        assert!(Certificate::parse_pem(bad).is_err(), "{bad:.40}");
    }
    assert_eq!(SignatureScheme::of(KeyAlgorithm::EcdsaP256), one.scheme().unwrap());
}
