//! Build types: how the claims of each CI become `externalParameters` and `internalParameters`.
//!
//! ```text
//! github-workflow     https://actions.github.io/buildtypes/workflow/v1     published by GitHub
//! gitlab-job          <service>/buildtypes/gitlab-job/v1                   ours: GitLab's own demands CI variables
//! buildkite-job       <service>/buildtypes/buildkite-job/v1                ours: Buildkite publishes none
//! circleci-job        <service>/buildtypes/circleci-job/v1                 ours: CircleCI publishes none
//! workload            <service>/buildtypes/workload/v1                     every other issuer, by normalised names
//! ```
//! The claims tell which CI it was, never the artifact. None of these tokens carries the inputs that a person or an
//! API gave to the run, nor when it started: [`BuildType::absent`] says so in every provenance.

mod buildkite;
mod circleci;
mod generic;
mod github;
mod gitlab;

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

/// A way to read claims as a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildType {
    /// A job of a Buildkite pipeline.
    BuildkiteJob,
    /// A job of a CircleCI workflow.
    CircleciJob,
    /// A GitHub Actions workflow run.
    GithubWorkflow,
    /// A job of a GitLab pipeline.
    GitlabJob,
    /// Any other workload.
    Workload,
}

/// Which build the claims speak of.
#[must_use]
pub fn of(claims: &Claims) -> BuildType {
    let known = [
        (github::is_run(claims), BuildType::GithubWorkflow),
        (gitlab::is_job(claims), BuildType::GitlabJob),
        (buildkite::is_job(claims), BuildType::BuildkiteJob),
        (circleci::is_job(claims), BuildType::CircleciJob),
    ];
    known.into_iter().find(|(is, _)| *is).map_or(BuildType::Workload, |(_, found)| found)
}

impl BuildType {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 5] =
        [Self::BuildkiteJob, Self::CircleciJob, Self::GithubWorkflow, Self::GitlabJob, Self::Workload];

    /// The stable name: `gitlab-job`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuildkiteJob => "buildkite-job",
            Self::CircleciJob => "circleci-job",
            Self::GithubWorkflow => "github-workflow",
            Self::GitlabJob => "gitlab-job",
            Self::Workload => "workload",
        }
    }
    /// Its URI; ours lie under the address of the service, `https://sign.example`.
    #[must_use]
    pub fn uri(self, service: &str) -> String {
        match self {
            Self::GithubWorkflow => github::BUILD_TYPE.to_owned(),
            Self::BuildkiteJob | Self::CircleciJob | Self::GitlabJob | Self::Workload => {
                format!("{service}/buildtypes/{}/v1", self.name())
            }
        }
    }
    /// What the tenant could choose (SLSA v1 `externalParameters`).
    pub(super) fn external(self, claims: &Claims) -> Map<String, Value> {
        match self {
            Self::BuildkiteJob => buildkite::external(claims),
            Self::CircleciJob => circleci::external(claims),
            Self::GithubWorkflow => github::external(claims),
            Self::GitlabJob => gitlab::external(claims),
            Self::Workload => generic::external(claims),
        }
    }
    /// What the platform set (SLSA v1 `internalParameters`).
    pub(super) fn internal(self, claims: &Claims) -> Map<String, Value> {
        match self {
            Self::BuildkiteJob => buildkite::internal(claims),
            Self::CircleciJob => circleci::internal(claims),
            Self::GithubWorkflow => github::internal(claims),
            Self::GitlabJob => gitlab::internal(claims),
            Self::Workload => generic::internal(claims),
        }
    }
    /// What a complete provenance of this CI would say and its tokens do not, sorted.
    #[must_use]
    pub const fn absent(self) -> &'static [&'static str] {
        match self {
            Self::BuildkiteJob => &["build environment", "startedOn", "steps uploaded at run time"],
            Self::CircleciJob => &["commit", "pipeline parameters", "startedOn"],
            Self::GithubWorkflow => &["startedOn", "workflow inputs"],
            Self::GitlabJob => &["job variables", "startedOn"],
            Self::Workload => &["inputs", "startedOn"],
        }
    }
}

/// Picks raw claims under the names that they get; those that are absent are left out.
fn picked(claims: &Claims, names: &[(&str, &str)]) -> Map<String, Value> {
    let pick =
        |(name, claim): &(&str, &str)| Some(((*name).to_owned(), claims.raw.get(*claim)?.clone().into()));
    names.iter().filter_map(pick).collect()
}

/// The source as the tenant chose it: repository and ref.
fn source(claims: &Claims) -> Map<String, Value> {
    let mut source = Map::new();
    super::put(&mut source, "ref", claims.source_repository_ref.as_deref());
    super::put(&mut source, "repository", claims.source_repository_uri.as_deref());
    source
}
