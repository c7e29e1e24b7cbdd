//! `GET /v1/whoami`: who the service takes a token's bearer for. Nothing is recorded.

use axum::Json;
use axum::http::HeaderMap;
use chancery_api::problem::Problem;
use chancery_api::whoami::{RefusedProfile, Whoami};
use chancery_core::caller::AudienceBinding;
use chancery_core::id::ProfileName;
use chancery_core::refusal::Refusal;
use chancery_gateway::whoami::whoami;

use super::Shared;
use crate::bearer;
use crate::fault::Fault;

/// Says who the caller is, and which profiles name it.
#[utoipa::path(get, path = "/v1/whoami", tag = "identity", security(("token" = [])),
    responses(
        (status = 200, description = "The caller", body = Whoami),
        (status = 401, description = "Not authenticated", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared, headers: HeaderMap) -> Result<Json<Whoami>, Fault> {
    let found = whoami(&service.gateway, bearer::token(&headers)?).await?;
    let caller = found.caller;
    let claims = caller.claims.normalised();
    Ok(Json(Whoami {
        claims: claims.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        issuer: caller.issuer_name,
        kind: caller.kind,
        binding: match caller.binding {
            AudienceBinding::Sigstore => "sigstore".to_owned(),
            AudienceBinding::Fixed => "fixed".to_owned(),
            AudienceBinding::Request(_) => "request".to_owned(),
            AudienceBinding::Session(_) => "session".to_owned(),
        },
        profiles: found.profiles,
        refused: found.refused.into_iter().map(refused).collect(),
        issued_at: caller.issued_at.to_string(),
        expires_at: caller.expires_at.to_string(),
    }))
}

fn refused((profile, refusal): (ProfileName, Refusal)) -> RefusedProfile {
    RefusedProfile {
        profile,
        code: refusal.code.code().to_owned(),
        what: refusal.what,
        hint: refusal.hint,
        trace: refusal.trace.into_iter().map(Into::into).collect(),
    }
}
