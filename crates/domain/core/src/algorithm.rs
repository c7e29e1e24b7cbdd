//! Key algorithms and the one signature scheme that each has here.

use std::fmt;

use crate::digest::DigestAlgorithm;

/// A key algorithm with its size. Each has exactly one signature scheme, see [`KeyAlgorithm::digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256, DER signatures (RFC 3279 §2.2.3).
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384, DER signatures.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// Ed25519 (RFC 8032), raw 64-byte signatures; ledger keys only.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// RSA 3072 with PKCS#1 v1.5 and SHA-256 (RFC 8017 §8.2).
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA 4096 with PKCS#1 v1.5 and SHA-256.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl KeyAlgorithm {
    /// All algorithms, in the order of their names.
    pub const ALL: [Self; 5] =
        [Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519, Self::Rsa3072, Self::Rsa4096];

    /// The stable name: `ecdsa-p256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }
    /// Finds an algorithm by its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
    /// The digest of its signature scheme; `None` where the whole message is signed (Ed25519).
    #[must_use]
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::EcdsaP256 | Self::Rsa3072 | Self::Rsa4096 => Some(DigestAlgorithm::Sha256),
            Self::EcdsaP384 => Some(DigestAlgorithm::Sha384),
            Self::Ed25519 => None,
        }
    }
    /// Whether it is RSA, of any size.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        match self {
            Self::Rsa3072 | Self::Rsa4096 => true,
            Self::EcdsaP256 | Self::EcdsaP384 | Self::Ed25519 => false,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A public key as SubjectPublicKeyInfo DER (RFC 5280 §4.1.2.7) with the algorithm that it was checked to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PublicKey {
    /// What kind of key it is.
    pub algorithm: KeyAlgorithm,
    /// SubjectPublicKeyInfo, DER.
    #[serde(with = "crate::order::base64_bytes")]
    pub spki: Vec<u8>,
}
