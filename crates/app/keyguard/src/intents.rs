//! The intents that this process saw logged and did not see closed: each may be spent once.
//!
//! INVARIANT: only intents that were logged while this process followed are here. After a restart all earlier ones
//! are dead, so a signature that was made before the restart can never be made a second time. They still count against
//! limits: see [`crate::volume`].

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_core::id::{ProfileName, RequestId};
use chancery_core::port::memory::{Memory, MemoryError};
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Event, Intent};

use crate::volume::{KeptVolumes, MalformedVolume, Volumes};
use crate::waits::Waits;

/// An intent may be spent this many seconds after it was logged.
pub const MAX_AGE: i64 = 600;
/// More open intents than this are a fault of the gateway; the oldest are dropped.
const MAX_OPEN: usize = 100_000;

#[derive(Debug)]
struct Open {
    intent: Arc<Intent>,
    logged: Time,
}

/// Open intents by ledger index, and the volume of all intents by profile, for limits.
#[derive(Debug, Default)]
pub struct Intents {
    open: BTreeMap<u64, Open>,
    volumes: Volumes,
    pub(crate) waits: Waits,
    waits_changed: bool,
}

/// Why an intent cannot be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSpendable {
    /// Logged too long ago.
    #[error("the intent is older than ten minutes")]
    Old,
    /// Not logged, spent, closed, or logged before this process began to follow.
    #[error("the intent is not open")]
    Unknown,
}

impl Intents {
    /// No open intents, and the volumes, first moments and sessions that an earlier process kept.
    pub fn resume(kept: &KeptVolumes, waits: Waits) -> Result<Self, MalformedVolume> {
        Ok(Self { open: BTreeMap::new(), volumes: Volumes::resume(kept)?, waits, waits_changed: false })
    }

    /// The volumes, to be kept with the state that the ledger was followed to.
    pub fn keep(&mut self, now: Time) -> KeptVolumes {
        self.volumes.keep(now)
    }

    /// Makes first moments and sessions durable, if there are new ones.
    pub fn keep_waits(&mut self, memory: &dyn Memory) -> Result<(), MemoryError> {
        if std::mem::take(&mut self.waits_changed) { self.waits.keep(memory) } else { Ok(()) }
    }

    /// When the ledger first named a request as waiting.
    #[must_use]
    pub fn first_seen(&self, request: RequestId) -> Option<Time> {
        self.waits.first_seen.of(request)
    }

    /// Takes note of one event that is in the ledger at `index`.
    pub fn record(&mut self, index: u64, event: Event, now: Time) {
        match event.body {
            Body::Intent(intent) => {
                if self.open.len() >= MAX_OPEN {
                    self.open.pop_first();
                }
                self.volumes.record(&intent.profile, now);
                self.open.insert(index, Open { intent: Arc::from(intent), logged: now });
            }
            Body::Result(outcome) => {
                self.open.remove(&outcome.intent);
            }
            Body::Abandoned(closed) | Body::Withdrawn(closed) => {
                self.open.remove(&closed.intent);
            }
            Body::Pending(pending) => {
                self.waits.first_seen.record(pending.request, now);
                self.waits_changed = true;
            }
            Body::Session(session) => {
                self.waits.exchange(session.token_use, session.key, now);
                self.waits_changed = true;
            }
            Body::Approval(_)
            | Body::Certificate(_)
            | Body::Denied(_)
            | Body::DeniedCount(_)
            | Body::Entry(_)
            | Body::Exception(_)
            | Body::Freeze(_)
            | Body::IssuerKeys(_)
            | Body::Key(_)
            | Body::Policy(_)
            | Body::Reanchor(_)
            | Body::Review(_)
            | Body::Root(_)
            | Body::Trust(_)
            | Body::Unfreeze(_) => {}
        }
    }

    /// An intent that was seen logged and was neither spent nor closed.
    pub fn find(&self, index: u64) -> Result<Arc<Intent>, NotSpendable> {
        self.open.get(&index).map(|open| Arc::clone(&open.intent)).ok_or(NotSpendable::Unknown)
    }

    /// Spends an intent: the first caller gets it, every other finds it gone.
    pub fn spend(&mut self, index: u64, now: Time) -> Result<(), NotSpendable> {
        let open = self.open.get(&index).ok_or(NotSpendable::Unknown)?;
        if now.seconds_since(open.logged) > MAX_AGE {
            return Err(NotSpendable::Old);
        }
        self.open.remove(&index);
        Ok(())
    }

    /// How many intents of a profile were logged since a moment, this one included.
    #[must_use]
    pub fn count_since(&self, profile: &ProfileName, since: Time) -> u64 {
        self.volumes.count_since(profile, since)
    }
}
