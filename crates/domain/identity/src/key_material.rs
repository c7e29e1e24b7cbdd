//! From the members of a JWK to a key that may verify: lengths, ranges, and keys that are known to prove nothing.

use aws_lc_rs::signature::ParsedPublicKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::algorithm::{JwsAlgorithm, KeyShape};
use crate::json::{Json, Object};
use crate::jwk::Ignored;
use crate::rsa::RsaNumbers;
use crate::small_order;

/// Shortest RSA modulus of an issuer in bits (RFC 7518 §3.3).
const LEAST_BITS: usize = 2048;

/// A key, and the length of its modulus in bytes where it is RSA.
#[derive(Clone)]
pub(crate) struct Material {
    pub(crate) key: ParsedPublicKey,
    pub(crate) modulus: usize,
}

/// Reads the key that a JWK holds for an algorithm that fits its type.
pub(crate) fn parse(algorithm: JwsAlgorithm, jwk: &Object) -> Result<Material, Ignored> {
    let bytes = |name: &str| {
        let text = jwk.get(name).and_then(Json::as_str).ok_or(Ignored::Weak)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| Ignored::Weak)
    };
    let raw = match algorithm.shape() {
        KeyShape::Curve { coordinate, .. } => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != coordinate || y.len() != coordinate {
                return Err(Ignored::Weak);
            }
            // SEC 1 §2.3.3: an uncompressed point starts with 4.
            [vec![4], x, y].concat()
        }
        KeyShape::Ed25519 => {
            let x = <[u8; 32]>::try_from(bytes("x")?).map_err(|_| Ignored::Weak)?;
            if small_order::is_weak(x) {
                return Err(Ignored::Weak);
            }
            x.to_vec()
        }
        KeyShape::Rsa(parameters) => {
            let numbers = RsaNumbers::parse(&bytes("n")?, &bytes("e")?, LEAST_BITS).ok_or(Ignored::Weak)?;
            let key = numbers.key(parameters).ok_or(Ignored::Weak)?;
            return Ok(Material { key, modulus: numbers.modulus().len() });
        }
    };
    let key = ParsedPublicKey::new(algorithm.provider(), raw).map_err(|_| Ignored::Weak)?;
    Ok(Material { key, modulus: 0 })
}
