//! Dialects: how each CI names its claims. One file per CI; all end in the one model with Fulcio's names.

use chancery_core::claims::Claims;
use chancery_core::refusal::Refusal;

use crate::issuer::Issuer;
use crate::json::Object;
use crate::url::IssuerUrl;

mod buildkite;
mod circleci;
mod generic;
mod github;
mod gitlab;
mod source;

use source::Source;

/// Whose claims an issuer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Buildkite: `https://agent.buildkite.com`, shared by all organisations.
    Buildkite,
    /// CircleCI: `https://oidc.circleci.com/org/<uuid>`.
    CircleCi,
    /// Anything else, by the mapping in `issuers.toml`.
    Generic,
    /// GitHub Actions, also GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
}

/// The normalised names that a mapping may set, in OID order.
pub const NORMALISED: [&str; 15] = [
    "build_signer_uri",
    "build_signer_digest",
    "runner_environment",
    "source_repository_uri",
    "source_repository_digest",
    "source_repository_ref",
    "source_repository_identifier",
    "source_repository_owner_uri",
    "source_repository_owner_identifier",
    "build_config_uri",
    "build_config_digest",
    "build_trigger",
    "run_invocation_uri",
    "source_repository_visibility",
    "deployment_environment",
];

impl Dialect {
    /// Normalises the claims of a checked token; refuses text that must not reach certificates and terminals, claims
    /// that are not text, and claims that contradict one another.
    pub(crate) fn normalise(self, issuer: &Issuer, claims: &Object) -> Result<Claims, Refusal> {
        let read = |named: &[&'static str]| Source::read(issuer, claims, named.iter().copied());
        match self {
            Self::Buildkite => Ok(buildkite::normalise(&read(&buildkite::NAMED)?)),
            Self::CircleCi => circleci::normalise(&read(&circleci::NAMED)?),
            Self::Generic => {
                let named = issuer.mapping().values().map(String::as_str);
                Ok(generic::normalise(&Source::read(issuer, claims, named)?, issuer.mapping()))
            }
            Self::GitHub => github::normalise(&read(&github::NAMED)?),
            Self::GitLab => Ok(gitlab::normalise(&read(&gitlab::NAMED)?)),
        }
    }
    /// Where the names in the claims live, when `base_url` is not set.
    pub(crate) fn base_url(self, issuer: &IssuerUrl) -> Option<IssuerUrl> {
        let fixed = match self {
            Self::Buildkite => "https://buildkite.com",
            Self::CircleCi => "https://app.circleci.com",
            Self::GitHub if issuer.host() == "token.actions.githubusercontent.com" => "https://github.com",
            Self::GitHub | Self::Generic | Self::GitLab => issuer.origin(),
        };
        IssuerUrl::parse(fixed).ok()
    }
}
