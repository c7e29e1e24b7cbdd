//! The strict reader of signed in-toto statements: what a verifier needs of them.

use chancery_core::digest::Sha256;
use serde_json::Value;

use super::{STATEMENT_TYPE, STATEMENT_V01};

/// What a verifier needs of a signed in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// The predicate type.
    pub predicate_type: String,
    /// Its subjects, 1 to 64.
    pub subjects: Vec<Subject>,
}

/// One subject of a signed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name: the claim of a client.
    pub name: Option<String>,
    /// SHA-256 of the artifact.
    pub digest: Sha256,
}

/// Most subjects in one statement.
pub const MAX_SUBJECTS: usize = 64;

/// A payload that is not an in-toto Statement v1 or v0.1 with SHA-256 subjects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload is not an in-toto statement v1 or v0.1 with 1 to 64 sha256 subjects")]
pub struct InvalidPayload;

// The four members of an in-toto Statement, which are the same in v0.1. Duplicates and unknown members are errors: a second reading of the
// same bytes must not exist (T6).
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicate")]
    _predicate: serde::de::IgnoredAny,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<WireSubject>,
}
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject {
    #[serde(default)]
    name: Option<String>,
    digest: WireDigest,
    #[serde(default, rename = "annotations")]
    _annotations: Option<serde::de::IgnoredAny>,
}
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDigest {
    sha256: Sha256,
}

/// Reads the signed payload, strictly.
pub fn parse(payload: &[u8]) -> Result<SignedStatement, InvalidPayload> {
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| InvalidPayload)?;
    has_objects(payload)?;
    let is_known = [STATEMENT_TYPE, STATEMENT_V01].contains(&wire.kind.as_str());
    if !is_known || wire.subject.is_empty() || wire.subject.len() > MAX_SUBJECTS {
        return Err(InvalidPayload);
    }
    let subject = |read: WireSubject| Subject { name: read.name, digest: read.digest.sha256 };
    let subjects = wire.subject.into_iter().map(subject).collect();
    Ok(SignedStatement { predicate_type: wire.predicate_type, subjects })
}

/// A struct may also be read from a JSON array; other readers refuse that spelling, so it is refused here too.
fn has_objects(payload: &[u8]) -> Result<(), InvalidPayload> {
    let value: Value = serde_json::from_slice(payload).map_err(|_| InvalidPayload)?;
    let subjects = value.get("subject").and_then(Value::as_array).ok_or(InvalidPayload)?;
    let digest_is_object = |subject: &Value| subject.get("digest").is_some_and(Value::is_object);
    if subjects.iter().all(digest_is_object) { Ok(()) } else { Err(InvalidPayload) }
}
