//! A restored ledger goes on: the event of the act that the keyguard took up is the first that is logged.

use chancery_core::port::sequencer::{Append, Change, Record, RecordKind};
use chancery_ledger::act::Reanchor;
use chancery_ledger::event::Body;
use chancery_policy::act::document::{Act, Deed, SignedAct};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::{encode, internal};

/// Logs the act, if the ledger is the one that it is about.
pub async fn log(gateway: &Gateway, act: &str) -> Result<(), Failure> {
    let signed = SignedAct::parse(act).map_err(internal)?;
    let Deed::Reanchor { size, root, .. } = Act::parse(signed.document()).map_err(internal)?.deed else {
        return Err(internal("the keyguard awaits an act that is no re-anchor"));
    };
    let found = gateway.parts.ledger.size();
    if found != size {
        let what = format!("the act lets the ledger go on at size {size}; the restored one has {found}");
        return Err(Failure::Internal(what));
    }
    let signatures = signed.sha256().map_err(internal)?;
    let event = Reanchor { act: signed.id(), signatures, size, root };
    let leaf = encode(gateway.parts.clock.now(), Body::Reanchor(event))?;
    let (topic, body) = (signed.id().to_string(), act.to_owned());
    let record = Record { sha256: signatures, kind: RecordKind::Act, topic, body };
    let append = Append { leaves: vec![leaf], changes: vec![Change::Keep(record)] };
    gateway.parts.sequencer.append(append).await?;
    tracing::warn!(act = %signed.id(), size, "a restored ledger goes on");
    Ok(())
}
