//! Certificates over keys that Sigstore clients made: which keys, and what is signed for them.
//!
//! The order is one like any other: token, policy, intent and limits are checked in [`crate::checks`]. What differs is the
//! leaf's key, which is in the statement with the proof of its possession, and that nothing but SCT and leaf is signed.

use chancery_core::algorithm::PublicKey;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_core::warrant::{Rebuilt, Signable};
use chancery_format::fulcio::statement as fulcio;

use crate::checks::invalid;
use crate::opened::Opened;

/// The key that a statement wants certified; `None` where the leaf is over the profile's own key.
///
/// ATTACK: a leaf of the facade over a key in custody would be an identity for signatures that no request stands behind,
/// with a ledger that takes entries for it. So no key of this keyguard is certified here, disabled ones included.
pub(crate) fn wished(opened: &Opened<'_>, statement: &Statement) -> Result<Option<PublicKey>, Refusal> {
    if !statement.format.is_certificate() {
        return Ok(None);
    }
    if opened.request.statements().len() != 1 {
        return Err(invalid("a certificate is ordered together with something else"));
    }
    let wished = fulcio::parse(statement)
        .map_err(|error| Refusal::new(RefusalCode::StatementInvalid, error.to_string()))?;
    let key = wished.key();
    let held = opened.keyguard.parts.custodians.list();
    if held.iter().any(|own| own.public_key.spki == key.spki) {
        let refusal = Refusal::new(RefusalCode::KeyUnusable, "the key is in custody of this service");
        return Err(refusal.because("a key of this service", "a key that the client made"));
    }
    let profile = opened.profile()?;
    let allowed = profile.facade().is_some_and(|facade| facade.algorithms().contains(&key.algorithm));
    if allowed {
        return Ok(Some(key.clone()));
    }
    let what = format!("profile `{}` certifies no keys of this algorithm", profile.name());
    Err(Refusal::new(RefusalCode::KeyUnusable, what).because(key.algorithm.name(), "one that it names"))
}

/// What such an order comes to: the SCT, and the leaf once that is there. The bytes of the statement are never signed.
///
/// INVARIANT: no statement reaches the authority's key but through the leaf that was rebuilt from its plan.
pub(crate) fn rebuilt(sct: Option<Signable>, leaf: Option<KeyId>) -> Result<Rebuilt, Refusal> {
    let artifact = sct.filter(|sct| sct.family == Family::Sct);
    let artifact = artifact.ok_or_else(|| invalid("a certificate is ordered without its plan"))?;
    Ok(Rebuilt { artifact, sct: None, leaf })
}
