//! What a profile issues to Sigstore clients: certificates for keys that the clients made themselves.
//!
//! ```toml
//! environment = "production"
//! owner = "platform@acme.example"
//! purpose = "jobs that run cosign by themselves"
//! [facade]
//! keys = ["ecdsa-p256"]           # absent: ecdsa-p256 alone, which every client verifies
//! entries = 16                    # entries that the ledger takes for one certificate; absent: 16
//! bearer_tokens = "accepted"      # in production: whoever holds a token of the job gets a certificate in its name
//! [[limits]]
//! count = 100
//! window = "1h"
//! [[grants]]
//! …
//! ```
//! Such a profile signs nothing: it has no `keys`, `formats`, `binding`, `depth` or `timestamp`. Every wish is over a key
//! of its own, made a moment before, so what asks for a second visit (`approvals`, `quorum`, `hold`) could never be
//! fulfilled and is refused here; a spent limit or a broken habit that asks for people refuses the job.

use std::collections::BTreeSet;

use chancery_core::algorithm::KeyAlgorithm;

/// The name of the key that signs the certificates: the service's own.
pub const ISSUING_KEY: &str = "chancery-issuing";

/// Entries that are taken for one certificate where the profile does not say.
pub const ENTRIES: u32 = 16;
/// Most entries that a profile may say.
pub const MAX_ENTRIES: u32 = 1000;

/// What is issued under a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facade {
    pub(crate) algorithms: BTreeSet<KeyAlgorithm>,
    pub(crate) entries: u32,
    pub(crate) takes_bearers: bool,
}

impl Facade {
    /// The algorithms of keys that are certified.
    #[must_use]
    pub const fn algorithms(&self) -> &BTreeSet<KeyAlgorithm> {
        &self.algorithms
    }
    /// How many entries the ledger takes for one certificate, 1 to [`MAX_ENTRIES`].
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.entries
    }
}
