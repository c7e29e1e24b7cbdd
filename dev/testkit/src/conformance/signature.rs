//! Whether signature bytes are right, and whether they have the one form that the scheme allows.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::warrant::ToBeSigned;

/// Verifies with the provider, as the one scheme of the key's algorithm says.
#[must_use]
pub fn verifies(key: &PublicKey, to_be_signed: &ToBeSigned, signature: &[u8]) -> bool {
    let scheme: &'static dyn VerificationAlgorithm = match key.algorithm {
        KeyAlgorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcdsaP384 => &ECDSA_P384_SHA384_ASN1,
        KeyAlgorithm::Ed25519 => &ED25519,
        KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let key = UnparsedPublicKey::new(scheme, &key.spki);
    match to_be_signed {
        ToBeSigned::Message(message) => key.verify(message, signature).is_ok(),
        ToBeSigned::Prehashed(algorithm, digest) => Digest::import_less_safe(digest, algorithm.provider())
            .is_ok_and(|digest| key.verify_digest(&digest, signature).is_ok()),
    }
}

/// Whether the bytes have the form that the scheme gives them: DER with minimal positive integers for ECDSA, the
/// modulus' size for RSA, 64 bytes for Ed25519.
#[must_use]
pub fn is_well_formed(algorithm: KeyAlgorithm, signature: &[u8]) -> bool {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => is_ecdsa_der(signature, 32),
        KeyAlgorithm::EcdsaP384 => is_ecdsa_der(signature, 48),
        KeyAlgorithm::Ed25519 => signature.len() == 64,
        KeyAlgorithm::Rsa3072 => signature.len() == 384,
        KeyAlgorithm::Rsa4096 => signature.len() == 512,
    }
}

/// `30 len 02 len r 02 len s`; every length is below 128 for the curves that exist here.
fn is_ecdsa_der(bytes: &[u8], size: usize) -> bool {
    let Some((&[0x30, length], content)) = bytes.split_first_chunk::<2>() else {
        return false;
    };
    usize::from(length) == content.len()
        && length < 0x80
        && integer(content, size).and_then(|rest| integer(rest, size)).is_some_and(<[u8]>::is_empty)
}

/// Takes one minimal positive INTEGER of at most `size` bytes of magnitude off the front (X.690 §8.3).
fn integer(bytes: &[u8], size: usize) -> Option<&[u8]> {
    let (&[tag, length], content) = bytes.split_first_chunk::<2>()?;
    let (value, rest) = content.split_at_checked(usize::from(length))?;
    let minimal = match value {
        [] => false,
        [0, second, ..] => *second >= 0x80,
        [first, ..] => (1..0x80).contains(first),
    };
    let magnitude = value.strip_prefix(&[0]).unwrap_or(value);
    (tag == 0x02 && minimal && magnitude.len() <= size).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_der_is_der() {
        let good: &[u8] = &[0x30, 6, 2, 1, 1, 2, 1, 0x7f];
        assert!(is_ecdsa_der(good, 32));
        let bad: [&[u8]; 8] = [
            &[],
            &[0x30],
            &[0x31, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 7, 2, 1, 1, 2, 1, 1],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0, 2, 1, 1],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
        ];
        for bytes in bad {
            assert!(!is_ecdsa_der(bytes, 32), "{bytes:02x?}");
        }
        assert!(!is_ecdsa_der(&[0x30, 7, 2, 2, 1, 1, 2, 1, 1], 1));
    }
}
