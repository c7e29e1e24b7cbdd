//! Hostile bytes: parsers are total, and what they accept they accept in one spelling only.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(dead_code, reason = "the shared world")]

mod world;

use std::sync::LazyLock;

use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{self, Crl, Revocation, RevocationReason};
use chancery_x509::key::VerifyingKey;
use chancery_x509::name::Name;
use chancery_x509::profile::draft::Issuer;
use chancery_x509::profile::identity_leaf;
use chancery_x509::serial::Serial;
use chancery_x509::tlv::Reader;
use chancery_x509::{fulcio, sct};
use proptest::prelude::*;
use world::{NOW, P256, days};

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let issuer = Issuer::of(&P256.issuing.certificate).unwrap();
    let entry = Revocation {
        serial: Serial::new(&[5]).unwrap(),
        since: NOW,
        reason: RevocationReason::KeyCompromise,
    };
    let tbs = crl::tbs(&issuer, days(-1, 6), 1, &[entry]).unwrap();
    let list = crl::assemble(&tbs, issuer.algorithm(), &P256.issuing.key.sign(&tbs)).unwrap();
    vec![
        P256.root.certificate.as_der().to_vec(),
        P256.leaf.certificate.as_der().to_vec(),
        list.as_der().to_vec(),
        P256.leaf.certificate.spki().to_vec(),
        P256.leaf.certificate.subject().as_der().to_vec(),
    ]
});

/// Every reader of the crate, on the same bytes.
fn read_all(bytes: &[u8]) {
    let _any = Reader::new(bytes).any();
    let _key = VerifyingKey::parse(bytes);
    let _rest = identity_leaf::without_sct_list(bytes);
    if let Ok(name) = Name::parse(bytes) {
        assert_eq!(name.as_der(), bytes);
        assert!(!name.to_string().chars().any(char::is_control));
    }
    if let Ok(list) = Crl::parse(bytes) {
        assert_eq!(list.as_der(), bytes);
    }
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert_eq!(certificate.as_der(), bytes);
        let _claims = fulcio::claims(&certificate);
        let _timestamps = sct::read(&certificate);
        let _shown = format!("{certificate:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn altered_structures_never_panic(
        seed in 0_usize..5,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut bytes = SEEDS.get(seed).unwrap().clone();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(&bytes);
    }
}

#[test]
fn sizes_and_depths_are_bounded() {
    let nested = std::iter::repeat_n([0x30, 0x80], 20_000).flatten().collect::<Vec<u8>>();
    assert!(Certificate::parse(&nested).is_err());
    let huge = [&[0x30, 0x84, 0x0f, 0xff, 0xff, 0xff][..], &vec![0; 100_000]].concat();
    assert!(Certificate::parse(&huge).is_err());
    assert!(Name::parse(&huge).is_err());
    let wide = [&[0x30, 0x82, 0x40, 0x00][..], &vec![0x31; 16_384]].concat();
    assert!(Certificate::parse(&wide).is_err());
}
