//! GitHub's own build type: names and places as GitHub publishes them.
//!
//! ```json
//! {"workflow":{"path":".github/workflows/release.yml","ref":"refs/heads/main","repository":"https://github.com/acme/app"}}
//! {"github":{"event_name":"push","repository_id":"42","repository_owner_id":"7","runner_environment":"github-hosted"}}
//! ```

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

use super::super::put;
use super::source;

/// The build type that GitHub publishes for its workflows.
pub(super) const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

pub(super) fn is_run(claims: &Claims) -> bool {
    path(claims).is_some() && claims.raw.contains_key("job_workflow_ref")
}

/// `workflow_ref` is `owner/repo/.github/workflows/x.yml@refs/heads/main`, of the very repository that is built.
fn path(claims: &Claims) -> Option<&str> {
    let repository = claims.raw.get("repository")?;
    let reference = claims.raw.get("workflow_ref")?;
    let (file, _) = reference.strip_prefix(repository.as_str())?.strip_prefix('/')?.split_once('@')?;
    Some(file)
}

pub(super) fn external(claims: &Claims) -> Map<String, Value> {
    let mut workflow = source(claims);
    put(&mut workflow, "path", path(claims));
    Map::from_iter([("workflow".to_owned(), Value::Object(workflow))])
}

pub(super) fn internal(claims: &Claims) -> Map<String, Value> {
    let mut github = Map::new();
    put(&mut github, "event_name", claims.build_trigger.as_deref());
    put(&mut github, "repository_id", claims.source_repository_identifier.as_deref());
    put(&mut github, "repository_owner_id", claims.source_repository_owner_identifier.as_deref());
    put(&mut github, "runner_environment", claims.runner_environment.as_deref());
    Map::from_iter([("github".to_owned(), Value::Object(github))])
}
