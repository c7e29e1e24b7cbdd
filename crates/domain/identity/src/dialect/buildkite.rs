//! Buildkite. Names as in Fulcio's template for Buildkite jobs, with the ref and the immutable ids besides.
//!
//! ```json
//! {"iss":"https://agent.buildkite.com","sub":"organization:acme:pipeline:app:ref:refs/heads/main:commit:…:step:build",
//!  "organization_slug":"acme","organization_id":"0184990a-…","pipeline_slug":"app","pipeline_id":"0184990c-…",
//!  "build_number":17,"build_branch":"main","build_commit":"…","build_source":"webhook","job_id":"0184990a-…",
//!  "runner_environment":"self-hosted"}
//! ```
//!
//! The issuer is shared by all organisations, and slugs can be renamed, so the immutable ids count. Jobs get them with
//! `--claim organization_id --claim pipeline_id`; without them `.15` and `.17` are empty and no grant holds. A pipeline
//! is what Buildkite has for a repository.

use chancery_core::claims::Claims;

use super::Source;

/// The claims that are read; each is text, or a number.
pub(super) const NAMED: [&str; 11] = [
    "organization_slug",
    "organization_id",
    "pipeline_slug",
    "pipeline_id",
    "build_number",
    "build_branch",
    "build_tag",
    "build_commit",
    "build_source",
    "job_id",
    "runner_environment",
];

pub(super) fn normalise(source: &Source) -> Claims {
    source.claims(|source, claims| {
        let pipeline = pipeline(source);
        claims.runner_environment = source.text("runner_environment");
        claims.source_repository_digest = source.text("build_commit");
        claims.source_repository_ref = full_ref(source);
        claims.source_repository_identifier = source.text("pipeline_id");
        claims.source_repository_owner_identifier = source.text("organization_id");
        claims.build_trigger = source.text("build_source");
        claims.run_invocation_uri = run(source, pipeline.as_deref());
        claims.build_signer_uri = pipeline;
    })
}

fn pipeline(source: &Source) -> Option<String> {
    Some(format!("{}/{}", source.url("organization_slug")?, source.text("pipeline_slug")?))
}

fn full_ref(source: &Source) -> Option<String> {
    let tag = source.text("build_tag").map(|tag| format!("refs/tags/{tag}"));
    tag.or_else(|| source.text("build_branch").map(|branch| format!("refs/heads/{branch}")))
}

fn run(source: &Source, pipeline: Option<&str>) -> Option<String> {
    let (build, job) = (source.text("build_number")?, source.text("job_id")?);
    Some(format!("{}/builds/{build}#{job}", pipeline?))
}
