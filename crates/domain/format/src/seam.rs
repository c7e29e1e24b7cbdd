//! The hooks that every format has, and the small types that pass through them.
//!
//! ```text
//!  reader ──prepare──▶ Prepared { body, digest, size, layout }         client, or gateway at depth 3
//!  Statement + Signer ──to_be_signed──▶ ToBeSigned                     keyguard; pure
//!  Statement + Signer + Parts ──assemble──▶ signature blob             gateway; pure
//!  layout + blob ──attach──▶ Attachment (a patch, or a file beside)    client or gateway; pure
//!  reader ──extract──▶ Extracted { found, coverage }                   verifier
//! ```

use std::io::{self, Read, Seek};

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::artifact::Artifact;
use chancery_core::caller::Caller;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_core::receipt::Receipt;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;

use crate::pe;

/// Why a format hook did not do it. Every variant is final for the same input, except [`FormatError::Io`].
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The input is signed already, and the options do not say `replace`.
    #[error("already signed; say `replace = true` to drop the old signature")]
    AlreadySigned,
    /// More than one format claims the file.
    #[error("ambiguous: could be any of {0}; name the format")]
    Ambiguous(String),
    /// The bytes are not those that the statement was made from.
    #[error("the artifact changed after it was hashed")]
    Changed,
    /// Reading or writing failed.
    #[error("cannot read or write")]
    Io(#[source] io::Error),
    /// The container is not what its format demands; the text says what and where.
    #[error("malformed {format}: {what}")]
    Malformed {
        /// Which format.
        format: FormatName,
        /// What is wrong.
        what: String,
    },
    /// An option that the format does not know, or of the wrong type.
    #[error("option `{name}`: {expected}")]
    Option {
        /// Its name.
        name: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// The parts of a signature do not fit together (wrong key, missing certificate or proof).
    #[error("signature parts do not fit: {0}")]
    Parts(String),
    /// The statement is not one of this format, or its body is not strict.
    #[error("statement refused: {0}")]
    Statement(String),
    /// Nothing here can do it: an unknown format, an algorithm that the format does not have.
    #[error("unsupported: {0}")]
    Unsupported(String),
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How sure a format is that a file is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// Not its own.
    No,
    /// It takes any file, detached; chosen only when no other format claims it.
    Any,
    /// The content says so.
    Content,
}

/// What `detect` sees of a file.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The first bytes, at most [`SAMPLE`].
    pub head: &'a [u8],
    /// The last bytes, at most [`SAMPLE`].
    pub tail: &'a [u8],
    /// The file's base name.
    pub name: &'a str,
}

/// How many bytes of each end `detect` is given.
pub const SAMPLE: usize = 4096;

/// What the caller wants of a format, as found in a profile or on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Option name → value; unknown names are refused by the format.
    pub values: &'a serde_json::Map<String, serde_json::Value>,
    /// The algorithm of the profile's key where it is known; it decides defaults.
    pub key: Option<KeyAlgorithm>,
}

/// What one pass over an artifact yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The statement's body, strict and canonical.
    pub body: serde_json::Value,
    /// Which family of signed bytes it needs.
    pub family: Family,
    /// SHA-256 of the whole input, as read.
    pub digest: Sha256,
    /// Size of the whole input in bytes.
    pub size: u64,
    /// Where the signature goes.
    pub layout: Layout,
}

impl Prepared {
    /// The statement about the artifact, under the name that the client gave it.
    #[must_use]
    pub fn statement(&self, format: FormatName, name: &str, depth: Depth) -> Statement {
        Statement {
            artifact: Artifact { name: name.to_owned(), digest: self.digest, size: self.size },
            body: self.body.clone(),
            depth,
            family: self.family,
            format,
        }
    }
}

/// Where a signature goes in a prepared artifact. Stays with whoever has the bytes; never travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Beside the file; nothing in it changes.
    Beside,
    /// Into a PE image.
    Pe(pe::Layout),
}

/// Who signs, as the keyguard verified it; all that signed bytes may depend on besides the statement.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The key that will sign.
    pub public_key: &'a PublicKey,
    /// Who asked, verified.
    pub caller: &'a Caller,
    /// The profile.
    pub profile: &'a ProfileName,
    /// This service, as a URI: SLSA `builder.id` and the like.
    pub builder: &'a str,
}

