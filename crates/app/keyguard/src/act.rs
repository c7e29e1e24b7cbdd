//! Acts in the keyguard: done only when the ledger names them and the right people signed them. Freezes need neither:
//! [`crate::follow`] stops as soon as it reads their leaf.

use std::sync::Arc;

use chancery_core::message::Book;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_policy::act::accept::{Bench, accept};
use chancery_policy::act::document::SignedAct;
use chancery_policy::act::refused::ActRefused;

use crate::follow::NotPerformed;
use crate::keyguard::{CallError, Keyguard};
use crate::policy;

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
    match keyguard.followed.perform(&accepted, &keyguard.memory, now) {
        Ok(()) => book(keyguard),
        Err(NotPerformed::Refused(error)) => Err(refused(&error)),
        Err(NotPerformed::Memory(error)) => Err(CallError::Failed(error.to_string())),
        Err(NotPerformed::Unnamed) => {
            Err(Refusal::new(RefusalCode::ActRefused, "the ledger does not name the act").into())
        }
    }
}

/// Shows what is in force.
pub fn book(keyguard: &Keyguard) -> Result<Box<Book>, CallError> {
    let (book, waiting) = keyguard.followed.book();
    let book = serde_json::to_string(&book).map_err(|error| CallError::Failed(error.to_string()))?;
    Ok(Box::new(Book { book, waiting }))
}
