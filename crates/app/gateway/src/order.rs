//! Step 7: the order to the keyguard. Its answer is kept at once, so that a crash does not lose a signature that was
//! made; an intent that came to nothing is closed.

use chancery_core::id::{RequestId, StatementId};
use chancery_core::message::{Call, Reply, Signed};
use chancery_core::order::Order;
use chancery_core::port::sequencer::{Append, AppendError, Change};
use chancery_core::port::step::Step;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_ledger::event::{Body, Closed};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::{Decided, Logged, encode, internal};
use crate::statement::Prepared;

/// Orders a signature.
pub async fn sign(
    gateway: &Gateway,
    decided: &Decided,
    prepared: &Prepared,
    logged: &Logged,
) -> Result<Signed, Failure> {
    let order = Order {
        request: decided.request.canonical().to_owned(),
        statement: prepared.id,
        evidence: decided.identified.evidence.clone(),
        policy: decided.policy,
        intent: logged.leaf.clone(),
        receipt: logged.receipt.clone(),
        leaf: logged.plan.clone(),
    };
    let outcome = match gateway.parts.keyguard.call(Call::Sign(Box::new(order))).await {
        Ok(Reply::Signed(signed)) => Ok(*signed),
        Ok(Reply::Refused(refusal)) if refusal.code == RefusalCode::IntentInvalid => Err(orphaned(&refusal)),
        Ok(other) => Err(unexpected("sign", &other)),
        Err(error) => Err(error.into()),
    };
    let closing =
        Closing { intent: logged.receipt.index, request: decided.request.id(), statement: prepared.id };
    match outcome {
        Ok(signed) => {
            if let Err(failure) = keep(gateway, logged.receipt.index, &signed).await {
                abandon(gateway, closing, &failure.to_string()).await;
                return Err(failure);
            }
            gateway.parts.steps.reached(Step::SignedKept);
            Ok(signed)
        }
        Err(failure) => {
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
