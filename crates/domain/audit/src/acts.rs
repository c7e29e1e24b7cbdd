//! What people signed beside governance: freezes, exceptions and their reviews, done again as the ledger shows them.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use chancery_ledger::act::Freeze as FreezeEvent;
use chancery_policy::act::accept::{AcceptedAct, Bench, accept};
use chancery_policy::act::book::{Book, Freeze};
use chancery_policy::act::document::SignedAct;
use chancery_policy::standing::Exception;

use crate::finding::{Code, Finding};
use crate::governance::Governance;
use crate::job::Content;

/// An act as its event names it.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) index: u64,
    pub(crate) time: Time,
    pub(crate) act: Sha256,
    /// The signed document, by the hash that the event names.
    pub(crate) signed: Content,
}

/// What is in force. Intents hold on to the book of their moment.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    book: Arc<Book>,
}

impl Acts {
    /// The book of this moment.
    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book)
    }

    /// A freeze holds from its leaf on, whoever signed it.
    pub(crate) fn freeze(&mut self, event: &FreezeEvent, time: Time) {
        let freeze = Freeze { scope: event.scope.clone(), from: event.from, until: event.until };
        Arc::make_mut(&mut self.book).freeze(event.act, freeze, time);
    }

    /// Judges an act and does it.
    pub(crate) fn perform(
        &mut self,
        named: &Named,
        (governance, ledger): (Option<&Governance>, &str),
    ) -> Option<Finding> {
        let accepted = match judge(named, governance, ledger) {
            Ok(accepted) => accepted,
            Err(finding) => return Some(finding),
        };
        let done = Arc::make_mut(&mut self.book).perform(&accepted, named.time);
        done.err()
            .map(|error| Finding::new(named.index, Code::Act, format!("the act may not be done: {error}")))
    }

    /// The exception that an intent names, counted with this use; `Err` when it is not in force for it.
    pub(crate) fn take(
        &mut self,
        name: &Sha256,
        profile: &ProfileName,
        now: Time,
    ) -> Result<Exception, &'static str> {
        let usable = self.book.usable(profile, now).find(|(known, _)| *known == name);
        let granted = usable.map(|(name, open)| open.granted(name));
        Arc::make_mut(&mut self.book).used(name);
        granted.ok_or("the exception that the intent names is not in force, or used up")
    }
}

fn judge(named: &Named, governance: Option<&Governance>, ledger: &str) -> Result<AcceptedAct, Finding> {
    let refuse = |why: String| Finding::new(named.index, Code::Act, why);
    let bytes = named.signed.bytes(named.index, "signed act")?;
    let text = std::str::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
    let signed = SignedAct::parse(text).map_err(|error| refuse(error.to_string()))?;
    let governance = governance.ok_or_else(|| refuse("no policy is in force".to_owned()))?;
    let bench = Bench { policy: &governance.policy, root: governance.root(), ledger, now: named.time };
    let accepted =
        accept(&signed, &bench).map_err(|error| refuse(format!("the act does not hold: {error}")))?;
    if accepted.id() == named.act {
        return Ok(accepted);
    }
    Err(refuse("the event names another act than was signed".to_owned()).because(named.act, accepted.id()))
}
