//! Path validation: what is accepted, and a table of what must not be.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, ChainError, MAX_POOL, Purpose, VerifiedChain};
use chancery_x509::extension::{
    BasicConstraints, Criticality, Extension, KeyUsage, extended_key_usage, subject_alt_uris,
};
use chancery_x509::name::Name;
use chancery_x509::oid;
use chancery_x509::profile::authority::{AuthorityKind, Standing};
use chancery_x509::tlv;
use world::{Holder, NOW, Odd, P256, World, days, name, root};

fn check(leaf: &Certificate, pool: &[Certificate], at: Time) -> Result<VerifiedChain, ChainError> {
    chain::verify(leaf, pool, std::slice::from_ref(&P256.root.certificate), Purpose::CodeSigning, at)
}

fn check_odd(odd: &Odd) -> Result<VerifiedChain, ChainError> {
    let leaf = odd.make(&P256.leaf.key, &P256.issuing.key);
    check(&leaf, std::slice::from_ref(&P256.issuing.certificate), NOW)
}

/// An intermediate between root and leaf, both made from the shapes given.
fn check_authority(authority: &Odd) -> Result<VerifiedChain, ChainError> {
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let holder = Holder { certificate: authority.make(&key, &P256.root.key), key };
    let leaf = Odd::leaf(&holder).make(&P256.leaf.key, &holder.key);
    check(&leaf, &[holder.certificate], NOW)
}

#[test]
fn accepts_every_algorithm_and_returns_what_it_checked() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072] {
        let world = World::of(algorithm);
        let (leaf, issuing, root) =
            (&world.leaf.certificate, &world.issuing.certificate, &world.root.certificate);
        let roots = std::slice::from_ref(root);
        let chain =
            chain::verify(leaf, std::slice::from_ref(issuing), roots, Purpose::CodeSigning, NOW).unwrap();
        assert_eq!(chain.leaf(), leaf);
        assert_eq!(chain.issuers(), [issuing.clone(), root.clone()]);
        assert!(!chain.is_dev());
        let wrong = chain::verify(leaf, std::slice::from_ref(issuing), roots, Purpose::TimeStamping, NOW);
        assert!(matches!(wrong, Err(ChainError::Purpose(_))));
    }
}

#[test]
fn dev_authorities_are_told_apart() {
    let world = World::with(KeyAlgorithm::EcdsaP256, Standing::Dev);
    let pool = [world.issuing.certificate.clone()];
    let roots = [world.root.certificate.clone()];
    assert!(
        chain::verify(&world.leaf.certificate, &pool, &roots, Purpose::CodeSigning, NOW).unwrap().is_dev()
    );
}

#[test]
fn extra_certificates_in_any_order_change_nothing() {
    let other = World::of(KeyAlgorithm::EcdsaP256);
    let extras = [
        P256.issuing.certificate.clone(),
        P256.root.certificate.clone(),
        P256.leaf.certificate.clone(),
        // Same names, other keys: found by name, refused by key identifier or signature.
        other.issuing.certificate.clone(),
        other.leaf.certificate.clone(),
    ];
    for rotation in 0..extras.len() {
        let mut pool = extras.to_vec();
        pool.rotate_left(rotation);
        for pool in [pool.clone(), pool.into_iter().rev().collect()] {
            let chain = check(&P256.leaf.certificate, &pool, NOW).unwrap();
            assert_eq!(chain.leaf(), &P256.leaf.certificate);
            assert_eq!(chain.issuer(), &P256.issuing.certificate);
            // T4: the foreign leaf stays foreign, whatever lies beside it.
            assert!(check(&other.leaf.certificate, &pool, NOW).is_err());
        }
    }
}

