//! `GET /v1/keys`: public halves.

use axum::Json;
use axum::extract::Path;
use chancery_api::code::Code;
use chancery_api::key::{Key, Keys};
use chancery_api::problem::Problem;
use chancery_core::id::KeyId;

use super::Shared;
use crate::fault::Fault;

/// Lists all keys, those of the service's own authorities included.
#[utoipa::path(get, path = "/v1/keys", tag = "key", responses((status = 200, description = "All keys, by name", body = Keys)))]
pub(crate) async fn list(service: Shared) -> Json<Keys> {
    Json(Keys { keys: service.gateway.keys().values().cloned().map(Key::from).collect() })
}

/// Shows a key.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "key", params(("id" = String, Path)),
    responses(
        (status = 200, description = "The key", body = Key),
        (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, Path(id): Path<String>) -> Result<Json<Key>, Fault> {
    let unknown = || Fault::new(Code::Unknown, "no key of that name");
    let id = KeyId::parse(&id).map_err(|_| unknown())?;
    service.gateway.key(&id).map(|key| Json(key.into())).ok_or_else(unknown)
}
