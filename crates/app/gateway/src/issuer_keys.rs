//! Issuers' keys as the keyguard fetched them: the gateway carries the bytes, logs what arrived, and uses the same.
//!
//! ```text
//! ask → tunnel → dial, send, receive → tunnel → … → keys → `issuer-keys` event, durable and cosigned → used
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_core::digest::Sha256;
use chancery_core::id::{IssuerName, PolicyVersion};
use chancery_core::message::{Call, Reply};
use chancery_core::port::dialer::{DialError, Wire};
use chancery_core::port::sequencer::Append;
use chancery_core::time::Time;
use chancery_core::tunnel::{FetchedKeys, KeysWish, Piped, Tunnel};
use chancery_identity::issuer::Issuer;
use chancery_identity::jwk::KeySet;
use chancery_ledger::event::{Body, IssuerKeys as IssuerKeysEvent};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::{Governance, unexpected};
use crate::intent::encode;

/// What the keyguard said serves so long, whatever it was: it would fetch no sooner. Seconds.
const COOL_DOWN: i64 = 30;
/// A fetch that is not done by then is given up.
const PATIENCE: Duration = Duration::from_secs(9);

/// Keys that the keyguard vouches for.
#[derive(Debug)]
pub struct Keys {
    /// The JWK set as received: evidence.
    pub text: String,
    /// What of it is usable.
    pub set: KeySet,
    policy: PolicyVersion,
    fresh_until: Time,
    asked: Time,
}

impl Keys {
    fn serve(&self, policy: PolicyVersion, key_id: Option<&str>, now: Time) -> bool {
        let asked_lately = (0..COOL_DOWN).contains(&now.seconds_since(self.asked));
        let fresh = now >= self.asked && now < self.fresh_until && self.set.has(key_id);
        self.policy == policy && (asked_lately || fresh)
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// Held while the keyguard is asked: whoever comes meanwhile waits and finds the result.
    turn: tokio::sync::Mutex<()>,
    keys: Mutex<Option<Arc<Keys>>>,
}

/// What the keyguard said last, by issuer.
#[derive(Debug, Default)]
pub struct IssuerKeys {
    slots: Mutex<BTreeMap<IssuerName, Arc<Slot>>>,
}

impl IssuerKeys {
    /// Forgets what the keyguard said: it is asked again.
    pub fn forget(&self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    fn slot(&self, issuer: &IssuerName) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(issuer.clone()).or_default())
    }
}

/// The keys of a registered issuer; `key_id` is the key that a token names.
pub async fn keys(
    gateway: &Gateway,
    governance: &Governance,
    issuer: &Issuer,
    key_id: Option<&str>,
) -> Result<Arc<Keys>, Failure> {
    let slot = gateway.issuer_keys.slot(issuer.name());
    let known = || {
        let keys = slot.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        keys.filter(|keys| keys.serve(governance.version, key_id, gateway.parts.clock.now()))
    };
    if let Some(keys) = known() {
        return Ok(keys);
    }
    let _turn = slot.turn.lock().await;
    if let Some(keys) = known() {
        return Ok(keys);
    }
    let fetched = ask(gateway, issuer, key_id).await?;
    let unusable = |error| Failure::Temporary(format!("keys of issuer `{}`: {error}", issuer.name()));
    let set = KeySet::parse(issuer, &fetched.keys).map_err(unusable)?;
    if !fetched.recorded {
        record(gateway, issuer, &fetched.keys).await?;
    }
    let keys = Arc::new(Keys {
        text: fetched.keys,
        set,
        policy: governance.version,
        fresh_until: fetched.fresh_until,
        asked: gateway.parts.clock.now(),
    });
    *slot.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
    Ok(keys)
}

/// No token is believed by the keyguard before the ledger names the keys.
async fn record(gateway: &Gateway, issuer: &Issuer, keys: &str) -> Result<(), Failure> {
    let event = IssuerKeysEvent { issuer: issuer.name().clone(), sha256: Sha256::of(keys.as_bytes()) };
    let leaf = encode(gateway.parts.clock.now(), Body::IssuerKeys(event))?;
    gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes: Vec::new() }).await?;
    Ok(())
}

async fn ask(gateway: &Gateway, issuer: &Issuer, key_id: Option<&str>) -> Result<FetchedKeys, Failure> {
    let wish = KeysWish { issuer: issuer.name().clone(), key_id: key_id.map(str::to_owned) };
    let mut reply = gateway.parts.keyguard.call(Call::IssuerKeys(wish)).await?;
    let mut wire = None;
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Reply::IssuerKeys(fetched) = reply {
            return Ok(*fetched);
        }
        let Reply::Tunnel(tunnel) = reply else { return Err(unexpected("issuer-keys", &reply)) };
        let id = tunnel.id;
        let carried = tokio::time::timeout_at(end, carry(gateway, issuer, &mut wire, tunnel)).await;
        let carried = carried.unwrap_or_else(|_| Err(DialError("no answer in time".to_owned())));
        let piped = match carried {
            Ok(bytes) => {
                let ended = bytes.is_empty().then(String::new);
                Piped { id, bytes, ended }
            }
            Err(error) => Piped { id, bytes: Vec::new(), ended: Some(error.to_string()) },
        };
        reply = gateway.parts.keyguard.call(Call::Tunnel(piped)).await?;
    }
}

/// Sends what the keyguard wants sent, and waits for what comes; nothing when the peer closed the connection.
async fn carry(
    gateway: &Gateway,
    issuer: &Issuer,
    wire: &mut Option<Box<dyn Wire>>,
    tunnel: Tunnel,
) -> Result<Vec<u8>, DialError> {
    if let Some(peer) = &tunnel.connect {
        // The one before is closed first.
        *wire = None;
        *wire = Some(gateway.parts.dialer.dial(peer, issuer.reach()).await?);
    }
    let wire = wire.as_mut().ok_or_else(|| DialError("no connection".to_owned()))?;
    if !tunnel.bytes.is_empty() {
        wire.send(&tunnel.bytes).await?;
    }
    wire.receive().await
}
