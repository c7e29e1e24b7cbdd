//! The keyguard: one call in, one reply out. What it needs enters as ports.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chancery_core::message::{Call, Hello, Ordered, PROTOCOL, Reply, ReportLine};
use chancery_core::port::clock::Clock;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::custodian::CustodyError;
use chancery_core::port::entropy::Entropy;
use chancery_core::port::memory::Memory;
use chancery_core::port::step::{Step, Steps};
use chancery_core::refusal::Refusal;
use chancery_x509::certificate::Certificate;

use crate::authority::Chains;
use crate::custodians::Custodians;
use crate::durable::Durable;
use crate::established::Established;
use crate::follow::{FollowStateError, Followed};
use crate::habits::HabitBook;
use crate::issuer_keys::desk::Desk;
use crate::issuer_keys::line;
use crate::policy::{Accepted, Governance};
use crate::tuf::TufBook;
use crate::witness::Shelf;
use crate::{act, authority, certificate, duty, health, policy, sign, stamp, successor, trust, tuf, witness};

/// What the keyguard is made of.
#[derive(Debug)]
pub struct Parts {
    /// The key backends.
    pub custodians: Custodians,
    /// What survives a restart. Written through [`Durable`] only.
    pub memory: Arc<dyn Memory>,
    /// The keyguard's own clock; timestamps are made by it.
    pub clock: Arc<dyn Clock>,
    /// Serial numbers of certificates.
    pub entropy: Arc<dyn Entropy>,
    /// Where tests stop the process.
    pub steps: Arc<dyn Steps>,
    /// Our host as it stands in audiences.
    pub audience_host: String,
    /// This service as a URI: SLSA `builder.id`.
    pub builder: String,
    /// Remote time stamping authorities that verifiers may be told to believe: address and chain, own certificate first.
    pub stamper_chains: Vec<(String, Vec<Certificate>)>,
    /// Under which roots issuers prove who they are when their keys are fetched.
    pub issuer_roots: rustls::RootCertStore,
    /// What the sandbox reported at start, for `doctor`.
    pub sandbox: Vec<ReportLine>,
}

/// The process that alone holds the keys.
#[derive(Debug)]
pub struct Keyguard {
    pub(crate) parts: Parts,
    pub(crate) followed: Followed,
    pub(crate) governance: RwLock<Option<Arc<Governance>>>,
    pub(crate) accepted: Mutex<Option<Accepted>>,
    pub(crate) established: RwLock<Option<Arc<Established>>>,
    pub(crate) chains: Chains,
    pub(crate) issuer_keys: Desk,
    pub(crate) habits: HabitBook,
    pub(crate) shelf: Shelf,
    pub(crate) tuf: TufBook,
    pub(crate) memory: Durable,
}

