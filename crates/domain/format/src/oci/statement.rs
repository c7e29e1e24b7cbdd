//! The body of an `oci` statement: which manifest of which repository, and what of it is signed.
//!
//! ```json
//! {"content":"signature","media_type":"application/vnd.oci.image.index.v1+json"}
//! ```
//! Digest and size of the manifest are those of the core statement's artifact, whose name is the repository
//! (`registry.example/acme/app`), so that guardrails can say which ones a profile signs for. Below depth `artifact`,
//! repository, media type and size are the client's claims.

use chancery_core::artifact::Artifact;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::port::registry::MAX_MANIFEST;
use chancery_core::statement::Statement;
use serde::{Deserialize, Serialize};

use super::manifest::check_media_type;
use super::reference::{InvalidReference, Repository};

/// What about a manifest is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// An in-toto statement with SLSA provenance.
    Provenance,
    /// An in-toto statement that says no more than that it is signed.
    Signature,
    /// A simple signing payload.
    SimpleSigning,
}

impl Content {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Provenance, Self::Signature, Self::SimpleSigning];

    /// The stable name: `simple-signing`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Signature => "signature",
            Self::SimpleSigning => "simple-signing",
        }
    }
    /// The family of its bytes.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Provenance | Self::Signature => Family::ProvenanceDsse,
            Self::SimpleSigning => Family::SimpleSigning,
        }
    }
}

/// A statement that is not one of this format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatement {
    /// Members that are unknown, missing, or of the wrong type.
    #[error("body of an oci statement: {0}")]
    Body(String),
    /// A family that is not the content's.
    #[error("content `{content}` is not of family `{family}`")]
    Family {
        /// What the body says.
        content: &'static str,
        /// What the statement says.
        family: Family,
    },
    /// A statement of another format.
    #[error("statement is for format `{0}`, not `oci`")]
    Format(FormatName),
    /// The artifact's name is no repository.
    #[error("the artifact's name is no repository: {0}")]
    Name(InvalidReference),
    /// The manifest is empty or larger than 4 MiB.
    #[error("a manifest of {0} bytes; expected 1 to 4194304")]
    Size(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    content: Content,
    media_type: String,
}

/// What a statement of this format says, parsed strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What is signed.
    pub content: Content,
    /// The manifest's media type.
    pub media_type: String,
    /// Where it lies.
    pub repository: Repository,
}

/// A manifest as it is signed: whoever has its bytes makes the same statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Where it lies.
    pub repository: Repository,
    /// SHA-256 of its bytes.
    pub digest: Sha256,
    /// How many they are.
    pub size: u64,
    /// Under which media type the registry gave it.
    pub media_type: String,
}

impl Subject {
    /// The statement about it.
    #[must_use]
    pub fn statement(&self, content: Content, depth: Depth) -> Statement {
        let wire = Wire { content, media_type: self.media_type.clone() };
        Statement {
            artifact: Artifact { name: self.repository.to_string(), digest: self.digest, size: self.size },
            // INVARIANT: structs of text always serialise.
            body: serde_json::to_value(wire).unwrap_or_default(),
            depth,
            family: content.family(),
            format: FormatName::Oci,
        }
    }
}

/// Parses a statement of this format.
pub fn parse(statement: &Statement) -> Result<Body, InvalidStatement> {
    if statement.format != FormatName::Oci {
        return Err(InvalidStatement::Format(statement.format));
    }
    let body = |error: &dyn std::fmt::Display| {
        InvalidStatement::Body(error.to_string().chars().filter(|c| !c.is_control()).take(120).collect())
    };
    // A struct may also be read from an array: a second spelling.
    if !statement.body.is_object() {
        return Err(body(&"not an object"));
    }
    let wire: Wire = serde_json::from_value(statement.body.clone()).map_err(|error| body(&error))?;
    if wire.content.family() != statement.family {
        return Err(InvalidStatement::Family { content: wire.content.name(), family: statement.family });
    }
    check_media_type(&wire.media_type).map_err(|error| body(&error))?;
    let repository = Repository::parse(&statement.artifact.name).map_err(InvalidStatement::Name)?;
    let size = statement.artifact.size;
    if size == 0 || usize::try_from(size).is_ok_and(|size| size > MAX_MANIFEST) {
        return Err(InvalidStatement::Size(size));
    }
    Ok(Body { content: wire.content, media_type: wire.media_type, repository })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::manifest::IMAGE;
    use serde_json::json;

    fn subject() -> Subject {
        Subject {
            repository: Repository::parse("r.example:5000/acme/app").unwrap(),
            digest: Sha256::of(b"m"),
            size: 418,
            media_type: IMAGE.into(),
        }
    }

    #[test]
    fn every_content_reads_back() {
        for content in Content::ALL {
            let statement = subject().statement(content, Depth::Structured);
            assert_eq!(statement.artifact.name, "r.example:5000/acme/app");
            let body = parse(&statement).unwrap();
            assert_eq!((body.content, body.repository), (content, subject().repository));
        }
    }

    #[test]
    fn nothing_else_is_a_statement() {
        let good = subject().statement(Content::Signature, Depth::Structured);
        let with = |name: &str, value: serde_json::Value| {
            let mut other = good.clone();
            other.body[name] = value;
            other
        };
        let mut other_name = good.clone();
        other_name.artifact.name = "acme/app".into();
        let mut tagged = good.clone();
        tagged.artifact.name = "r.example:5000/acme/app:v1".into();
        let mut empty = good.clone();
        empty.artifact.size = 0;
        let mut large = good.clone();
        large.artifact.size = 4_194_305;
        let array = Statement { body: json!(["signature", IMAGE]), ..good.clone() };
        let refused = [
            with("content", json!("simple-signing")),
            with("content", json!("attestation")),
            with("media_type", json!("text")),
            with("tag", json!("v1")),
            other_name,
            tagged,
            empty,
            large,
            array,
            Statement { family: Family::Message, ..good.clone() },
            Statement { format: FormatName::Sigstore, ..good },
        ];
        for statement in refused {
            assert!(parse(&statement).is_err(), "{statement:?}");
        }
    }
}
