//! Following the ledger: every leaf is read, the root recomputed, the new size made durable, the checkpoint cosigned.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chancery_core::caller::Caller;
use chancery_core::digest::Sha256;
use chancery_core::id::{KeyId, PolicyVersion, ProfileName};
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::memory::{Memory, Piece};
use chancery_core::time::Time;
use chancery_ledger::act::Freeze;
use chancery_ledger::checkpoint::Checkpoint;
use chancery_ledger::event::{Body, Event, Policy as PolicyEvent, SCHEMA};
use chancery_ledger::follower::{Advanced, Follower, FollowerState};
use chancery_ledger::merkle::Edge;
use chancery_ledger::vkey::VerifierKey;
use chancery_policy::act::accept::AcceptedAct;
use chancery_policy::act::book::{self, Book, Stop};
use chancery_policy::act::refused::ActRefused;

use crate::intents::Intents;
use crate::reanchor::{self, Anchor};
use crate::volume::KeptVolumes;
use crate::waits::Waits;

/// What is kept, durably, once per batch.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    follower: FollowerState,
    ledger_vkey: String,
    root: Sha256,
    policy: Option<NamedPolicy>,
    #[serde(default)]
    volumes: KeptVolumes,
    #[serde(default)]
    book: Book,
    #[serde(default)]
    waiting: BTreeMap<Sha256, Sha256>,
    /// Where a restored ledger goes on, until the event of it is there.
    #[serde(default)]
    anchor: Option<Anchor>,
}

/// The policy version that the ledger named last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPolicy {
    /// The version.
    pub version: PolicyVersion,
    /// Counts up by one.
    pub sequence: u64,
    /// SHA-256 of header and signatures.
    pub signatures: Sha256,
}

/// Why the keyguard cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowStateError {
    /// What was kept cannot be read or contradicts itself: never guessed around.
    #[error("kept ledger state is unusable: {0}")]
    Kept(String),
    /// A ledger was pinned already.
    #[error("a ledger is pinned already")]
    Pinned,
}

