//! What policy said, and why.

use crate::refusal::Refusal;

/// One matcher of one rule, with what it saw and what it wanted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceLine {
    /// The rule: a grant's name, a guardrail's id, or a profile's own condition (`depth`, `limit`).
    pub rule: String,
    /// The attribute that was compared: `source_repository_ref`.
    pub attribute: String,
    /// What the caller had; empty when absent.
    pub actual: String,
    /// What the rule wanted.
    pub expected: String,
    /// Whether they matched.
    pub ok: bool,
}

/// Every matcher that was evaluated, in order.
pub type Trace = Vec<TraceLine>;

/// The outcome of a decision. A refusal is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, and by what.
    Allowed(Trace),
    /// Waits for approvals: how many of how many.
    Pending {
        /// Approvals given.
        have: u32,
        /// Approvals needed.
        need: u32,
        /// What was evaluated.
        trace: Trace,
    },
    /// Refused.
    Refused(Refusal),
}
