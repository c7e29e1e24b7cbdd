//! What a verification summary says: the wish of a client, which gateway, keyguard and audit compare with what they found.
//!
//! ```json
//! {"vouch":{"inputs":["7d1f…"],"kind":"vsa","levels":["SLSA_BUILD_LEVEL_2"],"policy":"54c1…","resource":"pkg:generic/acme/app@1.4.0",
//!           "verifier":"https://acme.example/verifier"}}
//! ```
//! The body of a statement of family `verifier-dsse`. The moment is not in it: it is that of the caller's token.

use crate::digest::Sha256;
use crate::statement::Statement;

/// Most levels of one summary.
pub const MAX_LEVELS: usize = 64;
/// Longest resource and verifier in bytes.
pub const MAX_URI: usize = 512;

/// In which shape it is said that verification passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// in-toto Simple Verification Result v0.2.
    Svr,
    /// SLSA Verification Summary Attestation v1.
    Vsa,
}

/// A summary as it is asked for. That verification passed is not a member: another summary is never signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouched {
    /// SHA-256 of every attestation that was shown, in the order in which they were.
    pub inputs: Vec<Sha256>,
    /// In which shape it is said.
    pub kind: Kind,
    /// What was verified.
    pub levels: Vec<String>,
    /// SHA-256 of the governance under which it was verified.
    pub policy: Sha256,
    /// What the artifact is.
    pub resource: String,
    /// Who verified.
    pub verifier: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    vouch: Vouched,
}

/// A body that says no summary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a verification summary: {0}")]
pub struct NotVouched(String);

impl Vouched {
    /// Reads the body of a statement, strictly.
    pub fn of(statement: &Statement) -> Result<Self, NotVouched> {
        let body: Body = serde_json::from_value(statement.body.clone())
            .map_err(|error| NotVouched(error.to_string().chars().take(120).collect()))?;
        let Self { levels, resource, verifier, inputs, .. } = &body.vouch;
        let is_uri = |text: &String| {
            text.contains(':') && text.len() <= MAX_URI && text.chars().all(|c| c.is_ascii_graphic())
        };
        if !is_uri(resource) || !is_uri(verifier) {
            return Err(NotVouched("resource and verifier are URIs of at most 512 characters".to_owned()));
        }
        if levels.is_empty() || levels.len() > MAX_LEVELS || inputs.is_empty() {
            return Err(NotVouched("without levels or inputs nothing is said".to_owned()));
        }
        Ok(body.vouch)
    }
}
