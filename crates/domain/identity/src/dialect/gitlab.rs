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

fn full_ref(source: &Source) -> Option<String> {
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
