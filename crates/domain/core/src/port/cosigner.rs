//! Whoever follows the ledger and cosigns its checkpoints: the keyguard, seen from the ledger's writer.

use super::Boxed;

/// New leaves and the checkpoint that covers them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// Tree size before the first of `leaves`.
    pub from: u64,
    /// The leaves themselves, in order, so that the follower computes the root from bytes and not from a claim.
    pub leaves: Vec<String>,
    /// The checkpoint with the ledger's own signature: a signed note.
    pub checkpoint: String,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum CosignError {
    /// The follower has seen another size; send the leaves from there.
    #[error("follower is at size {size}")]
    Behind {
        /// The size that it has seen.
        size: u64,
    },
    /// The leaves do not give the checkpoint's root, or the ledger shrank: a fork or a rollback. Never retried.
    #[error("checkpoint is not consistent with what was seen: {0}")]
    Inconsistent(String),
    /// The follower does not answer now.
    #[error("follower is not available: {0}")]
    Unavailable(String),
}

/// Follows the ledger. One call per batch.
pub trait Cosigner: Send + Sync + std::fmt::Debug {
    /// Checks the leaves against the checkpoint, makes the new size durable, and answers with the cosignature's note
    /// line: `— name base64\n` (C2SP tlog-cosignature).
    fn cosign<'a>(&'a self, follow: &'a Follow) -> Boxed<'a, Result<String, CosignError>>;
}
