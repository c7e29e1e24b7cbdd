//! `GET /v1/requests/{id}`: how far a request is.

use chancery_core::id::{RequestId, StatementId};

/// What the service knows about a request. What it never saw and what it refused look the same here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RequestState {
    /// The request.
    #[schema(value_type = String)]
    pub request_id: RequestId,
    /// `released` when every known statement is, `open` when one is being worked on.
    pub state: StatementState,
    /// The statements that are known, by id.
    pub statements: Vec<StatementStanding>,
}

/// How far a statement is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct StatementStanding {
    /// The statement.
    #[schema(value_type = String)]
    pub statement: StatementId,
    /// Its state.
    pub state: StatementState,
    /// Ledger index of its result when it is released, of its intent while it is open.
    pub index: Option<u64>,
}

/// The states that a statement of a request can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StatementState {
    /// Its intent is in the ledger, its result not yet.
    Open,
    /// Signed, verified, logged.
    Released,
    /// Neither.
    Unknown,
}
