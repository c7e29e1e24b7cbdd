//! Where issuers' keys are asked for: from the cache while they are fresh, else through a tunnel that the gateway
//! carries.
//!
//! ```text
//! 300 s     a set serves without being asked for anew, so a key that its issuer removed stops after that
//! 30 s      an unknown key or a failure causes no new fetch within this: strangers cannot make us hammer an issuer
//! 3600 s    when an issuer is down, its last set serves so long and no longer
//! 10 s      a fetch that is not done by then is dropped
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_core::digest::Sha256;
use chancery_core::id::IssuerName;
use chancery_core::message::Reply;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::memory::{Memory, MemoryError};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::tunnel::{FetchedKeys, KeysWish, MAX_PIPED, Piped, Tunnel};
use chancery_identity::issuer::Issuer;
use chancery_identity::jwk::KeySet;
use chancery_ledger::event::{Body, Event};
use rustls::ClientConfig;

use crate::issuer_keys::fetch::{Fetch, FetchError, Next};
use crate::issuer_keys::record::{Records, registration};
use crate::keyguard::Keyguard;
use crate::policy;

const FRESH: i64 = 300;
const COOL_DOWN: i64 = 30;
const STALE: i64 = 3600;
const PATIENCE: i64 = 10;
/// Most fetches under way.
const MAX_TUNNELS: usize = 16;

/// A set at hand.
#[derive(Debug, Clone)]
struct Held {
    text: Arc<str>,
    sha256: Sha256,
    keys: Arc<KeySet>,
    fetched: Time,
}

/// What is known of one registered issuer.
#[derive(Debug)]
struct Slot {
    issuer: Issuer,
    held: Option<Held>,
    attempted: Option<Time>,
}

#[derive(Debug)]
struct UnderWay {
    fetch: Fetch,
    begun: Time,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<IssuerName, Slot>,
    tunnels: BTreeMap<u64, UnderWay>,
    next: u64,
    records: Records,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    config: Arc<ClientConfig>,
    state: Mutex<State>,
}

impl Desk {
    /// A desk that knows what was fetched before.
    pub fn new(config: Arc<ClientConfig>, memory: &dyn Memory) -> Result<Self, MemoryError> {
        let state = State { records: Records::load(memory)?, ..State::default() };
        Ok(Self { config, state: Mutex::new(state) })
    }

    /// Answers with keys that are fresh, or begins a fetch.
    pub fn ask(&self, keyguard: &Keyguard, wish: &KeysWish) -> Reply {
        let issuer = match registered(keyguard, &wish.issuer) {
            Ok(issuer) => issuer,
            Err(refusal) => return Reply::Refused(refusal),
        };
        let now = keyguard.parts.clock.now();
        if let Some(pinned) = issuer.pinned_keys() {
            let fresh_until = now.plus_seconds(FRESH);
            let keys = FetchedKeys { keys: pinned.to_owned(), fetched: now, fresh_until, recorded: true };
            return Reply::IssuerKeys(Box::new(keys));
        }
        let mut state = self.state();
        let slot = state.slot(&issuer);
        if let Some(reply) = at_hand(slot, wish.key_id.as_deref(), now) {
            return state.reply(&issuer, reply);
        }
        self.begin(state, &issuer, now)
    }

    fn begin(&self, mut state: MutexGuard<'_, State>, issuer: &Issuer, now: Time) -> Reply {
        // One fetch for each issuer: whoever asks again has given the one before up.
        state.tunnels.retain(|_, under_way| {
            under_way.is_in_time(now) && under_way.fetch.issuer().name() != issuer.name()
        });
        if state.tunnels.len() >= MAX_TUNNELS {
            return Reply::Unavailable("too many issuers are being asked at once".to_owned());
        }
        let (fetch, next) = match Fetch::begin(issuer, &self.config) {
            Ok(begun) => begun,
            Err(error) => return state.failed(issuer, &error, now),
        };
        let Next::Pipe(connect, bytes) = next else {
            return Reply::Failed("a fetch ended before it began".to_owned());
        };
        state.next = state.next.saturating_add(1);
        let id = state.next;
        state.tunnels.insert(id, UnderWay { fetch, begun: now });
        Reply::Tunnel(Tunnel { id, connect, bytes })
    }

