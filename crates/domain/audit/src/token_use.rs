//! Tokens that were used, each for one request.

use std::collections::{HashMap, VecDeque};

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::time::Time;

/// No token is accepted longer than this after it was first used, in seconds: lives are at most an hour, and every
/// token is verified at the time of its intent.
const REMEMBERED: i64 = 86_400;

/// The request of every token of the last day.
#[derive(Debug, Default)]
pub(crate) struct TokenUses {
    requests: HashMap<Sha256, RequestId>,
    order: VecDeque<(Time, Sha256)>,
}

impl TokenUses {
    /// Binds a token to its first request; answers with that request when it is another.
    pub(crate) fn bind(&mut self, token: Sha256, request: RequestId, now: Time) -> Option<RequestId> {
        while let Some((at, old)) = self.order.front().copied() {
            if now.seconds_since(at) <= REMEMBERED {
                break;
            }
            self.order.pop_front();
            self.requests.remove(&old);
        }
        match self.requests.get(&token) {
            Some(first) => (*first != request).then_some(*first),
            None => {
                self.requests.insert(token, request);
                self.order.push_back((now, token));
                None
            }
        }
    }
}
