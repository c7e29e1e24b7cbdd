//! A CircleCI job. There is no commit in its tokens, so nothing is a resolved dependency.
//!
//! ```json
//! {"job":{"definition":"https://circleci.com/api/v2/projects/<uuid>/pipeline-definitions/<uuid>"},
//!  "source":{"ref":"refs/heads/main","repository":"https://github.com/acme/app"}}
//! {"circleci":{"job_id":"…","organization_id":"…","pipeline_id":"…","project_id":"…","workflow_id":"…"}}
//! ```

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

use super::super::put;
use super::{picked, source};

pub(super) fn is_job(claims: &Claims) -> bool {
    ["oidc.circleci.com/project-id", "oidc.circleci.com/job-id"]
        .iter()
        .all(|name| claims.raw.contains_key(*name))
}

pub(super) fn external(claims: &Claims) -> Map<String, Value> {
    let mut job = Map::new();
    put(&mut job, "definition", claims.build_signer_uri.as_deref());
    Map::from_iter([
        ("job".to_owned(), Value::Object(job)),
        ("source".to_owned(), Value::Object(source(claims))),
    ])
}

pub(super) fn internal(claims: &Claims) -> Map<String, Value> {
    let names = [
        ("job_id", "oidc.circleci.com/job-id"),
        ("organization_id", "oidc.circleci.com/org-id"),
        ("pipeline_id", "oidc.circleci.com/pipeline-id"),
        ("project_id", "oidc.circleci.com/project-id"),
        ("workflow_id", "oidc.circleci.com/workflow-id"),
    ];
    Map::from_iter([("circleci".to_owned(), Value::Object(picked(claims, &names)))])
}
