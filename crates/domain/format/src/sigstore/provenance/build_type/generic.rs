//! Every other issuer: the normalised claims under their normalised names.
//!
//! ```json
//! {"build_config_uri":"…","source_repository_ref":"refs/heads/main","source_repository_uri":"https://git.example/acme/app"}
//! {"build_trigger":"push","issuer":"https://issuer.example","source_repository_identifier":"42"}
//! ```

use chancery_core::claims::Claims;
use serde_json::{Map, Value};

use super::super::put;

pub(super) fn external(claims: &Claims) -> Map<String, Value> {
    let mut external = Map::new();
    put(&mut external, "build_config_uri", claims.build_config_uri.as_deref());
    put(&mut external, "source_repository_ref", claims.source_repository_ref.as_deref());
    put(&mut external, "source_repository_uri", claims.source_repository_uri.as_deref());
    external
}

pub(super) fn internal(claims: &Claims) -> Map<String, Value> {
    let mut internal = Map::new();
    put(&mut internal, "build_config_digest", claims.build_config_digest.as_deref());
    put(&mut internal, "build_trigger", claims.build_trigger.as_deref());
    put(&mut internal, "deployment_environment", claims.deployment_environment.as_deref());
    put(&mut internal, "issuer", Some(&claims.issuer));
    put(&mut internal, "runner_environment", claims.runner_environment.as_deref());
    put(&mut internal, "source_repository_identifier", claims.source_repository_identifier.as_deref());
    let owner = claims.source_repository_owner_identifier.as_deref();
    put(&mut internal, "source_repository_owner_identifier", owner);
    internal
}
