//! In-toto statements as cosign writes them, rebuilt byte for byte from what they say.
//!
//! ```text
//! attest  {"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"r.example/app","digest":{"sha256":"229c…"}}],
//!          "predicateType":"https://cyclonedx.org/bom","predicate":{…}}
//! sign    {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"229c…"},"annotations":{"build":"7"}}],
//!          "predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}
//! ```
//! cosign asks whoever keeps its key for a signature over such bytes. They are not taken as they come: what they say
//! becomes a statement, and the signed bytes are made from that. Go's encoder (protojson) writes a space after every comma
//! or after none; which of the two is settled when a cosign is built, so both are known here. Whatever is written in
//! another way cannot be rebuilt and is refused.

use std::collections::BTreeMap;

use chancery_core::artifact::Artifact;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::predicate::{InvalidPredicate, MAX_PREDICATE, Predicate};
use super::provenance::{STATEMENT_TYPE, STATEMENT_V01};
use super::statement::MAX_SUBJECT;
use crate::oci::to_be_signed::SIGN_PREDICATE;

/// Most annotations of an image.
pub const MAX_ANNOTATIONS: usize = 64;
/// Longest key of an annotation in bytes.
const MAX_KEY: usize = 256;
/// Longest value of an annotation in bytes.
const MAX_VALUE: usize = 4096;
/// Largest statement in bytes: a predicate, and what stands around it.
const MAX_STATEMENT: usize = MAX_PREDICATE + 512 * 1024;

/// Which of cosign's encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// Nothing after commas.
    Cosign,
    /// A space after every comma that does not stand in a text.
    CosignSpaced,
}

impl Spelling {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cosign, Self::CosignSpaced];

    const fn comma(self) -> &'static str {
        match self {
            Self::Cosign => ",",
            Self::CosignSpaced => ", ",
        }
    }
    /// The statement of `cosign attest` and `attest-blob` around a predicate.
    #[must_use]
    pub fn attestation(self, artifact: Sha256, subject: &str, predicate: &Predicate) -> Vec<u8> {
        let head = self.head(artifact, subject, predicate.kind());
        format!("{head}{}}}", predicate.text()).into_bytes()
    }
    /// All that stands before the predicate.
    fn head(self, artifact: Sha256, subject: &str, kind: &str) -> String {
        let (c, subject, kind) = (self.comma(), text(subject), text(kind));
        format!(
            r#"{{"_type":"{STATEMENT_V01}"{c}"subject":[{{"name":{subject}{c}"digest":{{"sha256":"{artifact}"}}}}]{c}"predicateType":{kind}{c}"predicate":"#
        )
    }
    /// The statement of `cosign sign`: an image is signed, and that is all.
    #[must_use]
    pub fn image(self, artifact: Sha256, annotations: &BTreeMap<String, String>) -> Vec<u8> {
        let c = self.comma();
        let each = annotations.iter().map(|(key, value)| format!("{}:{}", text(key), text(value)));
        let annotations = each.collect::<Vec<_>>().join(c);
        format!(
            r#"{{"_type":"{STATEMENT_TYPE}"{c}"subject":[{{"digest":{{"sha256":"{artifact}"}}{c}"annotations":{{{annotations}}}}}]{c}"predicateType":"{SIGN_PREDICATE}"{c}"predicate":{{}}}}"#
        )
        .into_bytes()
    }
}

