//! The custodian of a token: descriptions here, keys there, a worker process in between.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::{
    Custodian, CustodyClass, CustodyError, KeyDescription, KeySpec, KeyState, Signature,
};
use chancery_core::time::Time;
use chancery_core::warrant::{ToBeSigned, Warrant};

use crate::book::{Book, BookError};
use crate::fault::Fault;
use crate::link::{LinkError, Worker};
use crate::protocol::{Answer, Call, Sign, TokenConfig, TokenKey};
use crate::session::fingerprint;
use crate::{public, signature};

/// How the worker is started: this binary with its hidden subcommand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables that the module wants, besides those that are inherited: `SOFTHSM2_CONF`.
    pub environment: Vec<(OsString, OsString)>,
}

/// How long and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls that may wait at once; more are refused as unavailable.
    pub queue: usize,
    /// For a signature, a look-up, or the start of a worker. A worker that answered nothing for so long is killed.
    pub deadline: Duration,
    /// For making a key; some tokens need a minute for RSA-4096.
    pub generation_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (deadline, generation_deadline) = (Duration::from_secs(10), Duration::from_secs(180));
        Self { queue: 256, deadline, generation_deadline }
    }
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Config {
    /// Which token, and how to get in.
    pub token: TokenConfig,
    /// How the worker is started.
    pub worker: WorkerCommand,
    /// Where the key book is kept.
    pub directory: PathBuf,
    /// How long and how many.
    pub limits: Limits,
}

/// Keys in a PKCS#11 token.
#[derive(Debug)]
pub struct Pkcs11Custodian {
    config: Pkcs11Config,
    book: RwLock<Book>,
    seat: Mutex<Seat>,
}

