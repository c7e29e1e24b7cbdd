//! What is known about a request beside token and statement. Gateway and keyguard each find it out by their own means.

use std::collections::BTreeSet;

use chancery_core::attested::Attested;
use chancery_core::time::Time;
use chancery_core::witness::{Builders, Oddity};

/// How a request stands. The default, nothing known, is the strictest: nobody approved, nobody else built it, it was
/// never seen before and no exception is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Distinct people whose approval of this request is valid now, the requester excluded.
    pub approvers: u32,
    /// Who built the same.
    pub builders: Builders,
    /// When the request was first in the ledger; the hold period begins there.
    pub first_seen: Option<Time>,
    /// What is unlike what the profile signed before.
    pub oddities: Vec<Oddity>,
    /// An exception in force for this request.
    pub granted: Option<Exception>,
    /// What was found for each attestation that the profile demands, about this statement.
    pub attested: Attested,
}

/// A condition that an exception can waive. Grants, guardrails, triggers and quorums cannot be waived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Waived {
    /// No approvals are needed.
    Approvals,
    /// The hold period is not waited for.
    Hold,
    /// Spent limits do not count; what is signed is bounded by the exception's own count.
    Limits,
}

/// A signed, logged exception that was found to be in force for this request, with a use left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its id, for the trace.
    pub id: String,
    /// What it waives.
    pub waives: BTreeSet<Waived>,
}

impl Standing {
    /// The exception that waives a condition, if one does.
    #[must_use]
    pub fn waiver(&self, condition: Waived) -> Option<&Exception> {
        self.granted.as_ref().filter(|exception| exception.waives.contains(&condition))
    }
}
