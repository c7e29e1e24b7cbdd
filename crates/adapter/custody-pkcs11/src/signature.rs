//! What a token is given to sign, and what its answer must be.

use chancery_core::algorithm::KeyAlgorithm;

/// DER of DigestInfo up to the digest, for SHA-256 (RFC 8017 §9.2, note 1). CKM_RSA_PKCS pads whatever it is given, so
/// the structure is built here and not by the token.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The input of the token's mechanism; `None` when the digest has the wrong size or the algorithm is not for tokens.
pub(crate) fn input(algorithm: KeyAlgorithm, digest: &[u8]) -> Option<Vec<u8>> {
    if digest.len() != algorithm.digest()?.size() {
        return None;
    }
    match algorithm {
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => Some(digest.to_vec()),
        KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => Some([&SHA256_INFO[..], digest].concat()),
        KeyAlgorithm::Ed25519 => None,
    }
}

/// The token's answer as the signature that everybody else knows; `None` when it cannot be one.
pub(crate) fn output(algorithm: KeyAlgorithm, answer: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => ecdsa(answer, 32),
        KeyAlgorithm::EcdsaP384 => ecdsa(answer, 48),
        KeyAlgorithm::Rsa3072 => (answer.len() == 384).then(|| answer.to_vec()),
        KeyAlgorithm::Rsa4096 => (answer.len() == 512).then(|| answer.to_vec()),
        KeyAlgorithm::Ed25519 => None,
    }
}

/// r ‖ s (PKCS#11 2.40 §2.3.1) to `30 len 02 len r 02 len s` (RFC 3279 §2.2.3). Tokens that shorten the two numbers, or
/// answer DER, are refused: with another length it is not known where r ends.
fn ecdsa(answer: &[u8], size: usize) -> Option<Vec<u8>> {
    let (r, s) = answer.split_at_checked(size)?;
    if s.len() != size {
        return None;
    }
    let content = [integer(r)?, integer(s)?].concat();
    // At most 2 * (2 + 1 + 48) = 102 bytes, so every length has one byte.
    let mut der = vec![0x30, u8::try_from(content.len()).ok().filter(|length| *length < 0x80)?];
    der.extend(content);
    Some(der)
}

/// A positive INTEGER (X.690 §8.3); zero is never part of a signature.
fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let magnitude = bytes.get(start..)?;
    let padding: &[u8] = if magnitude.first()? & 0x80 == 0 { &[] } else { &[0] };
    let length = u8::try_from(magnitude.len().saturating_add(padding.len())).ok()?;
    Some([&[0x02, length][..], padding, magnitude].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_testkit::conformance::signature::is_well_formed;

    /// Every count of leading zeros, with and without the top bit after them.
    fn numbers(size: usize) -> impl Iterator<Item = Vec<u8>> {
        (0..size).flat_map(move |zeros| {
            [0x01, 0x7f, 0x80, 0xff].map(|first| {
                let mut number = [vec![0; zeros], vec![first]].concat();
                number.resize(size, 0x5a);
                number
            })
        })
    }

    #[test]
    fn every_shape_of_r_and_s_becomes_der() {
        for (algorithm, size) in [(KeyAlgorithm::EcdsaP256, 32), (KeyAlgorithm::EcdsaP384, 48)] {
            for number in numbers(size) {
                for answer in [[number.clone(), vec![0xff; size]].concat(), [vec![1; size], number].concat()]
                {
                    let der = output(algorithm, &answer).unwrap();
                    assert!(is_well_formed(algorithm, &der), "{answer:02x?} became {der:02x?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_signature_is_refused() {
        for length in [0, 1, 62, 63, 65, 70, 72, 96, 128] {
            assert_eq!(output(KeyAlgorithm::EcdsaP256, &vec![1; length]), None, "{length}");
        }
        let zero = vec![0; 32];
        assert_eq!(output(KeyAlgorithm::EcdsaP256, &[zero.clone(), vec![1; 32]].concat()), None);
        assert_eq!(output(KeyAlgorithm::EcdsaP256, &[vec![1; 32], zero].concat()), None);
        for length in [0, 256, 383, 385, 512] {
            assert_eq!(output(KeyAlgorithm::Rsa3072, &vec![1; length]), None, "{length}");
        }
        assert_eq!(output(KeyAlgorithm::Ed25519, &[1; 64]), None);
    }

    #[test]
    fn only_digests_of_the_scheme_are_given_to_the_token() {
        assert_eq!(input(KeyAlgorithm::EcdsaP256, &[1; 32]).unwrap(), vec![1; 32]);
        assert_eq!(input(KeyAlgorithm::Rsa3072, &[1; 32]).unwrap().len(), 51);
        for (algorithm, size) in [
            (KeyAlgorithm::EcdsaP256, 48),
            (KeyAlgorithm::EcdsaP384, 32),
            (KeyAlgorithm::Rsa4096, 48),
            (KeyAlgorithm::Rsa4096, 20),
            (KeyAlgorithm::Ed25519, 32),
        ] {
            assert_eq!(input(algorithm, &vec![1; size]), None, "{algorithm} {size}");
        }
    }
}