/// Why an act was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPerformed {
    /// It could not be made durable.
    #[error("{0}")]
    Memory(#[source] FollowStateError),
    /// It is not to be done.
    #[error("{0}")]
    Refused(#[source] ActRefused),
    /// No leaf names it with these signatures.
    #[error("the ledger does not name the act")]
    Unnamed,
}

/// More acts than this never wait for their signatures.
const MAX_WAITING: usize = 256;

#[derive(Debug)]
struct State {
    follower: Follower,
    ledger_vkey: String,
    root: Sha256,
    policy: Option<NamedPolicy>,
    /// Sequence of the version in force, whose signatures were verified.
    accepted: u64,
    intents: Intents,
    book: Book,
    /// Acts that leaves name, with the hashes of their signatures; done when the signatures were verified.
    waiting: BTreeMap<Sha256, Sha256>,
    anchor: Option<Anchor>,
}

/// The followed ledger. One lock: batches come one at a time, orders only look intents up.
#[derive(Debug, Default)]
pub struct Followed {
    state: Mutex<Option<State>>,
}

/// A batch that was checked and made durable; its checkpoint may be cosigned.
#[derive(Debug)]
pub struct Cosignable {
    /// The checkpoint's note text.
    pub text: String,
}

impl Followed {
    /// Resumes from what was kept; nothing kept means that no ledger is pinned yet.
    pub fn resume(memory: &dyn Memory, accepted: u64) -> Result<Self, FollowStateError> {
        let fail = |error: String| FollowStateError::Kept(error);
        let Some(bytes) = memory.read(Piece::Ledger).map_err(|error| fail(error.to_string()))? else {
            return Ok(Self::default());
        };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        let key = VerifierKey::parse(&kept.ledger_vkey).map_err(|error| fail(error.to_string()))?;
        let follower = Follower::resume(key, &kept.follower).map_err(|error| fail(error.to_string()))?;
        let ledger_vkey = kept.ledger_vkey;
        let waits = Waits::recall(memory).map_err(|error| fail(error.to_string()))?;
        let intents = Intents::resume(&kept.volumes, waits).map_err(|error| fail(error.to_string()))?;
        let (root, policy) = (kept.root, kept.policy);
        let (book, waiting, anchor) = (kept.book, kept.waiting, kept.anchor);
        let state = State { follower, ledger_vkey, root, policy, accepted, intents, book, waiting, anchor };
        Ok(Self { state: Mutex::new(Some(state)) })
    }

    /// Pins the ledger's key and the first root document for good, before the first leaf.
    pub fn pin(&self, vkey: &str, root: Sha256, memory: &dyn Memory) -> Result<(), FollowStateError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_some() {
            return Err(FollowStateError::Pinned);
        }
        let fail = |error: String| FollowStateError::Kept(error);
        let key = VerifierKey::parse(vkey).map_err(|error| fail(error.to_string()))?;
        let follower = Follower::new(key);
        let (ledger_vkey, intents) = (vkey.to_owned(), Intents::default());
        let (book, waiting, anchor) = (Book::default(), BTreeMap::new(), None);
        let mut fresh =
            State { follower, ledger_vkey, root, policy: None, accepted: 0, intents, book, waiting, anchor };
        keep(&mut fresh, memory, Time::from_seconds(0)).map_err(|error| fail(error.to_string()))?;
        *state = Some(fresh);
        Ok(())
    }

    /// Size seen and policy named.
    #[must_use]
    pub fn position(&self) -> (u64, Option<NamedPolicy>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map_or((0, None), |state| (state.follower.head().size, state.policy))
    }

    /// The pinned root document's hash and the pinned ledger's origin.
    #[must_use]
    pub fn pinned(&self) -> Option<(Sha256, String)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|state| (state.root, state.follower.ledger().name().to_string()))
    }

    /// The act under which a restored ledger goes on, while its event is awaited: document and signatures, canonical.
    #[must_use]
    pub fn anchor(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref()?.anchor.as_ref().map(|anchor| anchor.act.clone())
    }

    /// Takes note that the version of this sequence is in force.
    pub fn accepted(&self, sequence: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = state.as_mut() {
            state.accepted = sequence;
        }
    }

    /// The key of the pinned ledger (C2SP vkey).
    #[must_use]
    pub fn ledger_vkey(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().map(|state| state.ledger_vkey.clone())
    }

    /// Whether a checkpoint is of the pinned ledger and says exactly what was followed last.
    #[must_use]
    pub fn stands_at(&self, checkpoint: &Checkpoint) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref().is_some_and(|state| {
            let follower = &state.follower;
            checkpoint.origin.key_name() == follower.ledger().name() && checkpoint.head == follower.head()
        })
    }

    /// What acts have left in force, and the acts whose signatures are awaited.
    #[must_use]
    pub fn book(&self) -> (Book, Vec<Sha256>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |state: &State| (state.book.clone(), state.waiting.keys().copied().collect());
        state.as_ref().map(read).unwrap_or_default()
    }

    /// Why a signature is not made now, if so.
    #[must_use]
    pub fn stop(&self, caller: &Caller, profile: &ProfileName, key: &KeyId, now: Time) -> Option<Stop> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_ref()?.book.stop(caller, profile, key, now)
    }

    /// Whether a leaf names this act with these signatures, and it was not done yet.
    #[must_use]
    pub fn awaits(&self, accepted: &AcceptedAct) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let named = state.as_ref().and_then(|state| state.waiting.get(&accepted.id()));
        named == Some(&accepted.signatures())
    }

    /// Does an act that a leaf names, durably.
    pub fn perform(
        &self,
        accepted: &AcceptedAct,
        memory: &dyn Memory,
        now: Time,
    ) -> Result<(), NotPerformed> {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = guard.as_mut().ok_or(NotPerformed::Unnamed)?;
        if state.waiting.get(&accepted.id()) != Some(&accepted.signatures()) {
            return Err(NotPerformed::Unnamed);
        }
        state.book.perform(accepted, now).map_err(NotPerformed::Refused)?;
        state.waiting.remove(&accepted.id());
        keep(state, memory, now).map_err(NotPerformed::Memory)
    }

    /// Runs `work` on the open intents.
    pub fn with_intents<T>(&self, work: impl FnOnce(&mut Intents) -> T) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.as_mut().map(|state| work(&mut state.intents))
    }

    /// Checks a batch and makes it durable. `keys` are those of the ledger that count now; before there are authorities it is
    /// the pinned one. Nothing is cosigned that was not kept first: after a crash the keyguard
    /// never stands behind what it stood behind before.
    pub fn advance(
        &self,
        follow: &Follow,
        keys: &[VerifierKey],
        memory: &dyn Memory,
        now: Time,
    ) -> Result<Cosignable, CosignError> {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state =
            guard.as_mut().ok_or_else(|| CosignError::Unavailable("no ledger is pinned".to_owned()))?;
        let pinned = [state.follower.ledger().clone()];
        let keys = if keys.is_empty() { &pinned } else { keys };
        let advanced = state.follower.advance(follow, keys).map_err(CosignError::from)?;
        let events = read_events(follow)?;
        check_root(state.root, &events)?;
        let policy = follow_policy(state.policy, state.accepted, &events)?;
        let anchor = check_anchor(state, follow, &events)?;
        let text = advanced.checkpoint().text();
        let mut next = State {
            follower: Advanced::into_follower(advanced),
            ledger_vkey: std::mem::take(&mut state.ledger_vkey),
            root: state.root,
            policy,
            accepted: state.accepted,
            intents: std::mem::take(&mut state.intents),
            book: std::mem::take(&mut state.book),
            waiting: std::mem::take(&mut state.waiting),
            anchor,
        };
        // Recorded before they are kept, so that the volumes of this batch are among what is kept. Where that fails, the
        // memory says so from then on and no order is answered.
        for (index, event) in events {
            next.take_note(&event.body, now);
            next.intents.record(index, event, now);
        }
        let kept = keep(&mut next, memory, now);
        *state = next;
        kept.map_err(|error| CosignError::Inconsistent(error.to_string()))?;
        Ok(Cosignable { text })
    }
}

