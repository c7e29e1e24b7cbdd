//! `POST /v1/acts`, `GET /v1/freezes`, `GET /v1/exceptions`.

use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::ProfileName;

/// An act with its signatures.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedAct {
    /// The act, canonical JSON: the bytes that were signed in the namespace `act@chancery`.
    pub document: String,
    /// Armoured SSH signatures over it.
    pub signatures: Vec<String>,
}

/// An act that was done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ActDone {
    /// SHA-256 of the document: the act's name.
    #[schema(value_type = String)]
    pub act: Sha256,
    /// Its entry in the ledger.
    pub index: u64,
}

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Freeze {
    /// Its name.
    #[schema(value_type = String)]
    pub freeze: Sha256,
    /// What is stopped.
    #[schema(value_type = Object)]
    pub scope: Scope,
    /// When it begins, RFC 3339; at once where absent.
    pub from: Option<String>,
    /// When it ends by itself, RFC 3339; never where absent.
    pub until: Option<String>,
}

/// Every stop in force: what gates ask for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Freezes {
    /// The stops.
    pub freezes: Vec<Freeze>,
}

/// An exception that is in force or waits for its review. Its reason and its people are evidence, not shown here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Exception {
    /// Its name.
    #[schema(value_type = String)]
    pub exception: Sha256,
    /// For which profile.
    #[schema(value_type = String)]
    pub profile: ProfileName,
    /// What it takes away: `approvals`, `hold`, `limits`.
    pub waives: Vec<String>,
    /// Its end, RFC 3339.
    pub until: String,
    /// How many signatures it is good for.
    pub count: u32,
    /// How many were made under it.
    pub used: u32,
    /// When its review is due, RFC 3339.
    pub review: String,
    /// Whether approvers opened it in an emergency.
    pub emergency: bool,
    /// When it was reviewed, RFC 3339, if it was.
    pub reviewed: Option<String>,
}

/// Every exception that is in force or waits for its review.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Exceptions {
    /// The exceptions.
    pub exceptions: Vec<Exception>,
}
