//! How an intent ends: by a result with what was kept of it, or without one.

use chancery_core::time::Time;
use chancery_ledger::event::Outcome;

use crate::job::Content;

/// A result with its evidence.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) index: u64,
    pub(crate) time: Time,
    pub(crate) outcome: Outcome,
    pub(crate) signature: Content,
    pub(crate) certificate: Option<Content>,
    pub(crate) token: Option<Content>,
    /// The leaf before the result, where it is no event.
    pub(crate) entry: Option<Vec<u8>>,
    /// Whether the ledger showed the long-lived certificate before.
    pub(crate) shown: Shown,
}

/// Certificates that the ledger has shown, as far as a result needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The signing certificate's TBSCertificate is in the ledger.
    Yes,
    /// It is not.
    No,
}
