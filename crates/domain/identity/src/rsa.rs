//! The numbers of RSA public keys, whatever format brought them: sound, or not a key.

use aws_lc_rs::signature::{ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};

use crate::roca;

/// Longest modulus in bits.
const MOST_BITS: usize = 8192;

/// A modulus and an exponent, both big-endian without leading zeros.
#[derive(Debug, Clone)]
pub(crate) struct RsaNumbers {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl RsaNumbers {
    /// Takes numbers that can be a key of `least_bits` to 8192 bits. Nothing else is: a ROCA modulus or one with a
    /// factor under 168, an exponent that is even, under 65537 or over 64 bits, a leading zero.
    pub(crate) fn parse(n: &[u8], e: &[u8], least_bits: usize) -> Option<Self> {
        let leading = n.first().copied().unwrap_or(0);
        let bits =
            n.len().saturating_mul(8).saturating_sub(usize::try_from(leading.leading_zeros()).unwrap_or(8));
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        // NIST SP 800-56B r2 §6.2: an odd exponent over 2^16; nobody needs more than 64 bits.
        let exponent = e.iter().fold(0_u64, |value, byte| value.wrapping_shl(8) | u64::from(*byte));
        let exponent_is_sound = e.len() <= 8 && e.first() != Some(&0) && exponent >= 65_537 && is_odd(e);
        let modulus_is_sound = leading != 0
            && (least_bits..=MOST_BITS).contains(&bits)
            && is_odd(n)
            && !roca::has_small_factor(n)
            && !roca::is_weak(n);
        (exponent_is_sound && modulus_is_sound).then(|| Self { n: n.to_vec(), e: e.to_vec() })
    }
    /// The key for one scheme; none where the provider refuses it.
    pub(crate) fn key(&self, parameters: &'static RsaParameters) -> Option<ParsedPublicKey> {
        RsaPublicKeyComponents { n: &self.n, e: &self.e }.to_parsed_public_key(parameters).ok()
    }
    /// The modulus; a signature is as long.
    pub(crate) fn modulus(&self) -> &[u8] {
        &self.n
    }
}
