//! The body of a `sigstore` statement: what the caller may choose beyond the artifact, which is almost nothing.
//!
//! ```json
//! {}
//! {"subject":"registry.example/app"}
//! {"predicate":"{\"bomFormat\":\"CycloneDX\", …}","predicate_type":"https://cyclonedx.org/bom"}
//! {"annotations":{"build":"7"},"spelling":"cosign"}
//! {"vouch":{…}}
//! ```
//! The digest is in the core statement. `subject` renames the artifact in an in-toto statement (not in family
//! `message`); like the file name it is the client's claim. A predicate is one too: only family `claimed-dsse` takes
//! one, and only of types that this service does not make itself. A `spelling` says that the statement around it is written
//! as cosign writes it ([`super::cosign`]); in family `provenance-dsse` it is then the one that `cosign sign` makes, which
//! says no more than that an image is signed, and its `annotations` are the client's claim. Family `verifier-dsse` takes what is
//! in [`chancery_core::vouched`], and nothing else.

use std::collections::BTreeMap;

use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::vouched::{NotVouched, Vouched};

use super::cosign::{self, Spelling};
use super::predicate::{InvalidPredicate, Predicate};
use super::{provenance, summary};
use crate::oci::to_be_signed::SIGN_PREDICATE;

/// Longest subject name in bytes.
pub const MAX_SUBJECT: usize = 255;

/// A statement that is not one of this format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatement {
    /// Annotations that are none, or too many, too long, or hold control characters.
    #[error("annotations: expected 1 to 64, of at most 4096 bytes, without control characters")]
    Annotations,
    /// Members that are unknown, or of the wrong type.
    #[error("body of a sigstore statement: {0}")]
    Body(String),
    /// A family that this format has no bytes for.
    #[error("format `sigstore` does not sign family `{0}`")]
    Family(Family),
    /// A statement of another format.
    #[error("statement is for format `{0}`, not `sigstore`")]
    Format(FormatName),
    /// A predicate that may not be claimed, or is no JSON object.
    #[error("predicate: {0}")]
    Predicate(#[from] InvalidPredicate),
    /// A body that says no verification summary.
    #[error("{0}")]
    Vouched(#[from] NotVouched),
    /// The subject name is empty, too long, or holds control characters.
    #[error("subject is empty, longer than 255 bytes, or holds control characters")]
    Subject,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    annotations: Option<BTreeMap<String, String>>,
    predicate: Option<String>,
    predicate_type: Option<String>,
    spelling: Option<Spelling>,
    subject: Option<String>,
}

/// What a statement of this format says, parsed strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// What the caller says about the artifact is signed, as a claim.
    Claimed {
        /// The name of the subject: a claim of the client.
        subject: String,
        /// The claim.
        predicate: Predicate,
        /// How the statement around it is written; as this service writes it where that is absent.
        spelling: Option<Spelling>,
    },
    /// That an image is signed, as `cosign sign` says it.
    Image {
        /// What the client adds: a claim.
        annotations: BTreeMap<String, String>,
        /// How the statement is written.
        spelling: Spelling,
    },
    /// The artifact's own bytes are signed, by digest.
    Message,
    /// A provenance about the artifact is signed, under this subject name.
    Provenance {
        /// The name of the subject: a claim of the client.
        subject: String,
    },
    /// That the artifact passed verification is signed.
    Vouched(Vouched),
}

/// Parses the statement's body for this format.
pub fn parse(statement: &Statement) -> Result<Content, InvalidStatement> {
    if statement.format != FormatName::Sigstore {
        return Err(InvalidStatement::Format(statement.format));
    }
    if statement.family == Family::VerifierDsse {
        check_subject(&statement.artifact.name)?;
        return Ok(Content::Vouched(Vouched::of(statement)?));
    }
    let body: Body = serde_json::from_value(statement.body.clone())
        .map_err(|error| InvalidStatement::Body(error.to_string().chars().take(120).collect()))?;
    let claims = body.predicate.is_some() || body.predicate_type.is_some();
    let subject = |named: Option<String>| {
        let subject = named.unwrap_or_else(|| statement.artifact.name.clone());
        check_subject(&subject).map(|()| subject)
    };
    match statement.family {
        Family::Message | Family::ProvenanceDsse if claims => {
            let what = format!("a predicate has no meaning in family `{}`", statement.family);
            Err(InvalidStatement::Body(what))
        }
        Family::Message if body.subject.is_some() || body.spelling.is_some() => {
            Err(InvalidStatement::Body("`subject` and `spelling` have no meaning in family `message`".into()))
        }
        Family::ProvenanceDsse if body.spelling.is_some() && body.subject.is_some() => {
            Err(InvalidStatement::Body("`subject` has no meaning where an image is signed".into()))
        }
        Family::Message | Family::ClaimedDsse if body.annotations.is_some() => Err(unexpected()),
        Family::ProvenanceDsse if body.spelling.is_none() && body.annotations.is_some() => Err(unexpected()),
        Family::Message => Ok(Content::Message),
        Family::ProvenanceDsse => match body.spelling {
            Some(spelling) => Ok(Content::Image { annotations: annotations(body.annotations)?, spelling }),
            None => Ok(Content::Provenance { subject: subject(body.subject)? }),
        },
        Family::ClaimedDsse => {
            let missing = || InvalidStatement::Body("`predicate` and `predicate_type` are needed".into());
            let (kind, text) = body.predicate_type.zip(body.predicate).ok_or_else(missing)?;
            let (subject, predicate) = (subject(body.subject)?, Predicate::new(kind, text)?);
            Ok(Content::Claimed { subject, predicate, spelling: body.spelling })
        }
        Family::Certificate
        | Family::Cms
        | Family::Cosignature
        | Family::Notary
        | Family::Sct
        | Family::SimpleSigning
        | Family::Timestamp
        | Family::Trust
        | Family::Tuf
        | Family::VerifierDsse => Err(InvalidStatement::Family(statement.family)),
    }
}

