//! The development issuer: tokens shaped like GitHub's for whoever sits on this machine.

/// `POST /dev/token`: what the token shall say; the default is a push to `main` of `acme/app`.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
    utoipa::IntoParams,
)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DevTokenWish {
    /// The audience.
    pub audience: Option<String>,
    /// `acme/app`.
    pub repository: Option<String>,
    /// Immutable id of the repository.
    pub repository_id: Option<String>,
    /// Immutable id of the owner.
    pub repository_owner_id: Option<String>,
    /// The full ref: `refs/heads/main`.
    #[serde(rename = "ref")]
    #[param(rename = "ref")]
    pub git_ref: Option<String>,
    /// The commit.
    pub sha: Option<String>,
    /// File name of the workflow.
    pub workflow: Option<String>,
    /// The event.
    pub event: Option<String>,
    /// The deployment environment.
    pub environment: Option<String>,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// Login of whoever started the job.
    pub actor: Option<String>,
    /// Immutable id of that account.
    pub actor_id: Option<String>,
    /// Number of the run.
    pub run_id: Option<u32>,
    /// Number of the attempt.
    pub run_attempt: Option<u32>,
    /// Seconds from `iat` to `exp`.
    pub lifetime: Option<i64>,
    /// Seconds added to the clock for `iat`; negative makes an old token.
    pub iat_offset: Option<i64>,
}

/// The answer of `GET /dev/actions/token`, in the shape of GitHub's runner. `Debug` hides the token.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RunnerToken {
    /// The token.
    pub value: String,
}

/// The answer of `POST /dev/token`. `Debug` hides the token.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct DevToken {
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for RunnerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunnerToken([hidden])")
    }
}

impl std::fmt::Debug for DevToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DevToken([hidden])")
    }
}
