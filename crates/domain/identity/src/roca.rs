//! RSA moduli whose factors are easily found, known by their remainders: those with a small factor, and those of the
//! generator of CVE-2017-15361 (ROCA).
//!
//! A ROCA modulus is a power of 65537 modulo every small prime; a sound one is so for all 38 primes with a chance of
//! about 2^-27 at 512 bits and less for longer ones. Its factors can be computed, so tokens under it prove nothing.

/// The primes 3 to 167.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a prime of 3 to 167 divides a modulus, big-endian (NIST SP 800-56B r2 §6.4.2.2).
pub(crate) fn has_small_factor(modulus: &[u8]) -> bool {
    PRIMES.into_iter().any(|prime| remainder(modulus, prime) == 0)
}

/// Whether a modulus, big-endian, has the fingerprint.
pub(crate) fn is_weak(modulus: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| is_power_of_65537(remainder(modulus, prime), prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0_u32, |rest, byte| {
        rest.wrapping_mul(256).wrapping_add(u32::from(*byte)).checked_rem(prime).unwrap_or(0)
    })
}

fn is_power_of_65537(value: u32, prime: u32) -> bool {
    let mut power = 1_u32;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power =
            power.wrapping_mul(65_537_u32.checked_rem(prime).unwrap_or(0)).checked_rem(prime).unwrap_or(0);
    }
    false
}
