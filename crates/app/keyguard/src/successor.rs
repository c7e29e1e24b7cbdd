//! The next instance of a kind: made ahead of time, believed by nobody before people list it in an act `trust`.
//!
//! ATTACK: whoever can have successors made as often as they like fills the keyguard's memory and the key backend. So at
//! most one of a kind waits; asked again, it is shown again.

use chancery_core::environment::Environment;
use chancery_core::instance::{InstanceKind, MAX_INSTANCES};
use chancery_core::message::{Authorities, Der, Successor};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_x509::profile::authority::Standing;

use crate::authority::{self, Maker, ensure, failed};
use crate::keyguard::{CallError, Keyguard};
use crate::names::ServiceKey;

/// Makes the successor of a kind, unless one waits already, and shows all authorities.
pub fn make(keyguard: &Keyguard, kind: InstanceKind) -> Result<Authorities, CallError> {
    let _alone = keyguard.tuf.alone();
    let established = keyguard.established().ok_or_else(|| failed("not initialised"))?;
    let refuse = |what: &str| CallError::from(Refusal::new(RefusalCode::KeyUnusable, what));
    let role = ServiceKey::of_kind(kind).ok_or_else(|| {
        refuse("the ledger's key has no successor: a new ledger begins another installation")
    })?;
    let lineage = &established.lineage;
    let mut shown = established.shown.clone();
    if lineage.waiting().iter().any(|(waiting, _)| *waiting == kind) {
        return Ok(shown);
    }
    if shown.successors.len() >= MAX_INSTANCES {
        return Err(refuse("too many successors were made"));
    }
    let made = shown.successors.iter().filter(|successor| successor.kind == kind).count();
    let generation = made.saturating_add(2);
    let environment = if shown.dev { Environment::Development } else { Environment::Production };
    let spec = role.spec_of(generation, environment).map_err(failed)?;
    ensure(keyguard, &spec)?;
    let maker =
        Maker::new(keyguard, &shown.organisation, if shown.dev { Standing::Dev } else { Standing::Regular });
    let der = match kind {
        InstanceKind::Ca => maker.issuing(&established.root, generation)?.as_der().to_vec(),
        InstanceKind::Tsa => maker.tsa(&established.tsa_root, generation)?.as_der().to_vec(),
        InstanceKind::Ct | InstanceKind::Ledger => {
            keyguard.parts.custodians.describe(&spec.id)?.public_key.spki
        }
    };
    let created = keyguard.parts.clock.now();
    shown.successors.push(Successor { kind, key: spec.id, der: Der(der), created });
    authority::keep(keyguard, &shown)?;
    Ok(shown)
}
