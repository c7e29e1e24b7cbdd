//! `trust.json`: the keyguard reads the snapshot before it signs it, and vouches only for what is its own.
//!
//! ATTACK: whoever can have any trust document signed can add a root, drop the cosigner, or weaken a verification
//! policy, and every verifier follows. So each member is compared with what this process knows by itself.

use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_core::warrant::Duty;
use chancery_ledger::note::NoteSignature;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json;

use crate::attested;
use crate::authority::failed;
use crate::duty::{fulfil, service_key};
use crate::established::Established;
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

/// Longest life of a signed snapshot, in seconds: 31 days.
const MAX_LIFE: i64 = 31 * 86_400;
/// How far the moment of the snapshot may be from the keyguard's own clock, in seconds.
const MAX_SKEW: i64 = 60;

/// Signs a snapshot: `— name base64\n`.
pub fn sign(keyguard: &Keyguard, document: &str) -> Result<String, CallError> {
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let duty = Duty::Trust { key: service_key(ServiceKey::Trust)?, document: document.to_owned() };
    let signature = fulfil(keyguard, &duty)?;
    let (name, key_id) = (established.trust.name().clone(), established.trust.id());
    Ok(NoteSignature { name, key_id, bytes: signature.0 }.line())
}

/// The note text of a snapshot that was read and agrees with what this keyguard knows.
pub fn to_be_signed(keyguard: &Keyguard, document: &str) -> Result<Vec<u8>, Refusal> {
    let snapshot = trust_json::parse(document, None).map_err(refuse)?;
    if trust_json::seal(&snapshot, Vec::new()).map_err(refuse)? != document {
        return Err(refuse("it carries signatures or another spelling"));
    }
    let established = keyguard.established().ok_or_else(|| refuse("not initialised"))?;
    check_times(&snapshot, keyguard.parts.clock.now())?;
    check_authorities(&snapshot, &established)?;
    check_cosigners(&snapshot, &established)?;
    check_policies(keyguard, &snapshot)?;
    trust_json::to_be_signed(&snapshot).map(String::into_bytes).map_err(refuse)
}

fn refuse(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::StatementInvalid, format!("trust snapshot is not this keyguard's: {why}"))
}

/// The first thing that differs, if any does.
fn first_difference(same: &[(&str, bool)]) -> Result<(), Refusal> {
    same.iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(refuse(what)))
}

fn check_times(snapshot: &TrustSnapshot, now: Time) -> Result<(), Refusal> {
    let skew = now.seconds_since(snapshot.taken_at).abs();
    let life = snapshot.expires.seconds_since(snapshot.taken_at);
    first_difference(&[
        ("it was not taken now", skew <= MAX_SKEW),
        ("it lives longer than 31 days", life <= MAX_LIFE),
    ])
}

fn check_authorities(snapshot: &TrustSnapshot, established: &Established) -> Result<(), Refusal> {
    let (environment, stage) = attested::standing(established);
    first_difference(&[
        ("environment or stage", snapshot.environment == environment && snapshot.stage == stage),
        ("what verifiers believe", snapshot.roots == *established.lineage.trusted_root()),
        ("native roots", snapshot.native_roots == [established.root.clone()]),
    ])
}

/// The ledger itself is among what verifiers believe: the pinned one, see [`crate::authority::establish`].
fn check_cosigners(snapshot: &TrustSnapshot, established: &Established) -> Result<(), Refusal> {
    let cosigners: Vec<_> = snapshot.cosigners.iter().map(|cosigner| &cosigner.key).collect();
    first_difference(&[("cosigners", cosigners == [&established.cosigner]), ("quorum", snapshot.quorum == 1)])
}

/// Verification policies come from the governance that the ledger names. Nothing is revoked yet, so a list of
/// revocations could only be invented.
fn check_policies(keyguard: &Keyguard, snapshot: &TrustSnapshot) -> Result<(), Refusal> {
    let governance = crate::policy::loaded(keyguard).ok_or_else(|| refuse("no policy is loaded"))?;
    first_difference(&[
        ("verification policies", snapshot.policies == *governance.gates.policies()),
        ("revocations", snapshot.revocations.is_empty()),
        ("revocation lists", snapshot.revocation_lists.is_empty()),
    ])
}