#[test]
fn every_element_must_be_valid_at_the_moment() {
    // Leaf -10..300, issuing -20..1800, root -30..3650 days.
    let day = 86_400;
    for (at, valid) in [(-11, false), (-9, true), (0, true), (299, true), (301, false)] {
        let result = check(
            &P256.leaf.certificate,
            std::slice::from_ref(&P256.issuing.certificate),
            NOW.plus_seconds(at * day),
        );
        assert_eq!(result.is_ok(), valid, "{at}");
    }
    for window in [days(-30, -1), days(1, 30)] {
        let mut expired = Odd::authority(&P256.root, "Expired", Some(0));
        expired.validity = window;
        assert!(matches!(check_authority(&expired), Err(ChainError::NotValid { .. })));
    }
    // An expired root is not a root, though it is trusted by name.
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let old_root = root("Old", key, AuthorityKind::Root, Standing::Regular);
    let mut shape = Odd::authority(&old_root, "Old", Some(1));
    shape.validity = days(-300, -1);
    let expired_root = Holder { certificate: shape.make(&old_root.key, &old_root.key), key: old_root.key };
    let leaf = Odd::leaf(&expired_root).make(&P256.leaf.key, &expired_root.key);
    let result = chain::verify(&leaf, &[], &[expired_root.certificate], Purpose::CodeSigning, NOW);
    assert!(matches!(result, Err(ChainError::NotValid { .. })), "{result:?}");
}

#[test]
fn leaves_that_are_refused() {
    let good = Odd::leaf(&P256.issuing);
    assert!(check_odd(&good).is_ok());
    let eku = |purposes: &[&[u8]]| extended_key_usage(purposes, Criticality::Optional);
    let unknown = Extension::new(&[0x2a, 3, 4], Criticality::Critical, vec![5, 0]);
    let poison = Extension::new(oid::PRECERT_POISON, Criticality::Critical, vec![5, 0]);
    let uri = |criticality| subject_alt_uris(&["https://a/b"], criticality);
    let named = Odd { subject: Name::empty(), ..good.clone().with(uri(Criticality::Critical)) };
    assert!(check_odd(&named).is_ok());
    let table: Vec<(&str, Odd)> = vec![
        ("authority", good.clone().with(BasicConstraints::Authority { path_length: None }.to_extension())),
        ("keyCertSign", good.clone().with(KeyUsage::AUTHORITY.to_extension())),
        ("no key usage", good.clone().without(oid::KEY_USAGE)),
        ("no digitalSignature", good.clone().with(KeyUsage::CRL_SIGN.to_extension())),
        ("no purpose", good.clone().without(oid::EXTENDED_KEY_USAGE)),
        ("timestamping", good.clone().with(eku(&[oid::TIME_STAMPING]))),
        ("both purposes", good.clone().with(eku(&[oid::CODE_SIGNING, oid::TIME_STAMPING]))),
        ("any purpose", good.clone().with(eku(&[oid::CODE_SIGNING, oid::ANY_EXTENDED_KEY_USAGE]))),
        ("tls", good.clone().with(eku(&[oid::CODE_SIGNING, oid::SERVER_AUTH]))),
        ("unknown critical", good.clone().with(unknown)),
        ("precertificate", good.clone().with(poison)),
        ("nameless", Odd { subject: Name::empty(), ..good.clone() }),
        (
            "nameless, careless",
            Odd { subject: Name::empty(), ..good.clone().with(uri(Criticality::Optional)) },
        ),
        ("zero serial", Odd { serial: vec![0], ..good.clone() }),
        ("issuer's name altered", Odd { issuer: name("Issuing2"), ..good.clone() }),
    ];
    for (what, odd) in table {
        assert!(check_odd(&odd).is_err(), "{what}");
    }
    // Signed by the wrong key under the right name.
    let forged = good.make(&P256.leaf.key, &P256.leaf.key);
    let result = check(&forged, std::slice::from_ref(&P256.issuing.certificate), NOW);
    assert!(matches!(result, Err(ChainError::WrongSignature(_))), "{result:?}");
}

