//! What the ledger's writer is told.

use std::path::PathBuf;

use chancery_ledger::checkpoint::Origin;
use chancery_ledger::vkey::VerifierKey;

/// Settings of the ledger.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// The data directory: `state.db`, `search.db`, `signed`, `ledger/`. Made when it is not there.
    pub directory: PathBuf,
    /// The ledger's identity; its key is named so.
    pub origin: Origin,
    /// The follower's key: no checkpoint is shown without its cosignature.
    pub cosigner: VerifierKey,
    /// Appends that may wait; more are refused as busy.
    pub queue: usize,
    /// Intake stops when the file system has fewer free bytes than this.
    pub reserve: u64,
    /// `false` gives every append its own commit: for tests and comparison only.
    pub group_commit: bool,
}

impl LedgerConfig {
    /// The defaults: 4096 waiting appends, a reserve of 256 MiB, group commit.
    #[must_use]
    pub const fn new(directory: PathBuf, origin: Origin, cosigner: VerifierKey) -> Self {
        Self { directory, origin, cosigner, queue: 4096, reserve: 256 << 20, group_commit: true }
    }
}