/// The worker, or why there is none.
#[derive(Debug, Default)]
struct Seat {
    worker: Option<Arc<Worker>>,
    /// Starts that failed in a row.
    failures: u32,
    not_before: Option<Instant>,
    /// When a worker was last let go of because it missed a key.
    renewed: Option<Instant>,
    /// The token refused the PIN: not tried again before a restart, so that the token does not lock itself.
    pin_refused: Option<Fault>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

impl Pkcs11Custodian {
    /// Opens the key book. The token need not be there yet: its worker starts with the first call.
    pub fn open(config: Pkcs11Config) -> Result<Self, BookError> {
        let book = Book::open(&config.directory, &config.token.label)?;
        Ok(Self { config, book: RwLock::new(book), seat: Mutex::new(Seat::default()) })
    }
    /// Takes a key into custody that the token has already, under the name of its label. Refused unless the token says
    /// that the key was made inside and cannot leave, and it is of the wanted algorithm.
    pub fn adopt(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError> {
        self.admit(spec)?;
        let call = Call::Inspect { label: spec.id.to_string() };
        match self.call(call, self.config.limits.deadline) {
            Ok(Answer::Key(key)) => self.enter(spec, key, now),
            Err(LinkError::Fault(Fault::Absent)) => Err(CustodyError::Unknown(spec.id.clone())),
            other => Err(failure(&spec.id, other)),
        }
    }
    /// The process id of the running worker, for diagnostics.
    #[must_use]
    pub fn worker_process(&self) -> Option<u32> {
        let seat = self.seat();
        seat.worker.as_ref().filter(|worker| worker.is_alive()).map(|worker| worker.process_id())
    }
    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn known(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        book.keys().get(id).cloned().ok_or_else(|| CustodyError::Unknown(id.clone()))
    }
    fn admit(&self, spec: &KeySpec) -> Result<(), CustodyError> {
        if !spec.family.accepts(spec.algorithm) {
            let why = format!("family {} does not take {} keys", spec.family, spec.algorithm);
            return Err(CustodyError::Unusable { id: spec.id.clone(), why });
        }
        if spec.algorithm == KeyAlgorithm::Ed25519 {
            let why = "PKCS#11 tokens hold ECDSA and RSA keys here".to_owned();
            return Err(CustodyError::Unusable { id: spec.id.clone(), why });
        }
        match self.known(&spec.id) {
            Ok(_) => Err(CustodyError::Exists(spec.id.clone())),
            Err(_) => Ok(()),
        }
    }
    /// Checks what the worker said of a key, and writes it into the book.
    fn enter(&self, spec: &KeySpec, key: TokenKey, now: Time) -> Result<KeyDescription, CustodyError> {
        let unusable = |why: &str| CustodyError::Unusable { id: spec.id.clone(), why: why.to_owned() };
        if !key.held.is_confined() {
            let why = format!("the key could leave the token: {}", key.held.attributes().join(", "));
            return Err(unusable(&why));
        }
        if key.public_key.algorithm != spec.algorithm {
            return Err(unusable("the token's key is of another algorithm"));
        }
        let public_key = public::checked(spec.algorithm, key.public_key.spki)
            .ok_or_else(|| CustodyError::WrongAnswer("public key is not one".to_owned()))?;
        let mut attributes = key.held.attributes();
        attributes.extend(key.token);
        let description = KeyDescription {
            id: spec.id.clone(),
            family: spec.family,
            environment: spec.environment,
            public_key,
            custody: CustodyClass::Pkcs11,
            state: KeyState::Active,
            owner: spec.owner.clone(),
            purpose: spec.purpose.clone(),
            created: now,
            attributes,
        };
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        if book.keys().contains_key(&spec.id) {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        book.put(description.clone()).map_err(|e| not_written(&e))?;
        Ok(description)
    }
    fn call(&self, call: Call, deadline: Duration) -> Result<Answer, LinkError> {
        let worker = self.worker()?;
        let answer = worker.call(call, self.config.limits.queue, deadline);
        if let Err(LinkError::Fault(fault @ Fault::PinRefused(_))) = &answer {
            self.seat().pin_refused = Some(fault.clone());
        }
        answer
    }
    /// A module that was loaded when its token was taken away may go on saying that the token is empty after it came
    /// back. So when a key that was there is not, a new worker is asked too, at most once in [`RENEWAL_PAUSE`].
    fn call_for_known_key(&self, call: &Call) -> Result<Answer, LinkError> {
        let deadline = self.config.limits.deadline;
        match self.call(call.clone(), deadline) {
            Err(LinkError::Fault(Fault::Absent)) if self.renew() => self.call(call.clone(), deadline),
            other => other,
        }
    }
    /// Lets go of the worker; calls that are under way still end in it.
    fn renew(&self) -> bool {
        let mut seat = self.seat();
        let due = seat.renewed.is_none_or(|moment| moment.elapsed() >= RENEWAL_PAUSE);
        if due {
            seat.worker = None;
            seat.renewed = Some(Instant::now());
        }
        due
    }
    /// The running worker, or a new one. While one starts, others wait for it; after a failed start, calls fail at once
    /// until the pause is over.
    fn worker(&self) -> Result<Arc<Worker>, LinkError> {
        let mut seat = self.seat();
        if let Some(fault) = &seat.pin_refused {
            return Err(LinkError::Fault(fault.clone()));
        }
        if let Some(worker) = seat.worker.as_ref().filter(|worker| worker.is_alive()) {
            return Ok(Arc::clone(worker));
        }
        seat.worker = None;
        if seat.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Err(LinkError::Start("waiting before the next attempt".to_owned()));
        }
        match self.start() {
            Ok(worker) => {
                seat.worker = Some(Arc::clone(&worker));
                seat.failures = 0;
                seat.not_before = None;
                Ok(worker)
            }
            Err(e) => {
                if let LinkError::Fault(fault @ Fault::PinRefused(_)) = &e {
                    seat.pin_refused = Some(fault.clone());
                }
                let pause = FIRST_PAUSE.saturating_mul(1 << seat.failures.min(6)).min(LONGEST_PAUSE);
                seat.failures = seat.failures.saturating_add(1);
                seat.not_before = Instant::now().checked_add(pause);
                Err(e)
            }
        }
    }
    fn start(&self) -> Result<Arc<Worker>, LinkError> {
        let Limits { queue, deadline, .. } = self.config.limits;
        let worker = Worker::start(&self.config.worker, deadline)?;
        match worker.call(Call::Open(self.config.token.clone()), queue.max(1), deadline) {
            Ok(Answer::Ready { sessions }) => {
                tracing::info!(token = self.config.token.label, sessions, "token is open");
                Ok(Arc::new(worker))
            }
            Ok(_) => Err(LinkError::Start("the worker answered another question".to_owned())),
            Err(LinkError::Fault(fault)) if !matches!(fault, Fault::PinRefused(_)) => {
                Err(LinkError::Start(fault.to_string()))
            }
            Err(e) => Err(e),
        }
    }
}

impl Custodian for Pkcs11Custodian {
    fn list(&self) -> Result<Vec<KeyDescription>, CustodyError> {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        Ok(book.keys().values().cloned().collect())
    }

