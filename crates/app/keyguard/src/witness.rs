//! Builders show requests before anything is signed: each token is verified here when it is shown, and what the builders
//! said is remembered in this process alone. After a restart builders show again.

use std::sync::{Mutex, PoisonError};

use chancery_core::caller::Caller;
use chancery_core::decision::Decision;
use chancery_core::order::Orders;
use chancery_core::time::Time;
use chancery_core::witness::{Builders, Odd, Purpose, Shown, Witnessed};
use chancery_policy::decide::decide;
use chancery_policy::facts::Facts;
use chancery_policy::habit::observation::Observation;
use chancery_policy::limit::Counts;
use chancery_policy::profile::Profile;
use chancery_policy::quorum::{Judgement, Submission, Submissions};
use chancery_policy::standing::Standing;

use crate::attested;
use crate::keyguard::{CallError, Keyguard};
use crate::opened::Opened;

/// What builders showed to this process.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<Submissions>);

/// Takes note of what a builder shows, and answers how the request stands. A caller that policy refuses is no builder.
pub fn witness(keyguard: &Keyguard, shown: &Shown) -> Result<Witnessed, CallError> {
    let Shown { request, evidence, policy, purpose } = shown.clone();
    let orders = Orders { request, evidence, policy, orders: Vec::new() };
    let opened = Opened::new(keyguard, &orders)?;
    let (caller, profile) = (opened.caller()?, opened.profile()?);
    let now = keyguard.parts.clock.now();
    may_build(&opened, caller, profile, now)?;
    if let (Some(quorum), Purpose::Submit) = (profile.quorum(), purpose) {
        let mut shelf = keyguard.shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.submit(Submission::new(&opened.request, caller, now), quorum);
    }
    let builders = builders(&opened, caller, profile, now);
    let oddities = match profile.step_up() {
        None => Vec::new(),
        Some(step_up) => {
            let statements = opened.request.statements();
            let asked: Vec<Observation> =
                statements.iter().map(|(_, one)| Observation::of(one, caller, now)).collect();
            let odd = keyguard.habits.judge(profile.name(), &asked, step_up.after);
            let each = statements.iter().zip(odd);
            each.map(|((statement, _), oddities)| Odd { statement: *statement, oddities }).collect()
        }
    };
    Ok(Witnessed { builders, first_seen: first_seen(&opened), oddities })
}

/// How many independent builders showed the request of these orders, the caller of the orders among them.
pub(crate) fn builders(opened: &Opened<'_>, caller: &Caller, profile: &Profile, now: Time) -> Builders {
    let Some(quorum) = profile.quorum() else { return Builders::default() };
    let shelf = opened.keyguard.shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
    match shelf.judge(&Submission::new(&opened.request, caller, now), quorum) {
        Judgement::Disputed(dispute) => Builders::Dispute(dispute),
        Judgement::Met(have) | Judgement::Waiting { have, .. } => Builders::Agree(have),
    }
}

/// When the ledger first named the request as waiting.
pub(crate) fn first_seen(opened: &Opened<'_>) -> Option<Time> {
    let request = opened.request.id();
    opened.keyguard.followed.with_intents(|intents| intents.first_seen(request)).flatten()
}

/// Everything but what may still come must hold already, so that nobody whom policy refuses can fill the memory or dispute.
fn may_build(opened: &Opened<'_>, caller: &Caller, profile: &Profile, now: Time) -> Result<(), CallError> {
    let counts = Counts::zero(profile.limits());
    for (_, statement) in opened.request.statements() {
        let attested = attested::of_statement(opened, profile, statement, now)?;
        let standing = Standing { attested, ..Standing::default() };
        let known = (&counts, &standing);
        let facts = Facts::of_statement(profile.name(), caller, statement, now, known);
        match decide(&opened.governance.policy, &facts) {
            Decision::Allowed(_) | Decision::Pending { .. } => {}
            Decision::Refused(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}