/// Text as a JSON string: quotes, backslashes and control characters are escaped, nothing else, by both encoders.
fn text(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Whether these are annotations that an image may have: they reach ledgers and terminals.
#[must_use]
pub fn are_annotations(all: &BTreeMap<String, String>) -> bool {
    let legal = |text: &str, most: usize| text.len() <= most && !text.chars().any(char::is_control);
    all.len() <= MAX_ANNOTATIONS
        && all.iter().all(|(key, value)| !key.is_empty() && legal(key, MAX_KEY) && legal(value, MAX_VALUE))
}

/// A statement of cosign's that no statement of this format comes to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRebuilt {
    /// It is well formed, but written in another way than cosign 3 writes it.
    #[error("it is not written as cosign 3 writes it, so its bytes cannot be rebuilt from what it says")]
    Bytes,
    /// The predicate may not be claimed, or is no object.
    #[error("predicate: {0}")]
    Predicate(#[from] InvalidPredicate),
    /// Not an in-toto statement.
    #[error("it is no in-toto statement: {0}")]
    Statement(String),
    /// Not exactly one subject with a SHA-256 and a name that fits.
    #[error("it is not about one artifact with a sha256 and a name of at most 255 characters")]
    Subject,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "_type")]
    _kind: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Value,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject {
    name: Option<String>,
    digest: WireDigest,
    annotations: Option<BTreeMap<String, String>>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDigest {
    sha256: Sha256,
}

/// Reads what cosign wants signed. The statement that this answers with comes to exactly these bytes; its artifact has size 0,
/// because cosign does not say how large it is.
pub fn read(payload: &[u8]) -> Result<Statement, NotRebuilt> {
    let malformed = |why: String| NotRebuilt::Statement(why.chars().take(120).collect());
    if payload.len() > MAX_STATEMENT {
        return Err(malformed(format!("{} bytes", payload.len())));
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|error| malformed(error.to_string()))?;
    let [subject] = wire.subject.as_slice() else { return Err(NotRebuilt::Subject) };
    if wire.predicate_type == SIGN_PREDICATE {
        return image(payload, subject);
    }
    if !wire.predicate.is_object() {
        return Err(InvalidPredicate::Text("another kind of value".to_owned()).into());
    }
    attestation(payload, &wire.predicate_type, subject)
}

fn image(payload: &[u8], subject: &WireSubject) -> Result<Statement, NotRebuilt> {
    let none = BTreeMap::new();
    let (digest, annotations) = (subject.digest.sha256, subject.annotations.as_ref().unwrap_or(&none));
    if !are_annotations(annotations) {
        return Err(NotRebuilt::Subject);
    }
    let is_same = |spelling: &Spelling| spelling.image(digest, annotations) == payload;
    let spelling = Spelling::ALL.into_iter().find(is_same).ok_or(NotRebuilt::Bytes)?;
    let body = if annotations.is_empty() {
        json!({"spelling": spelling})
    } else {
        json!({"annotations": annotations, "spelling": spelling})
    };
    Ok(statement(Family::ProvenanceDsse, digest, unnamed(digest), body))
}

fn attestation(payload: &[u8], kind: &str, subject: &WireSubject) -> Result<Statement, NotRebuilt> {
    let (digest, name) = (subject.digest.sha256, subject.name.as_deref().ok_or(NotRebuilt::Subject)?);
    if name.is_empty() || name.len() > MAX_SUBJECT || name.chars().any(char::is_control) {
        return Err(NotRebuilt::Subject);
    }
    let found = Spelling::ALL.into_iter().find_map(|spelling| {
        let predicate = payload.strip_prefix(spelling.head(digest, name, kind).as_bytes())?;
        Some((spelling, std::str::from_utf8(predicate.strip_suffix(b"}")?).ok()?))
    });
    let Some((spelling, predicate)) = found else {
        // Of a type that is never claimed that is said first.
        Predicate::new(kind.to_owned(), "{}".to_owned())?;
        return Err(NotRebuilt::Bytes);
    };
    let predicate = Predicate::new(kind.to_owned(), predicate.to_owned())?;
    let mut body =
        json!({"predicate": predicate.text(), "predicate_type": predicate.kind(), "spelling": spelling});
    // A file keeps its name; the name of a repository is none, and stands beside it.
    let is_file = !name.contains(['/', '\\']) && !matches!(name, "." | "..");
    if !is_file && let Some(body) = body.as_object_mut() {
        body.insert("subject".to_owned(), json!(name));
    }
    let named = if is_file { name.to_owned() } else { unnamed(digest) };
    Ok(statement(Family::ClaimedDsse, digest, named, body))
}

/// What is called by its digest.
fn unnamed(digest: Sha256) -> String {
    format!("sha256:{digest}")
}

fn statement(family: Family, digest: Sha256, name: String, body: Value) -> Statement {
    let artifact = Artifact { name, digest, size: 0 };
    Statement { artifact, body, depth: Depth::Structured, family, format: FormatName::Sigstore }
}

#[cfg(test)]
mod tests;
