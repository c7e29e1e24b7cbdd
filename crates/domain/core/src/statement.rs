//! What a signature will say: typed, per format, and everything the signer needs to rebuild the signed bytes.

use crate::artifact::Artifact;
use crate::canonical::{self, NotCanonical};
use crate::depth::Depth;
use crate::family::Family;
use crate::format::FormatName;
use crate::id::StatementId;

/// A statement as it travels, is hashed and is approved. The body is the format's own: `domain/format` parses it
/// strictly, and nothing else reads it.
///
/// ```json
/// {"artifact":{"digest":"229c…","name":"app.bin","size":6},"body":{},"depth":"structured",
///  "family":"provenance-dsse","format":"sigstore"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The artifact before it is signed.
    pub artifact: Artifact,
    /// The format's own fields and options.
    pub body: serde_json::Value,
    /// How much of the artifact the maker of this statement gives to see.
    pub depth: Depth,
    /// Which family of signed bytes it needs.
    pub family: Family,
    /// The native format.
    pub format: FormatName,
}

impl Statement {
    /// The hash of the canonical form. Errors when the body holds a number that JSON does not share.
    pub fn id(&self) -> Result<StatementId, NotCanonical> {
        canonical::digest(self).map(StatementId::new)
    }
}
