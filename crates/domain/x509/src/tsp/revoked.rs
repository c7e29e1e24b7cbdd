//! Whether a timestamp survives the revocation of its authority (RFC 3161 §4, items 1 and 2).
//!
//! Where the key is or may be in other hands, every timestamp by it is worthless, also one that names an earlier time:
//! whoever holds the key writes the time. For any other reason those count that were made before.

use chancery_core::time::Time;

use super::verify::TimestampError;
use crate::chain::VerifiedChain;
use crate::crl::{Revocation, RevocationReason, VerifiedCrl};

/// Looks every certificate below the root up in the lists of its issuer.
pub(super) fn check(
    chain: &VerifiedChain,
    lists: &[VerifiedCrl],
    gen_time: Time,
) -> Result<(), TimestampError> {
    let certificates = std::iter::once(chain.leaf()).chain(chain.issuers());
    for (certificate, issuer) in certificates.zip(chain.issuers()) {
        let found = lists.iter().filter_map(|list| list.revocation_of(certificate, issuer));
        if let Some(hit) = found.into_iter().find(|revocation| hits(revocation, gen_time)) {
            return Err(TimestampError::Revoked { since: hit.since, reason: hit.reason });
        }
    }
    Ok(())
}

fn hits(revocation: &Revocation, gen_time: Time) -> bool {
    match revocation.reason {
        RevocationReason::AuthorityCompromise | RevocationReason::KeyCompromise => true,
        RevocationReason::AffiliationChanged
        | RevocationReason::CessationOfOperation
        | RevocationReason::PrivilegeWithdrawn
        | RevocationReason::Superseded
        | RevocationReason::Unspecified => revocation.since <= gen_time,
    }
}
