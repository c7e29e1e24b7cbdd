//! The TUF repository: static files, as any web server would serve them.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_gateway::tuf;

use super::Shared;
use crate::fault::Fault;

/// Longest path: a digest and a name.
const LONGEST: usize = 200;

/// A file of the TUF repository that carries trust to Sigstore clients.
#[utoipa::path(get, path = "/tuf/{path}", tag = "trust",
    params(("path" = String, Path, description = "`root.json`, `timestamp.json`, `7.snapshot.json`, `targets/<sha256>.trusted_root.json`")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/json"),
        (status = 403, description = "Nobody signed yet whom verifiers shall believe", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such file", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, Path(path): Path<String>) -> Result<Response, Fault> {
    let absent = || Fault::new(Code::Unknown, "the repository has no such file");
    if path.len() > LONGEST {
        return Err(absent());
    }
    let bytes = tuf::file(&service.gateway, &path).await?.ok_or_else(absent)?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, bytes).into_response())
}
