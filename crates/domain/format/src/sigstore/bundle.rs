//! A Sigstore bundle v0.3, typed: one leaf, one signature, one ledger entry, the timestamps.
//!
//! Reading is strict. Unknown and duplicate members, `x509CertificateChain`, none or several signatures or entries,
//! another entry kind, a claimed `integratedTime`, and copies of one fact that differ (index, size, root) are refused.
//! So a [`Bundle`] has one reading. It proves nothing yet; `domain/verify` does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::{Hasher, Sha256};
use chancery_core::receipt::Receipt;

use super::dsse::Envelope;
use super::wire;

/// The media type that is written and read.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Largest bundle in bytes.
pub const MAX_BUNDLE: usize = 5 << 20;
/// Most RFC 3161 tokens in one bundle.
pub const MAX_TIMESTAMPS: usize = 4;

const KIND: &str = "hashedrekord";
const KIND_VERSION: &str = "0.0.2";
const DIGEST_ALGORITHM: &str = "SHA2_256";
const MAX_CERTIFICATE: usize = 16 << 10;
const MAX_TOKEN: usize = 64 << 10;
const MAX_BODY: usize = 65_535;
const MAX_PAYLOAD: usize = 3 << 20;
const MAX_SIGNATURE: usize = 1024;
const MAX_PROOF: usize = 63;

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBundle {
    /// The checkpoint's text does not start with origin, size and root.
    #[error("checkpoint does not start with origin, size and root hash")]
    Checkpoint,
    /// Neither or both of `messageSignature` and `dsseEnvelope`.
    #[error("expected exactly one of `messageSignature` and `dsseEnvelope`")]
    Content,
    /// Two copies of one fact that differ.
    #[error("{0} is stated twice and differs")]
    Disagrees(&'static str),
    /// A field that is not what it must be.
    #[error("{0} is malformed or out of bounds")]
    Field(&'static str),
    /// Not the JSON of a bundle: syntax, unknown or duplicate member, wrong type.
    #[error("not the JSON of a bundle: {0}")]
    Json(String),
    /// Verification material other than one leaf certificate.
    #[error("verification material `{0}` is not supported in a v0.3 bundle; expected `certificate`")]
    Material(&'static str),
    /// Another media type, hence perhaps another meaning.
    #[error("media type `{0}` is not supported")]
    MediaType(String),
    /// An envelope whose payload is not in-toto.
    #[error("payload type `{0}` is not supported")]
    PayloadType(String),
    /// None or several signatures in the envelope.
    #[error("{0} signatures in the envelope; expected 1")]
    Signatures(usize),
    /// Larger than [`MAX_BUNDLE`].
    #[error("{0} bytes; at most 1048576")]
    Size(usize),
    /// None or several ledger entries.
    #[error("{0} ledger entries; expected 1")]
    TlogEntries(usize),
}

/// A bundle with exactly one of everything but timestamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The signer's certificate, DER.
    pub certificate: Vec<u8>,
    /// What was signed, and the signature.
    pub content: Content,
    /// The ledger entry with its proof.
    pub entry: TlogEntry,
    /// RFC 3161 responses over the signature bytes, DER; at most [`MAX_TIMESTAMPS`].
    pub timestamps: Vec<Vec<u8>>,
}

/// What the signature is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An in-toto statement in a DSSE envelope.
    Dsse(Envelope),
    /// The artifact itself.
    Message {
        /// SHA-256 of the artifact as the bundle states it.
        digest: Sha256,
        /// The signature, ECDSA as DER.
        signature: Vec<u8>,
    },
}

impl Content {
    /// The signature bytes: what is timestamped and logged.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        match self {
            Self::Dsse(envelope) => &envelope.signature,
            Self::Message { signature, .. } => signature,
        }
    }
}

/// A `hashedrekord` 0.0.2 entry and the proof that it is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogEntry {
    /// The log id as the bundle states it, 32 bytes.
    pub log_id: Sha256,
    /// The entry's canonical body, byte for byte.
    pub body: Vec<u8>,
    /// Index, proof and checkpoint; its leaf hash was computed from `body`.
    pub receipt: Receipt,
}

