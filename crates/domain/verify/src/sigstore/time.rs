//! When it was signed: every timestamp must hold (T3: not only the first), or every cosigner's time.

use chancery_core::time::Time;
use chancery_core::verdict::Reason;
use chancery_format::sigstore::bundle::TlogEntry;
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::Failure;
use crate::snapshot::SKEW_SECONDS;
use crate::stamping::{self, Carried};
use crate::verify::Context;

/// Verifies every response over the signature bytes.
pub(crate) fn all(
    responses: &[Vec<u8>],
    signature: &[u8],
    context: &Context<'_>,
) -> Result<Vec<VerifiedTimestamp>, Failure> {
    responses.iter().map(|one| stamping::verified(Carried::Response(one), signature, context)).collect()
}

/// The times that the trusted cosigners gave to the checkpoint above an entry. The cosigner follows the ledger by itself, so a
/// gateway that lies cannot date a signature back.
pub(super) fn cosigned(entry: Option<&TlogEntry>, context: &Context<'_>) -> Result<Vec<Time>, Failure> {
    let refuse = |actual: &dyn std::fmt::Display| {
        Failure::new(Reason::TimestampInvalid, actual, &"an entry whose checkpoint is cosigned")
    };
    let entry = entry.ok_or_else(|| refuse(&"no entry"))?;
    let included = context.trust.included(&entry.receipt, &entry.body).map_err(|error| refuse(&error))?;
    let times: Vec<Time> = included.checkpoint().cosigned().iter().map(|(_, at)| *at).collect();
    let latest = context.at.plus_seconds(SKEW_SECONDS);
    match times.iter().find(|at| **at > latest) {
        Some(later) => Err(refuse(later)),
        None if times.is_empty() => Err(refuse(&"no cosigner")),
        None => Ok(times),
    }
}
