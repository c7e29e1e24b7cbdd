//! When a request that waits was first in the ledger, by the keyguard's own clock: hold periods begin there.

use std::collections::BTreeMap;

use chancery_core::id::RequestId;
use chancery_core::time::Time;
use chancery_policy::limit::MAX_WINDOW;

/// Requests that are remembered; of more, the one that waits for longest begins anew.
const MAX_WAITING: usize = 256;

/// Moments by request, as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FirstSeen(BTreeMap<RequestId, Time>);

impl FirstSeen {
    /// Takes note of a request that waits; the first moment counts.
    pub fn record(&mut self, request: RequestId, now: Time) {
        self.0.retain(|_, first| now.seconds_since(*first) <= i64::from(MAX_WINDOW));
        if self.0.len() >= MAX_WAITING && !self.0.contains_key(&request) {
            let oldest = self.0.iter().min_by_key(|(_, first)| **first).map(|(request, _)| *request);
            oldest.map(|request| self.0.remove(&request));
        }
        self.0.entry(request).or_insert(now);
    }
    /// When it was first seen.
    #[must_use]
    pub fn of(&self, request: RequestId) -> Option<Time> {
        self.0.get(&request).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::Sha256;

    #[test]
    fn the_first_moment_counts_and_memory_is_bounded() {
        let id = |n: u32| RequestId::new(Sha256::of(&n.to_be_bytes()));
        let at = Time::from_seconds;
        let mut seen = FirstSeen::default();
        seen.record(id(0), at(10));
        seen.record(id(0), at(20));
        assert_eq!(seen.of(id(0)), Some(at(10)));
        for n in 1..1000 {
            seen.record(id(n), at(20));
        }
        assert_eq!((seen.0.len(), seen.of(id(0)), seen.of(id(999))), (MAX_WAITING, None, Some(at(20))));
        seen.record(id(0), at(21 + i64::from(MAX_WINDOW)));
        assert_eq!(seen.0.len(), 1);
    }
}