/// The predicate type that a signature over the statement will have; none where the artifact itself is signed.
#[must_use]
pub fn predicate_type(statement: &Statement) -> Option<String> {
    match parse(statement) {
        Ok(Content::Claimed { predicate, .. }) => Some(predicate.kind().to_owned()),
        Ok(Content::Image { .. }) => Some(SIGN_PREDICATE.to_owned()),
        Ok(Content::Provenance { .. }) => Some(provenance::PREDICATE_TYPE.to_owned()),
        Ok(Content::Vouched(said)) => Some(summary::predicate_type(said.kind).to_owned()),
        Ok(Content::Message) | Err(_) => None,
    }
}

fn unexpected() -> InvalidStatement {
    InvalidStatement::Body("`annotations` have no meaning but where an image is signed".into())
}

/// None is said by leaving them out: a second spelling would be another statement that says the same.
fn annotations(
    given: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, InvalidStatement> {
    match given {
        Some(given) if given.is_empty() || !cosign::are_annotations(&given) => {
            Err(InvalidStatement::Annotations)
        }
        Some(given) => Ok(given),
        None => Ok(BTreeMap::new()),
    }
}

fn check_subject(subject: &str) -> Result<(), InvalidStatement> {
    if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
        return Err(InvalidStatement::Subject);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::{artifact::Artifact, depth::Depth, digest::Sha256};

    fn statement(family: Family, body: serde_json::Value) -> Statement {
        let artifact = Artifact { name: "app.bin".into(), digest: Sha256::of(b"x"), size: 1 };
        Statement { artifact, body, depth: Depth::Structured, family, format: FormatName::Sigstore }
    }

    #[test]
    fn parses_what_it_knows_and_nothing_else() {
        use serde_json::json;
        let named = |name: &str| Content::Provenance { subject: name.into() };
        assert_eq!(parse(&statement(Family::Message, json!({}))), Ok(Content::Message));
        assert_eq!(parse(&statement(Family::ProvenanceDsse, json!({}))), Ok(named("app.bin")));
        assert_eq!(parse(&statement(Family::ProvenanceDsse, json!({"subject": "a/b"}))), Ok(named("a/b")));
        let sbom = json!({"predicate": "{\"a\": 1.50}", "predicate_type": "https://cyclonedx.org/bom"});
        let claimed = statement(Family::ClaimedDsse, sbom.clone());
        assert!(
            matches!(parse(&claimed), Ok(Content::Claimed { predicate, .. }) if predicate.text() == "{\"a\": 1.50}")
        );
        assert_eq!(predicate_type(&claimed).as_deref(), Some("https://cyclonedx.org/bom"));
        let refused = [
            (Family::Message, sbom.clone()),
            (Family::ProvenanceDsse, sbom),
            (Family::ClaimedDsse, json!({})),
            (Family::ClaimedDsse, json!({"predicate": "{}"})),
            (Family::ClaimedDsse, json!({"predicate_type": "https://cyclonedx.org/bom"})),
            (Family::ClaimedDsse, json!({"predicate": {}, "predicate_type": "https://cyclonedx.org/bom"})),
            (Family::Message, json!({"subject": "x"})),
            (Family::Message, json!({"x": 1})),
            (Family::Message, json!({"spelling": "cosign"})),
            (Family::ProvenanceDsse, json!({"spelling": "pretty"})),
            (Family::ProvenanceDsse, json!({"spelling": "cosign", "subject": "x"})),
            (Family::ProvenanceDsse, json!({"annotations": {"a": "b"}})),
            (Family::ProvenanceDsse, json!({"annotations": {}, "spelling": "cosign"})),
            (Family::ProvenanceDsse, json!({"annotations": {"a": "\n"}, "spelling": "cosign"})),
            (Family::ProvenanceDsse, json!({"annotations": {"a": 1}, "spelling": "cosign"})),
            (Family::ClaimedDsse, json!({"spelling": "cosign"})),
            (
                Family::ClaimedDsse,
                json!({"annotations": {"a": "b"}, "predicate": "{}", "predicate_type": "a:b"}),
            ),
            (Family::Message, json!([])),
            (Family::Message, json!(null)),
            (Family::ProvenanceDsse, json!({"subject": ""})),
            (Family::ProvenanceDsse, json!({"subject": "a\nb"})),
            (Family::ProvenanceDsse, json!({"subject": 1})),
            (Family::ProvenanceDsse, json!({"subject": "a".repeat(256)})),
            (Family::Cms, json!({})),
        ];
        for (family, body) in refused {
            assert!(parse(&statement(family, body.clone())).is_err(), "{family} {body}");
        }
        let other = Statement { format: FormatName::Pe, ..statement(Family::Message, json!({})) };
        assert_eq!(parse(&other), Err(InvalidStatement::Format(FormatName::Pe)));
    }
}
