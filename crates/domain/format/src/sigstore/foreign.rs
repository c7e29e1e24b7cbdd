//! A Sigstore bundle of any version, as other people's clients made it.
//!
//! ```text
//! version     verification material                              log entry
//! 0.1         x509CertificateChain, certificate or publicKey     promise; proof optional
//! 0.2         the same                                           proof with checkpoint
//! 0.3         certificate or publicKey                           proof with checkpoint
//! ```
//! Both spellings of the media type are read. Our own bundles have one shape, and [`super::bundle`] reads no other. What
//! is read here proves nothing yet; `domain/verify` does.

mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::{DigestAlgorithm, Sha256};

use super::dsse;
use wire::Int64;

/// Largest bundle in bytes: statements of other people carry whole bills of material.
pub const MAX_BUNDLE: usize = 8 << 20;
/// Most log entries in one bundle.
pub const MAX_ENTRIES: usize = 4;
/// Most RFC 3161 tokens in one bundle.
pub const MAX_TIMESTAMPS: usize = 8;
/// Most certificates in one chain.
pub const MAX_CHAIN: usize = 8;

const MAX_CERTIFICATE: usize = 16 << 10;
const MAX_HINT: usize = 1024;
const MAX_PROOF: usize = 63;
const MAX_SIGNATURE: usize = 2048;
const MAX_TOKEN: usize = 64 << 10;

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForeignBundle {
    /// Neither or both of `messageSignature` and `dsseEnvelope`.
    #[error("expected exactly one of `messageSignature` and `dsseEnvelope`")]
    Content,
    /// A field that is not what it must be.
    #[error("{0} is malformed or out of bounds")]
    Field(&'static str),
    /// Not the JSON of a bundle: syntax, unknown or duplicate member, wrong type.
    #[error("not the JSON of a bundle: {0}")]
    Json(String),
    /// Not exactly one of certificate, chain and public key, or a chain in a bundle of version 0.3.
    #[error(
        "expected exactly one of `certificate`, `publicKey` and, before version 0.3, `x509CertificateChain`"
    )]
    Material,
    /// A version that is not known.
    #[error("media type `{0}` is not supported")]
    MediaType(String),
    /// None or several signatures in the envelope.
    #[error("{0} signatures in the envelope; expected 1")]
    Signatures(usize),
    /// Larger than [`MAX_BUNDLE`].
    #[error("{0} bytes; at most 8388608")]
    Size(usize),
    /// The same log entry or the same timestamp twice.
    #[error("a log entry or a timestamp stands there twice")]
    Twice,
    /// More than [`MAX_ENTRIES`] log entries.
    #[error("{0} log entries; at most 4")]
    TlogEntries(usize),
}

/// The version of a bundle, which decides what its log entry must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.1
    V01,
    /// 0.2
    V02,
    /// 0.3
    V03,
}

impl Version {
    /// The version of a media type, in either spelling.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/vnd.dev.sigstore.bundle+json;version=0.1" => Self::V01,
            "application/vnd.dev.sigstore.bundle+json;version=0.2" => Self::V02,
            "application/vnd.dev.sigstore.bundle+json;version=0.3"
            | "application/vnd.dev.sigstore.bundle.v0.3+json" => Self::V03,
            _ => return None,
        })
    }
    /// As people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V01 => "0.1",
            Self::V02 => "0.2",
            Self::V03 => "0.3",
        }
    }
}

/// A bundle, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignBundle {
    /// Its version.
    pub version: Version,
    /// Who can verify the signature, by the bundle.
    pub material: Material,
    /// What was signed.
    pub content: Content,
    /// Log entries, at most [`MAX_ENTRIES`].
    pub entries: Vec<Entry>,
    /// RFC 3161 responses over the signature, DER, at most [`MAX_TIMESTAMPS`].
    pub timestamps: Vec<Vec<u8>>,
}

/// Who can verify the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// Certificates, DER, the signer's first; never empty.
    Certificates(Vec<Vec<u8>>),
    /// A key that the verifier knows from elsewhere; the hint is a claim and nothing more.
    PublicKey {
        /// What the signer calls it; may be empty.
        hint: String,
    },
}

/// What was signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A DSSE envelope with exactly one signature (T17).
    Dsse {
        /// The payload as signed.
        payload: Vec<u8>,
        /// Its media type, which is signed too.
        payload_type: String,
        /// The signature over the encoding of both.
        signature: Vec<u8>,
    },
    /// The artifact itself.
    Message {
        /// The artifact's digest, where the bundle states it.
        digest: Option<(DigestAlgorithm, Vec<u8>)>,
        /// The signature.
        signature: Vec<u8>,
    },
}

