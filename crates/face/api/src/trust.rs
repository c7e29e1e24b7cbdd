//! `GET /v1/trust/instances` and `POST /admin/successors/{kind}`.

use chancery_core::digest::Sha256;
use chancery_core::instance::{InstanceKind, TrustList};

/// Whom verifiers are told to believe, and what could be listed next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct TrustInForce {
    /// The list: `{"instances":[{"end":null,"id":"9f86…","kind":"ca","start":1795209423000}],"url":"https://sign.example"}`.
    #[schema(value_type = Object)]
    pub list: TrustList,
    /// SHA-256 of the act that it stands in; absent where nobody signed one yet.
    #[schema(value_type = Option<String>)]
    pub act: Option<Sha256>,
    /// The service's own instances that work now.
    pub used: Vec<Named>,
    /// What is not listed, so that no verifier believes it: instances that were made to take over, and configured remote time
    /// stamping authorities.
    pub waiting: Vec<Named>,
}

/// An instance by its name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Named {
    /// `ca`, `ct` or `tsa`.
    #[schema(value_type = String)]
    pub kind: InstanceKind,
    /// Its name in lists.
    #[schema(value_type = String)]
    pub id: Sha256,
}
