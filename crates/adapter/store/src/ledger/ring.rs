//! All keys of the ledger, and which of them signs at a moment.
//!
//! ```text
//! ledger.key      generation 1: the key that the keyguard pinned
//! ledger-2.key    its successor, used from the moment that people signed in an act `trust`
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chancery_core::message::Use;
use chancery_core::port::clock::Clock;
use chancery_core::port::ledger_keys::{LedgerKeyError, LedgerKeys};
use chancery_ledger::checkpoint::Origin;
use chancery_ledger::note::Note;
use chancery_ledger::vkey::VerifierKey;
use tokio::sync::watch;

use super::key::LedgerKey;
use crate::database::StoreError;

/// More keys than this were never made.
const MAX_KEYS: usize = 64;

/// The keys, the first first, with the moments from which they are used.
#[derive(Debug)]
pub struct KeyRing {
    first: Arc<LedgerKey>,
    later: RwLock<Vec<Arc<LedgerKey>>>,
    uses: watch::Sender<Vec<Use>>,
    place: Option<Place>,
}

/// Where further keys lie, and what time it is there.
#[derive(Debug)]
struct Place {
    directory: PathBuf,
    origin: Origin,
    clock: Arc<dyn Clock>,
}

/// A ledger whose key has no successors.
impl From<LedgerKey> for Arc<KeyRing> {
    fn from(key: LedgerKey) -> Self {
        let (later, (uses, _)) = (RwLock::default(), watch::channel(Vec::new()));
        Self::new(KeyRing { first: Arc::new(key), later, uses, place: None })
    }
}

impl KeyRing {
    /// Loads all keys of a directory, and makes the first where there is none.
    pub fn open(directory: &Path, origin: &Origin, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let first = load(&file(directory, 1), origin)?;
        let mut later = Vec::new();
        for generation in 2..=MAX_KEYS {
            let path = file(directory, generation);
            if !path.exists() {
                break;
            }
            later.push(Arc::new(load(&path, origin)?));
        }
        let place = Place { directory: directory.to_owned(), origin: origin.clone(), clock };
        let (later, (uses, _)) = (RwLock::new(later), watch::channel(Vec::new()));
        Ok(Self { first: Arc::new(first), later, uses, place: Some(place) })
    }

