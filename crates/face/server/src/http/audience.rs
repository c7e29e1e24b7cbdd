//! `GET /v1/audience`: the service's name in audiences, so that a caller can be told no in person even where nothing else
//! is known to it.

use axum::Json;
use chancery_api::audience::Audience;

use super::Shared;

/// Names the service as tokens must.
#[utoipa::path(get, path = "/v1/audience", tag = "profile",
    responses((status = 200, description = "The name", body = Audience)))]
pub(crate) async fn get(service: Shared) -> Json<Audience> {
    Json(Audience { audience_host: service.gateway.parts().audience_host.clone() })
}
