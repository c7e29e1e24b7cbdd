//! One writer at a time for each subject: a tag that stands in for a list is read, extended and written back, and of two
//! that do so at once one would be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chancery_core::digest::Sha256;
use tokio::sync::OwnedMutexGuard;

/// Below this many nothing is searched for finished ones.
const FEW: usize = 256;

type Lock = tokio::sync::Mutex<()>;

/// Who writes where.
#[derive(Debug, Default)]
pub(super) struct Serial(Mutex<HashMap<(String, Sha256), Weak<Lock>>>);

impl Serial {
    /// Waits until nobody else of this process writes beside the subject.
    pub(super) async fn alone(&self, repository: &str, subject: Sha256) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() > FEW {
                locks.retain(|_, lock| lock.strong_count() > 0);
            }
            let slot = locks.entry((repository.to_owned(), subject)).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let lock = Arc::new(Lock::new(()));
                *slot = Arc::downgrade(&lock);
                lock
            })
        };
        lock.lock_owned().await
    }
}
