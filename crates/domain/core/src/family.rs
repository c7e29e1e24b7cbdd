//! Families of signed bytes. A key belongs to exactly one, so that no signature can be carried into another format.

use std::fmt;

use crate::algorithm::KeyAlgorithm;

/// What kind of bytes a key may sign, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// TBSCertificate and TBSCertList of the built-in CA.
    Certificate,
    /// CMS signed attributes (RFC 5652 §5.4): Authenticode and detached CMS.
    Cms,
    /// A checkpoint cosignature (C2SP tlog-cosignature).
    Cosignature,
    /// The artifact's own bytes, by digest: `cosign verify-blob`.
    Message,
    /// DSSE whose in-toto statement the keyguard builds from verified claims.
    ProvenanceDsse,
    /// Signed certificate timestamps (RFC 6962 §3.2).
    Sct,
    /// RFC 3161 tokens: CMS signed attributes over a TSTInfo.
    Timestamp,
    /// `trust.json`: a signed note over the hash of a trust snapshot.
    Trust,
}

impl Family {
    /// All families, in the order of their names.
    pub const ALL: [Self; 8] = [
        Self::Certificate,
        Self::Cms,
        Self::Cosignature,
        Self::Message,
        Self::ProvenanceDsse,
        Self::Sct,
        Self::Timestamp,
        Self::Trust,
    ];

    /// The stable name: `provenance-dsse`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Cms => "cms",
            Self::Cosignature => "cosignature",
            Self::Message => "message",
            Self::ProvenanceDsse => "provenance-dsse",
            Self::Sct => "sct",
            Self::Timestamp => "timestamp",
            Self::Trust => "trust",
        }
    }
    /// Finds a family by its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
    /// Whether keys of this family sign what callers ask for, rather than what the service itself needs.
    #[must_use]
    pub const fn is_for_artifacts(self) -> bool {
        match self {
            Self::Cms | Self::Message | Self::ProvenanceDsse => true,
            Self::Certificate | Self::Cosignature | Self::Sct | Self::Timestamp | Self::Trust => false,
        }
    }
    /// Whether a key of this algorithm is of use here. The universal Sigstore profile is P-256 only: any other
    /// algorithm loses at least one mainstream client.
    #[must_use]
    pub const fn accepts(self, algorithm: KeyAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Cosignature | Self::Trust, KeyAlgorithm::Ed25519) => true,
            (Self::Cosignature | Self::Trust, _) | (_, KeyAlgorithm::Ed25519) => false,
            (Self::Message | Self::ProvenanceDsse | Self::Sct, algorithm) => {
                matches!(algorithm, KeyAlgorithm::EcdsaP256)
            }
            (Self::Certificate | Self::Cms | Self::Timestamp, _) => true,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
