//! The body of a `sigstore` statement: what the caller may choose beyond the artifact, which is almost nothing.
//!
//! ```json
//! {}
//! {"subject":"registry.example/app"}
//! {"predicate":"{\"bomFormat\":\"CycloneDX\", …}","predicate_type":"https://cyclonedx.org/bom"}
//! ```
//! The digest is in the core statement. `subject` renames the artifact in an in-toto statement (not in family
//! `message`); like the file name it is the client's claim. A predicate is one too: only family `claimed-dsse` takes
//! one, and only of types that this service does not make itself.

use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;

use super::predicate::{InvalidPredicate, Predicate};
use super::provenance;

/// Longest subject name in bytes.
pub const MAX_SUBJECT: usize = 255;

/// A statement that is not one of this format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatement {
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
    /// The subject name is empty, too long, or holds control characters.
    #[error("subject is empty, longer than 255 bytes, or holds control characters")]
    Subject,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    predicate: Option<String>,
    predicate_type: Option<String>,
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
    },
    /// The artifact's own bytes are signed, by digest.
    Message,
    /// A provenance about the artifact is signed, under this subject name.
    Provenance {
        /// The name of the subject: a claim of the client.
        subject: String,
    },
}

/// Parses the statement's body for this format.
pub fn parse(statement: &Statement) -> Result<Content, InvalidStatement> {
    if statement.format != FormatName::Sigstore {
        return Err(InvalidStatement::Format(statement.format));
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
        Family::Message if body.subject.is_some() => {
            Err(InvalidStatement::Body("`subject` has no meaning in family `message`".into()))
        }
        Family::Message => Ok(Content::Message),
        Family::ProvenanceDsse => Ok(Content::Provenance { subject: subject(body.subject)? }),
        Family::ClaimedDsse => {
            let missing = || InvalidStatement::Body("`predicate` and `predicate_type` are needed".into());
            let (kind, text) = body.predicate_type.zip(body.predicate).ok_or_else(missing)?;
            Ok(Content::Claimed { subject: subject(body.subject)?, predicate: Predicate::new(kind, text)? })
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
        Ok(Content::Provenance { .. }) => Some(provenance::PREDICATE_TYPE.to_owned()),
        Ok(Content::Message) | Err(_) => None,
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
