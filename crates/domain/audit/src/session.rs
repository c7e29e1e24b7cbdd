//! Sessions: for which key a token was exchanged, as the ledger says.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use chancery_core::digest::Sha256;
use chancery_core::time::Time;

/// No token lives longer than an hour; what is later belongs to none of these sessions.
const REMEMBERED: i64 = 2 * 3600;

/// Session keys by token. The first exchange counts, as in the keyguard.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    keys: HashMap<Sha256, Sha256>,
    order: VecDeque<(Time, Sha256)>,
}

impl Sessions {
    /// Takes note of an exchange.
    pub(crate) fn add(&mut self, (token_use, key): (Sha256, Sha256), now: Time) {
        while let Some((at, old)) = self.order.front().copied() {
            if now.seconds_since(at) <= REMEMBERED {
                break;
            }
            self.order.pop_front();
            self.keys.remove(&old);
        }
        if let Entry::Vacant(entry) = self.keys.entry(token_use) {
            entry.insert(key);
            self.order.push_back((now, token_use));
        }
    }
    /// The key for which a token was exchanged.
    pub(crate) fn of(&self, token_use: Sha256) -> Option<Sha256> {
        self.keys.get(&token_use).copied()
    }
}
