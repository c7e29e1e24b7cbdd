//! Finds the signature in an envelope file. The file is read whole, because it is bounded.

use std::io::Read as _;

use serde_json::json;

use super::envelope::{Envelope, MAX_ENVELOPE};
use crate::seam::{Cover, Coverage, Extracted, FormatError, FoundSignature, ReadSeek};

/// Reads an envelope file. The reader is the signature file, not the artifact: an artifact is covered as a whole, by its
/// digest, so the coverage here only says that the file holds nothing but the envelope.
pub fn extract(reader: &mut dyn ReadSeek) -> Result<Extracted, FormatError> {
    let mut blob = Vec::new();
    let limit = u64::try_from(MAX_ENVELOPE).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut blob)?;
    let envelope = Envelope::parse(&blob)?;
    let mut coverage = Coverage::default();
    coverage.extend_to(u64::try_from(blob.len()).unwrap_or(u64::MAX), Cover::Excluded("the envelope"));
    let body = json!({"envelope": envelope.kind.name(), "target": envelope.target});
    Ok(Extracted { found: vec![FoundSignature { blob, body }], coverage })
}
