//! The next instance of a kind: made ahead of time, believed by nobody before people list it in an act `trust`.
//!
//! ATTACK: whoever can have successors made as often as they like fills the keyguard's memory and the key backend. So at
//! most one of a kind waits; asked again, it is shown again.

use chancery_core::environment::Environment;
use chancery_core::id::KeyId;
use chancery_core::instance::{InstanceKind, MAX_INSTANCES};
use chancery_core::message::{Authorities, Der, Successor};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_x509::profile::authority::Standing;

use crate::authority::{self, Maker, ensure, failed};
use crate::keyguard::{CallError, Keyguard};
use crate::names::{PREFIX, ServiceKey};

/// Makes the successor of a kind, unless one waits already, and shows all authorities.
pub fn make(keyguard: &Keyguard, kind: InstanceKind) -> Result<Authorities, CallError> {
    let role = ServiceKey::of_kind(kind).ok_or_else(|| refuse("the gateway makes the keys of the ledger"))?;
    succeed(keyguard, kind, |shown, generation| {
        let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
        let environment = if shown.dev { Environment::Development } else { Environment::Production };
        let spec = role.spec_of(generation, environment).map_err(failed)?;
        ensure(keyguard, &spec)?;
        let standing = if shown.dev { Standing::Dev } else { Standing::Regular };
        let maker = Maker::new(keyguard, &shown.organisation, standing);
        let der = match kind {
            InstanceKind::Ca => maker.issuing(&established.root, generation)?.as_der().to_vec(),
            InstanceKind::Tsa => maker.tsa(&established.tsa_root, generation)?.as_der().to_vec(),
            InstanceKind::Ct | InstanceKind::Ledger => {
                keyguard.parts.custodians.describe(&spec.id)?.public_key.spki
            }
        };
        Ok((spec.id, der))
    })
}

/// Takes note of the ledger's next key, which the gateway made, unless one waits already, and shows all authorities.
pub fn take_ledger(keyguard: &Keyguard, vkey: &str) -> Result<Authorities, CallError> {
    let key = VerifierKey::parse(vkey).map_err(|error| refuse(&error.to_string()))?;
    let (_, origin) = keyguard.followed.pinned().ok_or_else(|| failed("no ledger is pinned"))?;
    if key.kind() != KeyKind::Ledger || key.name().as_str() != origin {
        return Err(refuse("the key is not named as the ledger that is followed"));
    }
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    // ATTACK: an old key that was taken out of use must not come back under a new number.
    if established.lineage.ledgers().iter().any(|known| known.id == key.log_id()) {
        return Ok(established.shown.clone());
    }
    succeed(keyguard, InstanceKind::Ledger, |_, generation| {
        let name = KeyId::parse(&format!("{PREFIX}ledger-{generation}")).map_err(failed)?;
        Ok((name, key.spki()))
    })
}

fn refuse(what: &str) -> CallError {
    CallError::from(Refusal::new(RefusalCode::KeyUnusable, what))
}

/// Keeps what `make` makes for the next generation of a kind.
fn succeed(
    keyguard: &Keyguard,
    kind: InstanceKind,
    make: impl FnOnce(&Authorities, usize) -> Result<(KeyId, Vec<u8>), CallError>,
) -> Result<Authorities, CallError> {
    let _alone = keyguard.tuf.alone();
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let mut shown = established.shown.clone();
    if established.lineage.waiting().iter().any(|(waiting, _)| *waiting == kind) {
        return Ok(shown);
    }
    if shown.successors.len() >= MAX_INSTANCES {
        return Err(refuse("too many successors were made"));
    }
    let made = shown.successors.iter().filter(|successor| successor.kind == kind).count();
    let (key, der) = make(&shown, made.saturating_add(2))?;
    let created = keyguard.parts.clock.now();
    shown.successors.push(Successor { kind, key, der: Der(der), created });
    authority::keep(keyguard, &shown)?;
    Ok(shown)
}
