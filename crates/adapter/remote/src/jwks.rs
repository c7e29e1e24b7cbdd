//! The cache of issuers' keys: one fetch at a time for each issuer, fresh enough, and stale only within a bound.
//!
//! A set serves for five minutes, so a key that its issuer removed stops after that. A token that names an unknown key
//! causes a new fetch, but not more often than every 30 seconds, so strangers cannot make us hammer an issuer. When an
//! issuer is down, its last set serves up to one hour.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::port::clock::Clock;
use chancery_core::time::Time;
use chancery_identity::issuer::{Issuer, Reach};
use chancery_identity::jwk::KeySet;

use crate::discovery::{self, DiscoveryError};
use crate::http::{Http, HttpError, Limits};

/// Most issuers remembered; more than can be registered.
const MAX_SLOTS: usize = 512;

/// How long keys serve, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// A set is asked for anew after this.
    pub fresh: i64,
    /// An unknown key or a failure causes no new fetch within this.
    pub cool_down: i64,
    /// A set is not used at all after this, even when its issuer is down.
    pub stale: i64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { fresh: 300, cool_down: 30, stale: 3600 }
    }
}

/// An issuer's keys as fetched.
#[derive(Debug)]
pub struct FetchedKeys {
    /// The usable keys.
    pub keys: KeySet,
    /// The JWK set as received, to be kept as evidence.
    pub text: String,
    /// When it was received.
    pub fetched_at: Time,
}

/// An issuer whose keys cannot be had now; temporary.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The fetch failed and there is no set that is young enough.
    #[error("keys of issuer `{name}` are unavailable")]
    Unavailable {
        /// The issuer's name.
        name: String,
        /// What failed; `None` while the last failure cools down.
        #[source]
        source: Option<DiscoveryError>,
    },
    /// No HTTP client.
    #[error("no http client for issuer keys")]
    Client(#[source] HttpError),
}

#[derive(Default)]
struct Slot {
    /// Held while fetching: whoever comes meanwhile waits and finds the result.
    fetching: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default, Clone)]
struct State {
    current: Option<Arc<FetchedKeys>>,
    attempted_at: Option<Time>,
}

/// The keys of every registered issuer that was needed so far.
pub struct KeyCache {
    clock: Arc<dyn Clock>,
    freshness: Freshness,
    limits: Limits,
    clients: Mutex<Vec<(Reach, Http)>>,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCache").field("freshness", &self.freshness).finish_non_exhaustive()
    }
}

impl KeyCache {
    /// An empty cache.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, freshness: Freshness, limits: Limits) -> Self {
        Self { clock, freshness, limits, clients: Mutex::default(), slots: Mutex::default() }
    }
    /// The keys of a registered issuer. `key_id` is the key that the token names: when the set at hand lacks it, and
    /// the cool-down is over, the set is fetched anew. Whether the key is in the answer is for the caller to find out.
    pub async fn keys(&self, issuer: &Issuer, key_id: Option<&str>) -> Result<Arc<FetchedKeys>, KeysError> {
        let slot = self.slot(issuer);
        if let Some(found) = self.fresh(&slot, key_id) {
            return Ok(found);
        }
        let _turn = slot.fetching.lock().await;
        if let Some(found) = self.fresh(&slot, key_id) {
            return Ok(found);
        }
        if self.cools_down(&slot) {
            return self.usable(&slot).ok_or_else(|| unavailable(issuer, None));
        }
        let outcome = self.fetch(issuer).await?;
        // The moment after the fetch: a slow issuer must not get a second chance at once.
        let now = self.clock.now();
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.attempted_at = Some(now);
        match outcome {
            Ok((keys, text)) => {
                let found = Arc::new(FetchedKeys { keys, text, fetched_at: now });
                state.current = Some(Arc::clone(&found));
                Ok(found)
            }
            Err(error) => {
                drop(state);
                tracing::warn!(issuer = %issuer.name(), error = &error as &dyn std::error::Error, "issuer keys not fetched");
                self.usable(&slot).ok_or_else(|| unavailable(issuer, Some(error)))
            }
        }
    }

    async fn fetch(&self, issuer: &Issuer) -> Result<Result<(KeySet, String), DiscoveryError>, KeysError> {
        if let Some(text) = issuer.pinned_keys() {
            let name = issuer.url().as_str().to_owned();
            let parsed = KeySet::parse(issuer, text).map(|keys| (keys, text.to_owned()));
            return Ok(parsed.map_err(|source| DiscoveryError::Keys { issuer: name, source }));
        }
        let http = self.client(issuer.reach()).map_err(KeysError::Client)?;
        Ok(discovery::fetch_keys(&http, issuer).await)
    }

    fn client(&self, reach: Reach) -> Result<Http, HttpError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, http)) = clients.iter().find(|(known, _)| *known == reach) {
            return Ok(http.clone());
        }
        let http = Http::new(reach, self.limits)?;
        clients.push((reach, http.clone()));
        Ok(http)
    }

    fn slot(&self, issuer: &Issuer) -> Arc<Slot> {
        // An issuer that was registered anew under the same name or URL starts afresh.
        let key = format!("{} {} {:?}", issuer.name(), issuer.url(), issuer.pinned_keys());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }

    fn fresh(&self, slot: &Slot, key_id: Option<&str>) -> Option<Arc<FetchedKeys>> {
        self.younger_than(slot, self.freshness.fresh).filter(|found| found.keys.has(key_id))
    }
    fn usable(&self, slot: &Slot) -> Option<Arc<FetchedKeys>> {
        self.younger_than(slot, self.freshness.stale)
    }
    /// INVARIANT: a set from the future (the clock was set back) counts as too old, not as young for ever.
    fn younger_than(&self, slot: &Slot, seconds: i64) -> Option<Arc<FetchedKeys>> {
        let state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        let found = state.current.as_ref()?;
        let age = self.clock.now().seconds_since(found.fetched_at);
        (0..seconds).contains(&age).then(|| Arc::clone(found))
    }
    fn cools_down(&self, slot: &Slot) -> bool {
        let state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.attempted_at.map(|at| self.clock.now().seconds_since(at));
        since.is_some_and(|since| (0..self.freshness.cool_down).contains(&since))
    }
}

fn unavailable(issuer: &Issuer, source: Option<DiscoveryError>) -> KeysError {
    KeysError::Unavailable { name: issuer.name().as_str().to_owned(), source }
}
