//! Every byte of an envelope matters.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::verdict::Outcome;

use crate::maker::{MANIFEST, Maker, Wish};

#[test]
fn every_flipped_byte_is_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    for kind in ["jws", "cose"] {
        let wish = Wish::image(kind).with("annotation.build", "7").with("expiry_seconds", "86400");
        let good = maker.sign(MANIFEST, &wish);
        assert_eq!(maker.judge(MANIFEST, &good).outcome(), Outcome::Verified, "{kind}");
        for at in 0..good.len() {
            for mask in [1 << (at % 8), 0x20, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= mask;
                assert_ne!(
                    maker.judge(MANIFEST, &bad).outcome(),
                    Outcome::Verified,
                    "{kind}: byte {at} ^ {mask:#04x}"
                );
            }
        }
    }
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    for kind in ["jws", "cose"] {
        let good = maker.sign(MANIFEST, &Wish::image(kind));
        for cut in 0..good.len() {
            assert_ne!(
                maker.judge(MANIFEST, &good[..cut]).outcome(),
                Outcome::Verified,
                "{kind}: cut at {cut}"
            );
        }
        for extra in [&b"\0"[..], b"x", b" ", b"\n", b"}", &[0; 4096], &good] {
            let longer = [&good, extra].concat();
            assert_ne!(maker.judge(MANIFEST, &longer).outcome(), Outcome::Verified, "{kind} + {extra:?}");
            let before = [extra, &good].concat();
            assert_ne!(maker.judge(MANIFEST, &before).outcome(), Outcome::Verified, "{extra:?} + {kind}");
        }
    }
}
