//! An order becomes a signature: checks, warrants, custodian, and an immediate verification of what came out.

use chancery_core::algorithm::PublicKey;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::message::{Der, Ordered, Signed};
use chancery_core::order::{Order, Orders};
use chancery_core::port::custodian::Signature;
use chancery_core::port::step::Step;
use chancery_core::warrant::{Authority, LeafPromise, ToBeSigned, Warrant, Wish, issue};
use chancery_format::stamped::stamped;
use chancery_policy::habit::observation::Observation;
use chancery_x509::certificate;
use chancery_x509::key;

use crate::authority::failed;
use crate::checks::OrderChecks;
use crate::keyguard::{CallError, Keyguard};
use crate::opened::Opened;
use crate::stamp;

/// SHA-256 that names signed bytes in an intent.
#[must_use]
pub fn digest_of(to_be_signed: &ToBeSigned) -> Sha256 {
    match to_be_signed {
        ToBeSigned::Message(bytes) | ToBeSigned::Prehashed(_, bytes) => Sha256::of(bytes),
    }
}

/// Works on the orders of a message, each for itself: a refused one does not touch its neighbours.
pub fn sign(keyguard: &Keyguard, orders: &Orders) -> Result<Vec<Ordered>, CallError> {
    let opened = Opened::new(keyguard, orders)?;
    let each = orders.orders.iter().map(|order| match one(&opened, order) {
        Ok(signed) => Ordered::Signed(Box::new(signed)),
        Err(error) => error.into(),
    });
    let each = each.collect();
    keyguard.habits.keep(&keyguard.memory, keyguard.parts.clock.now()).map_err(failed)?;
    Ok(each)
}

/// Signs one order. The intent is spent before the key is used: whatever happens afterwards, it cannot be signed again.
fn one(opened: &Opened<'_>, order: &Order) -> Result<Signed, CallError> {
    let keyguard = opened.keyguard;
    let checks = OrderChecks::new(opened, order)?;
    let authority = issue(&Wish::Order(order), &checks)?;
    keyguard.parts.steps.reached(Step::KeyguardWarranted);
    let Authority { artifact, sct, leaf, .. } = authority;
    let key = keyguard.parts.custodians.describe(artifact.key())?.public_key;
    let (chain, signature) = match (sct, leaf) {
        (Some(sct), Some(leaf)) => {
            let timestamp = spend(keyguard, sct)?;
            let (certificate, _) = self::leaf(&checks, order, leaf, &timestamp)?;
            (vec![certificate], spend(keyguard, artifact)?)
        }
        // Only a certificate is wanted: what is signed first is its SCT.
        (None, Some(leaf)) => {
            let timestamp = spend(keyguard, artifact)?;
            let (certificate, signature) = self::leaf(&checks, order, leaf, &timestamp)?;
            (vec![certificate], signature)
        }
        (_, None) => (keyguard.chains.of(artifact.key()), spend(keyguard, artifact)?),
    };
    keyguard.parts.steps.reached(Step::KeyguardSigned);
    observe(opened, order);
    // A stamp that fails now is asked for again, apart from the signature, which must not be lost with it.
    let token = order.stamp.then(|| stamp_over(opened, order, &key, &signature)).flatten();
    Ok(Signed { signature, chain, timestamp: token.map(Der), at: keyguard.parts.clock.now() })
}

/// A token over the signature as its format carries it.
fn stamp_over(opened: &Opened<'_>, order: &Order, key: &PublicKey, signature: &Signature) -> Option<Vec<u8>> {
    let format = opened.request.statement(order.statement)?.format;
    let value = stamped(format, key, &signature.0).ok()?;
    stamp::over(opened.keyguard, &value).ok()
}

/// The leaf with its SCT, signed: the certificate, and the signature in it.
fn leaf(
    checks: &OrderChecks<'_>,
    order: &Order,
    promise: LeafPromise,
    timestamp: &Signature,
) -> Result<(Der, Signature), CallError> {
    let keyguard = checks.keyguard();
    let (warrant, tbs) = promise.redeem(order, timestamp, checks)?;
    let issuing = warrant.key().clone();
    let signature = spend(keyguard, warrant)?;
    Ok((leaf_certificate(keyguard, &issuing, (&tbs, &signature))?, signature))
}

/// Only what this process signed itself becomes a habit.
fn observe(opened: &Opened<'_>, order: &Order) {
    let (Some(statement), Ok(caller)) = (opened.request.statement(order.statement), opened.caller()) else {
        return;
    };
    let seen = Observation::of(statement, caller, opened.keyguard.parts.clock.now());
    opened.keyguard.habits.observe(opened.request.profile(), &seen);
}

/// Spends a warrant. What came out is verified with the key that the custodian named when it was asked first. Only two
/// kinds wait for the gateway, which verifies every one of them before it uses it: SCTs and cosignatures. But no RSA
/// signature waits: a fault in it gives the private key away (Boneh, DeMillo, Lipton 1997).
pub fn spend(keyguard: &Keyguard, warrant: Warrant) -> Result<Signature, CallError> {
    let key = keyguard.parts.custodians.describe(warrant.key())?;
    let waits =
        matches!(warrant.family(), Family::Cosignature | Family::Sct) && !key.public_key.algorithm.is_rsa();
    let signed_bytes = (!waits).then(|| warrant.to_be_signed().clone());
    let signature = keyguard.parts.custodians.sign(warrant)?;
    if let Some(bytes) = signed_bytes {
        verify(&key.public_key, &bytes, &signature)?;
    }
    Ok(signature)
}

fn leaf_certificate(
    keyguard: &Keyguard,
    issuing: &KeyId,
    (tbs, signature): (&[u8], &Signature),
) -> Result<Der, CallError> {
    let algorithm = keyguard.parts.custodians.describe(issuing)?.public_key.algorithm;
    let leaf = certificate::assemble(tbs, algorithm, &signature.0).map_err(failed)?;
    Ok(Der(leaf.as_der().to_vec()))
}

/// A backend that returns a wrong signature (a fault, or an attack on RSA-CRT) must not get it out of this process.
fn verify(public_key: &PublicKey, bytes: &ToBeSigned, signature: &Signature) -> Result<(), CallError> {
    let verified = match bytes {
        ToBeSigned::Message(message) => key::verify(public_key, message, &signature.0),
        ToBeSigned::Prehashed(_, digest) => key::verify_prehashed(public_key, digest, &signature.0),
    };
    verified.map_err(|error| failed(format!("the key backend returned a wrong signature: {error}")))
}
