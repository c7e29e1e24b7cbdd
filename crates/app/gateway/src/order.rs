//! Step 7: the orders to the keyguard. What it signed is kept at once, so that a crash does not lose a signature that was
//! made; an intent that came to nothing is closed.

use chancery_core::id::{RequestId, StatementId};
use chancery_core::message::{Call, Ordered, Reply, Signed};
use chancery_core::order::{Order, Orders};
use chancery_core::port::sequencer::{Append, AppendError, Change};
use chancery_core::port::step::Step;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_ledger::event::{Body, Closed};
use chancery_policy::profile::Timestamping;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::{Decided, Logged, encode, internal};
use crate::sign::Unfinished;
use crate::statement::Prepared;

/// A statement with its intent, or why it has none.
pub type Ready = Result<(Prepared, Logged), Failure>;

/// Orders the signatures of one message, and settles each statement by itself. Where the built-in authority is to stamp,
/// it does so in the same call.
pub async fn sign(
    gateway: &Gateway,
    decided: &Decided,
    timestamp: &Timestamping,
    ready: Vec<Ready>,
) -> Vec<Result<Unfinished, Failure>> {
    let orders: Vec<Order> = ready
        .iter()
        .flatten()
        .map(|(prepared, logged)| Order {
            statement: prepared.id,
            intent: logged.index,
            leaf: logged.plan.clone(),
            stamp: *timestamp == Timestamping::Builtin,
        })
        .collect();
    let mut outcomes = order(gateway, decided, orders).await.into_iter();
    let mut results = Vec::with_capacity(ready.len());
    for one in ready {
        results.push(match one {
            Ok((prepared, logged)) => {
                let outcome = outcomes.next().unwrap_or_else(|| Err(internal("an order without an outcome")));
                settle(gateway, decided, (prepared, logged), outcome).await
            }
            Err(failure) => Err(failure),
        });
    }
    results
}

/// One outcome per order.
async fn order(gateway: &Gateway, decided: &Decided, orders: Vec<Order>) -> Vec<Result<Signed, Failure>> {
    let count = orders.len();
    if count == 0 {
        return Vec::new();
    }
    let orders = Orders {
        request: decided.request.canonical().to_owned(),
        evidence: decided.identified.evidence.clone(),
        policy: decided.policy,
        orders,
    };
    let failure = match gateway.parts.keyguard.call(Call::Sign(Box::new(orders))).await {
        Ok(Reply::Ordered(each)) if each.len() == count => {
            if each.iter().any(has_other_keys) {
                gateway.issuer_keys.forget();
            }
            return each.into_iter().map(outcome).collect();
        }
        Ok(other) => unexpected("sign", &other),
        Err(error) => error.into(),
    };
    vec![Err(failure); count]
}

fn outcome(ordered: Ordered) -> Result<Signed, Failure> {
    match ordered {
        Ordered::Signed(signed) => Ok(*signed),
        Ordered::Refused(refusal) if refusal.code == RefusalCode::IntentInvalid => Err(orphaned(&refusal)),
        Ordered::Refused(refusal) if refusal.code == RefusalCode::IssuerKeysForeign => {
            Err(outdated(&refusal))
        }
        Ordered::Refused(refusal) => Err(Failure::Refused(refusal)),
        Ordered::Unavailable(why) => Err(Failure::Temporary(why)),
        Ordered::Failed(why) => Err(internal(format!("keyguard cannot sign: {why}"))),
    }
}

/// Keeps a signature, or closes the intent that came to nothing.
async fn settle(
    gateway: &Gateway,
    decided: &Decided,
    (prepared, logged): (Prepared, Logged),
    outcome: Result<Signed, Failure>,
) -> Result<Unfinished, Failure> {
    let kept = match outcome {
        Ok(signed) => keep(gateway, logged.index, &signed).await.map(|()| signed),
        Err(failure) => Err(failure),
    };
    match kept {
        Ok(signed) => {
            gateway.parts.steps.reached(Step::SignedKept);
            Ok(Unfinished { prepared, logged, signed })
        }
        Err(failure) => {
            let request = decided.request.id();
            let closing = Closing { intent: logged.index, request, statement: prepared.id };
            abandon(gateway, closing, &failure.to_string()).await;
            Err(failure)
        }
    }
}

/// An intent dies with the keyguard that saw it logged. The caller is not to blame and may ask again: the next attempt
/// logs an intent of its own.
fn orphaned(refusal: &Refusal) -> Failure {
    Failure::Temporary(format!("the keyguard was replaced meanwhile: {}", refusal.what))
}

fn has_other_keys(ordered: &Ordered) -> bool {
    matches!(ordered, Ordered::Refused(refusal) if refusal.code == RefusalCode::IssuerKeysForeign)
}

/// The keyguard does not stand behind keys that it gave before, as when its memory is another. It is asked again.
fn outdated(refusal: &Refusal) -> Failure {
    Failure::Temporary(format!("the keyguard has other keys of the issuer by now: {}", refusal.what))
}

async fn keep(gateway: &Gateway, intent: u64, signed: &Signed) -> Result<(), Failure> {
    let kept = serde_json::to_string(signed).map_err(internal)?;
    Ok(gateway.parts.state.signed_put(intent, kept).await?)
}

/// Which intent is closed.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Its index.
    pub intent: u64,
    /// Its request.
    pub request: RequestId,
    /// Its statement.
    pub statement: StatementId,
}

/// Closes an intent without a result and raises it. Not being able to is no further failure: the reconciler does it
/// at the next start.
pub async fn abandon(gateway: &Gateway, closing: Closing, why: &str) {
    say_abandoned(closing, why);
    let Closing { intent, request, statement } = closing;
    let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    let body = Body::Abandoned(Closed { intent, request, statement, why });
    let Ok(leaf) = encode(gateway.parts.clock.now(), body) else { return };
    let changes = vec![Change::Abandon { index: intent }];
    if let Err(error) = gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes }).await {
        say_open(intent, &error);
    }
}

fn say_abandoned(closing: Closing, why: &str) {
    tracing::error!(intent = closing.intent, request = %closing.request, why, "intent abandoned");
}

fn say_open(intent: u64, error: &AppendError) {
    tracing::error!(intent, %error, "abandoned intent stays open until it is reconciled");
}
