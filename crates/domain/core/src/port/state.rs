//! What the gateway remembers, apart from the ledger. Writes that must agree with the ledger are
//! [`super::sequencer::Change`]s; these are reads, and writes that may come earlier or later.

use super::Boxed;
use super::sequencer::{Record, RecordKind};
use crate::digest::Sha256;
use crate::id::{PolicyVersion, ProfileName, RequestId, StatementId};
use crate::time::Time;

/// The state cannot be read or written now (exit 75).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("state is not available: {0}")]
pub struct StateError(pub String);

/// An intent that has neither result nor abandonment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its index in the ledger.
    pub index: u64,
    /// The request.
    pub request: RequestId,
    /// The statement.
    pub statement: StatementId,
    /// What `Change::Intent` kept, shared by the intents of the request.
    pub wish: String,
    /// What `Change::Intent` kept for this one.
    pub plan: String,
    /// What `signed_put` kept, when the keyguard had signed already.
    pub signed: Option<String>,
}

/// The current governance documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentPolicy {
    /// Their version.
    pub version: PolicyVersion,
    /// 1 for the first.
    pub sequence: u64,
    /// Canonical documents.
    pub documents: String,
    /// Header and signatures, canonical JSON.
    pub signatures: String,
}

/// A released result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// Index of the first leaf that was appended together with the release.
    pub leaf: u64,
    /// What `Change::Release` kept.
    pub result: String,
}

/// Reads and independent writes. Implemented by the store and by a strict fake.
pub trait State: Send + Sync + std::fmt::Debug {
    /// The released result of a statement of a request, as `Change::Release` kept it.
    fn released(
        &self,
        request: RequestId,
        statement: StatementId,
    ) -> Boxed<'_, Result<Option<Recalled>, StateError>>;
    /// The request that a token was first used for.
    fn token_use(&self, token: Sha256) -> Boxed<'_, Result<Option<RequestId>, StateError>>;
    /// Keeps what the keyguard answered for an intent. Survives the death of the process, not of the machine: after
    /// that the intent is abandoned, which is safe.
    fn signed_put(&self, index: u64, signed: String) -> Boxed<'_, Result<(), StateError>>;
    /// All open intents, oldest first.
    fn open_intents(&self) -> Boxed<'_, Result<Vec<OpenIntent>, StateError>>;
    /// Times of the intents of a profile since a moment, to rebuild limits after a start.
    fn intents_since(&self, profile: ProfileName, since: Time) -> Boxed<'_, Result<Vec<Time>, StateError>>;
    /// Keeps governance documents; they are in force once their event is in the ledger.
    fn policy_put(&self, policy: CurrentPolicy) -> Boxed<'_, Result<(), StateError>>;
    /// Records of a kind that belong to a topic, or all of the kind, in the order in which they were kept; at most
    /// `most`, the newest.
    fn records(
        &self,
        kind: RecordKind,
        topic: Option<String>,
        most: u32,
    ) -> Boxed<'_, Result<Vec<Record>, StateError>>;
    /// A record by its hash.
    fn record(&self, sha256: Sha256) -> Boxed<'_, Result<Option<Record>, StateError>>;
    /// Index of the first leaf of the append that a record came with.
    fn kept_with(&self, sha256: Sha256) -> Boxed<'_, Result<Option<u64>, StateError>>;
    /// The documents with the highest sequence.
    fn policy_current(&self) -> Boxed<'_, Result<Option<CurrentPolicy>, StateError>>;
}
