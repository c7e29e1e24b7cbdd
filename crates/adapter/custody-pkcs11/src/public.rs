//! Public keys: from a token's attributes to SubjectPublicKeyInfo.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use der::Encode as _;
use der::asn1::{BitString, UintRef};

/// `06 08 1.2.840.10045.3.1.7` (RFC 5480 §2.1.1.1).
pub(crate) const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `06 05 1.3.132.0.34`.
pub(crate) const P384: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// 65537, the only exponent that is accepted.
pub(crate) const EXPONENT: [u8; 3] = [1, 0, 1];

/// SPKI of P-256 up to the point.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// SPKI of P-384 up to the point.
const P384_SPKI: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// AlgorithmIdentifier of rsaEncryption with NULL parameters (RFC 3279 §2.3.1).
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// From CKA_EC_PARAMS and CKA_EC_POINT; `None` for other curves and for points that are not uncompressed or not on the
/// curve. The point is an OCTET STRING by the standard, but some tokens give it bare.
pub(crate) fn from_point(parameters: &[u8], point: &[u8]) -> Option<PublicKey> {
    let (algorithm, prefix, size) = if parameters == P256 {
        (KeyAlgorithm::EcdsaP256, &P256_SPKI[..], 65)
    } else if parameters == P384 {
        (KeyAlgorithm::EcdsaP384, &P384_SPKI[..], 97)
    } else {
        return None;
    };
    let wrapper = [0x04, u8::try_from(size).ok()?];
    let point = match point.strip_prefix(&wrapper) {
        Some(inside) if inside.len() == size => inside,
        Some(_) | None => point,
    };
    if point.len() != size || point.first() != Some(&0x04) {
        return None;
    }
    checked(algorithm, [prefix, point].concat())
}

/// From CKA_MODULUS and CKA_PUBLIC_EXPONENT; `None` for other sizes and exponents.
pub(crate) fn from_modulus(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    let modulus = without_zeros(modulus);
    let algorithm = match modulus.len() {
        384 => KeyAlgorithm::Rsa3072,
        512 => KeyAlgorithm::Rsa4096,
        _ => return None,
    };
    let full = modulus.first().is_some_and(|first| first & 0x80 != 0);
    if without_zeros(exponent) != EXPONENT || !full {
        return None;
    }
    let numbers = [UintRef::new(modulus).ok()?.to_der().ok()?, UintRef::new(&EXPONENT).ok()?.to_der().ok()?];
    let key = sequence(&numbers.concat())?;
    let bits = BitString::from_bytes(&key).ok()?.to_der().ok()?;
    checked(algorithm, sequence(&[&RSA_ALGORITHM[..], &bits].concat())?)
}

/// Takes an SPKI when it is a key of the algorithm: on its curve, or of its modulus' size.
pub(crate) fn checked(algorithm: KeyAlgorithm, spki: Vec<u8>) -> Option<PublicKey> {
    let (scheme, size): (&'static dyn VerificationAlgorithm, usize) = match algorithm {
        KeyAlgorithm::EcdsaP256 => (&ECDSA_P256_SHA256_ASN1, 91),
        KeyAlgorithm::EcdsaP384 => (&ECDSA_P384_SHA384_ASN1, 120),
        KeyAlgorithm::Rsa3072 => (&RSA_PKCS1_2048_8192_SHA256, 422),
        KeyAlgorithm::Rsa4096 => (&RSA_PKCS1_2048_8192_SHA256, 550),
        KeyAlgorithm::Ed25519 => return None,
    };
    if spki.len() != size || ParsedPublicKey::new(scheme, &spki).is_err() {
        return None;
    }
    Some(PublicKey { algorithm, spki })
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

fn sequence(content: &[u8]) -> Option<Vec<u8>> {
    let length = der::Length::try_from(content.len()).ok()?;
    let mut der = der::Header::new(der::Tag::Sequence, length).to_der().ok()?;
    der.extend_from_slice(content);
    Some(der)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_testkit::keys::TestKey;

    #[test]
    fn points_are_read_wrapped_and_bare() {
        for (algorithm, parameters, size) in
            [(KeyAlgorithm::EcdsaP256, &P256[..], 65u8), (KeyAlgorithm::EcdsaP384, &P384[..], 97)]
        {
            let key = TestKey::generate(algorithm).public_key();
            let bare = key.spki[key.spki.len() - usize::from(size)..].to_vec();
            let wrapped = [&[4, size][..], &bare].concat();
            assert_eq!(from_point(parameters, &bare).unwrap(), key);
            assert_eq!(from_point(parameters, &wrapped).unwrap(), key);
            for index in 0..bare.len() {
                let mut bad = bare.clone();
                bad[index] ^= 1;
                assert_eq!(from_point(parameters, &bad), None, "byte {index} leaves the curve");
                assert_eq!(from_point(parameters, &bare[..index]), None);
            }
            assert_eq!(from_point(&[0x05, 0x00], &bare), None);
            let other = if size == 65 { &P384[..] } else { &P256[..] };
            assert_eq!(from_point(other, &bare), None);
        }
    }

    #[test]
    fn moduli_are_read_with_and_without_a_leading_zero() {
        let key = TestKey::generate(KeyAlgorithm::Rsa3072).public_key();
        let modulus = key.spki[key.spki.len() - 5 - 384..key.spki.len() - 5].to_vec();
        assert_eq!(from_modulus(&modulus, &[1, 0, 1]).unwrap(), key);
        assert_eq!(from_modulus(&[&[0][..], &modulus].concat(), &[0, 1, 0, 1]).unwrap(), key);
        assert_eq!(from_modulus(&modulus, &[3]), None);
        assert_eq!(from_modulus(&modulus[1..], &[1, 0, 1]), None);
        assert_eq!(from_modulus(&modulus[..256], &[1, 0, 1]), None);
        assert_eq!(from_modulus(&[], &[]), None);
    }
}
