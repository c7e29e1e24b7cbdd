//! The one writer of the ledger, with the state that changes in the same transaction.

use std::sync::Arc;

use super::Boxed;
use crate::digest::Sha256;
use crate::id::{RequestId, StatementId};
use crate::receipt::Receipt;
use crate::time::Time;

/// Largest leaf in bytes: entry bundles carry 16-bit lengths (C2SP tlog-tiles).
pub const MAX_LEAF: usize = 65_535;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// A signed act with its signatures.
    Act,
    /// An armoured signature over the document of a pending request.
    Approval,
    /// The entry of a Sigstore client, by its leaf hash; its topic is the certificate's.
    Entry,
    /// A certificate over a Sigstore client's key, by the hash of its DER: where it comes from, JSON.
    Leaf,
    /// The document that approvers sign, with the request.
    Pending,
}

impl RecordKind {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Approval => "approval",
            Self::Entry => "entry",
            Self::Leaf => "leaf",
            Self::Pending => "pending",
        }
    }
}

/// Evidence beside the ledger, found by its hash or by its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// SHA-256 by which a leaf names it.
    pub sha256: Sha256,
    /// What it is.
    pub kind: RecordKind,
    /// What it belongs to: a request's id, the hash of a pending document, or nothing.
    pub topic: String,
    /// The text itself, JSON or armour.
    pub body: String,
}

/// State that must change together with the leaves, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Binds a token to its first request; the same request joins, another is refused as a replay.
    TokenUse {
        /// `Caller::token_use`.
        token: Sha256,
        /// The request.
        request: RequestId,
        /// The token's `exp`; the row may be dropped some time after it.
        expires: Time,
    },
    /// An intent was logged: its index is that of the append's last leaf.
    Intent {
        /// The request.
        request: RequestId,
        /// The statement.
        statement: StatementId,
        /// What all intents of the request have in common, JSON; kept once for those that come with the same text.
        wish: Arc<str>,
        /// What else is needed to resume or close it, JSON.
        plan: String,
    },
    /// The intent at `index` is closed and its result released.
    Release {
        /// Index of the intent.
        index: u64,
        /// The request.
        request: RequestId,
        /// The statement.
        statement: StatementId,
        /// The result that is returned again when the same wish comes back, JSON. Receipts are completed on read.
        result: String,
    },
    /// Evidence that the first leaf of the append names by its hash.
    Keep(Record),
    /// The intent at `index` is closed without a result.
    Abandon {
        /// Index of the intent.
        index: u64,
    },
}

/// Leaves to be appended next to each other, and what changes with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Append {
    /// Leaves, each at most [`MAX_LEAF`] bytes of UTF-8 (canonical JSON).
    pub leaves: Vec<String>,
    /// Changes, applied before the leaves get their indices; if one is refused, none of this append happens.
    pub changes: Vec<Change>,
}

/// Why an append did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full or the service is stopping; nothing was written (exit 75).
    #[error("ledger does not accept entries now: {0}")]
    Busy(String),
    /// Durable, but not cosigned yet because the keyguard does not answer (exit 75). Indices are assigned.
    #[error("ledger entry waits for its cosignature: {0}")]
    NotCosigned(String),
    /// The token is bound to another request.
    #[error("token was used for request {0}")]
    TokenReplayed(RequestId),
    /// A leaf that is empty or larger than [`MAX_LEAF`].
    #[error("leaf of {0} bytes; at most 65535")]
    LeafSize(usize),
    /// The intent at this index is closed already.
    #[error("intent {0} is closed already")]
    Closed(u64),
}

/// Appends to the ledger. Concurrent appends share one commit, one checkpoint and one cosignature (natural group
/// commit: whatever queued during the last commit; no timer).
pub trait Sequencer: Send + Sync + std::fmt::Debug {
    /// Resolves when the leaves are durable, under a cosigned and published checkpoint: one receipt per leaf.
    fn append(&self, append: Append) -> Boxed<'_, Result<Vec<Receipt>, AppendError>>;
}