impl Content {
    /// The signature bytes: what is timestamped and logged.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        match self {
            Self::Dsse { signature, .. } | Self::Message { signature, .. } => signature,
        }
    }
    /// The encoding of an envelope that was signed; `None` where the artifact itself was.
    #[must_use]
    pub fn encoded(&self) -> Option<Vec<u8>> {
        match self {
            Self::Dsse { payload, payload_type, .. } => Some(dsse::encode(payload_type, payload)),
            Self::Message { .. } => None,
        }
    }
}

/// A log entry with what is shown for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its index over all trees of the log.
    pub log_index: u64,
    /// Which log, as the bundle states it.
    pub log_id: Sha256,
    /// Name and version of its kind, as stated.
    pub kind: (String, String),
    /// When the log took it, seconds since 1970; a claim unless a promise vouches for it.
    pub integrated_time: Option<u64>,
    /// The log's signature over entry, time and index.
    pub promise: Option<Vec<u8>>,
    /// The path to a root.
    pub proof: Option<Proof>,
    /// The entry's canonical body, byte for byte.
    pub body: Vec<u8>,
}

/// An inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's index in its tree.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// The root that the path leads to.
    pub root: Sha256,
    /// The path, leaf's sibling first.
    pub hashes: Vec<Sha256>,
    /// The log's signed word on size and root.
    pub checkpoint: Option<String>,
}

impl ForeignBundle {
    /// Reads a bundle: strict JSON without unknown or duplicate members.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidForeignBundle> {
        if bytes.len() > MAX_BUNDLE {
            return Err(InvalidForeignBundle::Size(bytes.len()));
        }
        let document: wire::Document = serde_json::from_slice(bytes)
            .map_err(|error| InvalidForeignBundle::Json(error.to_string().chars().take(160).collect()))?;
        let version = Version::of(&document.media_type)
            .ok_or_else(|| InvalidForeignBundle::MediaType(document.media_type.chars().take(80).collect()))?;
        let wire::Material { certificate, x509_certificate_chain, public_key, tlog_entries, .. } =
            document.verification_material;
        let tokens = document.verification_material.timestamp_verification_data;
        let entries = tlog_entries.unwrap_or_default();
        if entries.len() > MAX_ENTRIES {
            return Err(InvalidForeignBundle::TlogEntries(entries.len()));
        }
        let entries: Vec<Entry> = entries.into_iter().map(read_entry).collect::<Result<_, _>>()?;
        let timestamps = read_tokens(tokens.and_then(|data| data.rfc3161_timestamps).unwrap_or_default())?;
        // T2: what stands there twice says nothing twice.
        let place = |entry: &Entry| (entry.log_id, entry.log_index);
        if has_twins(&entries.iter().map(place).collect::<Vec<_>>()) || has_twins(&timestamps) {
            return Err(InvalidForeignBundle::Twice);
        }
        let content = match (document.message_signature, document.dsse_envelope) {
            (Some(message), None) => read_message(&message)?,
            (None, Some(envelope)) => read_envelope(envelope)?,
            (None, None) | (Some(_), Some(_)) => return Err(InvalidForeignBundle::Content),
        };
        Ok(Self {
            version,
            material: read_material(version, certificate, x509_certificate_chain, public_key)?,
            content,
            entries,
            timestamps,
        })
    }
}

fn has_twins<T: PartialEq>(all: &[T]) -> bool {
    all.iter()
        .enumerate()
        .any(|(position, one)| all.iter().skip(position.saturating_add(1)).any(|other| other == one))
}

fn read_material(
    version: Version,
    certificate: Option<wire::RawBytes>,
    chain: Option<wire::Chain>,
    key: Option<wire::PublicKey>,
) -> Result<Material, InvalidForeignBundle> {
    let one = |raw: &wire::RawBytes| bytes("certificate", &raw.raw_bytes, MAX_CERTIFICATE);
    match (certificate, chain, key) {
        (Some(leaf), None, None) => Ok(Material::Certificates(vec![one(&leaf)?])),
        (None, Some(chain), None) if version < Version::V03 => {
            let chain = chain.certificates.unwrap_or_default();
            if chain.is_empty() || chain.len() > MAX_CHAIN {
                return Err(InvalidForeignBundle::Field("x509CertificateChain"));
            }
            Ok(Material::Certificates(chain.iter().map(one).collect::<Result<_, _>>()?))
        }
        (None, None, Some(key)) => {
            let hint = key.hint.unwrap_or_default();
            let fits = hint.len() <= MAX_HINT;
            if fits { Ok(Material::PublicKey { hint }) } else { Err(InvalidForeignBundle::Field("hint")) }
        }
        _ => Err(InvalidForeignBundle::Material),
    }
}

