//! `GET /v1/policy`, and the answer to `POST /admin/policy`.

use chancery_core::id::PolicyVersion;

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PolicyInForce {
    /// SHA-256 of the canonical governance documents.
    #[schema(value_type = String)]
    pub version: PolicyVersion,
    /// 1 for the first.
    pub sequence: u64,
}
