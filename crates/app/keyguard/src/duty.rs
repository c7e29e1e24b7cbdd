//! Signatures that the service itself needs: cosignatures, timestamps, certificates. Typed, and only with the key
//! that each duty names.

use chancery_core::caller::Caller;
use chancery_core::decision::Trace;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::order::Order;
use chancery_core::port::custodian::{KeyDescription, Signature};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::warrant::{Checks, Duty, Rebuilt, Signable, ToBeSigned, Wish, issue};
use chancery_ledger::checkpoint::Checkpoint;
use chancery_ledger::cosignature;

use crate::custodians::Custodians;
use crate::follow::Cosignable;
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;
use crate::{certifiable, stamp, trust, tuf};

/// The checks of a duty: there is no caller, so every check of an order says no.
#[derive(Debug)]
pub struct DutyChecks<'a> {
    /// Whose duty it is.
    pub keyguard: &'a Keyguard,
}

fn no_order() -> Refusal {
    Refusal::new(RefusalCode::OrderInvalid, "a duty carries no order")
}

impl Checks for DutyChecks<'_> {
    fn authenticate(&self, _: &Order) -> Result<Caller, Refusal> {
        Err(no_order())
    }
    fn decide(&self, _: &Order, _: &Caller) -> Result<Trace, Refusal> {
        Err(no_order())
    }
    fn spend_intent(&self, _: &Order, _: &Caller) -> Result<(), Refusal> {
        Err(no_order())
    }
    fn rebuild(&self, _: &Order, _: &Caller) -> Result<Rebuilt, Refusal> {
        Err(no_order())
    }
    fn complete_leaf(&self, _: &Order, _: &Caller, _: &Signature) -> Result<Vec<u8>, Refusal> {
        Err(no_order())
    }
    fn rebuild_duty(&self, duty: &Duty) -> Result<Signable, Refusal> {
        rebuild_duty(self.keyguard, duty)
    }
    fn key(&self, id: &KeyId) -> Result<KeyDescription, Refusal> {
        key(&self.keyguard.parts.custodians, id)
    }
}

/// Looks a key up; an unknown one is a refusal, because the name came from policy.
pub fn key(custodians: &Custodians, id: &KeyId) -> Result<KeyDescription, Refusal> {
    custodians.describe(id).map_err(|error| Refusal::new(RefusalCode::KeyUnusable, error.to_string()))
}

/// The bytes of a duty, after what they say was read and found to be this keyguard's to say.
pub fn rebuild_duty(keyguard: &Keyguard, duty: &Duty) -> Result<Signable, Refusal> {
    let (key, family, bytes) = match duty {
        Duty::Certificate { key, tbs } => {
            certifiable::check(keyguard, key, tbs)?;
            (key, Family::Certificate, tbs.clone())
        }
        Duty::Cosignature { key, checkpoint, at } => {
            (key, Family::Cosignature, cosignature::message(&newest(keyguard, checkpoint)?, *at))
        }
        Duty::Timestamp { key, tst_info } => {
            (key, Family::Timestamp, stamp::to_be_signed(keyguard, key, tst_info)?)
        }
        Duty::Tuf { key, role, version, names, expires } => {
            let wish = tuf::Wish { role: *role, version: *version, names: *names, expires: *expires };
            (key, Family::Tuf, tuf::to_be_signed(keyguard, &wish)?)
        }
        Duty::Trust { key, document } => (key, Family::Trust, trust::to_be_signed(keyguard, document)?),
        _ => return Err(Refusal::new(RefusalCode::StatementInvalid, "unknown duty")),
    };
    Ok(Signable { key: key.clone(), family, to_be_signed: ToBeSigned::Message(bytes) })
}

/// A checkpoint's text, if it is the newest that was followed, of the pinned origin.
fn newest(keyguard: &Keyguard, checkpoint: &[u8]) -> Result<String, Refusal> {
    let refuse = |why: &str| Refusal::new(RefusalCode::StatementInvalid, why);
    let text = std::str::from_utf8(checkpoint).map_err(|_| refuse("checkpoint is not text"))?;
    let parsed = Checkpoint::parse_text(text).map_err(|error| refuse(&error.to_string()))?;
    if keyguard.followed.stands_at(&parsed) {
        return Ok(text.to_owned());
    }
    Err(refuse("checkpoint is not the newest that was followed"))
}

/// Fulfils a duty: a warrant for it, spent at once; the signature is verified before it is used.
pub fn fulfil(keyguard: &Keyguard, duty: &Duty) -> Result<Signature, CallError> {
    let authority = issue(&Wish::Duty(duty), &DutyChecks { keyguard })?;
    crate::sign::spend(keyguard, authority.artifact)
}

/// The name of a service key.
pub fn service_key(key: ServiceKey) -> Result<KeyId, CallError> {
    key.id().map_err(|error| CallError::Failed(error.to_string()))
}

/// Cosigns a checkpoint that was followed and kept: `— name base64\n`.
pub fn cosign(keyguard: &Keyguard, cosignable: &Cosignable, at: Time) -> Result<String, CallError> {
    let established =
        keyguard.established().ok_or_else(|| CallError::Failed("not initialised".to_owned()))?;
    let key = service_key(ServiceKey::Cosigner)?;
    let duty = Duty::Cosignature { key, checkpoint: cosignable.text.clone().into_bytes(), at };
    let signature = fulfil(keyguard, &duty)?;
    Ok(cosignature::line(&established.cosigner, at, &signature.0))
}
