//! What the profiles make, read back, and judged by openssl and by Python's cryptography.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use std::path::Path;
use std::process::{Command, Output};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::claims::Claims;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::{Certificate, parse_pem_bundle};
use chancery_x509::chain::{self, Purpose};
use chancery_x509::crl::{self, CrlError, Revocation, RevocationReason};
use chancery_x509::key::{self, KeyError, KeyKind, VerifyingKey};
use chancery_x509::profile::authority::{AuthorityKind, Standing};
use chancery_x509::profile::draft::{Issuer, ProfileError};
use chancery_x509::profile::identity_leaf;
use chancery_x509::profile::timestamping;
use chancery_x509::sct::{self, Sct, SctError};
use chancery_x509::serial::Serial;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::{fulcio, profile};
use world::{Holder, IDENTITY, NOW, P256, World, claims, days, name, root};

/// Runs a foreign tool; `None` when it is absent.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<Output> {
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("not compared: {program} is absent");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

fn openssl(arguments: &str, folder: &Path) -> Option<String> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = run("openssl", &arguments, folder)?;
    assert!(output.status.success(), "openssl {arguments:?}: {}", text(&output));
    Some(text(&output))
}

fn write(folder: &Path, name: &str, certificate: &Certificate) {
    std::fs::write(folder.join(name), certificate.to_pem()).unwrap();
}

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

/// An identity leaf with its SCT: the log's key, the precertificate's bytes, the certificate.
fn identity() -> (TestKey, Vec<u8>, Certificate, TestKey) {
    let (log, key) = (TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256));
    let validity = identity_leaf::validity(NOW).unwrap();
    let make = |issuance: &profile::draft::Issuance<'_>| {
        identity_leaf::precertificate_tbs(issuance, IDENTITY, &claims()).unwrap()
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
    let make =
        |identity: &str, claims: &Claims| identity_leaf::precertificate_tbs(&issuance, identity, claims);
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
        println!("not compared: python's cryptography is absent");
        return;
    }
    assert!(output.status.success(), "{said}");
    let issuer = claims().issuer;
    let numbers = "1,2,3,4,5,6,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24";
    assert_eq!(said.lines().collect::<Vec<_>>(), [IDENTITY, &issuer, &issuer, numbers]);
}

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
