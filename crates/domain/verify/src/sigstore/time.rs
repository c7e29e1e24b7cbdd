//! When it was signed: every timestamp must hold (T3: not only the first), or every cosigner's time.

use chancery_core::time::Time;
use chancery_core::verdict::Reason;
use chancery_format::sigstore::bundle::TlogEntry;
use chancery_x509::tsp::verify::{self, Expected, Stamped, TimestampError, VerifiedTimestamp};

use crate::checks::Failure;
use crate::snapshot::{SKEW_SECONDS, Stage};
use crate::stamping::{Unstamped, lists_of, stamping_trust};
use crate::trusted_root::Authority;
use crate::verify::Context;

/// Verifies every token over the signature bytes.
pub(crate) fn all(
    tokens: &[Vec<u8>],
    signature: &[u8],
    context: &Context<'_>,
) -> Result<Vec<VerifiedTimestamp>, Failure> {
    tokens.iter().map(|token| one(token, signature, context)).collect()
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

fn one(response: &[u8], signature: &[u8], context: &Context<'_>) -> Result<VerifiedTimestamp, Failure> {
    let mut expected = Expected::of(Stamped::Message(signature));
    expected.latest = Some(context.at.plus_seconds(SKEW_SECONDS));
    let mut failure = Failure::new(Reason::TimestampInvalid, &"an unknown authority", &"a trusted authority");
    for authority in &context.trust.roots.timestamp_authorities {
        match by(authority, response, &expected, context) {
            Ok(stamp) if stamp.chain().is_dev() && context.trust.stage != Stage::Development => {
                let found = &"a development authority";
                return Err(Failure::new(Reason::TimestampInvalid, found, &"a real one"));
            }
            // INVARIANT: the window is that of the authority that signed; another's is never borrowed.
            Ok(stamp) if authority.window().contains(stamp.gen_time()) => return Ok(stamp),
            Ok(stamp) => {
                failure = Failure::new(Reason::TimestampInvalid, &stamp.gen_time(), &authority.window());
            }
            Err(Unstamped::By(TimestampError::NotPinned)) => {}
            Err(Unstamped::By(error @ TimestampError::Revoked { .. })) => {
                return Err(Failure::new(Reason::Revoked, &error, &"an authority that is not revoked"));
            }
            Err(Unstamped::List(error)) => {
                failure = Failure::new(Reason::TimestampInvalid, &error, &"a revocation list in force");
            }
            Err(Unstamped::By(error)) => {
                failure = Failure::new(Reason::TimestampInvalid, &error, &"a timestamp over the signature");
            }
        }
    }
    Err(failure)
}

fn by(
    authority: &Authority,
    response: &[u8],
    expected: &Expected<'_>,
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Unstamped> {
    let lists = lists_of(authority, context).map_err(Unstamped::List)?;
    verify::response(response, expected, &stamping_trust(authority, &lists)).map_err(Unstamped::By)
}