impl Bundle {
    /// Reads a bundle, strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidBundle> {
        if bytes.len() > MAX_BUNDLE {
            return Err(InvalidBundle::Size(bytes.len()));
        }
        let document: wire::Document = serde_json::from_slice(bytes).map_err(json_error)?;
        // A struct may also be read from a JSON array, and an absent member from `null`: spellings that other readers
        // refuse. What was read must therefore say the same as what would be written.
        let seen: serde_json::Value = serde_json::from_slice(bytes).map_err(json_error)?;
        if serde_json::to_value(&document).map_err(json_error)? != seen {
            return Err(InvalidBundle::Json("a member has an unusual spelling".into()));
        }
        Self::from_wire(document)
    }

    /// Writes the bundle: the same bytes for the same bundle.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: structs of text always serialise.
        serde_json::to_string(&self.to_wire()).unwrap_or_default()
    }

    fn from_wire(document: wire::Document) -> Result<Self, InvalidBundle> {
        if document.media_type != MEDIA_TYPE {
            return Err(InvalidBundle::MediaType(document.media_type.chars().take(80).collect()));
        }
        let material = document.verification_material;
        if material.x509_certificate_chain.is_some() {
            return Err(InvalidBundle::Material("x509CertificateChain"));
        }
        if material.public_key.is_some() {
            return Err(InvalidBundle::Material("publicKey"));
        }
        let leaf = material.certificate.ok_or(InvalidBundle::Field("certificate"))?;
        let entry = match <[wire::Entry; 1]>::try_from(material.tlog_entries) {
            Ok([entry]) => TlogEntry::from_wire(entry)?,
            Err(entries) => return Err(InvalidBundle::TlogEntries(entries.len())),
        };
        let tokens = material.timestamp_verification_data.map(|data| data.rfc3161_timestamps);
        let tokens = tokens.unwrap_or_default();
        if tokens.len() > MAX_TIMESTAMPS {
            return Err(InvalidBundle::Field("rfc3161Timestamps"));
        }
        let read =
            |token: &wire::SignedTimestamp| bytes("signedTimestamp", &token.signed_timestamp, MAX_TOKEN);
        let content = match (document.message_signature, document.dsse_envelope) {
            (Some(message), None) => message_content(&message)?,
            (None, Some(envelope)) => dsse_content(envelope)?,
            (None, None) | (Some(_), Some(_)) => return Err(InvalidBundle::Content),
        };
        Ok(Self {
            certificate: bytes("certificate", &leaf.raw_bytes, MAX_CERTIFICATE)?,
            content,
            entry,
            timestamps: tokens.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    fn to_wire(&self) -> wire::Document {
        let stamp = |token: &Vec<u8>| wire::SignedTimestamp { signed_timestamp: STANDARD.encode(token) };
        let (message_signature, dsse_envelope) = match &self.content {
            Content::Message { digest, signature } => {
                let digest = STANDARD.encode(digest.as_bytes());
                let message_digest = wire::MessageDigest { algorithm: DIGEST_ALGORITHM.into(), digest };
                let signature = STANDARD.encode(signature);
                (Some(wire::MessageSignature { message_digest, signature }), None)
            }
            Content::Dsse(envelope) => {
                let signature =
                    wire::DsseSignature { sig: STANDARD.encode(&envelope.signature), keyid: None };
                let payload = STANDARD.encode(&envelope.payload);
                let payload_type = envelope.payload_type.clone();
                (None, Some(wire::DsseEnvelope { payload, payload_type, signatures: vec![signature] }))
            }
        };
        wire::Document {
            media_type: MEDIA_TYPE.into(),
            verification_material: wire::Material {
                certificate: Some(wire::RawBytes { raw_bytes: STANDARD.encode(&self.certificate) }),
                x509_certificate_chain: None,
                public_key: None,
                tlog_entries: vec![self.entry.to_wire()],
                timestamp_verification_data: (!self.timestamps.is_empty()).then(|| wire::Timestamps {
                    rfc3161_timestamps: self.timestamps.iter().map(stamp).collect(),
                }),
            },
            message_signature,
            dsse_envelope,
        }
    }
}

impl TlogEntry {
    /// Makes an entry from its body and receipt. Errors when the receipt is not about the body.
    pub fn new(log_id: Sha256, body: Vec<u8>, receipt: Receipt) -> Result<Self, InvalidBundle> {
        if receipt.leaf_hash != leaf_hash(&body) {
            return Err(InvalidBundle::Disagrees("the leaf hash"));
        }
        let head = Head::read(&receipt.checkpoint)?;
        if head.origin != receipt.origin || head.size != receipt.size {
            return Err(InvalidBundle::Disagrees("the checkpoint"));
        }
        Ok(Self { log_id, body, receipt })
    }

    fn from_wire(entry: wire::Entry) -> Result<Self, InvalidBundle> {
        if entry.kind_version.kind != KIND || entry.kind_version.version != KIND_VERSION {
            return Err(InvalidBundle::Field("kindVersion"));
        }
        // No one signs this time in Rekor v2, so any value but zero would be a claim that nobody can check.
        if entry.integrated_time.is_some_and(|time| time != "0") {
            return Err(InvalidBundle::Field("integratedTime"));
        }
        let proof = entry.inclusion_proof;
        let index = decimal("logIndex", proof.log_index.as_deref().unwrap_or("0"))?;
        if decimal("logIndex", entry.log_index.as_deref().unwrap_or("0"))? != index {
            return Err(InvalidBundle::Disagrees("logIndex"));
        }
        let size = decimal("treeSize", &proof.tree_size)?;
        let head = Head::read(&proof.checkpoint.envelope)?;
        if head.size != size {
            return Err(InvalidBundle::Disagrees("treeSize"));
        }
        if head.root != digest("rootHash", &proof.root_hash)? {
            return Err(InvalidBundle::Disagrees("rootHash"));
        }
        if proof.hashes.len() > MAX_PROOF {
            return Err(InvalidBundle::Field("hashes"));
        }
        let path = proof.hashes.iter().map(|hash| digest("hashes", hash)).collect::<Result<_, _>>()?;
        let body = bytes("canonicalizedBody", &entry.canonicalized_body, MAX_BODY)?;
        let origin = head.origin.to_owned();
        let leaf_hash = leaf_hash(&body);
        let checkpoint = proof.checkpoint.envelope;
        let receipt = Receipt { origin, index, size, leaf_hash, proof: path, checkpoint };
        Ok(Self { log_id: digest("logId", &entry.log_id.key_id)?, body, receipt })
    }

    /// The entry alone, as logs answer with it: `TransparencyLogEntry` in JSON.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        // INVARIANT: structs of text always serialise.
        serde_json::to_value(self.to_wire()).unwrap_or_default()
    }
    fn to_wire(&self) -> wire::Entry {
        let receipt = &self.receipt;
        // INVARIANT: both constructors read the head of this checkpoint.
        let root = Head::read(&receipt.checkpoint).map_or(receipt.leaf_hash, |head| head.root);
        wire::Entry {
            log_index: Some(receipt.index.to_string()),
            log_id: wire::LogId { key_id: STANDARD.encode(self.log_id.as_bytes()) },
            kind_version: wire::KindVersion { kind: KIND.into(), version: KIND_VERSION.into() },
            integrated_time: Some("0".into()),
            inclusion_proof: wire::Proof {
                log_index: Some(receipt.index.to_string()),
                root_hash: STANDARD.encode(root.as_bytes()),
                tree_size: receipt.size.to_string(),
                hashes: receipt.proof.iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect(),
                checkpoint: wire::Checkpoint { envelope: receipt.checkpoint.clone() },
            },
            canonicalized_body: STANDARD.encode(&self.body),
        }
    }
}

/// What the bundle repeats of its checkpoint. The note itself is parsed and verified by the ledger's own code.
struct Head<'a> {
    origin: &'a str,
    size: u64,
    root: Sha256,
}

