//! An immutable wish: a profile and the statements to be signed under it.

use crate::canonical::{self, NotCanonical};
use crate::digest::Sha256;
use crate::format::FormatName;
use crate::id::{ProfileName, RequestId, StatementId};
use crate::statement::Statement;

/// At most this many statements in one request.
pub const MAX_STATEMENTS: usize = 1000;
/// Longest artifact name in bytes.
pub const MAX_NAME: usize = 255;

const SCHEMA: &str = "chancery.request/1";

/// A request that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The same statement twice.
    #[error("statement {0} occurs twice")]
    Duplicate(StatementId),
    /// No canonical form.
    #[error("request has no canonical form")]
    NotCanonical(#[source] NotCanonical),
    /// An artifact name that is empty, too long, or holds control characters or path separators.
    #[error("artifact name `{0}` is empty, longer than 255 bytes, or holds `/`, `\\` or control characters")]
    Name(String),
    /// Text of another schema.
    #[error("schema is not `chancery.request/1`")]
    Schema,
    /// None, or more than [`MAX_STATEMENTS`].
    #[error("{0} statements; expected 1 to 1000")]
    Count(usize),
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    profile: ProfileName,
    schema: String,
    statements: Vec<Statement>,
}

/// A well-formed request. Statements are sorted by id, so the order in which files were named does not matter.
///
/// What joins it only when it is decided (stable claims, policy version) is in the intent; run id and `jti` are
/// evidence. So the same wish, asked again, is the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    id: RequestId,
    profile: ProfileName,
    statements: Vec<(StatementId, Statement)>,
    canonical: String,
}

impl Request {
    /// Builds a request from a profile and statements in any order.
    pub fn new(profile: ProfileName, statements: Vec<Statement>) -> Result<Self, InvalidRequest> {
        if statements.is_empty() || statements.len() > MAX_STATEMENTS {
            return Err(InvalidRequest::Count(statements.len()));
        }
        let mut sorted = Vec::with_capacity(statements.len());
        for statement in statements {
            check_name(statement.format, &statement.artifact.name)?;
            sorted.push((statement.id().map_err(InvalidRequest::NotCanonical)?, statement));
        }
        sorted.sort_by_key(|(id, _)| *id);
        for pair in sorted.windows(2) {
            if let [(a, _), (b, _)] = pair
                && a == b
            {
                return Err(InvalidRequest::Duplicate(*a));
            }
        }
        let document = Document {
            profile: profile.clone(),
            schema: SCHEMA.to_owned(),
            statements: sorted.iter().map(|(_, statement)| statement.clone()).collect(),
        };
        let canonical = canonical::encode(&document).map_err(InvalidRequest::NotCanonical)?;
        let id = RequestId::new(Sha256::of(canonical.as_bytes()));
        Ok(Self { id, profile, statements: sorted, canonical })
    }

    /// Parses the canonical form, strictly: any other spelling or order of the same request is refused.
    pub fn parse(canonical: &str) -> Result<Self, InvalidRequest> {
        let document: Document = canonical::decode(canonical).map_err(InvalidRequest::NotCanonical)?;
        if document.schema != SCHEMA {
            return Err(InvalidRequest::Schema);
        }
        let request = Self::new(document.profile, document.statements)?;
        if request.canonical != canonical {
            return Err(InvalidRequest::NotCanonical(NotCanonical::Text));
        }
        Ok(request)
    }

    /// SHA-256 of the canonical form.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }
    /// The profile asked for.
    #[must_use]
    pub const fn profile(&self) -> &ProfileName {
        &self.profile
    }
    /// The statements with their ids, sorted by id.
    #[must_use]
    pub fn statements(&self) -> &[(StatementId, Statement)] {
        &self.statements
    }
    /// Finds a statement by id.
    #[must_use]
    pub fn statement(&self, id: StatementId) -> Option<&Statement> {
        self.statements.iter().find(|(known, _)| *known == id).map(|(_, statement)| statement)
    }
    /// The RFC 8785 text that is hashed, approved and kept.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Names reach certificates, logs and terminals: no control characters, and no separators but between the components of
/// a repository, none of which leads elsewhere (T14).
fn check_name(format: FormatName, name: &str) -> Result<(), InvalidRequest> {
    let illegal = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let component = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(illegal);
    let is_wrong = match format {
        FormatName::Notary | FormatName::Oci => name.split('/').any(component),
        FormatName::Fulcio | FormatName::Pe | FormatName::Sigstore => component(name),
    };
    if is_wrong || name.len() > MAX_NAME {
        return Err(InvalidRequest::Name(name.chars().filter(|c| !c.is_control()).take(80).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{artifact::Artifact, depth::Depth, family::Family, format::FormatName};

    fn statement(name: &str) -> Statement {
        Statement {
            artifact: Artifact { name: name.into(), digest: Sha256::of(name.as_bytes()), size: 1 },
            body: serde_json::json!({}),
            depth: Depth::Structured,
            family: Family::ProvenanceDsse,
            format: FormatName::Sigstore,
        }
    }

    #[test]
    fn the_same_wish_is_the_same_request() {
        let profile = ProfileName::parse("dev").unwrap();
        let one = Request::new(profile.clone(), vec![statement("a"), statement("b")]).unwrap();
        let two = Request::new(profile.clone(), vec![statement("b"), statement("a")]).unwrap();
        assert_eq!(one.id(), two.id());
        assert_eq!(Request::parse(one.canonical()).unwrap(), one);
        let other = Request::new(ProfileName::parse("x").unwrap(), vec![statement("a")]).unwrap();
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        let profile = ProfileName::parse("dev").unwrap();
        let refuse = |statements| Request::new(profile.clone(), statements).unwrap_err();
        assert_eq!(refuse(vec![]), InvalidRequest::Count(0));
        assert!(matches!(refuse(vec![statement("a"), statement("a")]), InvalidRequest::Duplicate(_)));
        for name in ["", "a/b", "..", "a\nb", "a\\b"] {
            assert!(matches!(refuse(vec![statement(name)]), InvalidRequest::Name(_)), "{name:?}");
        }
        let good = Request::new(profile.clone(), vec![statement("a")]).unwrap();
        assert!(Request::parse(&good.canonical().replace(':', ": ")).is_err());
        assert!(Request::parse(&good.canonical().replace("request/1", "request/2")).is_err());
    }
}
