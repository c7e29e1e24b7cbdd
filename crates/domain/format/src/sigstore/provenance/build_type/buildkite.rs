//! A Buildkite job. The pipeline's repository is not in the token: the pipeline stands for it.
//!
//! ```json
//! {"job":{"pipeline":"https://buildkite.com/acme/app","step":"build"},"source":{"ref":"refs/heads/main"}}
//! {"buildkite":{"build_number":"17","build_source":"webhook","job_id":"…","organization_id":"…","pipeline_id":"…",
//!  "runner_environment":"self-hosted"}}
//! ```

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

use super::super::put;
use super::{picked, source};

pub(super) fn is_job(claims: &Claims) -> bool {
    ["organization_slug", "pipeline_slug", "build_number"].iter().all(|name| claims.raw.contains_key(*name))
}

pub(super) fn external(claims: &Claims) -> Map<String, Value> {
    let mut job = picked(claims, &[("step", "step_key")]);
    put(&mut job, "pipeline", claims.build_signer_uri.as_deref());
    Map::from_iter([
        ("job".to_owned(), Value::Object(job)),
        ("source".to_owned(), Value::Object(source(claims))),
    ])
}

pub(super) fn internal(claims: &Claims) -> Map<String, Value> {
    let names = [
        ("agent_id", "agent_id"),
        ("build_number", "build_number"),
        ("build_source", "build_source"),
        ("job_id", "job_id"),
        ("organization_id", "organization_id"),
        ("pipeline_id", "pipeline_id"),
        ("runner_environment", "runner_environment"),
    ];
    Map::from_iter([("buildkite".to_owned(), Value::Object(picked(claims, &names)))])
}
