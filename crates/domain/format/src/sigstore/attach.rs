//! The bundle from its parts, and where it goes: a file beside the artifact.

use chancery_core::digest::Sha256;
use chancery_core::statement::Statement;
use chancery_x509::tsp::response::{self, Response};

use super::bundle::{Bundle, Content, TlogEntry};
use super::dsse::{self, Envelope};
use super::statement;
use super::to_be_signed;
use crate::seam::{Attachment, FormatError, Layout, LedgerProof, Parts, Signer};

/// What is appended to the artifact's name.
pub const SUFFIX: &str = ".sigstore.json";

/// Assembles the bundle. Takes the first certificate alone: a v0.3 bundle holds no issuers.
///
/// Errors when a part is missing, or when entry and receipt do not belong together.
pub fn assemble(
    statement: &Statement,
    signer: &Signer<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, FormatError> {
    bundle(content(statement, signer, parts.signature)?, parts)
}

/// The bundle around a content, read back before it leaves.
pub fn bundle(content: Content, parts: &Parts<'_>) -> Result<Vec<u8>, FormatError> {
    let missing = |what: &str| FormatError::Parts(format!("{what} is missing"));
    let certificate = parts.certificates.first().ok_or_else(|| missing("the certificate"))?;
    let token = parts.timestamp.ok_or_else(|| missing("the timestamp"))?;
    let bundle = Bundle {
        certificate: certificate.clone(),
        content,
        entry: entry(&parts.ledger.ok_or_else(|| missing("the ledger proof"))?)?,
        timestamps: vec![wrap(token)?],
    };
    let json = bundle.to_json().into_bytes();
    // What leaves must be what our own reader accepts: bounds and agreement are checked there.
    match Bundle::parse(&json) {
        Ok(read) if read == bundle => Ok(json),
        Ok(_) => Err(FormatError::Parts("the bundle does not read back".into())),
        Err(error) => Err(FormatError::Parts(error.to_string())),
    }
}

/// What a signature over the statement is over, rebuilt: the same bytes as [`to_be_signed::to_be_signed`].
pub fn content(statement: &Statement, signer: &Signer<'_>, signature: &[u8]) -> Result<Content, FormatError> {
    let signature = signature.to_vec();
    match to_be_signed::parse(statement)? {
        statement::Content::Message => Ok(Content::Message { digest: statement.artifact.digest, signature }),
        said @ (statement::Content::Claimed { .. }
        | statement::Content::Image { .. }
        | statement::Content::Provenance { .. }
        | statement::Content::Vouched(_)) => {
            let payload = to_be_signed::payload(statement, &said, signer)?;
            Ok(Content::Dsse(Envelope { payload, payload_type: dsse::IN_TOTO.to_owned(), signature }))
        }
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

/// Wraps a token into the response that bundles carry (RFC 3161 §2.4.2).
fn wrap(token: &[u8]) -> Result<Vec<u8>, FormatError> {
    let bytes = response::granted(token);
    match response::parse(&bytes) {
        Ok(Response::Granted { token: read }) if read == token => Ok(bytes),
        Ok(_) | Err(_) => Err(FormatError::Parts("the timestamp is not a CMS ContentInfo".into())),
    }
}
