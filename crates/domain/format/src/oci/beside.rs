//! A signature blob of an `oci` statement, as it is put beside its subject.

use chancery_core::port::registry::{Attach, Beside};
use chancery_core::statement::Statement;
use chancery_core::time::Time;

use super::simple::Signature;
use super::statement::Content;
use super::to_be_signed::{self, predicate_type};
use crate::seam::FormatError;
use crate::sigstore::bundle::Bundle;

/// What is put beside the subject of a statement: nothing yet.
pub fn visit(statement: &Statement, created: Time) -> Result<Attach, FormatError> {
    let body = to_be_signed::parse(statement)?;
    Ok(Attach {
        repository: body.repository.to_string(),
        subject: statement.artifact.digest,
        size: statement.artifact.size,
        media_type: body.media_type,
        signatures: Vec::new(),
        created: Time::from_seconds(created.seconds()),
    })
}

/// The signature, from the blob that was made for the statement.
pub fn beside(statement: &Statement, blob: &[u8]) -> Result<Beside, FormatError> {
    let refuse = |error: &dyn std::fmt::Display| FormatError::Parts(error.to_string());
    let content = to_be_signed::parse(statement)?.content;
    match (content, predicate_type(content)) {
        (Content::Provenance | Content::Signature, Some(predicate_type)) => {
            let bundle = Bundle::parse(blob).map_err(|error| refuse(&error))?;
            Ok(Beside::Bundle {
                json: blob.to_vec(),
                signature: bundle.content.signature().to_vec(),
                predicate_type: predicate_type.to_owned(),
            })
        }
        _ => {
            let Signature { payload, signature, timestamp } =
                Signature::parse_json(blob).map_err(|error| refuse(&error))?;
            Ok(Beside::Simple { payload, signature, timestamp: timestamp.map(|stamp| stamp.0) })
        }
    }
}
