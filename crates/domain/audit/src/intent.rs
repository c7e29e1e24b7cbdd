//! An intent that is not closed yet, with what held when it was logged.

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_core::id::{IssuerName, KeyId, RequestId};
use chancery_core::time::Time;
use chancery_ledger::event::Intent;
use chancery_policy::act::book::Book;
use chancery_policy::limit::Counts;
use chancery_policy::standing::Exception;

use crate::governance::Governance;
use crate::keys::KnownKey;

/// Key sets by issuer and hash.
pub(crate) type IssuerKeySets = BTreeSet<(IssuerName, Sha256)>;

/// Everything about an intent that depends on the leaves before it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) index: u64,
    pub(crate) time: Time,
    pub(crate) intent: Box<Intent>,
    /// The planned leaf's TBSCertificate, from the leaf just before.
    pub(crate) precertificate: Option<Vec<u8>>,
    /// The documents that it names, if they were in force or had been until just before.
    pub(crate) governance: Option<Arc<Governance>>,
    pub(crate) is_in_force: bool,
    /// How many intents of the profile each window of its limits held.
    pub(crate) counts: Counts,
    pub(crate) key: Option<KnownKey>,
    /// The key's public half, where a certificate of it was shown, or it needs none.
    pub(crate) public: Option<PublicKey>,
    /// The key in custody that a Sigstore client wants certified; there must be none.
    pub(crate) custodied: Option<KeyId>,
    /// The algorithm of the key that signs planned leaves.
    pub(crate) issuer: Option<KnownKey>,
    /// Freezes and exceptions of that moment.
    pub(crate) book: Arc<Book>,
    /// The exception under which it is made.
    pub(crate) granted: Option<Exception>,
    /// Why the exception that it names does not count.
    pub(crate) misused: Option<&'static str>,
    /// When the request was first in the ledger as one that waits.
    pub(crate) first_seen: Option<Time>,
    /// The key for which its token was exchanged.
    pub(crate) session: Option<Sha256>,
    /// The key sets of issuers that the ledger had named.
    pub(crate) issuer_keys: Arc<IssuerKeySets>,
    /// The other request that its token was first used for.
    pub(crate) replayed: Option<RequestId>,
}
