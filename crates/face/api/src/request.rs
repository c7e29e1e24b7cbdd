//! `GET /v1/requests/{id}`: how far a request is.

use chancery_core::digest::Sha256;

use crate::problem::TraceLine;
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
    /// What waited for approvals, newest first; absent members are those of older services.
    #[serde(default)]
    pub waiting: Vec<Waiting>,
}

/// A request as it waits for one caller.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Waiting {
    /// SHA-256 of the document.
    #[schema(value_type = String)]
    pub approval: Sha256,
    /// The document: the bytes that people sign in the namespace `approval@chancery`.
    pub document: String,
    /// The request, canonical: its SHA-256 is the request's id.
    pub request: String,
    /// How many people approved, as far as it counts now.
    pub approvals: u32,
    /// How many the profile asks for by itself; more may be asked for, see the answer to the pipeline.
    pub need: u32,
    /// What policy evaluated when it began to wait, as the service says.
    #[serde(default)]
    pub trace: Vec<TraceLine>,
    /// Whether its pipeline took it back.
    #[serde(default)]
    pub cancelled: bool,
    /// Why somebody rejected it.
    pub rejected: Option<String>,
    /// The last request of the profile that was approved and released before, to compare with.
    pub previous: Option<Previous>,
}

/// What was approved and released last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Previous {
    /// Its document.
    pub document: String,
    /// The request, canonical.
    pub request: String,
}

/// The requests that wait now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct WaitingRequests {
    /// Their documents, newest first.
    pub documents: Vec<String>,
}

/// An approval or a rejection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The document that was signed.
    pub document: String,
    /// The armoured SSH signature over it.
    pub signature: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Noted {
    /// `approve`, `reject` or `cancel`.
    pub verdict: String,
    /// Who is taken to have said it; nobody when the pipeline took it back.
    pub person: Option<String>,
    /// Its entry in the ledger; absent when it was known already.
    pub index: Option<u64>,
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
    /// It waits for people, other builders, or time.
    Pending,
    /// Somebody rejected it.
    Rejected,
    /// Neither.
    Unknown,
}
