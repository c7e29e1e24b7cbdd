//! A GitLab job. GitLab's own build type demands the CI variables, which no token carries, so this one is ours.
//!
//! ```json
//! {"job":{"config":"https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main"},
//!  "source":{"ref":"refs/heads/main","repository":"https://gitlab.com/acme/app"}}
//! {"gitlab":{"config_sha":"…","environment":"production","job_id":"11","namespace_id":"7","pipeline_id":"9",
//!  "pipeline_source":"push","project_id":"42","ref_protected":"true","runner_environment":"gitlab-hosted","runner_id":"5"}}
//! ```

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

use super::super::put;
use super::{picked, source};

pub(super) fn is_job(claims: &Claims) -> bool {
    ["ci_config_ref_uri", "project_path", "pipeline_id"].iter().all(|name| claims.raw.contains_key(*name))
}

pub(super) fn external(claims: &Claims) -> Map<String, Value> {
    let mut job = Map::new();
    put(&mut job, "config", claims.build_config_uri.as_deref());
    Map::from_iter([
        ("job".to_owned(), Value::Object(job)),
        ("source".to_owned(), Value::Object(source(claims))),
    ])
}

pub(super) fn internal(claims: &Claims) -> Map<String, Value> {
    let names = [
        ("config_sha", "ci_config_sha"),
        ("environment", "environment"),
        ("job_id", "job_id"),
        ("namespace_id", "namespace_id"),
        ("pipeline_id", "pipeline_id"),
        ("pipeline_source", "pipeline_source"),
        ("project_id", "project_id"),
        ("ref_protected", "ref_protected"),
        ("runner_environment", "runner_environment"),
        ("runner_id", "runner_id"),
    ];
    Map::from_iter([("gitlab".to_owned(), Value::Object(picked(claims, &names)))])
}
