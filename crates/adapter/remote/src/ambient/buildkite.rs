//! Buildkite: the agent hands out tokens for any audience; the immutable ids have to be asked for by name.

use super::{AmbientError, Environment, Token, run, variable};

pub(super) async fn find(env: Environment<'_>, audience: &str) -> Option<Result<Token, AmbientError>> {
    variable(env, "BUILDKITE").filter(|value| value == "true")?;
    let arguments = [
        "oidc",
        "request-token",
        "--audience",
        audience,
        "--claim",
        "organization_id",
        "--claim",
        "pipeline_id",
    ];
    Some(run(env, "buildkite", "buildkite-agent", &arguments).await)
}
