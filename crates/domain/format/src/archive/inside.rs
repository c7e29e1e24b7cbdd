//! What was found in one archive, in the shape in which a release manifest carries it.

use chancery_core::digest::Sha256;

use super::kind::Kind;

/// Most layers that are listed for one file.
pub(super) const MAX_LAYERS: usize = 10_000;

/// What is in an archive, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// Archives and programs.
    pub layers: Vec<Layer>,
    /// What could not be looked into.
    pub unread: Vec<Unread>,
}

/// An archive or a program in an archive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Names from the outermost archive inwards: `["tools/inner.jar", "native/helper.dll"]`. Chosen by others.
    pub at: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Whether it carries a signature of its own.
    pub signature: Marked,
    /// Size in bytes.
    pub size: u64,
}

/// Whether something carries a signature; whose, and whether to believe it, is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marked {
    /// It was changed after it was signed: the digest in its signature is another's.
    Changed,
    /// It carries one: Authenticode, or the signature files of jar, nupkg and vsix.
    Embedded,
    /// It carries none.
    None,
    /// It has room for one, and what is there does not parse.
    Unreadable,
}

/// A place that could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// Names from the outermost archive inwards; empty for the file itself.
    pub at: Vec<String>,
    /// Why not.
    pub why: Why,
}

/// Why something was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Encrypted entries.
    Encrypted,
    /// The archive does not parse strictly, or can be read in two ways.
    Malformed,
    /// Compressed by a method other than deflate.
    Method,
    /// A container of a kind that is not looked into.
    Opaque,
    /// It expands to far more than it is.
    Ratio,
    /// Archives in archives, deeper than is looked.
    TooDeep,
    /// More bytes than are expanded or held.
    TooLarge,
    /// More entries than are looked at.
    TooMany,
}

impl Why {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Malformed => "not well formed, or readable in two ways",
            Self::Method => "compressed by another method than deflate",
            Self::Opaque => "a container that is not looked into",
            Self::Ratio => "expands to far more than it is",
            Self::TooDeep => "nested too deep",
            Self::TooLarge => "too large to look into",
            Self::TooMany => "too many entries",
        }
    }
    /// Whether a bound was reached: what follows was not looked at either.
    pub(super) const fn is_bound(self) -> bool {
        match self {
            Self::Ratio | Self::TooMany => true,
            Self::Encrypted
            | Self::Malformed
            | Self::Method
            | Self::Opaque
            | Self::TooDeep
            | Self::TooLarge => false,
        }
    }
}