    /// Takes what came through a tunnel.
    pub fn piped(&self, keyguard: &Keyguard, piped: &Piped) -> Reply {
        let now = keyguard.parts.clock.now();
        // Out of the table while it is worked on: TLS takes its time, and others ask meanwhile.
        let Some(mut under_way) = self.state().tunnels.remove(&piped.id) else {
            return Reply::Unavailable("the tunnel is closed; ask for the keys again".to_owned());
        };
        let next = if !under_way.is_in_time(now) {
            Err(FetchError::Late)
        } else if piped.bytes.len() > MAX_PIPED {
            Err(FetchError::Ended("more bytes in a message than there may be".to_owned()))
        } else {
            under_way.fetch.piped(piped)
        };
        let issuer = under_way.fetch.issuer().clone();
        match next {
            Ok(Next::Pipe(connect, bytes)) => {
                self.state().tunnels.insert(piped.id, under_way);
                Reply::Tunnel(Tunnel { id: piped.id, connect, bytes })
            }
            Ok(Next::Fetched(text, keys)) => self.accept(keyguard, &issuer, (text, keys)),
            Err(error) => self.state().failed(&issuer, &error, now),
        }
    }

    /// A set is here: kept durably, then used.
    fn accept(&self, keyguard: &Keyguard, issuer: &Issuer, (text, keys): (String, KeySet)) -> Reply {
        // Another policy may be in force by now.
        match registered(keyguard, issuer.name()) {
            Ok(current) if current == *issuer => {}
            Ok(_) => return Reply::Unavailable("the issuer was registered anew meanwhile".to_owned()),
            Err(refusal) => return Reply::Refused(refusal),
        }
        let now = keyguard.parts.clock.now();
        let sha256 = Sha256::of(text.as_bytes());
        let mut state = self.state();
        if let Err(error) = state.records.fetched(issuer, sha256, now, &keyguard.memory) {
            return Reply::Failed(error.to_string());
        }
        let held = Held { text: text.into(), sha256, keys: Arc::new(keys), fetched: now };
        let slot = state.slot(issuer);
        slot.attempted = Some(now);
        slot.held = Some(held.clone());
        state.reply(issuer, Ok(held))
    }

    /// The keys under which a token of an issuer is checked: those that the evidence holds, if they were fetched here,
    /// are not too old, and the ledger names them. Refuses all others (CH5010).
    pub fn known(&self, issuer: &Issuer, text: &str, now: Time) -> Result<Arc<KeySet>, Refusal> {
        let sha256 = Sha256::of(text.as_bytes());
        let registration = registration(issuer);
        let state = self.state();
        let mut sets = state.records.of(registration).rev().enumerate();
        let Some((newer, set)) = sets.find(|(_, set)| set.sha256 == sha256) else {
            let newest = state.records.of(registration).next_back();
            let expected =
                newest.map_or_else(|| "none were fetched".to_owned(), |set| set.sha256.to_string());
            return Err(foreign("the keyguard did not fetch these keys of the issuer")
                .because(sha256.to_string(), expected));
        };
        // A set that was followed by another serves as long as it would have without being asked for anew.
        let most = if newer == 0 { STALE } else { FRESH };
        let age = now.seconds_since(set.fetched);
        if !(0..most).contains(&age) {
            return Err(foreign("these keys of the issuer are too old")
                .because(format!("fetched {age} s ago"), format!("less than {most} s")));
        }
        if !set.recorded {
            return Err(foreign("the ledger does not name these keys of the issuer")
                .because("not in the ledger", sha256.to_string()));
        }
        let held = state.slots.get(issuer.name()).filter(|slot| slot.issuer == *issuer);
        let held = held.and_then(|slot| slot.held.as_ref()).filter(|held| held.sha256 == sha256);
        if let Some(held) = held {
            return Ok(Arc::clone(&held.keys));
        }
        KeySet::parse(issuer, text).map(Arc::new).map_err(|error| foreign(&error.to_string()))
    }

    /// Which sets the leaves of a batch name; refuses one that was not fetched here and is not pinned: what is cosigned
    /// is this keyguard's own word about the issuers' keys.
    pub fn named(
        &self,
        keyguard: &Keyguard,
        follow: &Follow,
    ) -> Result<Vec<(IssuerName, Sha256)>, CosignError> {
        let mut named = Vec::new();
        for (index, leaf) in (follow.from..).zip(&follow.leaves) {
            if !leaf.contains("\"issuer-keys\"") {
                continue;
            }
            // What is no event is refused where all leaves are read.
            let Ok(Event { body: Body::IssuerKeys(keys), .. }) = Event::decode(leaf) else { continue };
            if !self.state().records.has(&keys.issuer, keys.sha256) && !is_pinned(keyguard, &keys) {
                let what = format!(
                    "leaf {index}: this keyguard did not fetch these keys of issuer `{}`",
                    keys.issuer
                );
                return Err(CosignError::Inconsistent(what));
            }
            named.push((keys.issuer, keys.sha256));
        }
        Ok(named)
    }

    /// Takes note that the ledger names sets.
    pub fn recorded(&self, named: &[(IssuerName, Sha256)], memory: &dyn Memory) -> Result<(), MemoryError> {
        if named.is_empty() { Ok(()) } else { self.state().records.recorded(named, memory) }
    }

