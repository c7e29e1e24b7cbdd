//! Signed certificate timestamps (RFC 6962 §3.2, §3.3): the signed data, the list extension, verification.
//!
//! ```text
//! signed:  00 00 | timestamp, 8 bytes, ms | 00 01 | SHA-256 of the issuer's SPKI | length, 3 bytes | TBSCertificate | 00 00
//! SCT:     00 | log id, 32 bytes | timestamp | 00 00 | 04 03 | length, 2 bytes | signature        00 00: no extensions
//! list:    length of all, 2 bytes | (length, 2 bytes | SCT)…            inside an OCTET STRING inside the extension
//! ```
//! The TBSCertificate is that of the final certificate without the list. The log's key is P-256, its id the SHA-256 of
//! its SPKI.

use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::time::Time;

use crate::certificate::Certificate;
use crate::chain::VerifiedChain;
use crate::extension::{Criticality, Extension};
use crate::key::{KeyError, VerifyingKey};
use crate::oid;
use crate::profile::identity_leaf;
use crate::signature::SignatureScheme;
use crate::tlv::{self, Reader, TlvError};

/// Most timestamps in one list.
pub const MAX_TIMESTAMPS: usize = 8;
const MAX_SIGNATURE: usize = 80;
const MAX_EXTENSIONS: usize = 256;
const MAX_TBS: usize = 0x00ff_ffff;
/// SHA-256 and ECDSA (RFC 5246 §7.4.1.4.1).
const SHA256_ECDSA: [u8; 2] = [4, 3];
const SCHEME: SignatureScheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);

/// Why there is no valid timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SctError {
    /// No timestamp list in the certificate.
    #[error("certificate has no signed certificate timestamp")]
    Absent,
    /// Not DER around the list.
    #[error("certificate timestamps are malformed")]
    Der(#[source] TlvError),
    /// Not the structure of a list, or not the version and algorithms that are accepted.
    #[error("certificate timestamp list is malformed")]
    Malformed,
    /// The signature is not the log's.
    #[error("certificate timestamp is not signed by its log")]
    Signature(#[source] KeyError),
    /// The moment lies outside the certificate's validity.
    #[error("certificate timestamp is of {0}, when the certificate is not valid")]
    Time(Time),
    /// Every timestamp names another log than the ones given.
    #[error("certificate timestamp is by an unknown log")]
    UnknownLog,
}

/// One timestamp: version 1, signed with ECDSA and SHA-256. Ours have no extensions; those of static CT logs name the
/// entry's index in one, which is signed and not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sct {
    log_id: Sha256,
    timestamp: Time,
    extensions: Vec<u8>,
    signature: Vec<u8>,
}

/// A timestamp whose signature was checked against a log's key: born only in [`verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSct {
    log_id: Sha256,
    timestamp: Time,
}

impl VerifiedSct {
    /// The log that made it.
    #[must_use]
    pub const fn log_id(&self) -> Sha256 {
        self.log_id
    }
    /// When it was made; the log's validity window must cover it.
    #[must_use]
    pub const fn timestamp(&self) -> Time {
        self.timestamp
    }
}

impl Sct {
    /// Phase 2: a timestamp from the log's signature over [`signed_data`]; an empty or oversized signature is refused.
    pub fn new(log: &VerifyingKey, timestamp: Time, signature: &[u8]) -> Result<Self, SctError> {
        if signature.is_empty() || signature.len() > MAX_SIGNATURE || timestamp.millis() < 0 {
            return Err(SctError::Malformed);
        }
        Ok(Self { log_id: log_id(log), timestamp, extensions: Vec::new(), signature: signature.to_vec() })
    }
    /// The log that made it.
    #[must_use]
    pub const fn log_id(&self) -> Sha256 {
        self.log_id
    }
    /// When it was made.
    #[must_use]
    pub const fn timestamp(&self) -> Time {
        self.timestamp
    }
    /// The extension that holds this timestamp alone.
    #[must_use]
    pub fn to_extension(&self) -> Extension {
        list_extension(std::slice::from_ref(self))
    }
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0];
        out.extend_from_slice(self.log_id.as_bytes());
        out.extend_from_slice(&self.timestamp.millis().to_be_bytes());
        out.extend(prefixed(&self.extensions));
        out.extend_from_slice(&SHA256_ECDSA);
        out.extend(prefixed(&self.signature));
        out
    }
}

/// A log's id: the SHA-256 of its SubjectPublicKeyInfo (RFC 6962 §3.2).
#[must_use]
pub fn log_id(log: &VerifyingKey) -> Sha256 {
    log.fingerprint()
}

