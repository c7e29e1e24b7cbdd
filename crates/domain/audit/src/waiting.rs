//! Requests that waited: when each was first in the ledger.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use chancery_core::id::RequestId;
use chancery_core::time::Time;

use crate::session::Sessions;

/// Approvals live at most seven days; what waited longer begins anew.
const REMEMBERED: i64 = 31 * 86_400;

/// First moments by request.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    first: HashMap<RequestId, Time>,
    order: VecDeque<(Time, RequestId)>,
    /// Tokens that wait for their requests.
    pub(crate) sessions: Sessions,
}

impl Waiting {
    /// Takes note of a request that waits.
    pub(crate) fn add(&mut self, request: RequestId, now: Time) {
        while let Some((at, old)) = self.order.front().copied() {
            if now.seconds_since(at) <= REMEMBERED {
                break;
            }
            self.order.pop_front();
            self.first.remove(&old);
        }
        if let Entry::Vacant(place) = self.first.entry(request) {
            place.insert(now);
            self.order.push_back((now, request));
        }
    }
    /// When a request was first in the ledger.
    pub(crate) fn first(&self, request: &RequestId) -> Option<Time> {
        self.first.get(request).copied()
    }
}
