//! Closes what a crash left open. Takes no input and may run any number of times, also while requests are served.
//!
//! An intent whose signature was made and kept is taken up at step 8 while its leaf lives; where something that it
//! needs is away for now, it waits. Every other open intent is closed as abandoned and raised. Nothing is released
//! twice: a release closes its intent in the same transaction, and a statement that was released by another intent
//! abandons this one.

use chancery_core::id::RequestId;
use chancery_core::order::LeafPlan;
use chancery_core::port::state::OpenIntent;
use chancery_core::request::Request;
use chancery_ledger::event::{Body, Event};
use chancery_x509::profile::identity_leaf::LIFE_SECONDS;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::identify::Identified;
use crate::intent::{Decided, Logged, Wish, internal};
use crate::order::{Closing, abandon};
use crate::sign::{Unfinished, finish};
use crate::statement;

/// What became of the open intents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Taken up and released.
    pub resumed: usize,
    /// Closed without a result.
    pub abandoned: usize,
    /// Signed, and waiting for something that is away for now.
    pub waiting: usize,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Abandoned,
    Resumed,
    Waiting,
}

/// Reconciles every intent that is open now and that nobody works on.
pub async fn reconcile(gateway: &Gateway) -> Result<Reconciled, Failure> {
    let mut reconciled = Reconciled::default();
    for open in gateway.parts.state.open_intents().await? {
        let _alone = gateway.flights.alone(open.request).await;
        // Whoever worked on it until now may have closed it.
        let now_open = gateway.parts.state.open_intents().await?;
        let Some(open) = now_open.into_iter().find(|other| other.index == open.index) else { continue };
        let count = match settle(gateway, &open).await? {
            Settled::Abandoned => &mut reconciled.abandoned,
            Settled::Resumed => &mut reconciled.resumed,
            Settled::Waiting => &mut reconciled.waiting,
        };
        *count = count.saturating_add(1);
    }
    Ok(reconciled)
}

/// Takes up what an earlier attempt at a request left, before anything is signed anew. The caller works on the request
/// alone. What still waits is a temporary failure: signing beside it could release two signatures.
pub async fn take_up(gateway: &Gateway, request: RequestId) -> Result<(), Failure> {
    if !gateway.flights.has_left(request) {
        return Ok(());
    }
    for open in gateway.parts.state.open_intents().await? {
        if open.request == request && settle(gateway, &open).await? == Settled::Waiting {
            let what = "a signature of this request was made and cannot be finished yet";
            return Err(Failure::Temporary(what.to_owned()));
        }
    }
    Ok(())
}

async fn settle(gateway: &Gateway, open: &OpenIntent) -> Result<Settled, Failure> {
    let (request, statement) = (open.request, open.statement);
    let outcome = match gateway.parts.state.released(request, statement).await? {
        Some(_) => Err(internal("released by another intent")),
        None => resume(gateway, open).await,
    };
    let settled = match outcome {
        Ok(()) => {
            say(open, "signature taken up again and released");
            Settled::Resumed
        }
        Err(Failure::Temporary(why)) => {
            say(open, &format!("signature waits: {why}"));
            gateway.flights.leave(request, statement);
            return Ok(Settled::Waiting);
        }
        Err(failure) => {
            let closing = Closing { intent: open.index, request, statement };
            abandon(gateway, closing, &format!("found open: {failure}")).await;
            Settled::Abandoned
        }
    };
    gateway.flights.settle(request, statement);
    Ok(settled)
}

fn say(open: &OpenIntent, what: &str) {
    tracing::warn!(intent = open.index, request = %open.request, "{what}");
}

async fn resume(gateway: &Gateway, open: &OpenIntent) -> Result<(), Failure> {
    let signed = open.signed.as_ref().ok_or_else(|| internal("not signed as far as is known"))?;
    let signed = serde_json::from_str(signed).map_err(internal)?;
    let kept: Wish = serde_json::from_str(&open.wish).map_err(internal)?;
    let plan: Option<LeafPlan> = serde_json::from_str(&open.plan).map_err(internal)?;
    let request = Request::parse(&kept.request).map_err(internal)?;
    let governance = gateway.governance()?;
    let profile = governance.policy.profile(request.profile());
    let profile = profile.ok_or_else(|| internal("its profile is gone"))?;
    if let Some(plan) = &plan
        && gateway.parts.clock.now().seconds_since(plan.not_before) >= LIFE_SECONDS
    {
        return Err(internal("its identity leaf has expired"));
    }
    let statement = request.statement(open.statement).ok_or_else(|| internal("its statement is gone"))?;
    let prepared = statement::prepare(gateway, profile, &kept.caller, (open.statement, statement))?;
    let logged = logged(gateway, open, plan).await?;
    let identified = Identified { caller: kept.caller, evidence: kept.evidence };
    let decided = (governance.version, profile.environment());
    let decided = Decided::new(request, identified, decided, gateway.parts.clock.now())?;
    finish(gateway, &decided, profile.timestamp(), Unfinished { prepared, logged, signed }).await?;
    Ok(())
}

async fn logged(gateway: &Gateway, open: &OpenIntent, plan: Option<LeafPlan>) -> Result<Logged, Failure> {
    let gone = || internal("its leaf is not in the ledger");
    let leaf = gateway.parts.ledger.leaf(open.index).await?.ok_or_else(gone)?;
    let Body::Intent(_) = Event::decode(&leaf).map_err(internal)?.body else {
        return Err(internal("its leaf is not an intent"));
    };
    Ok(Logged { index: open.index, plan })
}