/// Phase 1: the bytes that a log signs for a precertificate's TBSCertificate, which must have no SCT list and be
/// shorter than 16 MiB.
pub fn signed_data(
    precertificate_tbs: &[u8],
    issuer: &VerifyingKey,
    timestamp: Time,
) -> Result<Vec<u8>, SctError> {
    signed_with(precertificate_tbs, issuer, timestamp, &[])
}

fn signed_with(
    precertificate_tbs: &[u8],
    issuer: &VerifyingKey,
    timestamp: Time,
    extensions: &[u8],
) -> Result<Vec<u8>, SctError> {
    let length = u32::try_from(precertificate_tbs.len()).map_err(|_| SctError::Malformed)?;
    if precertificate_tbs.len() > MAX_TBS || timestamp.millis() < 0 {
        return Err(SctError::Malformed);
    }
    let [_, length @ ..] = length.to_be_bytes();
    let mut out = Vec::with_capacity(precertificate_tbs.len().saturating_add(49));
    // Version 1, certificate_timestamp.
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&timestamp.millis().to_be_bytes());
    // precert_entry.
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(issuer.fingerprint().as_bytes());
    out.extend_from_slice(&length);
    out.extend_from_slice(precertificate_tbs);
    out.extend(prefixed(extensions));
    Ok(out)
}

/// The extension that holds these timestamps.
#[must_use]
pub fn list_extension(timestamps: &[Sct]) -> Extension {
    let each: Vec<u8> = timestamps.iter().flat_map(|sct| prefixed(&sct.to_bytes())).collect();
    let value = tlv::write(tlv::OCTET_STRING, &[&prefixed(&each)]);
    Extension::new(oid::SCT_LIST, Criticality::Optional, value)
}

/// Reads the timestamps of a certificate: 1 to 8, version 1, ECDSA with SHA-256.
pub fn read(certificate: &Certificate) -> Result<Vec<Sct>, SctError> {
    let extension = certificate.extension(oid::SCT_LIST).ok_or(SctError::Absent)?;
    let mut reader = Reader::new(extension.value());
    let list = reader.value(tlv::OCTET_STRING).map_err(SctError::Der)?;
    reader.finish().map_err(SctError::Der)?;
    let (mut rest, after) = take_prefixed(list).ok_or(SctError::Malformed)?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (one, next) = take_prefixed(rest).ok_or(SctError::Malformed)?;
        all.push(read_one(one).ok_or(SctError::Malformed)?);
        rest = next;
    }
    if all.is_empty() || all.len() > MAX_TIMESTAMPS || !after.is_empty() {
        return Err(SctError::Malformed);
    }
    Ok(all)
}

/// Checks that one of the logs timestamped the leaf of a chain: signature over the leaf without its list and the key of
/// the issuer that the chain found, and a moment within the leaf's validity. A wrong signature that names a known log
/// is an error even where another timestamp would hold.
pub fn verify(chain: &VerifiedChain, logs: &[VerifyingKey]) -> Result<VerifiedSct, SctError> {
    let leaf = chain.leaf();
    let precertificate = identity_leaf::without_sct_list(leaf.tbs()).map_err(|_| SctError::Absent)?;
    let issuer = chain.issuer().key().map_err(|_| SctError::Malformed)?;
    let mut verified = None;
    for sct in read(leaf)? {
        let Some(log) = logs.iter().find(|log| log_id(log) == sct.log_id) else { continue };
        let data = signed_with(&precertificate, issuer, sct.timestamp, &sct.extensions)?;
        log.verify(SCHEME, &data, &sct.signature).map_err(SctError::Signature)?;
        if !leaf.validity().contains(sct.timestamp) {
            return Err(SctError::Time(sct.timestamp));
        }
        verified = verified.or(Some(VerifiedSct { log_id: sct.log_id, timestamp: sct.timestamp }));
    }
    verified.ok_or(SctError::UnknownLog)
}

fn read_one(bytes: &[u8]) -> Option<Sct> {
    let rest = bytes.strip_prefix(&[0])?;
    let (log_id, rest) = rest.split_first_chunk::<32>()?;
    let (timestamp, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = take_prefixed(rest)?;
    let (signature, rest) = take_prefixed(rest.strip_prefix(&SHA256_ECDSA)?)?;
    let timestamp = i64::from_be_bytes(*timestamp);
    let sizes_fit = (1..=MAX_SIGNATURE).contains(&signature.len()) && extensions.len() <= MAX_EXTENSIONS;
    let fits = rest.is_empty() && sizes_fit && timestamp >= 0;
    fits.then(|| Sct {
        log_id: Sha256::from_bytes(*log_id),
        timestamp: Time::from_millis(timestamp),
        extensions: extensions.to_vec(),
        signature: signature.to_vec(),
    })
}

/// Two bytes of length, then as many bytes. INVARIANT: everything written here is shorter than 64 KiB, as at most 8
/// timestamps of at most 383 bytes are.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

fn take_prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
