//! `GET /v1/policy`: which governance documents are in force.

use axum::Json;
use chancery_api::policy::PolicyInForce;
use chancery_api::problem::Problem;
use chancery_gateway::governance::Governance;

use super::Shared;
use crate::fault::Fault;

/// A version as the API names it.
pub(super) fn in_force(governance: &Governance) -> PolicyInForce {
    let signed = &governance.signed;
    PolicyInForce {
        version: governance.version,
        sequence: governance.sequence,
        ledger: signed.header().ledger.clone(),
        root: signed.root().sha256(),
    }
}

/// Names the policy in force.
#[utoipa::path(get, path = "/v1/policy", tag = "policy",
    responses(
        (status = 200, description = "The policy in force", body = PolicyInForce),
        (status = 503, description = "None yet", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(service: Shared) -> Result<Json<PolicyInForce>, Fault> {
    let governance = service.gateway.governance()?;
    Ok(Json(in_force(&governance)))
}
