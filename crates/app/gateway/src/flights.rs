//! Single flight: one task at a time works on a request, so that the same wish, asked twice at once, is signed once
//! and both are given the same result.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chancery_core::id::{RequestId, StatementId};
use tokio::sync::OwnedMutexGuard;

/// Requests that are worked on, and signatures that were made and wait for something temporary.
///
/// A request's id is the hash of its statements, so one lock per request is one per (request, statement).
#[derive(Debug, Default)]
pub struct Flights {
    requests: Mutex<Requests>,
    left: Mutex<HashSet<(RequestId, StatementId)>>,
}

#[derive(Debug, Default)]
struct Requests {
    locks: HashMap<RequestId, Weak<tokio::sync::Mutex<()>>>,
    /// How many entries there may be before those of finished requests are dropped.
    most: usize,
}

/// Entries that are always kept; below this nothing is searched for finished ones.
const FEW: usize = 256;

/// The right to work on a request; ends when it is dropped.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

impl Flights {
    /// Waits until nobody else works on the request.
    pub async fn alone(&self, request: RequestId) -> Alone {
        let lock = self.lock_of(request);
        Alone(lock.lock_owned().await)
    }

    fn lock_of(&self, request: RequestId) -> Arc<tokio::sync::Mutex<()>> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.locks.len() > requests.most.max(FEW) {
            requests.locks.retain(|_, lock| lock.strong_count() > 0);
            requests.most = requests.locks.len().saturating_mul(2);
        }
        if let Some(lock) = requests.locks.get(&request).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        requests.locks.insert(request, Arc::downgrade(&lock));
        lock
    }

    /// Notes a signature that was made and is not released yet.
    pub fn leave(&self, request: RequestId, statement: StatementId) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert((request, statement));
    }

    /// Forgets it: it was released or given up.
    pub fn settle(&self, request: RequestId, statement: StatementId) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).remove(&(request, statement));
    }

    /// Whether a signature of the request waits.
    #[must_use]
    pub fn has_left(&self, request: RequestId) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.iter().any(|(known, _)| *known == request)
    }
}
