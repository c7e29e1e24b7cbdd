//! How far each receiver of notices has come, and what it would not take. The ledger is what is told from; this is only
//! where the telling stands.

use super::Boxed;
use super::courier::Notice;
use super::state::StateError;
use crate::time::Time;

/// A notice that its receiver would not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Counts up; names it in commands.
    pub number: u64,
    /// The notice.
    pub notice: Notice,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub why: String,
    /// When it was given up.
    pub at: Time,
}

/// What became of a notice: it was taken, or given up. Kept together with where the telling stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Index of the next leaf to look at.
    pub next: u64,
    /// A notice that comes from no leaf: its id, so that it is told once.
    pub told: Option<String>,
    /// What was given up; its number is chosen here.
    pub dead: Option<DeadLetter>,
}

/// Keeps it. Durable beyond the end of the process; after a power cut it may stand a little further back, and then
/// notices are told twice, never not at all.
pub trait Outbox: Send + Sync + std::fmt::Debug {
    /// Index of the next leaf for this webhook. A webhook that was never seen, or that stands beyond `size`, begins there.
    fn next(&self, webhook: String, size: u64) -> Boxed<'_, Result<u64, StateError>>;
    /// Whether a notice that comes from no leaf was told.
    fn was_told(&self, webhook: String, id: String) -> Boxed<'_, Result<bool, StateError>>;
    /// Keeps what became of a notice.
    fn settle(&self, webhook: String, settled: Settled) -> Boxed<'_, Result<(), StateError>>;
    /// What was given up, oldest first, at most `limit` with a number above `after`.
    fn dead(&self, webhook: String, after: u64, limit: u32)
    -> Boxed<'_, Result<Vec<DeadLetter>, StateError>>;
    /// How much was given up.
    fn dead_count(&self, webhook: String) -> Boxed<'_, Result<u64, StateError>>;
    /// Forgets a dead letter that was taken after all.
    fn bury(&self, webhook: String, number: u64) -> Boxed<'_, Result<(), StateError>>;
}
