//! What people sign: one line of canonical JSON that names a version of the governance documents and its place.
//!
//! ```json
//! {"ledger":"log2026.sign.example","previous":"9f86…","schema":"chancery.governance/1","sequence":7,"version":"4c1d…"}
//! ```
//! `ssh-keygen -Y sign -n governance@chancery -f KEY governance.canonical` signs exactly these bytes, without a newline.

use chancery_core::canonical;
use chancery_core::id::PolicyVersion;

use super::refused::GovernanceRefused;

const SCHEMA: &str = "chancery.governance/1";
const MAX_HEADER: usize = 1024;
/// Longest ledger origin in bytes: a host name.
const MAX_ORIGIN: usize = 253;

/// The header of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Origin of the ledger in which the version comes into force; elsewhere the signatures mean nothing.
    pub ledger: String,
    /// The version that it replaces; none for the first.
    pub previous: Option<PolicyVersion>,
    /// Counts up by one, from 1.
    pub sequence: u64,
    /// The documents.
    pub version: PolicyVersion,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    ledger: String,
    previous: Option<PolicyVersion>,
    schema: String,
    sequence: u64,
    version: PolicyVersion,
}

impl Header {
    /// The bytes that are signed.
    pub fn canonical(&self) -> Result<String, GovernanceRefused> {
        let wire = Wire {
            ledger: self.ledger.clone(),
            previous: self.previous,
            schema: SCHEMA.to_owned(),
            sequence: self.sequence,
            version: self.version,
        };
        canonical::encode(&wire).map_err(|_| GovernanceRefused::Malformed("it has no canonical form"))
    }
    /// Reads signed bytes, strictly: exactly one text gives each header.
    pub fn parse(text: &str) -> Result<Self, GovernanceRefused> {
        if text.len() > MAX_HEADER {
            return Err(GovernanceRefused::Malformed("more than 1024 bytes"));
        }
        let wire: Wire =
            canonical::decode(text).map_err(|_| GovernanceRefused::Malformed("not canonical json"))?;
        if wire.schema != SCHEMA {
            return Err(GovernanceRefused::Malformed("schema is not `chancery.governance/1`"));
        }
        if !(1..=MAX_ORIGIN).contains(&wire.ledger.len()) {
            return Err(GovernanceRefused::Malformed("`ledger` is not an origin"));
        }
        let Wire { ledger, previous, sequence, version, .. } = wire;
        let header = Self { ledger, previous, sequence, version };
        // An absent `previous` and an explicit null would be two texts of one header.
        if header.canonical()? != text {
            return Err(GovernanceRefused::Malformed("not canonical json"));
        }
        Ok(header)
    }
}