/// The proof that a signature is in the ledger, for formats that carry it.
#[derive(Debug, Clone, Copy)]
pub struct LedgerProof<'a> {
    /// The leaf's bytes (canonical entry).
    pub entry: &'a [u8],
    /// Proof that it is in the ledger.
    pub receipt: &'a Receipt,
    /// Identifies the ledger's checkpoint key, as the format's log id.
    pub log_id: &'a [u8],
}

/// Everything that a signature blob is assembled from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The signature, as the key's scheme makes it.
    pub signature: &'a [u8],
    /// X.509 certificates, DER, signer first, then issuers in order; without the root, except where the format carries
    /// it (`notary`).
    pub certificates: &'a [Vec<u8>],
    /// RFC 3161 tokens over the signature value, DER (ContentInfo), byte for byte as received.
    pub timestamp: Option<&'a [u8]>,
    /// Ledger proof, where the format carries it.
    pub ledger: Option<LedgerProof<'a>>,
}

/// How a signature blob reaches its artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// A file of its own beside the artifact, `suffix` appended to its name.
    Beside {
        /// `.sigstore.json` and the like.
        suffix: &'static str,
        /// The whole file.
        bytes: Vec<u8>,
    },
    /// A change of the artifact; see [`crate::patch`].
    Patch(crate::patch::Patch),
}

/// A reader that can also seek: signatures at the end of a file say how the front is to be hashed.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// What became of a stretch of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// The signature covers it.
    Covered,
    /// The specification excludes it; the text names what it is.
    Excluded(&'static str),
    /// Neither: a verdict over it is a rejection. The text says what it looks like.
    Uncovered(&'static str),
}

/// A stretch `from..to` of the container in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub from: u64,
    /// One past the last byte.
    pub to: u64,
    /// What became of it.
    pub cover: Cover,
}

/// What the signatures in a container say about each of its bytes: regions without gap or overlap from 0 to its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In order of position; empty regions are left out.
    pub regions: Vec<Region>,
}

impl Coverage {
    /// Adds the stretch that ends at `to`, starting where the last one ended.
    pub fn extend_to(&mut self, to: u64, cover: Cover) {
        let from = self.regions.last().map_or(0, |region| region.to);
        if from < to {
            self.regions.push(Region { from, to, cover });
        }
    }
    /// The first stretch that nothing covers or excludes.
    #[must_use]
    pub fn first_uncovered(&self) -> Option<Region> {
        self.regions.iter().copied().find(|region| match region.cover {
            Cover::Uncovered(_) => true,
            Cover::Covered | Cover::Excluded(_) => false,
        })
    }
}

/// A signature as it lies in a container; nothing about it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSignature {
    /// The signature blob without any container framing: CMS ContentInfo DER, a bundle's JSON.
    pub blob: Vec<u8>,
    /// What it claims to sign, as the statement's body would say it.
    pub body: serde_json::Value,
}

/// What a container holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The signatures, in the order of the container; empty when it is unsigned.
    pub found: Vec<FoundSignature>,
    /// What they cover.
    pub coverage: Coverage,
}

/// One format: a name and its hooks. All hooks are total and bounded in memory.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name.
    pub name: FormatName,
    /// How sure it is that a file is its own.
    pub detect: fn(&Sample<'_>) -> Sureness,
    /// One streaming pass over the artifact.
    pub prepare: fn(&mut dyn Read, &Options<'_>) -> Result<Prepared, FormatError>,
    /// The signed bytes: pure, and the only source of them.
    pub to_be_signed: fn(&Statement, &Signer<'_>) -> Result<ToBeSigned, FormatError>,
    /// The signature blob from its parts: pure, deterministic.
    pub assemble: fn(&Statement, &Signer<'_>, &Parts<'_>) -> Result<Vec<u8>, FormatError>,
    /// How the blob reaches the artifact: pure, deterministic.
    pub attach: fn(&Layout, &[u8]) -> Result<Attachment, FormatError>,
    /// Finds the signatures and says what they cover. For detached formats the reader is the signature file.
    pub extract: fn(&mut dyn ReadSeek) -> Result<Extracted, FormatError>,
}
