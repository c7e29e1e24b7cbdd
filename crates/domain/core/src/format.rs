//! The names of the native signature formats.

use std::fmt;

/// A native signature format. What it does lives in `domain/format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatName {
    /// A certificate for a key that a Sigstore client made (Fulcio); nothing of an artifact is signed.
    Fulcio,
    /// A Notary Project envelope (JWS or COSE) over a descriptor, detached.
    Notary,
    /// Container images and other OCI artifacts: signatures beside them in their registry.
    Oci,
    /// Windows Authenticode in a PE image, embedded.
    Pe,
    /// A Sigstore bundle v0.3 beside any file, detached.
    Sigstore,
}

impl FormatName {
    /// All formats, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Fulcio, Self::Notary, Self::Oci, Self::Pe, Self::Sigstore];

    /// The stable name: `pe`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fulcio => "fulcio",
            Self::Notary => "notary",
            Self::Oci => "oci",
            Self::Pe => "pe",
            Self::Sigstore => "sigstore",
        }
    }
    /// Finds a format by its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
    /// Whether a certificate over the asker's own key is wanted, and nothing is signed for them.
    #[must_use]
    pub const fn is_certificate(self) -> bool {
        match self {
            Self::Fulcio => true,
            Self::Notary | Self::Oci | Self::Pe | Self::Sigstore => false,
        }
    }
    /// Whether the signature lies beside the artifact.
    #[must_use]
    pub const fn is_detached(self) -> bool {
        match self {
            Self::Pe => false,
            Self::Fulcio | Self::Notary | Self::Oci | Self::Sigstore => true,
        }
    }
}

impl fmt::Display for FormatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
