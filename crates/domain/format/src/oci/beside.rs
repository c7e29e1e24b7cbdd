//! A signature blob about something in a registry, as it is put beside its subject: an `oci` statement's, and a `notary`
//! statement's whose artifact is named by its repository.

use chancery_core::format::FormatName;
use chancery_core::port::registry::{Attach, Beside};
use chancery_core::statement::Statement;
use chancery_core::time::Time;

use super::reference::Repository;
use super::simple::Signature;
use super::statement::Content;
use super::to_be_signed::{self, predicate_type};
use crate::notary;
use crate::seam::FormatError;
use crate::sigstore::bundle::Bundle;

/// What is put beside the subject of a statement: nothing yet. `None` where the subject lies in no registry that the
/// statement names.
pub fn visit(statement: &Statement, created: Time) -> Result<Option<Attach>, FormatError> {
    let (repository, media_type) = match statement.format {
        FormatName::Oci => {
            let body = to_be_signed::parse(statement)?;
            (body.repository, body.media_type)
        }
        FormatName::Notary => {
            let body = notary::statement::Body::parse(statement)?;
            // notation does not tell its plugins the repository: such a statement is called by its digest.
            match Repository::parse(&statement.artifact.name) {
                Ok(repository) if body.is_in_registry() => (repository, body.media_type),
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        FormatName::Fulcio | FormatName::Pe | FormatName::Sigstore => return Ok(None),
    };
    Ok(Some(Attach {
        repository: repository.to_string(),
        subject: statement.artifact.digest,
        size: statement.artifact.size,
        media_type,
        signatures: Vec::new(),
        created: Time::from_seconds(created.seconds()),
    }))
}

/// The signature, from the blob that was made for the statement.
pub fn beside(statement: &Statement, blob: &[u8]) -> Result<Beside, FormatError> {
    match statement.format {
        FormatName::Notary => envelope(statement, blob),
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
            of_image(statement, blob)
        }
    }
}

/// An envelope is put beside what it is over, and beside nothing else.
fn envelope(statement: &Statement, blob: &[u8]) -> Result<Beside, FormatError> {
    let body = notary::statement::Body::parse(statement)?;
    let envelope = notary::envelope::Envelope::parse(blob)?;
    if envelope.target != body.target(statement) {
        return Err(FormatError::Parts("the envelope is over another target".to_owned()));
    }
    Ok(Beside::Envelope { bytes: blob.to_vec() })
}

fn of_image(statement: &Statement, blob: &[u8]) -> Result<Beside, FormatError> {
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
