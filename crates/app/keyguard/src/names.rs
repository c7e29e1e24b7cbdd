//! The names of the keys that the service itself needs. Artifact keys may not take them.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::{InvalidId, KeyId};
use chancery_core::instance::InstanceKind;
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
    /// Signs the TUF repository.
    Tuf,
}

impl ServiceKey {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cosigner,
        Self::Ct,
        Self::Issuing,
        Self::Root,
        Self::Trust,
        Self::Tsa,
        Self::TsaRoot,
        Self::Tuf,
    ];

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
            Self::Tuf => "tuf",
        }
    }
    /// The name of the first key.
    pub fn id(self) -> Result<KeyId, InvalidId> {
        self.nth(1)
    }
    /// The name of the key of a generation, the first being 1: `chancery-tsa`, `chancery-tsa-2`.
    pub fn nth(self, generation: usize) -> Result<KeyId, InvalidId> {
        match generation {
            0 | 1 => KeyId::parse(&format!("{PREFIX}{}", self.suffix())),
            later => KeyId::parse(&format!("{PREFIX}{}-{later}", self.suffix())),
        }
    }
    /// What a key of this name is for, and of which generation it is. Only what has successors has generations.
    #[must_use]
    pub fn of(id: &KeyId) -> Option<(Self, usize)> {
        let name = id.as_str().strip_prefix(PREFIX)?;
        if let Some(first) = Self::ALL.into_iter().find(|key| key.suffix() == name) {
            return Some((first, 1));
        }
        let (suffix, generation) = name.rsplit_once('-')?;
        let generation: usize = generation.parse().ok().filter(|generation| *generation > 1)?;
        let key = [Self::Ct, Self::Issuing, Self::Tsa].into_iter().find(|key| key.suffix() == suffix)?;
        // `-02` would be a second name of `-2`.
        key.nth(generation).is_ok_and(|known| known == *id).then_some((key, generation))
    }
    /// What does the work of this kind of instance; the ledger's key is none of the keyguard's.
    #[must_use]
    pub const fn of_kind(kind: InstanceKind) -> Option<Self> {
        match kind {
            InstanceKind::Ca => Some(Self::Issuing),
            InstanceKind::Ct => Some(Self::Ct),
            InstanceKind::Ledger => None,
            InstanceKind::Tsa => Some(Self::Tsa),
        }
    }
    const fn family(self) -> Family {
        match self {
            Self::Cosigner => Family::Cosignature,
            Self::Ct => Family::Sct,
            Self::Issuing | Self::Root | Self::TsaRoot => Family::Certificate,
            Self::Trust => Family::Trust,
            Self::Tsa => Family::Timestamp,
            Self::Tuf => Family::Tuf,
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
            Self::Tuf => "signs the TUF repository that carries trust to clients",
        }
    }
    /// What the first key shall be.
    pub fn spec(self, environment: Environment) -> Result<KeySpec, InvalidId> {
        self.spec_of(1, environment)
    }
    /// What the key of a generation shall be.
    pub fn spec_of(self, generation: usize, environment: Environment) -> Result<KeySpec, InvalidId> {
        let algorithm = match self {
            Self::Cosigner | Self::Trust => KeyAlgorithm::Ed25519,
            Self::Ct | Self::Issuing | Self::Root | Self::Tsa | Self::TsaRoot | Self::Tuf => {
                KeyAlgorithm::EcdsaP256
            }
        };
        Ok(KeySpec {
            id: self.nth(generation)?,
            algorithm,
            family: self.family(),
            environment,
            owner: "chancery".to_owned(),
            purpose: self.purpose().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_generations_have_one_spelling() {
        let of = |name: &str| ServiceKey::of(&KeyId::parse(name).unwrap());
        assert_eq!(of("chancery-tsa"), Some((ServiceKey::Tsa, 1)));
        assert_eq!(of("chancery-tsa-root"), Some((ServiceKey::TsaRoot, 1)));
        assert_eq!(of("chancery-issuing-12"), Some((ServiceKey::Issuing, 12)));
        for other in
            ["chancery-tsa-1", "chancery-tsa-02", "chancery-tsa-0", "chancery-root-2", "chancery-x", "tsa-2"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
