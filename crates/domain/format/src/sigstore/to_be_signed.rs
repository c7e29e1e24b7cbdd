//! The signed bytes of every content: pure, and the only source of them.
//!
//! ```text
//! message       the artifact itself, as its SHA-256
//! provenance    "DSSEv1 28 application/vnd.in-toto+json <n> {"_type":"https://in-toto.io/Statement/v1",…}"
//! claimed       the same around a statement with the caller's predicate
//! vouched       the same around a statement that verification passed
//! image         the same around a statement that says nothing but that an image is signed, as cosign writes it
//! ```

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;

use super::statement::{self, Content};
use super::{dsse, provenance, summary};
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
        said @ (Content::Claimed { .. }
        | Content::Image { .. }
        | Content::Provenance { .. }
        | Content::Vouched(_)) => {
            let payload = payload(statement, &said, signer)?;
            Ok(ToBeSigned::Message(dsse::encode(dsse::IN_TOTO, &payload)))
        }
    }
}

/// The body, with its error in the seam's terms.
pub(super) fn parse(statement: &Statement) -> Result<Content, FormatError> {
    statement::parse(statement).map_err(|error| FormatError::Statement(error.to_string()))
}

/// The in-toto statement that both the signed bytes and the bundle carry.
pub(crate) fn payload(
    statement: &Statement,
    said: &Content,
    signer: &Signer<'_>,
) -> Result<Vec<u8>, FormatError> {
    let built = match said {
        Content::Claimed { subject, predicate, spelling: None } => {
            predicate.payload(&statement.artifact, subject)
        }
        Content::Claimed { subject, predicate, spelling: Some(spelling) } => {
            Ok(spelling.attestation(statement.artifact.digest, subject, predicate))
        }
        Content::Image { annotations, spelling } => {
            Ok(spelling.image(statement.artifact.digest, annotations))
        }
        Content::Provenance { subject } => {
            let (claims, profile) = (&signer.caller.claims, signer.profile);
            let facts = provenance::Facts { claims, profile, service: signer.builder };
            provenance::build(statement, subject, &facts)
        }
        Content::Vouched(vouched) => summary::build(statement, vouched, signer),
        Content::Message => {
            return Err(FormatError::Statement("a message has no in-toto statement".to_owned()));
        }
    };
    built.map_err(|error| FormatError::Statement(error.to_string()))
}
