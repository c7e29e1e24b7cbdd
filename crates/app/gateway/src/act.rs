//! Acts: judged, logged with their signatures beside the ledger, shown to the keyguard, which judges again. What is in
//! force is the keyguard's own book; the gateway only remembers what it was told.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::message::{Call, Reply};
use chancery_core::port::sequencer::{Append, Change, Record, RecordKind};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_ledger::act as event;
use chancery_ledger::event::Body;
use chancery_policy::act::accept::{AcceptedAct, Bench, accept};
use chancery_policy::act::book::Book;
use chancery_policy::act::document::{Deed, SignedAct};
use chancery_policy::act::refused::ActRefused;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::{encode, internal};
use crate::trust;

/// Acts that are looked through for one that the keyguard still waits for.
const MOST: u32 = 256;

/// An act that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Performed {
    /// SHA-256 of its document: its name.
    pub act: Sha256,
    /// Its entry in the ledger.
    pub index: u64,
}

fn refused(error: ActRefused) -> Failure {
    Refusal::new(RefusalCode::ActRefused, format!("{} {error}", error.code())).into()
}

/// Does an act. A freeze is in force when this answers; so is everything else.
pub async fn perform(gateway: &Gateway, signed: &SignedAct) -> Result<Performed, Failure> {
    let _alone = gateway.applying.lock().await;
    let now = gateway.parts.clock.now();
    let accepted = judge(gateway, signed, now)?;
    gateway.book().check(&accepted, now).map_err(refused)?;
    fits(gateway, &accepted.act().deed)?;
    let canonical = signed.canonical().map_err(refused)?;
    let topic = accepted.id().to_string();
    let kept =
        Record { sha256: accepted.signatures(), kind: RecordKind::Act, topic, body: canonical.clone() };
    let leaf = encode(now, body(&accepted))?;
    let append = Append { leaves: vec![leaf], changes: vec![Change::Keep(kept)] };
    let receipts = gateway.parts.sequencer.append(append).await?;
    let index =
        receipts.first().map(|receipt| receipt.index).ok_or_else(|| internal("append without a receipt"))?;
    bring_into_force(gateway, &accepted.act().deed, canonical).await?;
    tracing::warn!(act = %accepted.id(), kind = accepted.act().deed.name(), index, "act done");
    Ok(Performed { act: accepted.id(), index })
}

/// Whether a deed is one for a running service, as this one stands.
fn fits(gateway: &Gateway, deed: &Deed) -> Result<(), Failure> {
    match deed {
        Deed::Reanchor { .. } => {
            // The keyguard cosigns such an event only where it awaits one: logged here, it would stop the ledger.
            let what =
                "a re-anchor is given to the keyguard with a restored backup, not to a running service";
            Err(Refusal::new(RefusalCode::ActRefused, what).hint("chancery restore --act FILE").into())
        }
        Deed::Trust { list, .. } => Ok(gateway.trust()?.check(list)?),
        Deed::Exception(_) | Deed::Freeze { .. } | Deed::Review { .. } | Deed::Unfreeze { .. } => Ok(()),
    }
}

async fn bring_into_force(gateway: &Gateway, deed: &Deed, canonical: String) -> Result<(), Failure> {
    match deed {
        Deed::Freeze { .. } => refresh(gateway).await,
        Deed::Trust { .. } => {
            show(gateway, canonical).await?;
            trust::refresh(gateway).await.map(drop)
        }
        Deed::Exception(_) | Deed::Reanchor { .. } | Deed::Review { .. } | Deed::Unfreeze { .. } => {
            show(gateway, canonical).await
        }
    }
}

fn judge(gateway: &Gateway, signed: &SignedAct, now: Time) -> Result<AcceptedAct, Failure> {
    let governance = gateway.governance()?;
    let ledger = gateway.trust()?.origin.to_string();
    let bench = Bench { policy: &governance.policy, root: governance.signed.root(), ledger: &ledger, now };
    accept(signed, &bench).map_err(refused)
}

fn body(accepted: &AcceptedAct) -> Body {
    let (act, signatures) = (accepted.id(), accepted.signatures());
    match &accepted.act().deed {
        Deed::Exception(exception) => Body::Exception(event::Exception {
            act,
            signatures,
            profile: exception.profile.clone(),
            until: exception.until,
            count: exception.count,
            review: exception.review,
            emergency: exception.emergency,
        }),
        Deed::Freeze { scope, from, until, .. } => {
            Body::Freeze(event::Freeze { act, signatures, scope: scope.clone(), from: *from, until: *until })
        }
        Deed::Reanchor { size, root, .. } => {
            Body::Reanchor(event::Reanchor { act, signatures, size: *size, root: *root })
        }
        Deed::Review { exception, .. } => {
            Body::Review(event::Review { act, signatures, exception: *exception })
        }
        Deed::Trust { .. } => Body::Trust(event::Trust { act, signatures }),
        Deed::Unfreeze { freeze, .. } => Body::Unfreeze(event::Unfreeze { act, signatures, freeze: *freeze }),
    }
}

async fn show(gateway: &Gateway, act: String) -> Result<(), Failure> {
    let reply = gateway.parts.keyguard.call(Call::Act { act }).await?;
    let Reply::Book(told) = reply else { return Err(unexpected("act", &reply)) };
    gateway.use_book(read(&told.book)?);
    Ok(())
}

fn read(book: &str) -> Result<Book, Failure> {
    serde_json::from_str(book).map_err(internal)
}

/// Learns what is in force.
pub async fn refresh(gateway: &Gateway) -> Result<(), Failure> {
    let reply = gateway.parts.keyguard.call(Call::Book).await?;
    let Reply::Book(told) = reply else { return Err(unexpected("book", &reply)) };
    gateway.use_book(read(&told.book)?);
    Ok(())
}

/// After a start: learns what is in force, and shows what was logged and not shown before the last process ended.
pub async fn resume(gateway: &Gateway) -> Result<(), Failure> {
    let reply = gateway.parts.keyguard.call(Call::Book).await?;
    let Reply::Book(told) = reply else { return Err(unexpected("book", &reply)) };
    gateway.use_book(read(&told.book)?);
    if told.waiting.is_empty() {
        return Ok(());
    }
    for record in gateway.parts.state.records(RecordKind::Act, None, MOST).await? {
        if told.waiting.iter().any(|waiting| record.topic == waiting.to_string())
            && let Err(error) = show(gateway, record.body).await
        {
            tracing::warn!(act = record.topic, %error, "an act that was logged is not in force");
        }
    }
    Ok(())
}

/// What is in force, for faces that show it.
#[must_use]
pub fn book(gateway: &Gateway) -> Arc<Book> {
    gateway.book()
}
