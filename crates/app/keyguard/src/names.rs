//! The names of the keys that the service itself needs. Artifact keys may not take them.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::{InvalidId, KeyId};
use chancery_core::port::custodian::KeySpec;

/// Prefix of every service key.
pub const PREFIX: &str = "chancery-";

/// A key that the service needs for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// Cosigns checkpoints.
    Cosigner,
    /// Makes SCTs.
    Ct,
    /// Signs leaves.
    Issuing,
    /// Signs the issuing CA.
    Root,
    /// Signs `trust.json`.
    Trust,
    /// Signs timestamps.
    Tsa,
    /// Signs the TSA's certificate.
    TsaRoot,
}

impl ServiceKey {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Cosigner, Self::Ct, Self::Issuing, Self::Root, Self::Trust, Self::Tsa, Self::TsaRoot];

    /// Its name without the prefix.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Cosigner => "cosigner",
            Self::Ct => "ct",
            Self::Issuing => "issuing",
            Self::Root => "root",
            Self::Trust => "trust",
            Self::Tsa => "tsa",
            Self::TsaRoot => "tsa-root",
        }
    }
    /// The key's name.
    pub fn id(self) -> Result<KeyId, InvalidId> {
        KeyId::parse(&format!("{PREFIX}{}", self.suffix()))
    }
    const fn family(self) -> Family {
        match self {
            Self::Cosigner => Family::Cosignature,
            Self::Ct => Family::Sct,
            Self::Issuing | Self::Root | Self::TsaRoot => Family::Certificate,
            Self::Trust => Family::Trust,
            Self::Tsa => Family::Timestamp,
        }
    }
    const fn purpose(self) -> &'static str {
        match self {
            Self::Cosigner => "cosigns every checkpoint of the ledger",
            Self::Ct => "promises that a precertificate is in the ledger",
            Self::Issuing => "issues code-signing certificates",
            Self::Root => "root of code signing",
            Self::Trust => "signs the trust snapshot that verifiers use",
            Self::Tsa => "signs timestamps",
            Self::TsaRoot => "root of time stamping",
        }
    }
    /// What it shall be.
    pub fn spec(self, environment: Environment) -> Result<KeySpec, InvalidId> {
        let algorithm = match self {
            Self::Cosigner | Self::Trust => KeyAlgorithm::Ed25519,
            Self::Ct | Self::Issuing | Self::Root | Self::Tsa | Self::TsaRoot => KeyAlgorithm::EcdsaP256,
        };
        Ok(KeySpec {
            id: self.id()?,
            algorithm,
            family: self.family(),
            environment,
            owner: "chancery".to_owned(),
            purpose: self.purpose().to_owned(),
        })
    }
}
