//! `GET /v1/policy`: which governance documents are in force.

use axum::Json;
use chancery_api::policy::PolicyInForce;
use chancery_api::problem::Problem;

use super::Shared;
use crate::fault::Fault;

/// Names the policy in force.
#[utoipa::path(get, path = "/v1/policy", tag = "policy",
    responses(
        (status = 200, description = "The policy in force", body = PolicyInForce),
        (status = 503, description = "None yet", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared) -> Result<Json<PolicyInForce>, Fault> {
    let governance = service.gateway.governance()?;
    Ok(Json(PolicyInForce { version: governance.version, sequence: governance.sequence }))
}
