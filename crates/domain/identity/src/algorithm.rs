//! The JWS algorithms that an issuer may be registered with (RFC 7518 §3.1, RFC 8037 §3.1).
//!
//! `none`, every HMAC and every SHA-1 scheme are absent: what cannot be named cannot be accepted.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, VerificationAlgorithm,
};

/// A signature algorithm by its JOSE name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JwsAlgorithm {
    /// Ed25519 only; Ed448 is not offered.
    EdDsa,
    /// ECDSA on P-256 with SHA-256; r and s as 64 bytes.
    Es256,
    /// ECDSA on P-384 with SHA-384; r and s as 96 bytes.
    Es384,
    /// RSA-PSS with SHA-256, salt of 32 bytes.
    Ps256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
}

/// What kind of key an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyShape {
    /// A point: JWK curve name and bytes per coordinate.
    Curve { name: &'static str, coordinate: usize },
    /// An Ed25519 key.
    Ed25519,
    /// A modulus and an exponent.
    Rsa(&'static RsaParameters),
}

impl JwsAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [Self::EdDsa, Self::Es256, Self::Es384, Self::Ps256, Self::Rs256];

    /// The JOSE name: `ES256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }
    /// Finds an algorithm by its JOSE name, case-sensitively (RFC 7515 §4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
    pub(crate) fn shape(self) -> KeyShape {
        match self {
            Self::EdDsa => KeyShape::Ed25519,
            Self::Es256 => KeyShape::Curve { name: "P-256", coordinate: 32 },
            Self::Es384 => KeyShape::Curve { name: "P-384", coordinate: 48 },
            Self::Ps256 => KeyShape::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::Rs256 => KeyShape::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        }
    }
    pub(crate) fn provider(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EdDsa => &ED25519,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
