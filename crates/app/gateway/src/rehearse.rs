//! `sign --dry-run`: the decision and the bytes that would be signed; nothing is changed, logged or counted.

use chancery_core::decision::{Decision, Trace};
use chancery_core::id::{KeyId, PolicyVersion, StatementId};
use chancery_core::request::Request;
use chancery_core::warrant::ToBeSigned;
use chancery_policy::decide::{admit, decide};
use chancery_policy::facts::Facts;
use chancery_policy::limit::Counts;
use chancery_policy::profile::Profile;
use chancery_policy::standing::Standing;

use crate::attach;
use crate::attested;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::{Identified, Shown, identify};
use crate::pending;
use crate::released::Released;
use crate::session;
use crate::sign::Ask;
use crate::statement::{self, Prepared};

/// One statement, rehearsed.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The statement.
    pub statement: StatementId,
    /// The key that would sign.
    pub key: KeyId,
    /// The bytes that would be signed.
    pub to_be_signed: ToBeSigned,
    /// What policy evaluated.
    pub trace: Trace,
}

/// A whole request, rehearsed.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The policy version.
    pub policy: PolicyVersion,
    /// One per statement.
    pub statements: Vec<Rehearsed>,
}

/// Decides without signing. The token is checked, but not used up.
pub async fn rehearse(gateway: &Gateway, ask: &Ask) -> Result<Rehearsal, Failure> {
    let governance = gateway.governance()?;
    let request = &ask.request;
    let identified = identify(gateway, &governance, ask.token.as_deref(), Shown::For(request)).await?;
    let identified = session::complete(gateway, identified, ask.possession.as_ref(), request.id()).await?;
    let profile = admit(&governance.policy, &identified.caller, request.profile())?;
    let identified = attested::bring(identified, profile, &ask.attestations)?;
    let mut prepared = Vec::new();
    for (at, (id, statement)) in request.statements().iter().enumerate() {
        take_turns(at).await;
        prepared.push(statement::prepare(gateway, profile, &identified.caller, (*id, statement))?);
    }
    attach::check(gateway, &prepared).await?;
    attested::find(gateway, &governance, &identified, profile, &mut prepared)?;
    let standing = pending::known(gateway, &governance, &identified, profile, request).await?;
    let traces =
        decide_all(gateway, &governance, &identified, (profile, &standing), (request, &prepared)).await?;
    let statements = prepared.into_iter().zip(traces).map(|(prepared, trace)| Rehearsed {
        statement: prepared.id,
        key: prepared.key.id,
        to_be_signed: prepared.to_be_signed,
        trace,
    });
    Ok(Rehearsal { policy: governance.version, statements: statements.collect() })
}

/// Decides about every statement; the first that is not allowed ends it. Each counts the ones before it.
pub async fn decide_all(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    (profile, standing): (&Profile, &Standing),
    (request, prepared): (&Request, &[Prepared]),
) -> Result<Vec<Trace>, Failure> {
    let now = gateway.parts.clock.now();
    let before = gateway.limits.counts(profile.name(), profile.limits(), now);
    let mut traces = Vec::with_capacity(prepared.len());
    for (earlier, one) in prepared.iter().enumerate() {
        take_turns(earlier).await;
        let mut counts = before.clone();
        for limit in profile.limits() {
            let held = before.of(limit.window).unwrap_or(0);
            counts.set(limit.window, held.saturating_add(u64::try_from(earlier).unwrap_or(u64::MAX)));
        }
        let standing = Standing { attested: one.attested.clone(), ..standing.clone() };
        let (caller, known) = (&identified.caller, (&counts, &standing));
        let facts = Facts::of_statement(request.profile(), caller, &one.statement, now, known);
        traces.push(allowed(decide(&governance.policy, &facts))?);
    }
    Ok(traces)
}

/// Decides about what was released before: whoever asks for it must be allowed to have it made, but it counts for
/// nothing, because nothing is made.
pub async fn decide_recalled(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    profile: &Profile,
    recalled: &[Released],
) -> Result<(), Failure> {
    let now = gateway.parts.clock.now();
    let counts = Counts::zero(profile.limits());
    let statements: Vec<_> = recalled.iter().map(|released| &released.made().statement).collect();
    let attested = attested::of_each(gateway, governance, identified, profile, &statements)?;
    for (at, (statement, attested)) in statements.into_iter().zip(attested).enumerate() {
        take_turns(at).await;
        let standing = Standing { attested, ..Standing::default() };
        let known = (&counts, &standing);
        let facts = Facts::of_statement(profile.name(), &identified.caller, statement, now, known);
        match decide(&governance.policy, &facts) {
            // What pended was there when it was made: approvals may be over since, the result is not.
            Decision::Allowed(_) | Decision::Pending { .. } => {}
            Decision::Refused(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}

/// Statements that are worked on before others get the thread: deciding about one takes tens of microseconds, and a
/// request may have a thousand.
const TURN: usize = 64;

/// Lets others have the thread after every [`TURN`] statements.
async fn take_turns(done: usize) {
    if done > 0 && done.is_multiple_of(TURN) {
        tokio::task::yield_now().await;
    }
}

fn allowed(decision: Decision) -> Result<Trace, Failure> {
    match decision {
        Decision::Allowed(trace) => Ok(trace),
        Decision::Pending { missing, trace } => Err(Failure::Pending { missing, trace }),
        Decision::Refused(refusal) => Err(refusal.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn others_have_their_turn() {
        let turns = Cell::new(0);
        let work = async {
            for done in 0..1000 {
                take_turns(done).await;
            }
        };
        let others = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = work => {}
            () = others => {}
        }
        assert_eq!(turns.get(), 1000 / TURN);
    }
}