/// Why a call did not come to its reply; every variant has one place in the reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The backend is away; safe to try again.
    #[error("{0}")]
    Custody(#[source] CustodyError),
    /// Our fault or a damaged installation.
    #[error("{0}")]
    Failed(String),
    /// Refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
impl From<CustodyError> for CallError {
    fn from(error: CustodyError) -> Self {
        Self::Custody(error)
    }
}
impl From<CallError> for Reply {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Custody(CustodyError::Unavailable(why)) => Self::Unavailable(why),
            CallError::Custody(error) => Self::Failed(error.to_string()),
            CallError::Failed(why) => Self::Failed(why),
            CallError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl Keyguard {
    /// Starts from what the memory holds. Errors when that is damaged: never guessed around.
    pub fn new(parts: Parts) -> Result<Self, FollowStateError> {
        let accepted = Accepted::recall(parts.memory.as_ref())?;
        let sequence = accepted.as_ref().map_or(0, Accepted::sequence);
        let followed = Followed::resume(parts.memory.as_ref(), sequence)?;
        let established = authority::load(&parts, &followed)?;
        let chains = Chains::load(parts.memory.as_ref())?;
        let unusable = |error: String| FollowStateError::Kept(error);
        let habits = HabitBook::recall(parts.memory.as_ref()).map_err(|error| unusable(error.to_string()))?;
        let tuf = TufBook::recall(parts.memory.as_ref()).map_err(|error| unusable(error.to_string()))?;
        let tls = line::tls(parts.issuer_roots.clone(), Arc::clone(&parts.clock));
        let tls = tls.map_err(|error| unusable(error.to_string()))?;
        let issuer_keys =
            Desk::new(tls, parts.memory.as_ref()).map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            memory: Durable::new(Arc::clone(&parts.memory)),
            parts,
            followed,
            governance: RwLock::new(None),
            accepted: Mutex::new(accepted),
            established: RwLock::new(established.map(Arc::new)),
            chains,
            issuer_keys,
            habits,
            shelf: Shelf::default(),
            tuf,
        })
    }

    /// Answers one call. Total: whatever goes wrong is a reply. Once a write of the memory failed, every reply is that
    /// failure, that of the call under way included.
    pub fn answer(&self, call: Call) -> Reply {
        let poisoned =
            || Reply::Failed("the keyguard's memory could not be made durable; it ends".to_owned());
        if self.is_poisoned() {
            return poisoned();
        }
        let reply = self.dispatch(call);
        if self.is_poisoned() { poisoned() } else { reply }
    }

    /// Whether the process must end: what it believes and what is durable may differ.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.memory.has_failed()
    }

    fn dispatch(&self, call: Call) -> Reply {
        match call {
            Call::Hello { protocol } => self.hello(protocol),
            Call::Follow(follow) => self.follow(&follow).map_or_else(Reply::NotCosigned, Reply::Cosigned),
            Call::Initialise(wish) => {
                reply(authority::initialise(self, &wish), |a| Reply::Authorities(Box::new(a)))
            }
            Call::Policy { documents, signatures } => {
                reply(policy::load(self, &documents, &signatures), Reply::Policy)
            }
            Call::IssuerKeys(wish) => self.issuer_keys.ask(self, &wish),
            Call::Tunnel(piped) => self.issuer_keys.piped(self, &piped),
            Call::Act { act } => reply(act::perform(self, &act), Reply::Book),
            Call::Book => reply(act::book(self), Reply::Book),
            Call::Witness(shown) => {
                reply(witness::witness(self, &shown), |known| Reply::Witnessed(Box::new(known)))
            }
            Call::Sign(orders) => reply(sign::sign(self, &orders), Reply::Ordered),
            Call::Stamp(wish) => reply(stamp::stamp(self, &wish), Reply::Stamped),
            Call::KeyCreate(spec) => {
                reply(authority::key_create(self, &spec), |key| Reply::Key(Box::new(key)))
            }
            Call::KeyDisable(id) => reply(authority::key_disable(self, &id), |key| Reply::Key(Box::new(key))),
            Call::KeyList => Reply::Keys(self.parts.custodians.list()),
            Call::CertificateIssue(wish) => reply(certificate::issue(self, &wish), Reply::Chain),
            Call::CertificateShow(key) => Reply::Chain(self.chains.of(&key)),
            Call::Successor(kind) => reply(successor::make(self, kind), |a| Reply::Authorities(Box::new(a))),
            Call::LedgerSuccessor { vkey } => {
                reply(successor::take_ledger(self, &vkey), |a| Reply::Authorities(Box::new(a)))
            }
            Call::Tuf => reply(tuf::repository(self), |made| Reply::Tuf(Box::new(made))),
            Call::TrustSign { document } => reply(trust::sign(self, &document), Reply::TrustSigned),
            Call::Authorities => match self.established() {
                Some(established) => Reply::Authorities(Box::new(established.shown.clone())),
                None => Reply::Failed("not initialised".to_owned()),
            },
            Call::Health => Reply::Healthy(health::report(self)),
        }
    }

    /// The authorities, once they exist.
    #[must_use]
    pub fn established(&self) -> Option<Arc<Established>> {
        self.established.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hello(&self, protocol: u32) -> Reply {
        if protocol != PROTOCOL {
            return Reply::Failed(format!("gateway speaks protocol {protocol}, keyguard speaks {PROTOCOL}"));
        }
        let (ledger_size, named) = self.followed.position();
        let governance = self.governance.read().unwrap_or_else(PoisonError::into_inner);
        Reply::Hello(Hello {
            protocol: PROTOCOL,
            initialised: self.established().is_some(),
            ledger_size,
            policy: named.map(|named| named.version),
            reanchor: self.followed.anchor(),
            policy_loaded: governance.as_ref().map(|governance| governance.version),
        })
    }

    fn follow(&self, follow: &Follow) -> Result<String, CosignError> {
        let now = self.parts.clock.now();
        let named = self.issuer_keys.named(self, follow)?;
        let established = self.established();
        let keys = established.map_or(Ok(Vec::new()), |known| known.ledger_keys(&follow.checkpoint, now))?;
        let cosignable = self.followed.advance(follow, &keys, &self.memory, now)?;
        // After the ledger's own piece: where this one is lost, the gateway logs the keys once more.
        let kept = self.issuer_keys.recorded(&named, &self.memory);
        kept.map_err(|error| CosignError::Unavailable(error.to_string()))?;
        self.parts.steps.reached(Step::KeyguardFollowed);
        duty::cosign(self, &cosignable, now).map_err(|error| CosignError::Unavailable(error.to_string()))
    }
}

impl From<CallError> for Ordered {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Custody(CustodyError::Unavailable(why)) => Self::Unavailable(why),
            CallError::Custody(error) => Self::Failed(error.to_string()),
            CallError::Failed(why) => Self::Failed(why),
            CallError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

fn reply<T>(outcome: Result<T, CallError>, make: impl FnOnce(T) -> Reply) -> Reply {
    match outcome {
        Ok(value) => make(value),
        Err(error) => error.into(),
    }
}
