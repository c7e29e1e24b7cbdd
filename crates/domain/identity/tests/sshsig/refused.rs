//! Signatures: every changed byte, cut and addition is refused, and every lie has its own reason.

use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_identity::sshsig::APPROVAL;
use chancery_identity::sshsig::key::SshPublicKey;
use chancery_identity::sshsig::signature::{InvalidSshSignature, Presence, SshSignature};
use chancery_testkit::ssh::{SshTestKey, Wish, armour, mpint, string};

use crate::{MESSAGE, NAMESPACE, verify};

const WISH: Wish<'_> = Wish { namespace: NAMESPACE, hash: DigestAlgorithm::Sha512, message: MESSAGE };

#[test]
fn every_kind_and_hash_is_verified() {
    for kind in SshTestKey::KINDS {
        for hash in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512] {
            let key = SshTestKey::generate(kind);
            let verified = verify(&key.line(), &key.sign_binary(Wish { hash, ..WISH })).unwrap();
            assert_eq!(verified.key().blob(), key.blob());
            assert_eq!(verified.message(), Sha256::of(MESSAGE));
            let expected = if kind.starts_with("sk-") { Presence::Touched } else { Presence::NotShown };
            assert_eq!(verified.presence(), expected);
        }
    }
}

#[test]
fn every_flipped_bit_cut_and_addition_is_refused() {
    for kind in SshTestKey::KINDS {
        let key = SshTestKey::generate(kind);
        let (line, good) = (key.line(), key.sign_binary(WISH));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut changed = good.clone();
                changed[at] ^= 1 << bit;
                assert!(verify(&line, &changed).is_err(), "{kind}: byte {at}, bit {bit}");
            }
            assert!(verify(&line, &good[..at]).is_err(), "{kind}: cut at {at}");
        }
        assert!(verify(&line, &[good.as_slice(), b"\0"].concat()).is_err(), "{kind}: appended");
        assert!(verify(&line, &good.repeat(2)).is_err(), "{kind}: twice");
    }
}

#[test]
fn every_changed_character_of_the_armour_is_refused() {
    let key = SshTestKey::ed25519();
    let public = SshPublicKey::parse_line(&key.line()).unwrap();
    let good = key.sign(NAMESPACE, MESSAGE);
    let accepted = |text: &str| {
        SshSignature::parse_armoured(text).is_ok_and(|sig| sig.verify(&public, NAMESPACE, MESSAGE).is_ok())
    };
    assert!(accepted(&good) && accepted(good.trim_end()));
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut changed = good.clone().into_bytes();
            changed[at] ^= 1 << bit;
            assert!(!accepted(std::str::from_utf8(&changed).unwrap()), "character {at}, bit {bit}");
        }
        assert!(at + 1 == good.len() || !accepted(good.get(..at).unwrap()), "cut at {at}");
    }
    for bad in [format!("{good}\n"), format!("{good}{good}"), format!(" {good}"), good.replace('\n', "\r\n")]
    {
        assert!(!accepted(&bad), "{bad}");
    }
}

#[test]
fn each_lie_has_its_reason() {
    let key = SshTestKey::ed25519();
    let line = key.line();
    let of = |binary: &[u8]| verify(&line, binary).unwrap_err();
    let elsewhere = key.sign_binary(Wish { namespace: APPROVAL, ..WISH });
    assert!(matches!(of(&elsewhere), InvalidSshSignature::Namespace { .. }));
    let other = SshTestKey::ed25519();
    assert!(matches!(of(&other.sign_binary(WISH)), InvalidSshSignature::OtherKey(_)));
    assert_eq!(of(&key.sign_binary(Wish { message: b"other", ..WISH })), InvalidSshSignature::Untrue);
    let sha384 = key.sign_binary(Wish { hash: DigestAlgorithm::Sha384, ..WISH });
    assert_eq!(of(&sha384), InvalidSshSignature::Hash("sha384".to_owned()));
    assert!(matches!(of(&[0; 9000]), InvalidSshSignature::Size(9000)));
    let mut version = key.sign_binary(WISH);
    version[9] = 2;
    assert_eq!(of(&version), InvalidSshSignature::Version(2));
    let armoured = armour(&key.sign_binary(WISH)).replace("SSH SIGNATURE", "PGP SIGNATURE");
    assert_eq!(SshSignature::parse_armoured(&armoured).unwrap_err(), InvalidSshSignature::Armour);
}

/// Puts a signature together from its fields.
fn put_together(key: &SshTestKey, namespace: &[u8], reserved: &[u8], inner: &[u8]) -> Vec<u8> {
    let fields = [string(&key.blob()), string(namespace), string(reserved), string(b"sha512"), string(inner)];
    [b"SSHSIG\0\0\0\x01".to_vec(), fields.concat()].concat()
}

#[test]
fn fields_that_mean_nothing_here_are_refused() {
    let key = SshTestKey::ed25519();
    let line = key.line();
    let inner = [string(b"ssh-ed25519"), string(&[1; 64])].concat();
    let of = |binary: &[u8]| verify(&line, binary).unwrap_err();
    assert_eq!(of(&put_together(&key, NAMESPACE.as_bytes(), b"x", &inner)), InvalidSshSignature::Reserved);
    for namespace in [&b""[..], b"a b", b"a\0", &[b'a'; 129]] {
        let refused = of(&put_together(&key, namespace, b"", &inner));
        assert!(matches!(refused, InvalidSshSignature::Malformed(_)), "{namespace:?}");
    }
    for scheme in ["rsa-sha2-512", "ssh-rsa", "ecdsa-sha2-nistp256", "", "sk-ssh-ed25519@openssh.com"] {
        let inner = [string(scheme.as_bytes()), string(&[1; 64])].concat();
        let refused = of(&put_together(&key, NAMESPACE.as_bytes(), b"", &inner));
        assert_eq!(refused, InvalidSshSignature::Scheme(scheme.to_owned()));
    }
    let ecdsa = SshTestKey::generate("ecdsa-sha2-nistp256");
    for value in [[mpint(&[1; 32]), string(b"")].concat(), [mpint(&[1; 33]), mpint(&[1; 32])].concat()] {
        let inner = [string(b"ecdsa-sha2-nistp256"), string(&value)].concat();
        let binary = put_together(&ecdsa, NAMESPACE.as_bytes(), b"", &inner);
        assert!(matches!(verify(&ecdsa.line(), &binary), Err(InvalidSshSignature::Malformed(_))));
    }
}

#[test]
fn a_security_key_must_have_been_touched() {
    for kind in ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"] {
        let mut key = SshTestKey::generate(kind);
        for (flags, expected) in
            [(0, None), (4, None), (1, Some(Presence::Touched)), (5, Some(Presence::Verified))]
        {
            key.touch.flags = flags;
            let verified = verify(&key.line(), &key.sign_binary(WISH));
            match expected {
                None => assert_eq!(verified.unwrap_err(), InvalidSshSignature::Presence),
                Some(presence) => assert_eq!(verified.unwrap().presence(), presence),
            }
        }
    }
}
