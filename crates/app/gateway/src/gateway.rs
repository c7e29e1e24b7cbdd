//! The gateway: its parts, and what all use cases share.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use chancery_core::id::KeyId;
use chancery_core::port::clock::Clock;
use chancery_core::port::custodian::KeyDescription;
use chancery_core::port::dialer::Dialer;
use chancery_core::port::entropy::Entropy;
use chancery_core::port::keyguard::Keyguard;
use chancery_core::port::ledger_keys::LedgerKeys;
use chancery_core::port::ledger_reader::LedgerReader;
use chancery_core::port::registry::Registry;
use chancery_core::port::sequencer::Sequencer;
use chancery_core::port::stamper::Stamper;
use chancery_core::port::state::State;
use chancery_core::port::step::Steps;
use chancery_policy::act::book::Book;
use chancery_x509::certificate::Certificate;

use crate::denied::DeniedLedger;
use crate::failure::Failure;
use crate::flights::Flights;
use crate::governance::Governance;
use crate::issuer_keys::IssuerKeys;
use crate::limits::Limits;
use crate::trust::Trust;
use crate::tuf::Shown;

/// What the gateway is made of. Everything that is not pure enters here, as a port.
#[derive(Debug)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Serial numbers and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The process that signs.
    pub keyguard: Arc<dyn Keyguard>,
    /// The ledger's writer.
    pub sequencer: Arc<dyn Sequencer>,
    /// The ledger's readers.
    pub ledger: Arc<dyn LedgerReader>,
    /// What is remembered beside it.
    pub state: Arc<dyn State>,
    /// Connections for the keyguard's tunnels.
    pub dialer: Arc<dyn Dialer>,
    /// Container registries that this service may reach.
    pub registry: Arc<dyn Registry>,
    /// Remote time stamping authorities by name.
    pub stampers: BTreeMap<String, Arc<dyn Stamper>>,
    /// What their timestamps are verified with: address and chain, own certificate first, root last.
    pub stamper_chains: Vec<(String, Vec<Certificate>)>,
    /// Where tests stop the process.
    pub steps: Arc<dyn Steps>,
    /// Our host as it stands in audiences: `sign.example`.
    pub audience_host: String,
    /// This service as a URI: SLSA `builder.id`.
    pub builder: String,
    /// The ledger's first verifier key (C2SP vkey), which the keyguard pinned.
    pub ledger_vkey: String,
    /// The ledger's own keys.
    pub ledger_keys: Arc<dyn LedgerKeys>,
}

/// The process that faces the network.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) parts: Parts,
    pub(crate) limits: Limits,
    pub(crate) denied: DeniedLedger,
    pub(crate) flights: Flights,
    /// Versions come into force one at a time.
    pub(crate) applying: tokio::sync::Mutex<()>,
    pub(crate) issuer_keys: IssuerKeys,
    pub(crate) tuf: Shown,
    governance: RwLock<Option<Arc<Governance>>>,
    trust: RwLock<Option<Arc<Trust>>>,
    book: RwLock<Arc<Book>>,
    keys: RwLock<Arc<BTreeMap<KeyId, KeyDescription>>>,
}

impl Gateway {
    /// A gateway that is not ready yet: [`crate::bootstrap::start`] makes it so.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            limits: Limits::default(),
            denied: DeniedLedger::default(),
            flights: Flights::default(),
            applying: tokio::sync::Mutex::new(()),
            issuer_keys: IssuerKeys::default(),
            tuf: Shown::default(),
            governance: RwLock::new(None),
            trust: RwLock::new(None),
            book: RwLock::new(Arc::default()),
            keys: RwLock::new(Arc::default()),
        })
    }
    /// The parts, for faces that serve what needs no use case (ledger files).
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }
    /// The governance in force.
    pub fn governance(&self) -> Result<Arc<Governance>, Failure> {
        let governance = self.governance.read().unwrap_or_else(PoisonError::into_inner);
        governance.clone().ok_or_else(|| Failure::Temporary("no policy is in force yet".to_owned()))
    }
    /// The public trust material.
    pub fn trust(&self) -> Result<Arc<Trust>, Failure> {
        let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner);
        trust.clone().ok_or_else(|| Failure::Temporary("the keyguard is not initialised yet".to_owned()))
    }
    /// A key's public description.
    pub fn key(&self, id: &KeyId) -> Option<KeyDescription> {
        self.keys().get(id).cloned()
    }
    /// All keys' public descriptions.
    pub fn keys(&self) -> Arc<BTreeMap<KeyId, KeyDescription>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
    /// What acts have left in force, as the keyguard told last.
    #[must_use]
    pub fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }
    pub(crate) fn use_book(&self, book: Book) {
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
    }
    pub(crate) fn use_governance(&self, governance: Governance) {
        *self.governance.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(governance));
    }
    pub(crate) fn use_trust(&self, trust: Trust) {
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(trust));
    }
    pub(crate) fn use_keys(&self, keys: Vec<KeyDescription>) {
        let keys = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}
