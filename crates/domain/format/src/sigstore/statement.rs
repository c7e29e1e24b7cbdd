//! The body of a `sigstore` statement: what the caller may choose beyond the artifact, which is almost nothing.
//!
//! ```json
//! {}
//! {"subject":"registry.example/app"}
//! ```
//! The digest is in the core statement. `subject` renames the artifact in the provenance (family `provenance-dsse`
//! only); like the file name it is the client's claim.

use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;

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
    /// The subject name is empty, too long, or holds control characters.
    #[error("subject is empty, longer than 255 bytes, or holds control characters")]
    Subject,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    subject: Option<String>,
}

/// What a statement of this format says, parsed strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
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
    match statement.family {
        Family::Message if body.subject.is_some() => {
            Err(InvalidStatement::Body("`subject` has no meaning in family `message`".into()))
        }
        Family::Message => Ok(Content::Message),
        Family::ProvenanceDsse => {
            let subject = body.subject.unwrap_or_else(|| statement.artifact.name.clone());
            check_subject(&subject)?;
            Ok(Content::Provenance { subject })
        }
        Family::Certificate
        | Family::ClaimedDsse
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
        let refused = [
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
