//! The form of a JWS signature, checked before any arithmetic: its length, and the ranges of its numbers.
//!
//! ```text
//! ES256   r (32 bytes) || s (32 bytes)      big-endian, each 1 to n - 1 (FIPS 186-5 §6.4.2)
//! ES384   r (48 bytes) || s (48 bytes)
//! EdDSA   R (32 bytes) || S (32 bytes)      S little-endian, less than L (RFC 8032 §5.1.7)
//! RS256   one number as long as the modulus (RFC 8017 §8.2.2)
//! ```
//!
//! ATTACK: CVE-2022-21449 took r = s = 0 for a signature of anything. The provider refuses it too; here it is refused
//! by its own name, whatever the provider does. A high s is no attack: JWS allows it, and the use of a token does not
//! depend on its signature.

use crate::algorithm::JwsAlgorithm;

/// The order of P-256, big-endian (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of P-384, big-endian (SEC 2 §2.5.1).
const P384_ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
    0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
/// L, the order of Ed25519's base point, big-endian (RFC 8032 §5.1).
const ED25519_ORDER: [u8; 32] = [
    0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14,
    0xde, 0xf9, 0xde, 0xa2, 0xf7, 0x9c, 0xd6, 0x58, 0x12, 0x63, 0x1a, 0x5c, 0xf5, 0xd3, 0xed,
];

/// Why bytes are not a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongSignature {
    #[error("token's signature has another length than its algorithm's")]
    Length { found: usize, expected: usize, is_der: bool },
    #[error("token's signature holds a number that is zero or not below the order of its curve")]
    Range,
    #[error("token's signature is wrong")]
    Wrong,
}

/// Checks the form; `modulus` is the length of an RSA modulus in bytes and means nothing for other keys.
pub(crate) fn check_form(
    algorithm: JwsAlgorithm,
    modulus: usize,
    signature: &[u8],
) -> Result<(), WrongSignature> {
    let expected = match algorithm {
        JwsAlgorithm::EdDsa | JwsAlgorithm::Es256 => 64,
        JwsAlgorithm::Es384 => 96,
        JwsAlgorithm::Ps256 | JwsAlgorithm::Rs256 => modulus,
    };
    if signature.len() != expected {
        // Its whole head, not its first byte alone: one random signature in 256 begins like that.
        let is_der = matches!(signature, [0x30, rest, 0x02, ..] if usize::from(*rest).saturating_add(2) == signature.len());
        return Err(WrongSignature::Length { found: signature.len(), expected, is_der });
    }
    let (first, second) = signature.split_at_checked(expected / 2).unwrap_or((signature, &[]));
    let in_range = match algorithm {
        JwsAlgorithm::EdDsa => is_less(second.iter().rev(), &ED25519_ORDER),
        JwsAlgorithm::Es256 => is_scalar(first, &P256_ORDER) && is_scalar(second, &P256_ORDER),
        JwsAlgorithm::Es384 => is_scalar(first, &P384_ORDER) && is_scalar(second, &P384_ORDER),
        JwsAlgorithm::Ps256 | JwsAlgorithm::Rs256 => true,
    };
    if in_range { Ok(()) } else { Err(WrongSignature::Range) }
}

fn is_scalar<'a>(number: &'a [u8], order: &'a [u8]) -> bool {
    number.iter().any(|byte| *byte != 0) && is_less(number.iter(), order)
}

/// Compares big-endian numbers of one length; signatures are public, so it need not take constant time.
fn is_less<'a>(number: impl Iterator<Item = &'a u8>, order: &'a [u8]) -> bool {
    number.cmp(order.iter()) == std::cmp::Ordering::Less
}
