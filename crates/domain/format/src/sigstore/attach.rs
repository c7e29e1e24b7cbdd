//! The bundle from its parts, and where it goes: a file beside the artifact.

use chancery_core::digest::Sha256;
use chancery_core::statement::Statement;

use super::bundle::{Bundle, Content, TlogEntry};
use super::dsse::{self, Envelope};
use super::statement;
use super::to_be_signed;
use crate::seam::{Attachment, FormatError, Layout, LedgerProof, Parts, Signer};

/// What is appended to the artifact's name.
pub const SUFFIX: &str = ".sigstore.json";

/// `TimeStampResp.status` = granted, DER: bundles carry whole responses, formats are given the token (RFC 3161 §2.4.2).
const GRANTED: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x00];

/// Assembles the bundle. Takes the first certificate alone: a v0.3 bundle holds no issuers.
///
/// Errors when a part is missing, or when entry and receipt do not belong together.
pub fn assemble(
    statement: &Statement,
    signer: &Signer<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, FormatError> {
    let content = match to_be_signed::parse(statement)? {
        statement::Content::Message => {
            Content::Message { digest: statement.artifact.digest, signature: parts.signature.to_vec() }
        }
        statement::Content::Provenance { subject } => Content::Dsse(Envelope {
            payload: to_be_signed::payload(statement, &subject, signer)?,
            payload_type: dsse::IN_TOTO.to_owned(),
            signature: parts.signature.to_vec(),
        }),
    };
    let missing = |what: &str| FormatError::Parts(format!("{what} is missing"));
    let certificate = parts.certificates.first().ok_or_else(|| missing("the certificate"))?;
    let token = parts.timestamp.ok_or_else(|| missing("the timestamp"))?;
    let bundle = Bundle {
        certificate: certificate.clone(),
        content,
        entry: entry(&parts.ledger.ok_or_else(|| missing("the ledger proof"))?)?,
        timestamps: vec![response(token)?],
    };
    let json = bundle.to_json().into_bytes();
    // What leaves must be what our own reader accepts: bounds and agreement are checked there.
    match Bundle::parse(&json) {
        Ok(read) if read == bundle => Ok(json),
        Ok(_) => Err(FormatError::Parts("the bundle does not read back".into())),
        Err(error) => Err(FormatError::Parts(error.to_string())),
    }
}

/// Puts the bundle beside the artifact.
pub fn attach(layout: &Layout, blob: &[u8]) -> Result<Attachment, FormatError> {
    match layout {
        Layout::Beside => Ok(Attachment::Beside { suffix: SUFFIX, bytes: blob.to_vec() }),
        Layout::Pe(_) => Err(FormatError::Parts("a bundle goes beside the artifact, not into it".into())),
    }
}

fn entry(proof: &LedgerProof<'_>) -> Result<TlogEntry, FormatError> {
    let refuse = |error: &dyn std::fmt::Display| FormatError::Parts(error.to_string());
    let log_id = Sha256::from_slice(proof.log_id).map_err(|error| refuse(&error))?;
    TlogEntry::new(log_id, proof.entry.to_vec(), proof.receipt.clone()).map_err(|error| refuse(&error))
}

/// Wraps a token into the response that bundles carry.
fn response(token: &[u8]) -> Result<Vec<u8>, FormatError> {
    let wrong = || FormatError::Parts("the timestamp is not a CMS ContentInfo".into());
    let inner = [GRANTED.as_slice(), token].concat();
    let length = der::Length::try_from(inner.len()).map_err(|_| wrong())?;
    let header = der::Header::new(der::Tag::Sequence, length);
    let mut out = der::Encode::to_der(&header).map_err(|_| wrong())?;
    out.extend_from_slice(&inner);
    Ok(out)
}
