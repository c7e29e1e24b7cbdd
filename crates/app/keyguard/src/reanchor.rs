//! A keyguard that was restored from a backup: it goes on where the people of the root say, and nowhere else.
//!
//! ```text
//! ledger.restored    how far the ledger was followed when the backup was taken, at most as far as its database goes
//! reanchor.act       {size, root, gap} of the restored ledger, signed by the root's threshold
//! ```
//! It follows from the first to exactly the second, and the next leaf must be the `reanchor` event that names the act. So
//! whoever puts an old database back needs the same people who could change every rule, and auditors see where it happened.

use chancery_core::port::memory::Memory;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Event};
use chancery_ledger::merkle::Edge;
use chancery_policy::act::accept::accept_reanchor;
use chancery_policy::act::document::{Deed, SignedAct};

use crate::follow::{self, FollowStateError};
use crate::policy::Accepted;

/// Where the ledger goes on, until its leaf is there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The act with its signatures, canonical; the gateway logs it.
    pub act: String,
    /// The event that has to come next.
    pub event: chancery_ledger::act::Reanchor,
}

/// Takes up a restored state under an act, durably. Errors leave everything as it was.
pub fn take_up(memory: &dyn Memory, state: &[u8], act: &str, now: Time) -> Result<(), FollowStateError> {
    let fail = |error: &dyn std::fmt::Display| FollowStateError::Kept(format!("re-anchor: {error}"));
    let accepted = Accepted::recall(memory)?;
    let accepted = accepted.ok_or_else(|| fail(&"no governance was ever in force"))?;
    let signed = SignedAct::parse(act.trim_end()).map_err(|error| fail(&error))?;
    let ledger = follow::origin_of(state)?;
    let done = accept_reanchor(&signed, accepted.root(), &ledger, now).map_err(|error| fail(&error))?;
    let Deed::Reanchor { size, root, .. } = &done.act().deed else { return Err(fail(&"another act")) };
    let event = chancery_ledger::act::Reanchor {
        act: done.id(),
        signatures: done.signatures(),
        size: *size,
        root: *root,
    };
    let act = signed.canonical().map_err(|error| fail(&error))?;
    follow::restore(memory, state, Anchor { act, event })
}

/// Judges leaves while an anchor waits, or while none does: the event comes at its size, over its root, once.
/// Answers with the anchor that still waits.
pub(crate) fn judge(
    waiting: Option<&Anchor>,
    edge: &Edge,
    (from, leaves): (u64, &[String]),
    events: &[(u64, Event)],
) -> Result<Option<Anchor>, String> {
    let mut found = events.iter().filter_map(|(index, event)| {
        if let Body::Reanchor(named) = &event.body { Some((*index, named)) } else { None }
    });
    let first = found.next();
    let Some(anchor) = waiting else {
        return match first {
            None => Ok(None),
            Some((index, _)) => Err(format!("leaf {index}: nothing was restored")),
        };
    };
    let size = anchor.event.size;
    let to = from.saturating_add(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
    if to < size {
        return Ok(Some(anchor.clone()));
    }
    let mut edge = edge.clone();
    let missing = usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX);
    for leaf in leaves.iter().take(missing) {
        let hash = chancery_ledger::merkle::leaf_hash(leaf.as_bytes());
        edge.append(hash, |_| {}).map_err(|error| error.to_string())?;
    }
    if edge.size() != size || edge.root() != anchor.event.root {
        return Err(format!(
            "the ledger of size {} is not the one that the root's people signed",
            edge.size()
        ));
    }
    match first {
        Some((index, named)) if index == size && *named == anchor.event && found.next().is_none() => Ok(None),
        None if to == size => Ok(Some(anchor.clone())),
        Some(_) | None => Err(format!("leaf {size} must be the event of the re-anchor")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::Sha256;

    fn event(size: u64, root: Sha256) -> chancery_ledger::act::Reanchor {
        chancery_ledger::act::Reanchor { act: Sha256::of(b"act"), signatures: Sha256::of(b"set"), size, root }
    }

    fn leaf(event: &chancery_ledger::act::Reanchor) -> String {
        Event { time: Time::from_seconds(1), body: Body::Reanchor(event.clone()) }.encode().unwrap()
    }

    fn judged(anchor: Option<&Anchor>, from: &[&str], leaves: &[String]) -> Result<Option<Anchor>, String> {
        let mut edge = Edge::default();
        for leaf in from {
            edge.append(chancery_ledger::merkle::leaf_hash(leaf.as_bytes()), |_| {}).unwrap();
        }
        let start = edge.size();
        let events: Vec<(u64, Event)> =
            (start..).zip(leaves).filter_map(|(at, leaf)| Some((at, Event::decode(leaf).ok()?))).collect();
        judge(anchor, &edge, (start, leaves), &events)
    }

    #[test]
    fn the_event_comes_at_its_place_over_its_root_and_nowhere_else() {
        let mut edge = Edge::default();
        for leaf in ["a", "b", "c"] {
            edge.append(chancery_ledger::merkle::leaf_hash(leaf.as_bytes()), |_| {}).unwrap();
        }
        let event = event(3, edge.root());
        let anchor = Anchor { act: String::new(), event: event.clone() };
        let texts = |leaves: &[&str]| leaves.iter().map(|leaf| (*leaf).to_owned()).collect::<Vec<_>>();
        let waits = |outcome: Result<Option<Anchor>, String>| outcome.map(|anchor| anchor.is_some());
        let good = leaf(&event);
        assert_eq!(waits(judged(Some(&anchor), &["a"], &texts(&["b"]))), Ok(true), "not there yet");
        assert_eq!(waits(judged(Some(&anchor), &["a"], &texts(&["b", "c"]))), Ok(true), "just there");
        assert_eq!(waits(judged(Some(&anchor), &["a", "b", "c"], std::slice::from_ref(&good))), Ok(false));
        assert_eq!(
            waits(judged(Some(&anchor), &["a"], &[texts(&["b", "c"]), vec![good.clone()]].concat())),
            Ok(false)
        );
        let other = leaf(&chancery_ledger::act::Reanchor { act: Sha256::of(b"other"), ..event });
        let refused = [
            judged(Some(&anchor), &["a", "b", "c"], &texts(&["d"])),
            judged(Some(&anchor), &["a", "b", "c"], std::slice::from_ref(&other)),
            judged(Some(&anchor), &["a", "b", "x"], std::slice::from_ref(&good)),
            judged(Some(&anchor), &["a", "b"], std::slice::from_ref(&good)),
            judged(Some(&anchor), &["a", "b", "c"], &[good.clone(), good.clone()]),
            judged(Some(&anchor), &["a", "b", "c", "d"], std::slice::from_ref(&good)),
            judged(None, &["a", "b", "c"], &[good]),
        ];
        for (case, outcome) in refused.into_iter().enumerate() {
            assert!(outcome.is_err(), "case {case}");
        }
    }
}
