//! Rows of a service's database that repeat what the ledger says: each must agree with it.

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};

use crate::source::Unreadable;

/// A row that repeats an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRow {
    /// The request.
    pub request: RequestId,
    /// The statement.
    pub statement: StatementId,
}

/// What a service keeps beside the ledger.
pub trait Rows: std::fmt::Debug {
    /// The request that a token is bound to.
    fn token_use(&self, token: Sha256) -> Result<Option<RequestId>, Unreadable>;
}
