//! The thing to be signed, named by its digest.

use crate::digest::Sha256;

/// An artifact as a statement names it. The digest is that of the artifact *before* it is signed, so that it is
/// stable over retries and timestamps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The file's base name as the client gave it, or the repository of an image: a claim, shown and labelled as such,
    /// never trusted.
    pub name: String,
    /// SHA-256 of the whole unsigned artifact.
    pub digest: Sha256,
    /// Size of the unsigned artifact in bytes.
    pub size: u64,
}