    fn describe(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        self.known(id)
    }

    fn create(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError> {
        self.admit(spec)?;
        let call = Call::Generate { label: spec.id.to_string(), algorithm: spec.algorithm };
        match self.call(call, self.config.limits.generation_deadline) {
            Ok(Answer::Key(key)) => self.enter(spec, key, now),
            other => Err(failure(&spec.id, other)),
        }
    }

    fn disable(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        let mut key = book.keys().get(id).cloned().ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        key.state = KeyState::Disabled;
        book.put(key.clone()).map_err(|e| not_written(&e))?;
        Ok(key)
    }

    fn sign(&self, warrant: Warrant) -> Result<Signature, CustodyError> {
        let key = self.known(warrant.key())?;
        let unusable = |why: String| CustodyError::Unusable { id: key.id.clone(), why };
        if key.state != KeyState::Active {
            return Err(unusable("it is disabled".to_owned()));
        }
        if key.family != warrant.family() {
            return Err(unusable(format!("it signs {}, not {}", key.family, warrant.family())));
        }
        let algorithm = key.public_key.algorithm;
        let digest = digest(algorithm, warrant.to_be_signed())
            .ok_or_else(|| unusable("digest is not of the algorithm that the key signs with".to_owned()))?;
        let public_key = fingerprint(&key.public_key);
        let call = Call::Sign(Sign { label: key.id.to_string(), public_key, algorithm, digest });
        match self.call_for_known_key(&call) {
            Ok(Answer::Signature(answer)) => match signature::output(algorithm, &answer) {
                Some(signature) => Ok(Signature(signature)),
                None => {
                    let why = format!("{} bytes are no {algorithm} signature", answer.len());
                    Err(CustodyError::WrongAnswer(why))
                }
            },
            other => Err(failure(&key.id, other)),
        }
    }

    fn health(&self) -> Result<(), CustodyError> {
        match self.call(Call::Health, self.config.limits.deadline) {
            Ok(Answer::Healthy) => Ok(()),
            Ok(_) => Err(CustodyError::WrongAnswer("the worker answered another question".to_owned())),
            Err(e) => Err(CustodyError::Unavailable(e.to_string())),
        }
    }
}

/// Only the digest crosses to the worker, so that a message of any size costs the same there.
fn digest(algorithm: KeyAlgorithm, to_be_signed: &ToBeSigned) -> Option<Vec<u8>> {
    let scheme = algorithm.digest()?;
    match to_be_signed {
        ToBeSigned::Message(message) => Some(scheme.hash(message)),
        ToBeSigned::Prehashed(given, digest) if *given == scheme && digest.len() == scheme.size() => {
            Some(digest.clone())
        }
        ToBeSigned::Prehashed(_, _) => None,
    }
}

fn not_written(error: &BookError) -> CustodyError {
    CustodyError::Unavailable(chancery_private_file::file::in_full(error))
}

fn failure(id: &KeyId, outcome: Result<Answer, LinkError>) -> CustodyError {
    let error = match outcome {
        Ok(_) => return CustodyError::WrongAnswer("the worker answered another question".to_owned()),
        Err(e) => e,
    };
    let text = error.to_string();
    match error {
        LinkError::Busy(_)
        | LinkError::Ended
        | LinkError::Slow(_)
        | LinkError::Hung(_)
        | LinkError::Start(_)
        | LinkError::Fault(Fault::Gone(_) | Fault::PinRefused(_) | Fault::Setup(_)) => {
            CustodyError::Unavailable(text)
        }
        LinkError::Fault(Fault::Exists) => CustodyError::Exists(id.clone()),
        LinkError::Fault(Fault::Absent | Fault::Refused(_) | Fault::Unfit(_)) => {
            CustodyError::Unusable { id: id.clone(), why: text }
        }
    }
}