impl<'a> Head<'a> {
    fn read(checkpoint: &'a str) -> Result<Self, InvalidBundle> {
        let mut lines = checkpoint.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(InvalidBundle::Checkpoint);
        };
        let root = digest("checkpoint", root).map_err(|_| InvalidBundle::Checkpoint)?;
        let size = decimal("checkpoint", size).map_err(|_| InvalidBundle::Checkpoint)?;
        Ok(Self { origin, size, root })
    }
}

fn message_content(message: &wire::MessageSignature) -> Result<Content, InvalidBundle> {
    if message.message_digest.algorithm != DIGEST_ALGORITHM {
        return Err(InvalidBundle::Field("messageDigest"));
    }
    let digest = digest("messageDigest", &message.message_digest.digest)?;
    Ok(Content::Message { digest, signature: bytes("signature", &message.signature, MAX_SIGNATURE)? })
}

fn dsse_content(envelope: wire::DsseEnvelope) -> Result<Content, InvalidBundle> {
    let signature = match <[wire::DsseSignature; 1]>::try_from(envelope.signatures) {
        Ok([signature]) => signature,
        Err(signatures) => return Err(InvalidBundle::Signatures(signatures.len())),
    };
    if signature.keyid.is_some_and(|id| !id.is_empty()) {
        return Err(InvalidBundle::Field("keyid"));
    }
    let envelope = Envelope {
        payload: bytes("payload", &envelope.payload, MAX_PAYLOAD)?,
        payload_type: envelope.payload_type,
        signature: bytes("sig", &signature.sig, MAX_SIGNATURE)?,
    };
    envelope.check_type()?;
    Ok(Content::Dsse(envelope))
}

/// RFC 6962 §2.1: a leaf's hash is over a zero byte and the leaf.
fn leaf_hash(body: &[u8]) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[0]);
    hasher.update(body);
    hasher.finish()
}

fn json_error(error: serde_json::Error) -> InvalidBundle {
    InvalidBundle::Json(error.to_string().chars().take(160).collect())
}

/// Non-empty bytes as base64 with padding; other spellings of the same bytes are refused by the decoder.
fn bytes(field: &'static str, text: &str, max: usize) -> Result<Vec<u8>, InvalidBundle> {
    if text.len() > max.saturating_mul(2) {
        return Err(InvalidBundle::Field(field));
    }
    let decoded = STANDARD.decode(text).map_err(|_| InvalidBundle::Field(field))?;
    if decoded.is_empty() || decoded.len() > max {
        return Err(InvalidBundle::Field(field));
    }
    Ok(decoded)
}

fn digest(field: &'static str, text: &str) -> Result<Sha256, InvalidBundle> {
    Sha256::from_slice(&bytes(field, text, 32)?).map_err(|_| InvalidBundle::Field(field))
}

/// Decimal without sign or leading zeros, as proto3 JSON writes it.
fn decimal(field: &'static str, text: &str) -> Result<u64, InvalidBundle> {
    let value: u64 = text.parse().map_err(|_| InvalidBundle::Field(field))?;
    if value.to_string() != text {
        return Err(InvalidBundle::Field(field));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
