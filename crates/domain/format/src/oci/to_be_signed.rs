//! The signed bytes of the three contents: pure, and the only source of them.
//!
//! ```text
//! signature       "DSSEv1 28 application/vnd.in-toto+json <n> {…,"predicate":{},"predicateType":"https://sigstore.dev/cosign/sign/v1",…}"
//! provenance      "DSSEv1 28 application/vnd.in-toto+json <n> {…,"predicateType":"https://slsa.dev/provenance/v1",…}"
//! simple-signing  {"critical":{"identity":{"docker-reference":"…"},"image":{"docker-manifest-digest":"sha256:…"},…
//! ```

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::canonical;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use serde_json::json;

use super::simple;
use super::statement::{self, Body, Content};
use crate::seam::{FormatError, Signer};
use crate::sigstore::provenance::{self, STATEMENT_TYPE};
use crate::sigstore::{dsse, statement::Content as SigstoreContent, to_be_signed};

/// The predicate type by which cosign 3 says no more than "signed".
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Rebuilds what is signed for a statement. Errors when the statement is not of this format, or the key is not P-256.
pub fn to_be_signed(statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, FormatError> {
    if signer.public_key.algorithm != KeyAlgorithm::EcdsaP256 {
        let what = format!("key algorithm `{}` in format `oci`", signer.public_key.algorithm);
        return Err(FormatError::Unsupported(what));
    }
    let body = parse(statement)?;
    let bytes = match body.content {
        Content::SimpleSigning => simple::payload(&body.repository, statement.artifact.digest),
        Content::Provenance | Content::Signature => {
            dsse::encode(dsse::IN_TOTO, &in_toto(statement, &body, signer)?)
        }
    };
    Ok(ToBeSigned::Message(bytes))
}

/// The body, with its error in the seam's terms.
pub(super) fn parse(statement: &Statement) -> Result<Body, FormatError> {
    statement::parse(statement).map_err(|error| FormatError::Statement(error.to_string()))
}

/// The in-toto statement that both the signed bytes and the bundle carry. Its subject's name is the repository, as other
/// tools have it; nothing in it is the caller's but that name and the digest.
pub(super) fn in_toto(
    statement: &Statement,
    body: &Body,
    signer: &Signer<'_>,
) -> Result<Vec<u8>, FormatError> {
    let repository = body.repository.to_string();
    match body.content {
        Content::Provenance => {
            let said = SigstoreContent::Provenance { subject: repository };
            to_be_signed::payload(statement, &said, signer)
        }
        Content::Signature => {
            let payload = json!({
                "_type": STATEMENT_TYPE,
                "predicate": {},
                "predicateType": SIGN_PREDICATE,
                "subject": [{ "digest": { "sha256": statement.artifact.digest.to_string() }, "name": repository }],
            });
            canonical::to_string(&payload)
                .map(String::into_bytes)
                .map_err(|error| FormatError::Statement(error.to_string()))
        }
        Content::SimpleSigning => {
            Err(FormatError::Statement("simple signing has no in-toto statement".into()))
        }
    }
}

/// The predicate type of a content; absent where it is no in-toto statement.
#[must_use]
pub const fn predicate_type(content: Content) -> Option<&'static str> {
    match content {
        Content::Provenance => Some(provenance::PREDICATE_TYPE),
        Content::Signature => Some(SIGN_PREDICATE),
        Content::SimpleSigning => None,
    }
}
