//! GitLab. Names as in Fulcio's template for GitLab pipelines.
//!
//! ```json
//! {"iss":"https://gitlab.com","sub":"project_path:acme/app:ref_type:branch:ref:main","project_path":"acme/app",
//!  "project_id":"42","namespace_path":"acme","namespace_id":"7","ref":"main","ref_type":"branch","sha":"…",
//!  "ref_protected":"true","pipeline_source":"push","pipeline_id":"9","job_id":"11","runner_environment":"gitlab-hosted",
//!  "ci_config_ref_uri":"gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main","ci_config_sha":"…",
//!  "project_visibility":"private","environment":"production"}
//! ```

use chancery_core::claims::Claims;

use super::Source;

/// The claims that are read; each is text.
pub(super) const NAMED: [&str; 14] = [
    "ci_config_ref_uri",
    "ci_config_sha",
    "runner_environment",
    "project_path",
    "sha",
    "ref",
    "ref_type",
    "project_id",
    "namespace_path",
    "namespace_id",
    "pipeline_source",
    "job_id",
    "project_visibility",
    "environment",
];

/// `ref_path` is not used: the ref is rebuilt from `ref` and `ref_type`, and is absent for any other type.
pub(super) fn normalise(source: &Source) -> Claims {
    source.claims(|source, claims| {
        let config = source.text("ci_config_ref_uri").map(|uri| format!("https://{uri}"));
        claims.build_signer_uri.clone_from(&config);
        claims.build_signer_digest = source.text("ci_config_sha");
        claims.runner_environment = source.text("runner_environment");
        claims.source_repository_uri = source.url("project_path");
        claims.source_repository_digest = source.text("sha");
        claims.source_repository_ref = full_ref(source);
        claims.source_repository_identifier = source.text("project_id");
        claims.source_repository_owner_uri = source.url("namespace_path");
        claims.source_repository_owner_identifier = source.text("namespace_id");
        claims.build_config_uri = config;
        claims.build_config_digest = source.text("ci_config_sha");
        claims.build_trigger = source.text("pipeline_source");
        claims.run_invocation_uri = run(source);
        claims.source_repository_visibility = source.text("project_visibility");
        claims.deployment_environment = source.text("environment");
    })
}

/// ATTACK: a merge request's pipeline carries its source branch as `ref`, also when that is the branch `main` of a fork
/// and the pipeline runs in the parent project (GitLab before 18.2.2 names the parent then, GitLab issue 548165). What
/// such a pipeline builds is not the branch, so it has no ref here and no grant on a ref holds.
fn full_ref(source: &Source) -> Option<String> {
    const FROM_ELSEWHERE: [&str; 2] = ["merge_request_event", "external_pull_request_event"];
    if source.text("pipeline_source").is_some_and(|event| FROM_ELSEWHERE.contains(&event.as_str())) {
        return None;
    }
    let name = source.text("ref")?;
    match source.text("ref_type")?.as_str() {
        "branch" => Some(format!("refs/heads/{name}")),
        "tag" => Some(format!("refs/tags/{name}")),
        _ => None,
    }
}

fn run(source: &Source) -> Option<String> {
    Some(format!("{}/-/jobs/{}", source.url("project_path")?, source.text("job_id")?))
}
