//! Families of signed bytes. A key belongs to exactly one, so that no signature can be carried into another format.

use std::fmt;

use crate::algorithm::KeyAlgorithm;

/// What kind of bytes a key may sign, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// TBSCertificate and TBSCertList of the built-in CA.
    Certificate,
    /// DSSE whose predicate the caller supplied: a claim, labelled so.
    ClaimedDsse,
    /// CMS signed attributes (RFC 5652 §5.4): Authenticode and detached CMS.
    Cms,
    /// A checkpoint cosignature (C2SP tlog-cosignature).
    Cosignature,
    /// The artifact's own bytes, by digest: `cosign verify-blob`.
    Message,
    /// Notary Project envelopes: JWS and COSE over a descriptor.
    Notary,
    /// DSSE whose in-toto statement the keyguard builds from verified claims.
    ProvenanceDsse,
    /// Signed certificate timestamps (RFC 6962 §3.2).
    Sct,
    /// The simple signing payload of a container image: `sha256-….sig` beside it.
    SimpleSigning,
    /// RFC 3161 tokens: CMS signed attributes over a TSTInfo.
    Timestamp,
    /// `trust.json`: a signed note over the hash of a trust snapshot.
    Trust,
    /// Roles of the TUF repository that carries trust to clients.
    Tuf,
    /// DSSE over what this service's verifier found (VSA, SVR): never the identity that releases.
    VerifierDsse,
}

impl Family {
    /// All families, in the order of their names.
    pub const ALL: [Self; 13] = [
        Self::Certificate,
        Self::ClaimedDsse,
        Self::Cms,
        Self::Cosignature,
        Self::Message,
        Self::Notary,
        Self::ProvenanceDsse,
        Self::Sct,
        Self::SimpleSigning,
        Self::Timestamp,
        Self::Trust,
        Self::Tuf,
        Self::VerifierDsse,
    ];

    /// The stable name: `provenance-dsse`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::ClaimedDsse => "claimed-dsse",
            Self::Cms => "cms",
            Self::Cosignature => "cosignature",
            Self::Message => "message",
            Self::Notary => "notary",
            Self::ProvenanceDsse => "provenance-dsse",
            Self::Sct => "sct",
            Self::SimpleSigning => "simple-signing",
            Self::Timestamp => "timestamp",
            Self::Trust => "trust",
            Self::Tuf => "tuf",
            Self::VerifierDsse => "verifier-dsse",
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
            Self::ClaimedDsse
            | Self::Cms
            | Self::Message
            | Self::Notary
            | Self::ProvenanceDsse
            | Self::SimpleSigning
            | Self::VerifierDsse => true,
            Self::Certificate | Self::Cosignature | Self::Sct | Self::Timestamp | Self::Trust | Self::Tuf => {
                false
            }
        }
    }
    /// Whether its signatures travel in Sigstore bundles: made under a ten-minute identity leaf, and recorded as a
    /// `hashedrekord` entry of their own.
    #[must_use]
    pub const fn is_sigstore(self) -> bool {
        match self {
            Self::ClaimedDsse | Self::Message | Self::ProvenanceDsse | Self::VerifierDsse => true,
            Self::Certificate
            | Self::Cms
            | Self::Cosignature
            | Self::Notary
            | Self::Sct
            | Self::SimpleSigning
            | Self::Timestamp
            | Self::Trust
            | Self::Tuf => false,
        }
    }
    /// Whether what comes of it is under a ten-minute identity leaf, which names who asked: signatures that travel in Sigstore
    /// bundles, and leaves that are all that was asked for.
    #[must_use]
    pub const fn has_identity_leaf(self) -> bool {
        self.is_sigstore() || matches!(self, Self::Certificate)
    }
    /// Whether its keys carry a long-lived certificate of the built-in CA.
    #[must_use]
    pub const fn uses_certificate(self) -> bool {
        matches!(self, Self::Cms | Self::Notary)
    }
    /// Whether its signatures are verified with the bare key: no certificate stands behind them.
    #[must_use]
    pub const fn is_bare(self) -> bool {
        matches!(self, Self::SimpleSigning)
    }
    /// The algorithm that a key of this family gets where nobody chose one.
    #[must_use]
    pub const fn default_algorithm(self) -> KeyAlgorithm {
        match self {
            Self::Cms => KeyAlgorithm::Rsa3072,
            Self::Cosignature | Self::Trust => KeyAlgorithm::Ed25519,
            Self::Certificate
            | Self::ClaimedDsse
            | Self::Message
            | Self::Notary
            | Self::ProvenanceDsse
            | Self::Sct
            | Self::SimpleSigning
            | Self::Timestamp
            | Self::Tuf
            | Self::VerifierDsse => KeyAlgorithm::EcdsaP256,
        }
    }
    /// Whether a key of this algorithm is of use here. The universal Sigstore profile is P-256 only: any other
    /// algorithm loses at least one mainstream client.
    #[must_use]
    pub const fn accepts(self, algorithm: KeyAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Cosignature | Self::Trust, KeyAlgorithm::Ed25519) => true,
            (Self::Cosignature | Self::Trust, _) | (_, KeyAlgorithm::Ed25519) => false,
            // RSA keys of this service sign PKCS #1 v1.5; Notary envelopes have RSASSA-PSS alone.
            (Self::Notary, algorithm) => !algorithm.is_rsa(),
            (Self::Certificate | Self::Cms | Self::Timestamp, _) => true,
            (_, algorithm) => matches!(algorithm, KeyAlgorithm::EcdsaP256),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