impl State {
    /// What a leaf stops is stopped at once; what it gives waits for its signatures.
    fn take_note(&mut self, body: &Body, now: Time) {
        let named = match body {
            Body::Freeze(freeze) => {
                let Freeze { act, scope, from, until, .. } = freeze.clone();
                self.book.freeze(act, book::Freeze { scope, from, until }, now);
                return;
            }
            Body::Intent(intent) => {
                if let Some(exception) = &intent.exception {
                    self.book.used(exception);
                }
                return;
            }
            Body::Exception(named) => (named.act, named.signatures),
            Body::Review(named) => (named.act, named.signatures),
            Body::Trust(named) => (named.act, named.signatures),
            Body::Unfreeze(named) => (named.act, named.signatures),
            Body::Abandoned(_)
            | Body::Approval(_)
            | Body::Certificate(_)
            | Body::Denied(_)
            | Body::DeniedCount(_)
            | Body::Entry(_)
            | Body::IssuerKeys(_)
            | Body::Key(_)
            | Body::Pending(_)
            | Body::Policy(_)
            // Its signatures were verified before it was logged.
            | Body::Reanchor(_)
            | Body::Result(_)
            | Body::Root(_)
            | Body::Session(_)
            | Body::Withdrawn(_) => return,
        };
        while self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_first();
        }
        self.waiting.insert(named.0, named.1);
    }
}

fn keep(state: &mut State, memory: &dyn Memory, now: Time) -> Result<(), FollowStateError> {
    let waits = state.intents.keep_waits(memory);
    waits.map_err(|error| FollowStateError::Kept(error.to_string()))?;
    let volumes = state.intents.keep(now);
    let kept = Kept {
        follower: state.follower.state(),
        ledger_vkey: state.ledger_vkey.clone(),
        root: state.root,
        policy: state.policy,
        volumes,
        book: state.book.clone(),
        waiting: state.waiting.clone(),
        anchor: state.anchor.clone(),
    };
    let bytes = serde_json::to_vec(&kept).map_err(|error| FollowStateError::Kept(error.to_string()))?;
    memory.write(Piece::Ledger, &bytes).map_err(|error| FollowStateError::Kept(error.to_string()))
}

