//! GitHub Actions. Names as in Fulcio's template for GitHub workflows.
//!
//! ```json
//! {"iss":"https://token.actions.githubusercontent.com","sub":"repo:acme/app:ref:refs/heads/main",
//!  "repository":"acme/app","repository_id":"42","repository_owner":"acme","repository_owner_id":"7",
//!  "ref":"refs/heads/main","sha":"…","event_name":"push","run_id":"1","run_attempt":"1",
//!  "workflow_ref":"acme/app/.github/workflows/release.yml@refs/heads/main","workflow_sha":"…",
//!  "job_workflow_ref":"acme/app/.github/workflows/release.yml@refs/heads/main","job_workflow_sha":"…",
//!  "runner_environment":"github-hosted","repository_visibility":"private","environment":"production"}
//! ```

use chancery_core::claims::Claims;
use chancery_core::refusal::Refusal;

use super::{Source, source};

/// The claims that are read; each is text.
pub(super) const NAMED: [&str; 17] = [
    "job_workflow_ref",
    "job_workflow_sha",
    "runner_environment",
    "repository",
    "sha",
    "ref",
    "ref_type",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "workflow_ref",
    "workflow_sha",
    "event_name",
    "run_id",
    "run_attempt",
    "repository_visibility",
    "environment",
];

/// The signer is the job's workflow (`job_workflow_ref`, which may be a reusable one of another repository); the
/// configuration is the top-level workflow (`workflow_ref`). Policies that confuse the two let anyone call in.
pub(super) fn normalise(source: &Source) -> Result<Claims, Refusal> {
    check_ref(source)?;
    check_owner(source)?;
    Ok(source.claims(|source, claims| {
        claims.build_signer_uri = source.url("job_workflow_ref");
        claims.build_signer_digest = source.text("job_workflow_sha");
        claims.runner_environment = source.text("runner_environment");
        claims.source_repository_uri = source.url("repository");
        claims.source_repository_digest = source.text("sha");
        claims.source_repository_ref = source.text("ref");
        claims.source_repository_identifier = source.text("repository_id");
        claims.source_repository_owner_uri = source.url("repository_owner");
        claims.source_repository_owner_identifier = source.text("repository_owner_id");
        claims.build_config_uri = source.url("workflow_ref");
        claims.build_config_digest = source.text("workflow_sha");
        claims.build_trigger = source.text("event_name");
        claims.run_invocation_uri = run(source);
        claims.source_repository_visibility = source.text("repository_visibility");
        claims.deployment_environment = source.text("environment");
    }))
}

/// A tag and a branch may have one name, and a grant may match either claim, so they have to agree.
fn check_ref(source: &Source) -> Result<(), Refusal> {
    let (Some(name), Some(kind)) = (source.text("ref"), source.text("ref_type")) else { return Ok(()) };
    let contradicts = match kind.as_str() {
        "branch" => name.starts_with("refs/tags/"),
        "tag" => name.starts_with("refs/heads/"),
        _ => false,
    };
    if contradicts {
        let what = "claims `ref` and `ref_type` contradict each other";
        return Err(source::refuse(what).because(format!("{name}, {kind}"), "a branch or a tag"));
    }
    Ok(())
}

/// The owner in the repository's name is the owner that is named beside it.
fn check_owner(source: &Source) -> Result<(), Refusal> {
    let (Some(name), Some(owner)) = (source.text("repository"), source.text("repository_owner")) else {
        return Ok(());
    };
    if name
        .split_once('/')
        .is_none_or(|(first, rest)| first != owner || rest.is_empty() || rest.contains('/'))
    {
        let what = "claims `repository` and `repository_owner` contradict each other";
        return Err(source::refuse(what).because(format!("{name}, {owner}"), "owner/name"));
    }
    Ok(())
}

fn run(source: &Source) -> Option<String> {
    let (repository, run) = (source.url("repository")?, source.text("run_id")?);
    let attempt = source.text("run_attempt")?;
    Some(format!("{repository}/actions/runs/{run}/attempts/{attempt}"))
}
