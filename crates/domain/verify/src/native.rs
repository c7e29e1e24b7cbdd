//! What formats with long-lived certificates share: the chain to one of our own roots, revocation, and the
//! signer's name or key.

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, Purpose, VerifiedChain};
use chancery_x509::tsp::verify::VerifiedTimestamp;

use crate::checks::{Failure, Recorder, failed_chain};
use crate::revocation::{CertificateId, InUse};
use crate::snapshot::Stage;
use crate::verify::Context;

/// Compares the signer with the verification policy. Every condition of the policy is looked at (T7).
pub(crate) fn identity(leaf: &Certificate, context: &Context<'_>) -> Result<(), Failure> {
    let policy = context.policy;
    let mismatch = |actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Failure::new(Reason::IdentityMismatch, actual, expected)
    };
    let subject = leaf.subject().to_string();
    if let Some(pattern) = policy.subject.as_ref().filter(|pattern| !pattern.matches(&subject)) {
        return Err(mismatch(&subject, &pattern.as_str()));
    }
    let key = Sha256::of(leaf.spki());
    if let Some(expected) = policy.key.filter(|expected| *expected != key) {
        return Err(mismatch(&key, &expected));
    }
    Ok(())
}

/// The chain from a leaf to one of the snapshot's own roots, at a moment. `bag` is what the signature brought along.
pub(crate) fn trusted_chain<'a>(
    leaf: &Certificate,
    bag: impl Iterator<Item = &'a Vec<u8>>,
    context: &Context<'_>,
    moment: Time,
) -> Result<VerifiedChain, (CheckName, Failure)> {
    let roots = &context.trust.native_roots;
    let bag = bag.filter_map(|der| Certificate::parse(der).ok());
    let pool: Vec<Certificate> = bag.filter(|one| one != leaf && !roots.contains(one)).collect();
    let chain = chain::verify(leaf, &pool, roots, Purpose::CodeSigning, moment)
        .map_err(|error| failed_chain(&error))?;
    if chain.is_dev() && context.trust.stage != Stage::Development {
        let failure = Failure::new(Reason::ChainUntrusted, &"a development authority", &"a real one");
        return Err((CheckName::Chain, failure));
    }
    Ok(chain)
}

/// Records both checks that a chain answers.
pub(crate) fn record_chain(
    chain: Result<VerifiedChain, (CheckName, Failure)>,
    recorder: &mut Recorder,
) -> Option<VerifiedChain> {
    match chain {
        Ok(chain) => {
            recorder.pass(CheckName::Chain);
            recorder.pass(CheckName::Purpose);
            Some(chain)
        }
        Err((check, failure)) => recorder.record(check, Err(failure)),
    }
}

/// Every certificate that the verdict rests on: those of the timestamps can be revoked too (T11).
pub(crate) fn in_use(chain: &VerifiedChain, stamps: &[VerifiedTimestamp]) -> Vec<CertificateId> {
    let chains = std::iter::once(chain).chain(stamps.iter().map(VerifiedTimestamp::chain));
    let all = chains.flat_map(|chain| std::iter::once(chain.leaf()).chain(chain.issuers()));
    all.map(CertificateId::of).collect()
}

/// Nothing in use is revoked at any of the moments.
pub(crate) fn revocation(used: &InUse<'_>, moments: &[Time], context: &Context<'_>) -> Result<(), Failure> {
    match context.trust.revocations.iter().find(|revocation| revocation.hits(used, moments)) {
        Some(hit) => Err(Failure::new(Reason::Revoked, &hit.why, &"not revoked")),
        None => Ok(()),
    }
}
