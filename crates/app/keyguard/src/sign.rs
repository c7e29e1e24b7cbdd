//! An order becomes a signature: checks, warrants, custodian, and an immediate verification of what came out.

use chancery_core::digest::Sha256;
use chancery_core::message::{Der, Signed};
use chancery_core::order::Order;
use chancery_core::port::custodian::Signature;
use chancery_core::port::step::Step;
use chancery_core::warrant::{Authority, ToBeSigned, Warrant, Wish, issue};
use chancery_x509::certificate;
use chancery_x509::key;

use crate::authority::failed;
use crate::checks::OrderChecks;
use crate::duty::service_key;
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

/// SHA-256 that names signed bytes in an intent.
#[must_use]
pub fn digest_of(to_be_signed: &ToBeSigned) -> Sha256 {
    match to_be_signed {
        ToBeSigned::Message(bytes) | ToBeSigned::Prehashed(_, bytes) => Sha256::of(bytes),
    }
}

/// Signs one order. The intent is spent before the key is used: whatever happens afterwards, it cannot be signed again.
pub fn sign(keyguard: &Keyguard, order: &Order) -> Result<Signed, CallError> {
    let checks = OrderChecks::new(keyguard, order)?;
    let authority = issue(&Wish::Order(order), &checks)?;
    keyguard.parts.steps.reached(Step::KeyguardWarranted);
    let Authority { artifact, sct, leaf, .. } = authority;
    let chain = match (sct, leaf) {
        (Some(sct), Some(leaf)) => {
            let (timestamp, _) = spend(keyguard, sct)?;
            let (warrant, tbs) = leaf.redeem(order, &timestamp, &checks)?;
            let (signature, _) = spend(keyguard, warrant)?;
            vec![leaf_certificate(keyguard, &tbs, &signature)?]
        }
        _ => keyguard.chains.of(artifact.key()),
    };
    let (signature, signed_bytes) = spend(keyguard, artifact)?;
    keyguard.parts.steps.reached(Step::KeyguardSigned);
    let (ToBeSigned::Message(bytes) | ToBeSigned::Prehashed(_, bytes)) = signed_bytes;
    Ok(Signed { signature, signed_bytes: bytes, chain, at: keyguard.parts.clock.now() })
}

/// Spends a warrant and verifies what came out with the key that the custodian named when it was asked first.
pub fn spend(keyguard: &Keyguard, warrant: Warrant) -> Result<(Signature, ToBeSigned), CallError> {
    let signed_bytes = warrant.to_be_signed().clone();
    let key = keyguard.parts.custodians.describe(warrant.key())?;
    let signature = keyguard.parts.custodians.sign(warrant)?;
    verify(&key.public_key, &signed_bytes, &signature)?;
    Ok((signature, signed_bytes))
}

fn leaf_certificate(keyguard: &Keyguard, tbs: &[u8], signature: &Signature) -> Result<Der, CallError> {
    let issuing = service_key(ServiceKey::Issuing)?;
    let algorithm = keyguard.parts.custodians.describe(&issuing)?.public_key.algorithm;
    let leaf = certificate::assemble(tbs, algorithm, &signature.0).map_err(failed)?;
    Ok(Der(leaf.as_der().to_vec()))
}

/// A backend that returns a wrong signature (a fault, or an attack on RSA-CRT) must not get it out of this process.
fn verify(
    public_key: &chancery_core::algorithm::PublicKey,
    bytes: &ToBeSigned,
    signature: &Signature,
) -> Result<(), CallError> {
    let verified = match bytes {
        ToBeSigned::Message(message) => key::verify(public_key, message, &signature.0),
        ToBeSigned::Prehashed(_, digest) => key::verify_prehashed(public_key, digest, &signature.0),
    };
    verified.map_err(|error| failed(format!("the key backend returned a wrong signature: {error}")))
}
