//! The static files of the ledger (C2SP tlog-tiles): `checkpoint`, `tile/…`. What is full never changes again.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_gateway::failure::Failure;
use chancery_ledger::tile::Tile;

use super::Shared;
use crate::fault::Fault;

const FULL: &str = "public, max-age=31536000, immutable";
const PARTIAL: &str = "public, max-age=60";

/// The latest cosigned checkpoint.
#[utoipa::path(get, path = "/ledger/checkpoint", tag = "ledger",
    responses(
        (status = 200, description = "A signed note (C2SP tlog-checkpoint)", body = String, content_type = "text/plain"),
        (status = 404, description = "Nothing was logged yet", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn checkpoint(service: Shared) -> Result<Response, Fault> {
    let bytes = file(&service, "checkpoint").await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, bytes).into_response())
}

/// A tile of hashes or a bundle of entries.
#[utoipa::path(get, path = "/ledger/tile/{path}", tag = "ledger",
    params(("path" = String, Path, description = "`0/x001/234`, `entries/005.p/17`")),
    responses(
        (status = 200, description = "The tile", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "No such tile, or not yet", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, Path(path): Path<String>) -> Result<Response, Fault> {
    let path = format!("tile/{path}");
    let tile = Tile::parse(&path).map_err(|_| Fault::new(Code::Unknown, "not the path of a tile"))?;
    let bytes = file(&service, &path).await?;
    let caching = if tile.is_full() { FULL } else { PARTIAL };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, caching)];
    Ok((headers, bytes).into_response())
}

async fn file(service: &Shared, path: &str) -> Result<Vec<u8>, Fault> {
    let found = service.gateway.parts().ledger.file(path).await.map_err(Failure::from)?;
    found.ok_or_else(|| Fault::new(Code::Unknown, "the ledger has no such file yet"))
}
