//! `POST /v1/sessions`: exchanges a token with a fixed audience.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use chancery_api::problem::Problem;
use chancery_api::session::Session;
use chancery_gateway::session;

use super::Shared;
use crate::fault::Fault;
use crate::{bearer, possession};

/// Begins a session: from then on the token counts only with signatures of the session's key. The key signs
/// `chancery.session/1 begin <SHA-256 of the token>` here, and `chancery.session/1 request <request id>` with each request.
#[utoipa::path(post, path = "/v1/sessions", tag = "identity", security(("token" = [])),
    params(("Chancery-Possession" = String, Header, description = "BASE64(P-256 point, uncompressed).BASE64(ECDSA signature, DER)")),
    responses(
        (status = 201, description = "Begun and logged", body = Session),
        (status = 400, description = "The header is not well formed", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not authenticated", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not this caller, or the token was exchanged or used before", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn post(service: Shared, headers: HeaderMap) -> Result<(StatusCode, Json<Session>), Fault> {
    let proof = possession::proof(&headers)?;
    let begun = session::begin(&service.gateway, bearer::token(&headers)?, proof.as_ref()).await?;
    let session = Session { key: begun.key, expires_at: begun.expires.to_string() };
    Ok((StatusCode::CREATED, Json(session)))
}
