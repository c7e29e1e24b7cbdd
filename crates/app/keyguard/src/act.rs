//! Acts in the keyguard: done only when the ledger names them and the right people signed them. Freezes need neither:
//! [`crate::follow`] stops as soon as it reads their leaf.

use std::sync::Arc;

use chancery_core::instance::TrustList;
use chancery_core::message::{Book, Listed};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_policy::act::accept::{AcceptedAct, Bench, accept};
use chancery_policy::act::document::{Deed, SignedAct};
use chancery_policy::act::refused::ActRefused;

use crate::follow::NotPerformed;
use crate::keyguard::{CallError, Keyguard};
use crate::{authority, policy};

fn refused(error: &ActRefused) -> CallError {
    Refusal::new(RefusalCode::ActRefused, format!("{} {error}", error.code())).into()
}

/// Does an act and shows what is in force afterwards.
pub fn perform(keyguard: &Keyguard, act: &str) -> Result<Box<Book>, CallError> {
    let signed = SignedAct::parse(act).map_err(|error| refused(&error))?;
    let governance = policy::loaded(keyguard)
        .ok_or_else(|| Refusal::new(RefusalCode::PolicyVersionWrong, "no policy is loaded"))?;
    let (_, ledger) =
        keyguard.followed.pinned().ok_or_else(|| CallError::Failed("no ledger is pinned".to_owned()))?;
    let now = keyguard.parts.clock.now();
    let governance = Arc::as_ref(&governance);
    let bench = Bench { policy: &governance.policy, root: governance.signed.root(), ledger: &ledger, now };
    let accepted = accept(&signed, &bench).map_err(|error| refused(&error))?;
    if let Deed::Trust { list, .. } = &accepted.act().deed {
        believe(keyguard, &accepted, list)?;
    }
    match keyguard.followed.perform(&accepted, &keyguard.memory, now) {
        Ok(()) => book(keyguard),
        Err(NotPerformed::Refused(error)) => Err(refused(&error)),
        Err(NotPerformed::Memory(error)) => Err(CallError::Failed(error.to_string())),
        Err(NotPerformed::Unnamed) => {
            Err(Refusal::new(RefusalCode::ActRefused, "the ledger does not name the act").into())
        }
    }
}

/// Takes a list into use that the ledger names and enough people signed. Kept before the act is done: where the process
/// ends in between, the act is shown again and the same list kept again.
fn believe(keyguard: &Keyguard, accepted: &AcceptedAct, list: &TrustList) -> Result<(), CallError> {
    let _alone = keyguard.tuf.alone();
    let refuse = |what: String| CallError::from(Refusal::new(RefusalCode::ActRefused, what));
    let established =
        keyguard.established().ok_or_else(|| CallError::Failed("not initialised".to_owned()))?;
    if !keyguard.followed.awaits(accepted) {
        return Err(refuse("the ledger does not name the act".to_owned()));
    }
    let lineage = &established.lineage;
    lineage
        .check(list)
        .map_err(|error| refuse(format!("the list cannot follow the one in force: {error}")))?;
    let uses = lineage.uses(list, keyguard.parts.clock.now());
    let mut shown = established.shown.clone();
    shown.listed = Some(Listed { list: list.clone(), act: accepted.id(), uses });
    authority::keep(keyguard, &shown)
}

/// Shows what is in force.
pub fn book(keyguard: &Keyguard) -> Result<Box<Book>, CallError> {
    let (book, waiting) = keyguard.followed.book();
    let book = serde_json::to_string(&book).map_err(|error| CallError::Failed(error.to_string()))?;
    Ok(Box::new(Book { book, waiting }))
}
