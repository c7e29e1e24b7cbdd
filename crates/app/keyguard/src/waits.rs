//! What the ledger said that later orders depend on, in a piece of memory of its own, written before the position in the
//! ledger: when requests were first seen, and which session key a token was exchanged for.

use std::collections::BTreeMap;

use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::port::memory::{Memory, MemoryError, Piece};
use chancery_core::time::Time;

use crate::first_seen::FirstSeen;

/// Sessions that are remembered; of more, the oldest are over.
const MAX_SESSIONS: usize = 512;
/// Seconds after which no token of a session can be alive: an hour and twice the greatest leeway.
const LIFE: i64 = 3720;

/// A session: its key and when the ledger named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    key: Sha256,
    at: Time,
}

/// Everything, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waits {
    pub(crate) first_seen: FirstSeen,
    sessions: BTreeMap<Sha256, Session>,
}

impl Waits {
    /// What an earlier process kept.
    pub fn recall(memory: &dyn Memory) -> Result<Self, MemoryError> {
        let Some(bytes) = memory.read(Piece::Waits)? else { return Ok(Self::default()) };
        let damaged = |error: &dyn std::fmt::Display| MemoryError(format!("waits: {error}"));
        let text = String::from_utf8(bytes).map_err(|error| damaged(&error))?;
        canonical::decode(&text).map_err(|error| damaged(&error))
    }
    /// Makes it durable.
    pub fn keep(&self, memory: &dyn Memory) -> Result<(), MemoryError> {
        let text = canonical::encode(self).map_err(|error| MemoryError(format!("waits: {error}")))?;
        memory.write(Piece::Waits, text.as_bytes())
    }
    /// A token is exchanged for a session. INVARIANT: the first key counts; nobody takes a session over.
    pub fn exchange(&mut self, token_use: Sha256, key: Sha256, now: Time) {
        self.sessions.retain(|_, session| now.seconds_since(session.at) <= LIFE);
        if self.sessions.len() >= MAX_SESSIONS && !self.sessions.contains_key(&token_use) {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.at).map(|(token, _)| *token);
            oldest.map(|token| self.sessions.remove(&token));
        }
        self.sessions.entry(token_use).or_insert(Session { key, at: now });
    }
    /// The key of the session that a token was exchanged for.
    #[must_use]
    pub fn session(&self, token_use: Sha256) -> Option<Sha256> {
        self.sessions.get(&token_use).map(|session| session.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_a_session_over_and_memory_is_bounded() {
        let (token, ours, theirs) = (Sha256::of(b"token"), Sha256::of(b"ours"), Sha256::of(b"theirs"));
        let mut waits = Waits::default();
        waits.exchange(token, ours, Time::from_seconds(0));
        waits.exchange(token, theirs, Time::from_seconds(1));
        assert_eq!((waits.session(token), waits.session(theirs)), (Some(ours), None));
        for n in 0..2000_u32 {
            waits.exchange(Sha256::of(&n.to_be_bytes()), ours, Time::from_seconds(2));
        }
        assert_eq!((waits.sessions.len(), waits.session(token)), (MAX_SESSIONS, None));
        let text = canonical::encode(&waits).unwrap();
        assert!(text.len() < 128 * 1024, "{}", text.len());
        assert_eq!(canonical::decode::<Waits>(&text).unwrap(), waits);
    }
}
