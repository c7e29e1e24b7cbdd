//! `GET /v1/policy`, and the answer to `POST /admin/policy`, with its body.

use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PolicyInForce {
    /// SHA-256 of the canonical governance documents.
    #[schema(value_type = String)]
    pub version: PolicyVersion,
    /// 1 for the first.
    pub sequence: u64,
    /// Origin of the ledger in which it is in force: signatures name it.
    pub ledger: String,
    /// SHA-256 of its root document.
    #[schema(value_type = String)]
    pub root: Sha256,
}

/// The body of `POST /admin/policy`, and what `GET /admin/policy` shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedPolicy {
    /// The canonical governance documents.
    pub documents: String,
    /// Header and signatures of the root's people, canonical JSON.
    pub signatures: String,
}
