//! Finds the signature in a bundle file. The file is read whole, because it is bounded.

use std::io::Read as _;

use chancery_core::format::FormatName;
use serde_json::{Value, json};

use super::bundle::{Bundle, Content, MAX_BUNDLE};
use super::provenance;
use crate::seam::{Cover, Coverage, Extracted, FormatError, FoundSignature, ReadSeek};

/// Reads a bundle file. The reader is the signature file, not the artifact: an artifact is covered as a whole, by its
/// digest, so the coverage here only says that the bundle itself holds nothing else.
pub fn extract(reader: &mut dyn ReadSeek) -> Result<Extracted, FormatError> {
    let mut blob = Vec::new();
    let limit = u64::try_from(MAX_BUNDLE).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut blob)?;
    let bundle = Bundle::parse(&blob)
        .map_err(|error| FormatError::Malformed { format: FormatName::Sigstore, what: error.to_string() })?;
    let mut coverage = Coverage::default();
    coverage.extend_to(u64::try_from(blob.len()).unwrap_or(u64::MAX), Cover::Excluded("the bundle"));
    Ok(Extracted { found: vec![FoundSignature { body: body(&bundle.content), blob }], coverage })
}

fn body(content: &Content) -> Value {
    match content {
        Content::Message { .. } => json!({}),
        Content::Dsse(envelope) => {
            let named = provenance::parse(&envelope.payload).ok();
            match named.and_then(|signed| signed.subjects.into_iter().next()?.name) {
                Some(name) => json!({ "subject": name }),
                None => json!({}),
            }
        }
    }
}
