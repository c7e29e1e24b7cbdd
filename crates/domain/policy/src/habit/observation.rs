//! One signature as habits see it.

use chancery_core::caller::Caller;
use chancery_core::claims::Claims;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;

use super::package::Package;

/// Longest identity in bytes.
pub const MAX_IDENTITY: usize = 160;

/// A signature that was made, or is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Package and version.
    pub package: Package,
    /// Issuer, immutable repository id and workflow without its ref: `github 42 acme/app/.github/workflows/release.yml`.
    pub identity: String,
    /// The format.
    pub format: FormatName,
    /// When.
    pub at: Time,
}

impl Observation {
    /// What habits see of a statement of a verified caller.
    #[must_use]
    pub fn of(statement: &Statement, caller: &Caller, at: Time) -> Self {
        Self {
            package: Package::of(&statement.artifact.name),
            identity: identity(caller.issuer_name.as_str(), &caller.claims),
            format: statement.format,
            at,
        }
    }
}

fn identity(issuer: &str, claims: &Claims) -> String {
    let repository = claims.source_repository_identifier.as_deref().unwrap_or("-");
    let workflow = claims.build_signer_uri.as_deref().or(claims.build_config_uri.as_deref()).unwrap_or("-");
    let workflow = workflow.split_once('@').map_or(workflow, |(path, _)| path);
    let workflow = workflow.strip_prefix("https://").unwrap_or(workflow);
    let mut identity = format!("{issuer} {repository} {workflow}");
    while identity.len() > MAX_IDENTITY {
        identity.pop();
    }
    identity
}
