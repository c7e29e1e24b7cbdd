//! `POST /v1/sign?dry_run=true`: the decision, and the bytes that would be signed.

use chancery_core::digest::DigestAlgorithm;
use chancery_core::id::{KeyId, PolicyVersion, RequestId, StatementId};
use chancery_core::order::base64_bytes;

use crate::problem::TraceLine;

/// Schema of [`Rehearsal`].
pub const SCHEMA: &str = "chancery.rehearsal/1";

/// A request that would be signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Rehearsal {
    /// `chancery.rehearsal/1`.
    pub schema: String,
    /// SHA-256 of the canonical request.
    #[schema(value_type = String)]
    pub request_id: RequestId,
    /// The policy version that decided.
    #[schema(value_type = String)]
    pub policy: PolicyVersion,
    /// One per statement.
    pub statements: Vec<RehearsedStatement>,
}

/// One statement, rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RehearsedStatement {
    /// The statement's id.
    #[schema(value_type = String)]
    pub statement: StatementId,
    /// The key that would sign.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The bytes that would be signed, base64: the message, or the digest where `digest_algorithm` is given.
    #[serde(with = "base64_bytes")]
    #[schema(value_type = String, format = Byte)]
    pub to_be_signed: Vec<u8>,
    /// The algorithm of the digest that would be signed as such; absent for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest_algorithm: Option<DigestAlgorithm>,
    /// What policy evaluated.
    pub trace: Vec<TraceLine>,
}
