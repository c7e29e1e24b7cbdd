//! The keys by which the ledger signs its checkpoints: the only ones that the gateway has.

use crate::message::Use;

/// A key that could not be made or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key of the ledger: {0}")]
pub struct LedgerKeyError(pub String);

/// Makes the ledger's keys, keeps them, and signs with the one that is due.
pub trait LedgerKeys: Send + Sync + std::fmt::Debug {
    /// The verifier key (C2SP vkey) of a generation, 2 and up; made and durable where it was not made before.
    fn make(&self, generation: usize) -> Result<String, LedgerKeyError>;
    /// From when on each key is used, by its log id. Until one is due the first is used.
    fn plan(&self, uses: &[Use]);
}