#[test]
fn timestamping_leaves_have_one_critical_purpose() {
    let authority = root(
        "TSA Root",
        TestKey::generate(KeyAlgorithm::EcdsaP256),
        AuthorityKind::TimestampRoot,
        Standing::Regular,
    );
    let good = Odd::leaf(&authority).with(extended_key_usage(&[oid::TIME_STAMPING], Criticality::Critical));
    let check = |odd: &Odd, purpose| {
        let leaf = odd.make(&P256.leaf.key, &authority.key);
        chain::verify(&leaf, &[], std::slice::from_ref(&authority.certificate), purpose, NOW)
    };
    assert!(check(&good, Purpose::TimeStamping).is_ok());
    assert!(check(&good, Purpose::CodeSigning).is_err());
    let optional = good.clone().with(extended_key_usage(&[oid::TIME_STAMPING], Criticality::Optional));
    let two = [oid::TIME_STAMPING, oid::CODE_SIGNING];
    let both = good.clone().with(extended_key_usage(&two, Criticality::Critical));
    for odd in [optional, both] {
        assert!(matches!(check(&odd, Purpose::TimeStamping), Err(ChainError::Purpose(_))));
    }
    // A code signing leaf under the timestamping root: the root's own purpose forbids it.
    let code = Odd::leaf(&authority);
    assert!(matches!(check(&code, Purpose::CodeSigning), Err(ChainError::Purpose(_))));
}

#[test]
fn authorities_that_are_refused() {
    let good = Odd::authority(&P256.root, "Middle", Some(0));
    assert!(check_authority(&good).is_ok());
    let constraints = BasicConstraints::Authority { path_length: Some(0) }.to_extension();
    let careless =
        Extension::new(oid::BASIC_CONSTRAINTS, Criticality::Optional, constraints.value().to_vec());
    let limits = tlv::write(tlv::SEQUENCE, &[]);
    let names = |criticality| Extension::new(oid::NAME_CONSTRAINTS, criticality, limits.clone());
    let policies = Extension::new(&[0x55, 0x1d, 0x24], Criticality::Critical, limits.clone());
    let table: Vec<(&str, Odd)> = vec![
        ("no constraints", good.clone().without(oid::BASIC_CONSTRAINTS)),
        ("constraints say leaf", good.clone().with(BasicConstraints::Leaf.to_extension())),
        ("constraints not critical", good.clone().with(careless)),
        ("no key usage", good.clone().without(oid::KEY_USAGE)),
        ("no keyCertSign", good.clone().with(KeyUsage::DIGITAL_SIGNATURE.to_extension())),
        (
            "other purpose",
            good.clone().with(extended_key_usage(&[oid::TIME_STAMPING], Criticality::Optional)),
        ),
        ("name constraints", good.clone().with(names(Criticality::Critical))),
        ("name constraints, careless", good.clone().with(names(Criticality::Optional))),
        ("policy constraints", good.clone().with(policies)),
        ("zero serial", Odd { serial: vec![0], ..good.clone() }),
    ];
    for (what, odd) in table {
        assert!(check_authority(&odd).is_err(), "{what}");
    }
}

/// Authorities below the root, each with its limit, and a leaf below the last.
fn tower(limits: &[Option<u32>]) -> (Certificate, Vec<Certificate>) {
    let mut pool = Vec::new();
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let shape = Odd::authority(&P256.root, "Unlimited", None);
    let mut above = Holder { certificate: shape.make(&key, &P256.root.key), key };
    pool.push(above.certificate.clone());
    for (index, limit) in limits.iter().enumerate() {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let shape = Odd::authority(&above, &format!("Level {index}"), *limit);
        above = Holder { certificate: shape.make(&key, &above.key), key };
        pool.push(above.certificate.clone());
    }
    (Odd::leaf(&above).make(&P256.leaf.key, &above.key), pool)
}

#[test]
fn path_lengths_hold() {
    // The first authority of every tower stands under a root whose own limit is 1; so trust that authority instead.
    let check = |limits: &[Option<u32>]| {
        let (leaf, pool) = tower(limits);
        chain::verify(&leaf, &pool[1..], &pool[..1], Purpose::CodeSigning, NOW)
    };
    assert!(check(&[]).is_ok());
    assert!(check(&[Some(0)]).is_ok());
    assert!(check(&[Some(1), Some(0)]).is_ok());
    assert!(matches!(check(&[Some(0), Some(0)]), Err(ChainError::Length(_))));
    assert!(matches!(check(&[Some(1), None, None]), Err(ChainError::Length(_))));
    // Six certificates at most: leaf, four authorities, root.
    assert!(check(&[None; 4]).is_ok());
    assert!(check(&[None; 5]).is_err());
}

#[test]
fn the_roots_own_limit_holds() {
    let (leaf, pool) = tower(&[None]);
    assert!(matches!(check(&leaf, &pool, NOW), Err(ChainError::Length(_))));
}

