//! The numbers of RSA public keys (RFC 8017 A.1.1; CSBR 6.1.6).
//!
//! ```text
//! 30 82 01 8a  02 82 01 81 00 <n, 384 bytes>  02 03 010001        RSAPublicKey, 3072 bits
//! ```

use std::sync::LazyLock;

use crate::key::KeyError;
use crate::tlv;

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }: the size of the modulus in bits.
pub(crate) fn read_modulus(bits: &[u8]) -> Result<usize, KeyError> {
    let mut inner = tlv::only(bits, tlv::SEQUENCE).map_err(KeyError::Malformed)?;
    let modulus = inner.unsigned().map_err(KeyError::Malformed)?;
    let exponent = inner.unsigned().map_err(KeyError::Malformed)?;
    inner.finish().map_err(KeyError::Malformed)?;
    let leading = modulus.first().map_or(8, |first| first.leading_zeros());
    let size = modulus.len().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(8));
    if !(2048..=8192).contains(&size) {
        return Err(KeyError::Size(size));
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    // CSBR 6.1.6: an odd exponent of 3 or more; longer ones than 4 octets only slow verifiers down.
    let exponent_fits = is_odd(exponent) && exponent != [1] && exponent.len() <= 4;
    if !exponent_fits || !is_odd(modulus) || has_small_factor(modulus) {
        return Err(KeyError::Weak);
    }
    Ok(size)
}

/// A product of distinct odd primes below 2^31, and the quotient by which dividing by it is a multiplication (Barrett).
struct Divisor {
    product: u64,
    /// The quotient of 2^64 - 1 and the product.
    inverse: u64,
}

/// All odd primes below 752, in as few products as fit.
static SMALL_PRIMES: LazyLock<Vec<Divisor>> = LazyLock::new(|| {
    let is_prime = |number: &u64| !(2..28).any(|d| *number != d && number.is_multiple_of(d));
    let mut products = vec![1_u64];
    for prime in (3..752).filter(is_prime) {
        match products.last_mut() {
            Some(last) if *last * prime < 1 << 31 => *last *= prime,
            Some(_) | None => products.push(prime),
        }
    }
    products.into_iter().map(|product| Divisor { product, inverse: u64::MAX / product }).collect()
});

/// CSBR 6.1.6: the modulus has no factor below 752; it is odd already. One long division by each product.
fn has_small_factor(modulus: &[u8]) -> bool {
    let mut rests = vec![0_u64; SMALL_PRIMES.len()];
    for octets in modulus.rchunks(4).rev() {
        let limb = octets.iter().fold(0, |limb, octet| (limb << 8) | u64::from(*octet));
        for (rest, Divisor { product, inverse }) in rests.iter_mut().zip(SMALL_PRIMES.iter()) {
            // INVARIANT: the quotient is at most one too small, so the rest stays below twice the product, below 2^32.
            let number = (*rest << 32) | limb;
            let (_, quotient) = number.carrying_mul(*inverse, 0);
            *rest = number.wrapping_sub(quotient.wrapping_mul(*product));
        }
    }
    rests.into_iter().zip(SMALL_PRIMES.iter()).any(|(rest, divisor)| shares_factor(rest, divisor.product))
}

/// Whether the two have a common factor above 1 (Euclid).
fn shares_factor(mut one: u64, mut other: u64) -> bool {
    while let Some(rest) = other.checked_rem(one) {
        (one, other) = (rest, one);
    }
    other > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_factors_are_found() {
        let product = |a: u64, b: u128| (u128::from(a) * b).to_be_bytes();
        // 2^61 - 1 and 2^89 - 1 are primes.
        let (m61, m89) = ((1_u128 << 61) - 1, (1_u128 << 89) - 1);
        for factor in (3..752).step_by(2) {
            assert!(has_small_factor(&product(factor, m89)), "{factor}");
        }
        for factor in [1, 757, 761, 65537] {
            assert!(!has_small_factor(&product(factor, m89)), "{factor}");
            assert!(!has_small_factor(&product(factor, m61)), "{factor}");
        }
    }

    #[test]
    fn long_divisions_agree_with_plain_ones() {
        let mut state = 1_u64;
        let mut found = [0; 2];
        for length in 1..600 {
            let mut modulus: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .take(length)
            .collect();
            // Extremes reach the largest rests.
            modulus.extend(if length % 3 == 0 { [0xff; 9] } else { [0, 0, 0, 0, 0, 0, 0, 0, 1] });
            let divides =
                |d: &u32| modulus.iter().fold(0, |rest, octet| ((rest << 8) | u32::from(*octet)) % d) == 0;
            let plain = (3..752).step_by(2).any(|d| divides(&d));
            assert_eq!(has_small_factor(&modulus), plain, "{modulus:02x?}");
            found[usize::from(plain)] += 1;
        }
        assert!(found.into_iter().all(|count| count > 50), "{found:?}");
    }

    #[test]
    fn rsa_numbers_are_checked() {
        let rsa = |modulus: &[u8], exponent: &[u8]| {
            let numbers = [tlv::write_unsigned(modulus), tlv::write_unsigned(exponent)].concat();
            read_modulus(&tlv::write(tlv::SEQUENCE, &[&numbers]))
        };
        let mut modulus = vec![0xff; 256];
        while has_small_factor(&modulus) {
            let last = modulus.last_mut().unwrap();
            *last = last.wrapping_sub(2);
        }
        assert_eq!(rsa(&modulus, &[1, 0, 1]), Ok(2048));
        for exponent in [&[][..], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(rsa(&modulus, exponent), Err(KeyError::Weak), "{exponent:?}");
        }
        let mut even = modulus.clone();
        *even.last_mut().unwrap() -= 1;
        assert_eq!(rsa(&even, &[1, 0, 1]), Err(KeyError::Weak));
        assert_eq!(rsa(&modulus[1..], &[1, 0, 1]), Err(KeyError::Size(2040)));
        assert_eq!(rsa(&[0xff; 1025], &[1, 0, 1]), Err(KeyError::Size(8200)));
    }
}
