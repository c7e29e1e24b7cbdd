//! The hooks of the seam. No file is of this format, so those about files refuse.

use std::io::Read;

use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_x509::certificate::Certificate;

use super::statement;
use crate::seam::{
    Attachment, Extracted, FormatError, Layout, Options, Parts, Prepared, ReadSeek, Sample, Signer, Sureness,
};

/// Begins the bytes that stand for a wished certificate in intents. No DER begins so: were these bytes ever signed by an
/// authority's key, they would still be no certificate.
const PREFIX: &[u8] = b"chancery.fulcio/1\n";

pub(super) fn detect(_: &Sample<'_>) -> Sureness {
    Sureness::No
}

pub(super) fn prepare(_: &mut dyn Read, _: &Options<'_>) -> Result<Prepared, FormatError> {
    Err(no_file())
}

/// What the intent names: the key that is to be certified. Errors when the statement does not prove that its maker holds
/// the key.
///
/// INVARIANT: these bytes are never signed. The keyguard signs the identity leaf instead, as the precertificate that the
/// intent names says.
pub(super) fn to_be_signed(statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, FormatError> {
    let wished = statement::parse(statement).map_err(|error| FormatError::Statement(error.to_string()))?;
    wished.check(&signer.caller.claims).map_err(|error| FormatError::Statement(error.to_string()))?;
    Ok(ToBeSigned::Message([PREFIX, &wished.key().spki].concat()))
}

/// The leaf, PEM (RFC 7468).
pub(super) fn assemble(_: &Statement, _: &Signer<'_>, parts: &Parts<'_>) -> Result<Vec<u8>, FormatError> {
    let leaf = parts.certificates.first();
    let leaf = leaf.ok_or_else(|| FormatError::Parts("no certificate was issued".to_owned()))?;
    let leaf = Certificate::parse(leaf).map_err(|error| FormatError::Parts(error.to_string()))?;
    Ok(leaf.to_pem().into_bytes())
}

pub(super) fn attach(_: &Layout, _: &[u8]) -> Result<Attachment, FormatError> {
    Err(no_file())
}

pub(super) fn extract(_: &mut dyn ReadSeek) -> Result<Extracted, FormatError> {
    Err(no_file())
}

fn no_file() -> FormatError {
    FormatError::Unsupported("format `fulcio` is what Sigstore clients ask for; no file is of it".to_owned())
}