#[test]
fn sha_1_is_refused() {
    let sha1 = const_oid::ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    let algorithm = tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[sha1.as_bytes()])]);
    let odd = Odd { algorithm, ..Odd::leaf(&P256.issuing) };
    assert!(matches!(check_odd(&odd), Err(ChainError::Algorithm { .. })));
}

#[test]
fn many_namesakes_cost_little_and_do_not_help() {
    let shape = Odd::authority(&P256.root, "Issuing", Some(0));
    let namesakes: Vec<Certificate> = (0..MAX_POOL)
        .map(|_| shape.make(&TestKey::generate(KeyAlgorithm::EcdsaP256), &P256.root.key))
        .collect();
    let leaf = Odd::leaf(&P256.issuing).make(&P256.leaf.key, &P256.issuing.key);
    assert!(check(&leaf, &namesakes, NOW).is_err());
    let mut pool = namesakes;
    pool[MAX_POOL - 1] = P256.issuing.certificate.clone();
    assert!(check(&leaf, &pool, NOW).is_ok());
    pool.push(P256.issuing.certificate.clone());
    assert!(matches!(check(&leaf, &pool, NOW), Err(ChainError::TooMany)));
    // Cross-signed authorities that all issue each other must end, not run.
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let circle = Holder { certificate: shape.make(&key, &key), key };
    let circles: Vec<Certificate> = (0..u8::try_from(MAX_POOL).unwrap())
        .map(|n| {
            let odd = Odd { serial: vec![n + 1], ..Odd::authority(&circle, "Issuing", None) };
            odd.make(&TestKey::generate(KeyAlgorithm::EcdsaP256), &circle.key)
        })
        .collect();
    assert!(check(&leaf, &circles, NOW).is_err());
}

/// Three keys of one name that certify each other in a circle: the paths multiply, so the budget ends the search.
#[test]
fn circles_of_cross_certificates_spend_the_budget() {
    let keys: Vec<TestKey> = (0..3).map(|_| TestKey::generate(KeyAlgorithm::EcdsaP256)).collect();
    let shape = Odd::authority(&P256.root, "Circle", None);
    let shape = Odd { issuer: name("Circle"), ..shape };
    let pool: Vec<Certificate> = (0..MAX_POOL)
        .map(|n| {
            let odd = Odd { serial: vec![u8::try_from(n).unwrap() + 1], ..shape.clone() };
            odd.make(keys.get(n % 3).unwrap(), keys.get((n + 1) % 3).unwrap())
        })
        .collect();
    let leaf = Odd { issuer: name("Circle"), ..Odd::leaf(&P256.issuing) };
    let leaf = leaf.make(&P256.leaf.key, keys.first().unwrap());
    assert!(matches!(check(&leaf, &pool, NOW), Err(ChainError::TooMany)));
}

#[test]
fn the_leaf_alone_or_under_itself_is_nothing() {
    assert!(matches!(check(&P256.leaf.certificate, &[], NOW), Err(ChainError::Untrusted(_))));
    let leaf = &P256.leaf.certificate;
    let itself = chain::verify(leaf, &[], std::slice::from_ref(leaf), Purpose::CodeSigning, NOW);
    assert!(itself.is_err());
}

#[test]
fn no_flipped_byte_of_leaf_or_issuer_is_ever_accepted() {
    let (leaf, issuing) = (&P256.leaf.certificate, &P256.issuing.certificate);
    for (victim, is_leaf) in [(leaf, true), (issuing, false)] {
        for position in 0..victim.as_der().len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut bytes = victim.as_der().to_vec();
                bytes[position] ^= mask;
                let Ok(altered) = Certificate::parse(&bytes) else { continue };
                let result = if is_leaf {
                    check(&altered, std::slice::from_ref(issuing), NOW)
                } else {
                    check(leaf, &[altered], NOW)
                };
                assert!(result.is_err(), "leaf {is_leaf}, position {position}, mask {mask:02x}");
            }
        }
        for length in 0..victim.as_der().len() {
            assert!(Certificate::parse(&victim.as_der()[..length]).is_err(), "{length}");
        }
        let longer = [victim.as_der(), &[0]].concat();
        assert!(Certificate::parse(&longer).is_err());
    }
}
