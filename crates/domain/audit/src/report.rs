//! What an audit ends with: how much was checked, what does not hold, and what was taken on trust.

use crate::finding::{Code, Finding};

/// How much was seen and checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Leaves.
    pub entries: u64,
    /// Leaves after the last cosigned checkpoint.
    pub uncosigned: u64,
    /// Stored tiles that were compared.
    pub tiles: u64,
    /// Policy versions.
    pub policies: u64,
    /// Intents.
    pub intents: u64,
    /// Results.
    pub results: u64,
    /// Intents that were closed without a result.
    pub abandoned: u64,
    /// Abandoned intents that would not have been allowed: something stopped them.
    pub stopped: u64,
    /// Decisions that rest also on what the keyguard alone had seen: other builders, hold periods.
    pub witnessed: u64,
    /// Acts: freezes, exceptions, reviews.
    pub acts: u64,
    /// Intents that are still open.
    pub open: u64,
    /// Refusals that have a leaf of their own.
    pub denied: u64,
    /// Tokens that were verified again.
    pub tokens: u64,
    /// Decisions that were evaluated again.
    pub decisions: u64,
    /// Signatures that were verified with chain and timestamp.
    pub signatures: u64,
    /// Leaves that name a record: acts, approvals, requests that wait, certificates and entries of Sigstore clients.
    pub records: u64,
    /// Entries of Sigstore clients that were verified.
    pub taken: u64,
    /// Rows of the service's database that were compared.
    pub rows: u64,
}

/// Findings that are kept; more are only counted.
pub const MAX_FINDINGS: usize = 1000;

/// The outcome of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How much was checked.
    pub counts: Counts,
    /// What does not hold, in order of index.
    pub findings: Vec<Finding>,
    /// How many findings there are, those that were not kept included.
    pub total: u64,
    /// What was taken on trust, one sentence each.
    pub trusted: Vec<String>,
    /// Size and root of the ledger, as its checkpoint says and its leaves give.
    pub head: Option<chancery_ledger::merkle::Head>,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.total == 0
    }
    /// The first index that fails, with what fails there.
    #[must_use]
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }
}

/// Collects findings within a bound, keeping those of the lowest indices.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    total: u64,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.total = self.total.saturating_add(1);
        self.kept.push(finding);
        if self.kept.len() > 2 * MAX_FINDINGS {
            self.settle();
        }
    }
    pub(crate) fn found(&mut self, index: u64, code: Code, what: impl Into<String>) {
        self.add(Finding::new(index, code, what));
    }
    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }
    fn settle(&mut self) {
        self.kept.sort_by_key(|finding| (finding.index, finding.code));
        self.kept.truncate(MAX_FINDINGS);
    }
    pub(crate) fn finish(mut self) -> (Vec<Finding>, u64) {
        self.settle();
        (self.kept, self.total)
    }
}
