//! The signature blob from its parts: a bundle, or a simple signing payload with its signature.

use chancery_core::statement::Statement;
use chancery_x509::tsp::response;

use super::simple::{self, Signature, Stamp};
use super::statement::Content;
use super::to_be_signed;
use crate::seam::{FormatError, Parts, Signer};
use crate::sigstore::attach;
use crate::sigstore::bundle;
use crate::sigstore::dsse::{self, Envelope};

/// Assembles the blob. Errors when a part is missing.
pub fn assemble(
    statement: &Statement,
    signer: &Signer<'_>,
    parts: &Parts<'_>,
) -> Result<Vec<u8>, FormatError> {
    let body = to_be_signed::parse(statement)?;
    match body.content {
        Content::Provenance | Content::Signature => {
            attach::bundle(content(statement, signer, parts.signature)?, parts)
        }
        Content::SimpleSigning => {
            let signature = Signature {
                payload: simple::payload(&body.repository, statement.artifact.digest),
                signature: parts.signature.to_vec(),
                timestamp: parts.timestamp.map(|token| Stamp(response::granted(token))),
            };
            serde_json::to_vec(&signature).map_err(|error| FormatError::Parts(error.to_string()))
        }
    }
}

/// What a signature of an in-toto content is over, rebuilt.
pub fn content(
    statement: &Statement,
    signer: &Signer<'_>,
    signature: &[u8],
) -> Result<bundle::Content, FormatError> {
    let body = to_be_signed::parse(statement)?;
    let payload = to_be_signed::in_toto(statement, &body, signer)?;
    let payload_type = dsse::IN_TOTO.to_owned();
    Ok(bundle::Content::Dsse(Envelope { payload, payload_type, signature: signature.to_vec() }))
}
