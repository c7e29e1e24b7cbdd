//! Timestamps over a signature value: alike for every format, and what the trust snapshot says about those who stamp.

use chancery_core::verdict::Reason;
use chancery_x509::crl::{CrlError, VerifiedCrl};
use chancery_x509::tsp::verify::{
    self, Expected, Stamped, Stampers, TimestampError, Trust, VerifiedTimestamp,
};

use crate::checks::Failure;
use crate::snapshot::{SKEW_SECONDS, Stage};
use crate::trusted_root::Authority;
use crate::verify::Context;

/// A timestamp as signatures carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Carried<'a> {
    /// A whole response (bundles).
    Response(&'a [u8]),
    /// The token alone (CMS, Notary envelopes).
    Token(&'a [u8]),
}

/// Verifies one timestamp over a signature value, by an authority of the snapshot in its window.
pub(crate) fn verified(
    carried: Carried<'_>,
    signature: &[u8],
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Failure> {
    let refuse = |actual: &dyn std::fmt::Display| {
        Failure::new(
            Reason::TimestampInvalid,
            actual,
            &"a timestamp over this signature, of a trusted authority in its window",
        )
    };
    let mut expected = Expected::of(Stamped::Message(signature));
    expected.latest = Some(context.at.plus_seconds(SKEW_SECONDS));
    let mut failure = refuse(&"an unknown authority");
    for authority in &context.trust.roots.timestamp_authorities {
        // A stale or altered list must not read as "nothing is revoked".
        let lists = match lists_of(authority, context) {
            Ok(lists) => lists,
            Err(error) => {
                failure = refuse(&error);
                continue;
            }
        };
        let trust = stamping_trust(authority, &lists);
        let outcome = match carried {
            Carried::Response(response) => verify::response(response, &expected, &trust),
            Carried::Token(token) => verify::token(token, &expected, &trust),
        };
        match outcome {
            Ok(stamp) if stamp.chain().is_dev() && context.trust.stage != Stage::Development => {
                let found = &"a development authority";
                return Err(Failure::new(Reason::TimestampInvalid, found, &"a real one"));
            }
            // INVARIANT: the window is that of the authority that stamped; another's is never borrowed (T3).
            Ok(stamp) if authority.window().contains(stamp.gen_time()) => return Ok(stamp),
            Ok(stamp) => failure = refuse(&format!("{} outside {}", stamp.gen_time(), authority.window())),
            Err(TimestampError::NotPinned) => {}
            Err(error @ TimestampError::Revoked { .. }) => {
                return Err(Failure::new(Reason::Revoked, &error, &"an authority that is not revoked"));
            }
            Err(error) => failure = refuse(&error),
        }
    }
    Err(failure)
}

/// What a timestamp by this authority is verified with.
fn stamping_trust<'a>(authority: &'a Authority, lists: &'a [VerifiedCrl]) -> Trust<'a> {
    let known = authority.below_root();
    // The first certificate of the chain is the authority's own: nobody else under the same root may stamp (T4). Where
    // nothing stands below the root, nobody may: a root that stamps is no authority for it.
    let stampers = Stampers::Only(known.get(..1).unwrap_or_default());
    Trust { roots: authority.root(), known, stampers, lists }
}

/// The snapshot's lists by the issuers in this authority's chain, each with signature and time checked. One that does
/// not hold is an error: a stale or altered list must not read as "nothing is revoked".
fn lists_of(authority: &Authority, context: &Context<'_>) -> Result<Vec<VerifiedCrl>, CrlError> {
    let chain = || authority.below_root().iter().chain(authority.root());
    let lists = context.trust.revocation_lists.iter();
    let with_issuer = lists.filter_map(|list| {
        let issuer = chain().find(|certificate| certificate.subject() == list.issuer())?;
        Some((list, issuer))
    });
    with_issuer.map(|(list, issuer)| list.clone().verify(issuer, context.at)).collect()
}
