//! Proof of possession: a token with a fixed audience is exchanged early for a session, and every request of the session
//! is signed with a key that never leaves the job.
//!
//! ```text
//! chancery.session/1 begin <SHA-256 of the token, hex>      signed when the session begins
//! chancery.session/1 request <request id, hex>              signed for each request
//! ```
//! The public key is a point of P-256, uncompressed (65 bytes, SEC 1 §2.3.3); the signature is ECDSA with SHA-256, DER.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use chancery_core::caller::{AudienceBinding, Caller};
use chancery_core::digest::Sha256;
use chancery_core::evidence::Possession;
use chancery_core::id::RequestId;
use chancery_core::refusal::{Refusal, RefusalCode};

/// Length of a public key in bytes.
const POINT: usize = 65;
/// Longest signature in bytes.
const MAX_SIGNATURE: usize = 72;

/// What is signed when a session begins.
#[must_use]
pub fn beginning(token: &str) -> String {
    format!("chancery.session/1 begin {}", Sha256::of(token.as_bytes()))
}

/// What is signed for a request.
#[must_use]
pub fn of_request(request: RequestId) -> String {
    format!("chancery.session/1 request {request}")
}

/// Verifies the proof over a message, and gives the key's SHA-256, by which sessions are named. Refusal: CH4043.
pub fn verify(possession: &Possession, message: &str) -> Result<Sha256, Refusal> {
    let refuse = |what: &str| Err(Refusal::new(RefusalCode::SessionInvalid, what));
    if possession.key.len() != POINT || possession.signature.len() > MAX_SIGNATURE {
        return refuse("the session's key is not a point of P-256, or its signature is too long");
    }
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &possession.key);
    if key.verify(message.as_bytes(), &possession.signature).is_err() {
        return refuse("the session's key did not sign this");
    }
    Ok(Sha256::of(&possession.key))
}

/// Completes a caller whose token was verified: with the key of the session that the ledger names for the token, if one. A
/// token that was exchanged counts with the proof only, also where a profile would take it without. Refusal: CH4043.
pub fn complete(
    mut caller: Caller,
    proof: Option<&Possession>,
    session: Option<Sha256>,
    request: RequestId,
) -> Result<Caller, Refusal> {
    let refuse = |what: &str| Err(Refusal::new(RefusalCode::SessionInvalid, what));
    match (proof, session) {
        (None, None) => Ok(caller),
        (None, Some(_)) => {
            refuse("the token was exchanged for a session, whose key did not sign the request")
        }
        (Some(_), None) => refuse("the token was not exchanged for a session"),
        (Some(proof), Some(session)) => {
            let key = verify(proof, &of_request(request))?;
            if key != session || caller.binding != AudienceBinding::Fixed {
                return refuse("the token was exchanged for another session");
            }
            caller.binding = AudienceBinding::Session(key);
            Ok(caller)
        }
    }
}

/// The key of one session. Lives and dies with its process; `Debug` hides it.
pub struct SessionKey(EcdsaKeyPair);

/// The provider could not make a key or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session key cannot be made or used")]
pub struct SessionKeyError;

impl SessionKey {
    /// Makes a fresh key.
    pub fn generate() -> Result<Self, SessionKeyError> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self).map_err(|_| SessionKeyError)
    }
    /// Proves that whoever calls holds the key.
    pub fn prove(&self, message: &str) -> Result<Possession, SessionKeyError> {
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| SessionKeyError)?;
        let (key, signature) = (self.0.public_key().as_ref().to_vec(), signature.as_ref().to_vec());
        Ok(Possession { key, signature })
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_refused() {
        let key = SessionKey::generate().unwrap();
        let message = beginning("token");
        let good = key.prove(&message).unwrap();
        assert_eq!(verify(&good, &message), Ok(Sha256::of(&good.key)));
        assert!(verify(&good, &of_request(RequestId::new(Sha256::of(b"token")))).is_err());
        for at in 0..good.key.len() {
            let mut bad = good.clone();
            bad.key[at] ^= 1;
            assert!(verify(&bad, &message).is_err(), "key {at}");
        }
        for at in 0..good.signature.len() {
            let mut bad = good.clone();
            bad.signature[at] ^= 1;
            assert!(verify(&bad, &message).is_err(), "signature {at}");
            bad.signature.truncate(at);
            assert!(verify(&bad, &message).is_err(), "cut at {at}");
        }
        let other = SessionKey::generate().unwrap().prove(&message).unwrap();
        assert!(verify(&Possession { key: other.key, ..good }, &message).is_err());
        assert_eq!(format!("{key:?}"), "SessionKey([hidden])");
    }
}
