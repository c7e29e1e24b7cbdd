//! The signed bytes of both contents: pure, and the only source of them.
//!
//! ```text
//! message       the artifact itself, as its SHA-256
//! provenance    "DSSEv1 28 application/vnd.in-toto+json <n> {"_type":"https://in-toto.io/Statement/v1",…}"
//! ```

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;

use super::statement::{self, Content};
use super::{dsse, provenance};
use crate::seam::{FormatError, Signer};

/// Rebuilds what is signed for a statement. Errors when the statement is not of this format, or the key is not P-256.
pub fn to_be_signed(statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, FormatError> {
    if signer.public_key.algorithm != KeyAlgorithm::EcdsaP256 {
        let what = format!("key algorithm `{}` in format `sigstore`", signer.public_key.algorithm);
        return Err(FormatError::Unsupported(what));
    }
    match parse(statement)? {
        Content::Message => {
            let digest = statement.artifact.digest.as_bytes().to_vec();
            Ok(ToBeSigned::Prehashed(DigestAlgorithm::Sha256, digest))
        }
        Content::Provenance { subject } => {
            let payload = payload(statement, &subject, signer)?;
            Ok(ToBeSigned::Message(dsse::encode(dsse::IN_TOTO, &payload)))
        }
    }
}

/// The body, with its error in the seam's terms.
pub(super) fn parse(statement: &Statement) -> Result<Content, FormatError> {
    statement::parse(statement).map_err(|error| FormatError::Statement(error.to_string()))
}

/// The provenance that both the signed bytes and the bundle carry.
pub(crate) fn payload(
    statement: &Statement,
    subject: &str,
    signer: &Signer<'_>,
) -> Result<Vec<u8>, FormatError> {
    let facts =
        provenance::Facts { claims: &signer.caller.claims, profile: signer.profile, service: signer.builder };
    provenance::build(statement, subject, &facts).map_err(|error| FormatError::Statement(error.to_string()))
}
