//! Signature algorithms: one for each kind of key (Notary signature specification, "Algorithm Selection").
//!
//! ```text
//! P-256     ES256  -7      RSA 2048  PS256  -37
//! P-384     ES384  -35     RSA 3072  PS384  -38
//!                          RSA 4096  PS512  -39
//! ```
//! ECDSA signatures are `r || s`, each of the size of the curve; keys sign DER (RFC 3279 §2.2.3), so they are converted
//! in both directions.

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::DigestAlgorithm;
use chancery_x509::key::{KeyError, KeyKind, VerifyingKey};
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tlv;

use super::malformed;
use crate::seam::FormatError;

/// An algorithm that envelopes may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PSS with SHA-256: keys of 2048 bits.
    Ps256,
    /// RSASSA-PSS with SHA-384: keys of 3072 bits.
    Ps384,
    /// RSASSA-PSS with SHA-512: keys of 4096 bits.
    Ps512,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Ps256, Self::Ps384, Self::Ps512];

    /// The one algorithm of a key; `None` where the Notary Project has none for it.
    #[must_use]
    pub const fn of(key: KeyKind) -> Option<Self> {
        match key {
            KeyKind::P256 => Some(Self::Es256),
            KeyKind::P384 => Some(Self::Es384),
            KeyKind::Rsa(2048) => Some(Self::Ps256),
            KeyKind::Rsa(3072) => Some(Self::Ps384),
            KeyKind::Rsa(4096) => Some(Self::Ps512),
            KeyKind::Ed25519 | KeyKind::Rsa(_) => None,
        }
    }
    /// The algorithm that one of our own keys signs with. RSA keys of this service sign PKCS #1 v1.5, which envelopes do
    /// not have.
    pub fn of_signer(key: &PublicKey) -> Result<Self, FormatError> {
        match key.algorithm {
            KeyAlgorithm::EcdsaP256 => Ok(Self::Es256),
            KeyAlgorithm::EcdsaP384 => Ok(Self::Es384),
            other @ (KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) => {
                Err(FormatError::Unsupported(format!("key algorithm `{other}` in format `notary`")))
            }
        }
    }
    /// Its name in a JWS (RFC 7518 §3.1).
    #[must_use]
    pub const fn jws(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }
    /// Its number in COSE (RFC 9053 §2.1, RFC 8230 §2).
    #[must_use]
    pub const fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::Ps256 => -37,
            Self::Ps384 => -38,
            Self::Ps512 => -39,
        }
    }
    /// Finds an algorithm by its name in a JWS.
    #[must_use]
    pub fn from_jws(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.jws() == name)
    }
    /// Finds an algorithm by its number in COSE.
    #[must_use]
    pub fn from_cose(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.cose() == number)
    }
    /// Its digest.
    #[must_use]
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::Es256 | Self::Ps256 => DigestAlgorithm::Sha256,
            Self::Es384 | Self::Ps384 => DigestAlgorithm::Sha384,
            Self::Ps512 => DigestAlgorithm::Sha512,
        }
    }
    /// Size of `r` and of `s` in bytes; `None` for RSA.
    const fn half(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Ps256 | Self::Ps384 | Self::Ps512 => None,
        }
    }

    /// The signature as envelopes carry it, from the one that a key made.
    pub fn to_envelope(self, made: &[u8]) -> Result<Vec<u8>, FormatError> {
        let Some(half) = self.half() else { return Ok(made.to_vec()) };
        let broken = || FormatError::Parts("signature is not the DER of two integers".to_owned());
        let mut pair = tlv::only(made, tlv::SEQUENCE).map_err(|_| broken())?;
        let mut out = Vec::with_capacity(half.saturating_mul(2));
        for _ in 0..2 {
            let magnitude = pair.unsigned().map_err(|_| broken())?;
            let padding = half.checked_sub(magnitude.len()).ok_or_else(broken)?;
            out.resize(out.len().saturating_add(padding), 0);
            out.extend_from_slice(magnitude);
        }
        pair.finish().map_err(|_| broken())?;
        Ok(out)
    }
    /// The signature as keys make it, from the one that an envelope carries.
    pub fn from_envelope(self, carried: &[u8]) -> Result<Vec<u8>, FormatError> {
        let Some(half) = self.half() else { return Ok(carried.to_vec()) };
        let (r, s) = carried.split_at_checked(half).ok_or_else(|| malformed("signature is too short"))?;
        if s.len() != half {
            return Err(malformed(format!("signature of {} bytes", carried.len())));
        }
        Ok(tlv::write(tlv::SEQUENCE, &[&tlv::write_unsigned(r), &tlv::write_unsigned(s)]))
    }
    /// Verifies what an envelope carries. The algorithm is the key's own, never another that the envelope names.
    pub fn verify(self, key: &VerifyingKey, message: &[u8], carried: &[u8]) -> Result<(), KeyError> {
        if Self::of(key.kind()) != Some(self) {
            return Err(KeyError::Mismatch);
        }
        match self {
            Self::Es256 | Self::Es384 => {
                let signature = self.from_envelope(carried).map_err(|_| KeyError::WrongSignature)?;
                key.verify(SignatureScheme::Ecdsa(self.digest()), message, &signature)
            }
            Self::Ps256 | Self::Ps384 | Self::Ps512 => key.verify_pss(self.digest(), message, carried),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_testkit::keys::TestKey;

    #[test]
    fn signatures_come_back_as_they_were() {
        for (key, algorithm) in
            [(KeyAlgorithm::EcdsaP256, Algorithm::Es256), (KeyAlgorithm::EcdsaP384, Algorithm::Es384)]
        {
            let key = TestKey::generate(key);
            let verifying = VerifyingKey::parse(&key.public_key().spki).unwrap();
            for message in 0..32_u8 {
                let made = key.sign(&[message]);
                let carried = algorithm.to_envelope(&made).unwrap();
                assert_eq!(algorithm.from_envelope(&carried).unwrap(), made);
                assert_eq!(algorithm.verify(&verifying, &[message], &carried), Ok(()));
                assert!(algorithm.verify(&verifying, &[message ^ 1], &carried).is_err());
                assert!(
                    algorithm.verify(&verifying, &[message], &made).is_err(),
                    "DER is not what envelopes carry"
                );
                assert!(algorithm.from_envelope(&carried[1..]).is_err());
            }
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(other.verify(&verifying, b"x", &[0; 64]), Err(KeyError::Mismatch));
            }
        }
    }

    #[test]
    fn names_and_numbers_are_distinct() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_jws(algorithm.jws()), Some(algorithm));
            assert_eq!(Algorithm::from_cose(algorithm.cose()), Some(algorithm));
        }
        for name in ["none", "HS256", "RS256", "es256", ""] {
            assert_eq!(Algorithm::from_jws(name), None, "{name}");
        }
    }
}
