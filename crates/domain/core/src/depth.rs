//! How much of the artifact the service saw.

use std::fmt;

/// Signing depth: recorded with every signature, demanded by profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// 1: an opaque hash.
    Digest,
    /// 2: a typed statement made by the client; names in it are claims.
    Structured,
    /// 3: the service saw the bytes and its own statement equals the client's.
    Artifact,
}

impl Depth {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Structured => "structured",
            Self::Artifact => "artifact",
        }
    }
    /// 1, 2 or 3.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::Digest => 1,
            Self::Structured => 2,
            Self::Artifact => 3,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
