//! What a log entry says was logged, whatever its kind: what was signed, the signature, and who verifies it.
//!
//! ```text
//! hashedrekord 0.0.1   Rekor v1   digest of the signed bytes      signature   PEM of certificate or key
//! dsse         0.0.1   Rekor v1   digest of the payload           signature   PEM
//! intoto       0.0.2   Rekor v1   digest of the payload           signature   PEM
//! hashedrekord 0.0.2   Rekor v2   digest of the signed bytes      signature   DER
//! dsse         0.0.2   Rekor v2   digest of the payload           signature   DER      (withdrawn in 2026)
//! ```
//! An entry proves something about a signature only when all three are those of the signature (T1).

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::digest::DigestAlgorithm;

use serde::de::DeserializeOwned;

use super::{v1, v2};

/// Largest entry in bytes: the kind `intoto` carries its whole payload.
pub const MAX_ENTRY: usize = 8 << 20;

/// The kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `dsse` 0.0.1.
    DsseV1,
    /// `dsse` 0.0.2.
    DsseV2,
    /// `hashedrekord` 0.0.1.
    HashedRekordV1,
    /// `hashedrekord` 0.0.2.
    HashedRekordV2,
    /// `intoto` 0.0.2.
    IntotoV1,
}

impl Kind {
    /// The kind of a name and a version; `None` for others.
    #[must_use]
    pub fn of(kind: &str, version: &str) -> Option<Self> {
        Some(match (kind, version) {
            ("dsse", "0.0.1") => Self::DsseV1,
            ("dsse", "0.0.2") => Self::DsseV2,
            ("hashedrekord", "0.0.1") => Self::HashedRekordV1,
            ("hashedrekord", "0.0.2") => Self::HashedRekordV2,
            ("intoto", "0.0.2") => Self::IntotoV1,
            _ => return None,
        })
    }
    /// Its name and version as entries write them.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::DsseV1 => ("dsse", "0.0.1"),
            Self::DsseV2 => ("dsse", "0.0.2"),
            Self::HashedRekordV1 => ("hashedrekord", "0.0.1"),
            Self::HashedRekordV2 => ("hashedrekord", "0.0.2"),
            Self::IntotoV1 => ("intoto", "0.0.2"),
        }
    }
    /// Whether Rekor v1 makes it: only those logs promise inclusion and say when they took an entry.
    #[must_use]
    pub const fn is_v1(self) -> bool {
        match self {
            Self::DsseV1 | Self::HashedRekordV1 | Self::IntotoV1 => true,
            Self::DsseV2 | Self::HashedRekordV2 => false,
        }
    }
}

/// An entry that is not of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    /// A digest that is none of SHA-256, SHA-384, SHA-512, or of another size than its algorithm's.
    #[error("digest of the log entry is not one that is accepted")]
    Digest,
    /// The body names another kind or version than the one that was stated.
    #[error("log entry is of another kind than stated")]
    Kind,
    /// None or several signatures.
    #[error("log entry has {0} signatures; expected 1")]
    Signatures(usize),
    /// Larger than [`MAX_ENTRY`].
    #[error("log entry is too large")]
    Size,
    /// Not canonical JSON of this shape.
    #[error("text is not a log entry of its kind")]
    Text(#[source] NotCanonical),
    /// Neither a certificate nor a public key.
    #[error("log entry holds no certificate or public key")]
    Verifier,
}

/// Of what the entry's digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestOf {
    /// The payload of a DSSE envelope, without its encoding.
    Payload,
    /// The bytes that were signed: the artifact, or the DSSE encoding.
    Signed,
}

/// Who verifies the signature, by the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifier {
    /// A certificate, DER.
    Certificate(Vec<u8>),
    /// SubjectPublicKeyInfo, DER.
    PublicKey(Vec<u8>),
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Of what the digest is.
    pub digest_of: DigestOf,
    /// How it was taken.
    pub algorithm: DigestAlgorithm,
    /// The digest.
    pub digest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Who verifies it.
    pub verifier: Verifier,
    /// The key's scheme by its name in `sigstore_common.proto`; only entries of Rekor v2 have it.
    pub key_details: Option<String>,
}

impl Logged {
    pub(super) fn checked(self) -> Result<Self, InvalidEntry> {
        if self.digest.len() == self.algorithm.size() { Ok(self) } else { Err(InvalidEntry::Digest) }
    }
}

/// Reads the body of an entry that is said to be of a kind, strictly: canonical JSON, no unknown members.
pub fn parse(kind: Kind, body: &[u8]) -> Result<Logged, InvalidEntry> {
    if body.len() > MAX_ENTRY {
        return Err(InvalidEntry::Size);
    }
    let text = std::str::from_utf8(body).map_err(|_| InvalidEntry::Text(NotCanonical::Text))?;
    match kind {
        Kind::DsseV1 => v1::dsse(text)?.checked(),
        Kind::HashedRekordV1 => v1::hashed_rekord(text)?.checked(),
        Kind::IntotoV1 => v1::intoto(text)?.checked(),
        Kind::DsseV2 => v2::dsse(text)?.checked(),
        Kind::HashedRekordV2 => v2::hashed_rekord(text)?.checked(),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<S> {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: S,
}

/// What an entry of a kind says, without what says its kind.
pub(super) fn spec<S: DeserializeOwned>(text: &str, kind: Kind) -> Result<S, InvalidEntry> {
    let entry: Entry<S> = canonical::decode(text).map_err(InvalidEntry::Text)?;
    let (name, version) = kind.names();
    if entry.kind == name && entry.api_version == version { Ok(entry.spec) } else { Err(InvalidEntry::Kind) }
}

/// The only element of a list.
pub(super) fn only<T>(list: Vec<T>) -> Result<T, InvalidEntry> {
    match <[T; 1]>::try_from(list) {
        Ok([one]) => Ok(one),
        Err(list) => Err(InvalidEntry::Signatures(list.len())),
    }
}

#[cfg(test)]
mod tests;