    /// The public half of the first key, which the keyguard pinned.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        self.first.verifier()
    }

    /// The public halves of all keys.
    #[must_use]
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(later.iter()).map(|key| key.verifier().clone()).collect()
    }

    /// The key that signs now: the one that was due last.
    pub(crate) fn due(&self) -> Arc<LedgerKey> {
        let Some(place) = &self.place else { return Arc::clone(&self.first) };
        let now = place.clock.now();
        let uses = self.uses.borrow();
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        let from = |key: &Arc<LedgerKey>| {
            let id = key.verifier().log_id();
            uses.iter().find(|used| used.id == id && used.from <= now).map(|used| (used.from, id))
        };
        let all = std::iter::once(&self.first).chain(later.iter());
        let due = all.filter_map(|key| from(key).map(|from| (from, key))).max_by_key(|(from, _)| *from);
        Arc::clone(due.map_or(&self.first, |(_, key)| key))
    }

    /// Whether a checkpoint is signed by another key than the one that is due.
    pub(crate) fn is_replaced(&self, checkpoint: &str) -> bool {
        Note::parse(checkpoint).is_ok_and(|note| !self.due().verifier().is_named_in(&note))
    }

    /// Returns some time after another key than that of the checkpoint became due; never sooner than after `pause`.
    pub(crate) async fn turned(&self, checkpoint: &str, pause: Duration) {
        let mut planned = self.uses.subscribe();
        loop {
            planned.borrow_and_update();
            if self.is_replaced(checkpoint) {
                return tokio::time::sleep(pause).await;
            }
            let changed = planned.changed();
            let heard = match self.waits() {
                true => tokio::time::timeout(pause, changed).await.unwrap_or(Ok(())),
                false => changed.await,
            };
            if heard.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether a key becomes due later.
    fn waits(&self) -> bool {
        let Some(place) = &self.place else { return false };
        let now = place.clock.now();
        self.uses.borrow().iter().any(|used| used.from > now)
    }

    fn make(&self, generation: usize) -> Result<String, LedgerKeyError> {
        let refuse = |why: String| LedgerKeyError(why);
        let place = self.place.as_ref().ok_or_else(|| refuse("this ledger has one key".to_owned()))?;
        let mut later = self.later.write().unwrap_or_else(PoisonError::into_inner);
        let position = generation.checked_sub(2).filter(|position| *position <= later.len());
        let position = position
            .filter(|_| generation <= MAX_KEYS)
            .ok_or_else(|| refuse(format!("no generation {generation}")))?;
        if let Some(known) = later.get(position) {
            return Ok(known.verifier().to_string());
        }
        let made = load(&file(&place.directory, generation), &place.origin);
        let made = made.map_err(|error| refuse(error.to_string()))?;
        let vkey = made.verifier().to_string();
        later.push(Arc::new(made));
        Ok(vkey)
    }
}

impl LedgerKeys for KeyRing {
    fn make(&self, generation: usize) -> Result<String, LedgerKeyError> {
        Self::make(self, generation)
    }
    fn plan(&self, uses: &[Use]) {
        let held = self.verifiers();
        for used in uses.iter().filter(|used| !held.iter().any(|key| key.log_id() == used.id)) {
            tracing::error!(log_id = %used.id, "a key of the ledger that people listed is not here");
        }
        self.uses.send_replace(uses.to_vec());
    }
}

/// Loads a key, or makes it where there is none.
fn load(path: &Path, origin: &Origin) -> Result<LedgerKey, StoreError> {
    LedgerKey::load_or_create(path, origin).map_err(|error| {
        StoreError::Value(format!("cannot use the ledger's key `{}`: {error}", path.display()))
    })
}

/// The file of a generation.
fn file(directory: &Path, generation: usize) -> PathBuf {
    match generation {
        0 | 1 => directory.join("ledger.key"),
        later => directory.join(format!("ledger-{later}.key")),
    }
}

/// The files of all keys that were made: what a backup holds.
#[must_use]
pub fn files(directory: &Path) -> Vec<PathBuf> {
    (1..=MAX_KEYS).map(|generation| file(directory, generation)).take_while(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::time::Time;
    use chancery_ledger::checkpoint::Checkpoint;
    use chancery_ledger::merkle::Head;
    use chancery_testkit::clock::HandClock;

    fn open(directory: &Path, clock: &Arc<HandClock>) -> KeyRing {
        let origin = Origin::parse("log2026.sign.example").unwrap();
        KeyRing::open(directory, &origin, Arc::clone(clock) as _).unwrap()
    }

    fn checkpoint(ring: &KeyRing) -> String {
        let origin = Origin::parse("log2026.sign.example").unwrap();
        let head = Head { size: 0, root: chancery_ledger::merkle::Edge::default().root() };
        ring.due().sign(&Checkpoint { origin, head })
    }

    #[test]
    fn keys_are_made_in_order_once_and_signed_with_when_they_are_due() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::at(Time::from_seconds(1000)));
        let ring = open(directory.path(), &clock);
        assert!(ring.make(0).is_err() && ring.make(1).is_err() && ring.make(3).is_err());
        let second = ring.make(2).unwrap();
        assert_eq!(ring.make(2).unwrap(), second);
        let vkey = VerifierKey::parse(&second).unwrap();
        ring.plan(&[Use { id: vkey.log_id(), from: Time::from_seconds(1010) }]);
        let before = checkpoint(&ring);
        assert_eq!((ring.due().verifier(), ring.is_replaced(&before)), (ring.verifier(), false));
        clock.advance(10);
        assert_eq!((ring.due().verifier(), ring.is_replaced(&before)), (&vkey, true));
        assert!(!ring.is_replaced(&checkpoint(&ring)));
        let again = open(directory.path(), &clock);
        assert_eq!(again.verifiers(), ring.verifiers());
        assert_eq!(files(directory.path()).len(), 2);
        std::fs::write(file(directory.path(), 2), b"damaged").unwrap();
        let origin = Origin::parse("log2026.sign.example").unwrap();
        let said = KeyRing::open(directory.path(), &origin, clock).unwrap_err().to_string();
        assert!(said.contains("ledger-2.key"), "{said}");
    }

    #[tokio::test]
    async fn a_head_is_signed_anew_once_another_key_is_due() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::at(Time::from_seconds(1000)));
        let ring = open(directory.path(), &clock);
        let vkey = VerifierKey::parse(&ring.make(2).unwrap()).unwrap();
        let before = checkpoint(&ring);
        let pause = Duration::from_millis(10);
        let waits = async |ring: &KeyRing| {
            tokio::time::timeout(pause * 20, ring.turned(&before, pause)).await.is_err()
        };
        assert!(waits(&ring).await, "nothing is planned");
        ring.plan(&[Use { id: vkey.log_id(), from: Time::from_seconds(1010) }]);
        assert!(waits(&ring).await, "not due yet");
        clock.advance(10);
        assert!(!waits(&ring).await);
    }
}
