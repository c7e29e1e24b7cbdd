//! Refusals in the ledger. A caller that a registered issuer vouches for gets a leaf of its own, within bounds; what
//! goes beyond is counted, one leaf per issuer and minute, so that nobody can fill the ledger by being refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use chancery_core::caller::Caller;
use chancery_core::port::sequencer::{Append, Sequencer};
use chancery_core::refusal::Refusal;
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Denied, DeniedCount, Event};

/// Leaves of their own that one issuer's callers get in a minute.
const OWN_LEAVES: u64 = 60;

#[derive(Debug, Default)]
struct Minute {
    minute: u64,
    own: u64,
    counted: u64,
}

/// What was refused in the running minute, by issuer name (empty: no registered issuer).
#[derive(Debug, Default)]
pub struct DeniedLedger {
    minutes: Mutex<HashMap<String, Minute>>,
}

/// Who was refused, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The authenticated caller.
    pub caller: Option<&'a Caller>,
    /// The registered issuer's name; empty when none.
    pub issuer: &'a str,
    /// The request.
    pub request: &'a Request,
}

impl DeniedLedger {
    /// The leaves that this refusal adds: its own or none, and the count of a minute that is over.
    #[must_use]
    pub fn leaves(&self, who: &Who<'_>, refusal: &Refusal, now: Time) -> Vec<Event> {
        let minute = u64::try_from(now.seconds().div_euclid(60)).unwrap_or(0);
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = over(&mut minutes, minute, now);
        let entry =
            minutes.entry(who.issuer.to_owned()).or_insert_with(|| Minute { minute, own: 0, counted: 0 });
        if who.issuer.is_empty() || entry.own >= OWN_LEAVES {
            entry.counted = entry.counted.saturating_add(1);
        } else {
            entry.own = entry.own.saturating_add(1);
            events.push(Event { time: now, body: Body::Denied(denied(who, refusal)) });
        }
        events
    }

    /// The counts of minutes that are over; called now and then, so that the last one does not stay open.
    #[must_use]
    pub fn over(&self, now: Time) -> Vec<Event> {
        let minute = u64::try_from(now.seconds().div_euclid(60)).unwrap_or(0);
        over(&mut self.minutes.lock().unwrap_or_else(PoisonError::into_inner), minute, now)
    }
}

fn over(minutes: &mut HashMap<String, Minute>, minute: u64, now: Time) -> Vec<Event> {
    let mut events = Vec::new();
    minutes.retain(|issuer, entry| {
        if entry.minute < minute && entry.counted > 0 {
            let count = DeniedCount { issuer: issuer.clone(), minute: entry.minute, count: entry.counted };
            events.push(Event { time: now, body: Body::DeniedCount(count) });
        }
        entry.minute >= minute
    });
    events
}

fn denied(who: &Who<'_>, refusal: &Refusal) -> Denied {
    Denied {
        code: refusal.code,
        profile: who.request.profile().to_string(),
        issuer: who.issuer.to_owned(),
        request: Some(who.request.id()),
        artifacts: who.request.statements().iter().take(64).map(|(_, s)| s.artifact.digest).collect(),
        claims: who.caller.map_or_else(BTreeMap::new, stable_claims),
    }
}

/// The caller's stable claims as they enter events.
#[must_use]
pub fn stable_claims(caller: &Caller) -> BTreeMap<String, String> {
    caller.claims.stable().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Writes events; a refusal is answered only when it is recorded.
pub async fn record(sequencer: &dyn Sequencer, events: Vec<Event>) -> Result<(), crate::failure::Failure> {
    if events.is_empty() {
        return Ok(());
    }
    let internal =
        |error: chancery_ledger::event::InvalidEvent| crate::failure::Failure::Internal(error.to_string());
    let leaves = events.iter().map(Event::encode).collect::<Result<Vec<_>, _>>().map_err(internal)?;
    sequencer.append(Append { leaves, changes: Vec::new() }).await?;
    Ok(())
}