/// The ledger that a kept state is of.
pub(crate) fn origin_of(state: &[u8]) -> Result<String, FollowStateError> {
    Ok(read_kept(state)?.follower.origin)
}

fn read_kept(state: &[u8]) -> Result<Kept, FollowStateError> {
    serde_json::from_slice(state).map_err(|error| FollowStateError::Kept(error.to_string()))
}

/// Keeps a restored state as the one to go on from.
pub(crate) fn restore(memory: &dyn Memory, state: &[u8], anchor: Anchor) -> Result<(), FollowStateError> {
    let mut kept = read_kept(state)?;
    if kept.follower.size > anchor.event.size {
        let (followed, size) = (kept.follower.size, anchor.event.size);
        let what =
            format!("the act lets the ledger go on at size {size}, the backup had followed to {followed}");
        return Err(FollowStateError::Kept(what));
    }
    kept.anchor = Some(anchor);
    let bytes = serde_json::to_vec(&kept).map_err(|error| FollowStateError::Kept(error.to_string()))?;
    memory.write(Piece::Ledger, &bytes).map_err(|error| FollowStateError::Kept(error.to_string()))
}

fn check_anchor(
    state: &State,
    follow: &Follow,
    events: &[(u64, Event)],
) -> Result<Option<Anchor>, CosignError> {
    let followed = state.follower.state();
    let edge = Edge::from_parts(followed.size, followed.edge);
    let edge = edge.map_err(|error| CosignError::Inconsistent(error.to_string()))?;
    reanchor::judge(state.anchor.as_ref(), &edge, (follow.from, &follow.leaves), events)
        .map_err(CosignError::Inconsistent)
}

/// Decodes the events among the leaves. A leaf that names our schema and does not decode is refused: it might be a
/// stop that this version does not understand, and the keyguard must not work past it.
fn read_events(follow: &Follow) -> Result<Vec<(u64, Event)>, CosignError> {
    let mut events = Vec::new();
    for (index, leaf) in (follow.from..).zip(&follow.leaves) {
        if !leaf.contains(SCHEMA) {
            continue;
        }
        let refused = |error| CosignError::Inconsistent(format!("leaf {index}: {error}"));
        events.push((index, Event::decode(leaf).map_err(refused)?));
    }
    Ok(events)
}

/// Entry 0 is the pinned root document, and no other entry is one: its successors come with policy versions.
fn check_root(pinned: Sha256, events: &[(u64, Event)]) -> Result<(), CosignError> {
    for (index, event) in events {
        let is_pinned = matches!(&event.body, Body::Root(root) if root.sha256 == pinned);
        let is_root = matches!(&event.body, Body::Root(_));
        if (*index == 0) != is_root || (is_root && !is_pinned) {
            let what = format!("leaf {index}: entry 0, and no other, is the root document {pinned}");
            return Err(CosignError::Inconsistent(what));
        }
    }
    Ok(())
}

/// A policy follows the one in force; anything else is a rollback or a gap. A version that was named and never came into
/// force, because its signatures are wanting, may be named anew: a gateway that lied must not stop its successor for ever.
fn follow_policy(
    current: Option<NamedPolicy>,
    accepted: u64,
    events: &[(u64, Event)],
) -> Result<Option<NamedPolicy>, CosignError> {
    let mut named = current;
    for (index, event) in events {
        let Body::Policy(policy) = &event.body else { continue };
        let expected = accepted.saturating_add(1);
        if policy.sequence != expected {
            let what = format!("leaf {index}: policy sequence {}, expected {expected}", policy.sequence);
            return Err(CosignError::Inconsistent(what));
        }
        let &PolicyEvent { version, sequence, signatures } = policy;
        named = Some(NamedPolicy { version, sequence, signatures });
    }
    Ok(named)
}
