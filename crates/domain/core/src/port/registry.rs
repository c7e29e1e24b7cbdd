//! Container registries (OCI distribution specification 1.1), as far as signatures need them.
//!
//! ```text
//! repository  registry.example/acme/app        host, perhaps a port, and the path
//! reference   sha256:<64 hex digits>, or a tag
//! ```

use super::Boxed;
use crate::digest::Sha256;
use crate::time::Time;

/// Largest manifest in bytes (distribution specification: registries may refuse more).
pub const MAX_MANIFEST: usize = 4 << 20;
/// Most referrers of one subject that are looked at.
pub const MAX_REFERRERS: usize = 256;

/// Why a registry did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry does not let this caller.
    #[error("the registry refuses: {0}")]
    Denied(String),
    /// What it gave for a digest has another one: it was exchanged or damaged.
    #[error("the registry gave sha256:{found} for sha256:{asked}")]
    Another {
        /// What was asked for.
        asked: Sha256,
        /// What came.
        found: Sha256,
    },
    /// Its answer is not what was asked for, or not well formed.
    #[error("the registry's answer cannot be used: {0}")]
    Invalid(String),
    /// No registry, or not one that may be reached.
    #[error("registry or repository `{0}` is not one that may be reached")]
    NotAllowed(String),
    /// Nothing of that name.
    #[error("`{0}` is not there")]
    NotFound(String),
    /// It does not answer now; trying again may help.
    #[error("the registry does not answer: {0}")]
    Unavailable(String),
}

/// A manifest as the registry gave it; the digest was computed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// SHA-256 of the bytes.
    pub digest: Sha256,
    /// The media type under which it was given.
    pub media_type: String,
    /// The bytes, at most [`MAX_MANIFEST`].
    pub bytes: Vec<u8>,
}

/// Something that refers to a subject, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// SHA-256 of its manifest.
    pub digest: Sha256,
    /// What it is.
    pub content: Referring,
}

/// What a referrer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referring {
    /// A Sigstore bundle of version 0.3: its JSON.
    Bundle(Vec<u8>),
    /// A Notary envelope, JWS or COSE.
    Envelope(Vec<u8>),
    /// Something else: its artifact type.
    Other(String),
    /// Something that cannot be read as what it says it is: why.
    Unusable(String),
}

/// A signature that is put beside its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// A Sigstore bundle, as a referrer.
    Bundle {
        /// Its JSON.
        json: Vec<u8>,
        /// The signature in it: the same one is not put there twice.
        signature: Vec<u8>,
        /// Predicate type of the statement that it signs.
        predicate_type: String,
    },
    /// A Notary envelope, JWS or COSE; the manifest that refers to the subject is made from it.
    Envelope {
        /// The envelope.
        bytes: Vec<u8>,
    },
    /// A simple signing payload with its signature, in the manifest that tag `sha256-….sig` names.
    Simple {
        /// The signed payload.
        payload: Vec<u8>,
        /// The signature, DER.
        signature: Vec<u8>,
        /// RFC 3161 response over the signature, DER.
        timestamp: Option<Vec<u8>>,
    },
}

/// What is put beside one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// Registry and path: `registry.example/acme/app`.
    pub repository: String,
    /// The manifest that was signed.
    pub subject: Sha256,
    /// Its size in bytes, as it was signed.
    pub size: u64,
    /// Its media type, as it was signed.
    pub media_type: String,
    /// The signatures.
    pub signatures: Vec<Beside>,
    /// When they were made; annotations say so.
    pub created: Time,
}

/// Where a signature lies now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Digest of the manifest that holds it.
    pub manifest: String,
    /// The tag under which that manifest, or the index that lists it, is found; absent where the registry lists referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Reads and extends what registries hold.
pub trait Registry: Send + Sync + std::fmt::Debug {
    /// A manifest by digest or tag; one that was asked for by digest has it.
    fn manifest<'a>(
        &'a self,
        repository: &'a str,
        reference: &'a str,
    ) -> Boxed<'a, Result<Manifest, RegistryError>>;
    /// Everything that refers to a subject, each manifest opened: by the referrers API and by the tag that stands in for it.
    fn referrers<'a>(
        &'a self,
        repository: &'a str,
        subject: Sha256,
    ) -> Boxed<'a, Result<Vec<Referrer>, RegistryError>>;
    /// Puts signatures beside their subject and reads them back; one place for each, in order. What is there stays, and
    /// nothing is put there twice.
    fn attach<'a>(&'a self, attach: &'a Attach) -> Boxed<'a, Result<Vec<Place>, RegistryError>>;
}
