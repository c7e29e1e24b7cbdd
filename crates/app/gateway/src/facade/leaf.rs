//! Certificates that were issued, found again by their hash.

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::sequencer::{Change, Record, RecordKind};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::internal;
use crate::released::Made;

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    pub(super) intent: u64,
    pub(super) request: RequestId,
    pub(super) statement: StatementId,
}

/// What is kept with the result of a certificate, so that entries under it are taken; nothing for other results.
pub(crate) fn kept(made: &Made, intent: u64) -> Result<Option<Change>, Failure> {
    if !made.statement.format.is_certificate() {
        return Ok(None);
    }
    let leaf = made.chain.first().ok_or_else(|| internal("a certificate that is not there"))?;
    let origin = Origin { intent, request: made.request, statement: made.statement_id };
    Ok(Some(Change::Keep(Record {
        sha256: Sha256::of(&leaf.0),
        kind: RecordKind::Leaf,
        topic: made.request.to_string(),
        body: serde_json::to_string(&origin).map_err(internal)?,
    })))
}

/// A certificate with its origin and all that it was issued with; `None` when it was not issued to a Sigstore client.
pub(super) async fn find(gateway: &Gateway, certificate: Sha256) -> Result<Option<(Origin, Made)>, Failure> {
    let record = gateway.parts.state.record(certificate).await?;
    let Some(record) = record.filter(|record| record.kind == RecordKind::Leaf) else { return Ok(None) };
    let origin: Origin = serde_json::from_str(&record.body).map_err(internal)?;
    let released = gateway.parts.state.released(origin.request, origin.statement).await?;
    let Some(released) = released else { return Ok(None) };
    let made: Made = serde_json::from_str(&released.result).map_err(internal)?;
    let is_it = made.chain.first().is_some_and(|leaf| Sha256::of(&leaf.0) == certificate);
    Ok(is_it.then_some((origin, made)))
}
