//! Rotation, first half: the next instance of a kind is made and recorded, and waits until people list it in an act `trust`.

use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::instance::InstanceKind;
use chancery_core::message::{Call, Reply, Successor};
use chancery_ledger::event::{CertificatePurpose, KeyAction};
use chancery_x509::certificate::Certificate;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::unexpected;
use crate::intent::internal;
use crate::keys;
use crate::trust::{self, Trust};

/// Has the successor of a kind made and recorded; answers with its name in lists. Asked again, it says the same.
pub async fn make(gateway: &Gateway, kind: InstanceKind) -> Result<Sha256, Failure> {
    let _alone = gateway.applying.lock().await;
    let known: Vec<Successor> = gateway.trust()?.authorities.successors.clone();
    let reply = gateway.parts.keyguard.call(call(gateway, kind)?).await?;
    let Reply::Authorities(authorities) = reply else { return Err(unexpected("successor", &reply)) };
    let fresh: Vec<&Successor> =
        authorities.successors.iter().filter(|successor| !known.contains(successor)).collect();
    for successor in fresh {
        record(gateway, successor).await?;
    }
    trust::refresh(gateway).await?;
    waiting(gateway.trust()?.as_ref(), kind)
}

/// The ledger's keys are the gateway's own: it makes the next one, and the keyguard keeps what it is.
fn call(gateway: &Gateway, kind: InstanceKind) -> Result<Call, Failure> {
    match kind {
        InstanceKind::Ca | InstanceKind::Ct | InstanceKind::Tsa => Ok(Call::Successor(kind)),
        InstanceKind::Ledger => {
            let made = gateway.trust()?.lineage.ledgers().len();
            let waits = waiting(gateway.trust()?.as_ref(), kind).is_ok();
            let generation = if waits { made } else { made.saturating_add(1) };
            let vkey = gateway.parts.ledger_keys.make(generation).map_err(internal)?;
            Ok(Call::LedgerSuccessor { vkey })
        }
    }
}

fn waiting(trust: &Trust, kind: InstanceKind) -> Result<Sha256, Failure> {
    let found = trust.lineage.waiting().into_iter().find(|(waiting, _)| *waiting == kind);
    found.map(|(_, id)| id).ok_or_else(|| internal("no successor waits"))
}

/// Key and certificate are in the ledger before anybody is told; a key of the ledger itself is by the act that lists it.
async fn record(gateway: &Gateway, successor: &Successor) -> Result<(), Failure> {
    if successor.kind == InstanceKind::Ledger {
        return Ok(());
    }
    let all = keys::refresh(gateway).await?;
    let key = all.into_iter().find(|key| key.id == successor.key);
    let key = key.ok_or_else(|| internal("a successor without a key"))?;
    keys::log(gateway, &[(key, KeyAction::Created)]).await?;
    let (purpose, above) = match successor.kind {
        InstanceKind::Ca => (CertificatePurpose::Ca, "chancery-root"),
        InstanceKind::Tsa => (CertificatePurpose::Tsa, "chancery-tsa-root"),
        InstanceKind::Ct | InstanceKind::Ledger => return Ok(()),
    };
    let certificate = Certificate::parse(&successor.der.0).map_err(internal)?;
    let above = KeyId::parse(above).map_err(internal)?;
    keys::log_certificates(gateway, &[(purpose, above, certificate)]).await
}