    /// How many sets are known and how many fetches are under way, for `doctor`.
    #[must_use]
    pub fn figures(&self) -> (usize, usize) {
        let state = self.state();
        (state.slots.values().filter(|slot| slot.held.is_some()).count(), state.tunnels.len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    fn is_in_time(&self, now: Time) -> bool {
        (0..=PATIENCE).contains(&now.seconds_since(self.begun))
    }
}

impl State {
    /// An issuer that was registered anew under the same name starts afresh.
    fn slot(&mut self, issuer: &Issuer) -> &mut Slot {
        let fresh = || Slot { issuer: issuer.clone(), held: None, attempted: None };
        let slot = self.slots.entry(issuer.name().clone()).or_insert_with(fresh);
        if slot.issuer != *issuer {
            *slot = fresh();
        }
        slot
    }

    fn failed(&mut self, issuer: &Issuer, error: &FetchError, now: Time) -> Reply {
        say_failed(issuer, error);
        let slot = self.slot(issuer);
        slot.attempted = Some(now);
        let held = usable(slot, now).ok_or_else(|| format!("keys of issuer `{}`: {error}", issuer.name()));
        self.reply(issuer, held)
    }

    fn reply(&self, issuer: &Issuer, held: Result<Held, String>) -> Reply {
        let held = match held {
            Ok(held) => held,
            Err(why) => return Reply::Unavailable(why),
        };
        let set = self.records.of(registration(issuer)).find(|set| set.sha256 == held.sha256);
        Reply::IssuerKeys(Box::new(FetchedKeys {
            keys: held.text.to_string(),
            fetched: held.fetched,
            fresh_until: held.fetched.plus_seconds(FRESH),
            recorded: set.is_some_and(|set| set.recorded),
        }))
    }
}

/// What needs no fetch: a fresh set that has the key, or, while the last attempt cools down, what there is.
fn at_hand(slot: &Slot, key_id: Option<&str>, now: Time) -> Option<Result<Held, String>> {
    if let Some(held) = younger_than(slot, FRESH, now).filter(|held| held.keys.has(key_id)) {
        return Some(Ok(held));
    }
    let since = now.seconds_since(slot.attempted?);
    let failed = || format!("keys of issuer `{}` could not be fetched a moment ago", slot.issuer.name());
    (0..COOL_DOWN).contains(&since).then(|| usable(slot, now).ok_or_else(failed))
}

fn usable(slot: &Slot, now: Time) -> Option<Held> {
    younger_than(slot, STALE, now)
}

/// INVARIANT: a set from the future (the clock was set back) counts as too old, not as young for ever.
fn younger_than(slot: &Slot, seconds: i64, now: Time) -> Option<Held> {
    let held = slot.held.as_ref()?;
    (0..seconds).contains(&now.seconds_since(held.fetched)).then(|| held.clone())
}

fn registered(keyguard: &Keyguard, name: &IssuerName) -> Result<Issuer, Box<Refusal>> {
    let governance = policy::loaded(keyguard).ok_or_else(|| {
        Box::new(Refusal::new(RefusalCode::PolicyVersionWrong, "no policy is in force in the keyguard"))
    })?;
    let issuer = governance.issuers.named(name).cloned().ok_or_else(|| {
        Box::new(Refusal::new(RefusalCode::IssuerUnknown, format!("issuer `{name}` is not registered")))
    })?;
    let is_dev = keyguard.established().is_some_and(|established| established.shown.dev);
    if !issuer.url().is_https() && issuer.pinned_keys().is_none() && !is_dev {
        // ATTACK: over plain HTTP the gateway that pipes the bytes would decide what the keys are.
        let what = format!("keys of issuer `{name}` cannot be fetched over plain http");
        let hint = "register the issuer with https, or with pinned_keys";
        return Err(Box::new(foreign(&what).because(issuer.url().as_str(), "https").hint(hint)));
    }
    Ok(issuer)
}

fn is_pinned(keyguard: &Keyguard, keys: &chancery_ledger::event::IssuerKeys) -> bool {
    let governance = policy::loaded(keyguard);
    let pinned =
        governance.as_ref().and_then(|governance| governance.issuers.named(&keys.issuer)?.pinned_keys());
    pinned.is_some_and(|pinned| Sha256::of(pinned.as_bytes()) == keys.sha256)
}

fn foreign(what: &str) -> Refusal {
    Refusal::new(RefusalCode::IssuerKeysForeign, what)
}

fn say_failed(issuer: &Issuer, error: &FetchError) {
    tracing::warn!(issuer = %issuer.name(), %error, "issuer keys not fetched");
}