fn read_message(message: &wire::MessageSignature) -> Result<Content, InvalidForeignBundle> {
    let digest = message.message_digest.as_ref().map(|stated| {
        let refused = || InvalidForeignBundle::Field("messageDigest");
        let algorithm = match stated.algorithm.as_str() {
            "SHA2_256" => DigestAlgorithm::Sha256,
            "SHA2_384" => DigestAlgorithm::Sha384,
            "SHA2_512" => DigestAlgorithm::Sha512,
            _ => return Err(refused()),
        };
        let digest = bytes("messageDigest", &stated.digest, algorithm.size())?;
        if digest.len() == algorithm.size() { Ok((algorithm, digest)) } else { Err(refused()) }
    });
    let signature = bytes("signature", &message.signature, MAX_SIGNATURE)?;
    Ok(Content::Message { digest: digest.transpose()?, signature })
}

fn read_envelope(envelope: wire::DsseEnvelope) -> Result<Content, InvalidForeignBundle> {
    let signature = match <[wire::DsseSignature; 1]>::try_from(envelope.signatures) {
        Ok([one]) => bytes("sig", &one.sig, MAX_SIGNATURE)?,
        Err(signatures) => return Err(InvalidForeignBundle::Signatures(signatures.len())),
    };
    let payload = bytes("payload", &envelope.payload, MAX_BUNDLE)?;
    Ok(Content::Dsse { payload, payload_type: envelope.payload_type, signature })
}

fn read_entry(entry: wire::Entry) -> Result<Entry, InvalidForeignBundle> {
    let number = |number: Option<Int64>| number.map_or(0, |number| number.0);
    let promise = entry.inclusion_promise;
    let promise =
        promise.map(|found| bytes("inclusionPromise", &found.signed_entry_timestamp, MAX_SIGNATURE));
    Ok(Entry {
        log_index: number(entry.log_index),
        log_id: digest("logId", &entry.log_id.key_id)?,
        kind: (entry.kind_version.kind, entry.kind_version.version),
        // Zero is how this mapping writes an absent number.
        integrated_time: Some(number(entry.integrated_time)).filter(|time| *time != 0),
        promise: promise.transpose()?,
        proof: entry.inclusion_proof.map(read_proof).transpose()?,
        body: bytes("canonicalizedBody", &entry.canonicalized_body, MAX_BUNDLE)?,
    })
}

fn read_proof(proof: wire::Proof) -> Result<Proof, InvalidForeignBundle> {
    let hashes = proof.hashes.unwrap_or_default();
    if hashes.len() > MAX_PROOF {
        return Err(InvalidForeignBundle::Field("hashes"));
    }
    Ok(Proof {
        index: proof.log_index.map_or(0, |index| index.0),
        size: proof.tree_size.0,
        root: digest("rootHash", &proof.root_hash)?,
        hashes: hashes.iter().map(|hash| digest("hashes", hash)).collect::<Result<_, _>>()?,
        checkpoint: proof.checkpoint.map(|checkpoint| checkpoint.envelope),
    })
}

/// Tokens are made by other tools than bundles, some of which break base64 into lines.
fn read_tokens(mut tokens: Vec<wire::SignedTimestamp>) -> Result<Vec<Vec<u8>>, InvalidForeignBundle> {
    if tokens.len() > MAX_TIMESTAMPS {
        return Err(InvalidForeignBundle::Field("rfc3161Timestamps"));
    }
    for token in &mut tokens {
        token.signed_timestamp.retain(|character| character != '\n');
    }
    tokens.iter().map(|token| bytes("signedTimestamp", &token.signed_timestamp, MAX_TOKEN)).collect()
}

/// Non-empty bytes as base64 with padding; other spellings of the same bytes are refused by the decoder.
fn bytes(field: &'static str, text: &str, max: usize) -> Result<Vec<u8>, InvalidForeignBundle> {
    if text.len() > max.saturating_mul(2) {
        return Err(InvalidForeignBundle::Field(field));
    }
    let decoded = STANDARD.decode(text).map_err(|_| InvalidForeignBundle::Field(field))?;
    let fits = !decoded.is_empty() && decoded.len() <= max;
    if fits { Ok(decoded) } else { Err(InvalidForeignBundle::Field(field)) }
}

fn digest(field: &'static str, text: &str) -> Result<Sha256, InvalidForeignBundle> {
    Sha256::from_slice(&bytes(field, text, 32)?).map_err(|_| InvalidForeignBundle::Field(field))
}

#[cfg(test)]
mod tests;
