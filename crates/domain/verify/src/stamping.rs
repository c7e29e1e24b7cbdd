//! What the trust snapshot says about those who stamp: alike for every format.

use chancery_x509::crl::{CrlError, VerifiedCrl};
use chancery_x509::tsp::verify::{Stampers, TimestampError, Trust};

use crate::trusted_root::Authority;
use crate::verify::Context;

/// Why an authority did not stamp something.
#[derive(Debug)]
pub(crate) enum Unstamped {
    /// The timestamp does not hold, or is another's.
    By(TimestampError),
    /// A revocation list of the authority cannot be used, so nobody knows whether it is revoked.
    List(CrlError),
}

/// What a timestamp by this authority is verified with.
pub(crate) fn stamping_trust<'a>(authority: &'a Authority, lists: &'a [VerifiedCrl]) -> Trust<'a> {
    let known = authority.below_root();
    // The first certificate of the chain is the authority's own: nobody else under the same root may stamp (T4). Where
    // nothing stands below the root, nobody may: a root that stamps is no authority for it.
    let stampers = Stampers::Only(known.get(..1).unwrap_or_default());
    Trust { roots: authority.root(), known, stampers, lists }
}

/// The snapshot's lists by the issuers in this authority's chain, each with signature and time checked. One that does
/// not hold is an error: a stale or altered list must not read as "nothing is revoked".
pub(crate) fn lists_of(authority: &Authority, context: &Context<'_>) -> Result<Vec<VerifiedCrl>, CrlError> {
    let chain = || authority.below_root().iter().chain(authority.root());
    let lists = context.trust.revocation_lists.iter();
    let with_issuer = lists.filter_map(|list| {
        let issuer = chain().find(|certificate| certificate.subject() == list.issuer())?;
        Some((list, issuer))
    });
    with_issuer.map(|(list, issuer)| list.clone().verify(issuer, context.at)).collect()
}
