//! What formats with long-lived certificates share: timestamps, the chain to one of our own roots, revocation, and the
//! signer's name or key.

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason};
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, ChainError, Purpose, VerifiedChain};
use chancery_x509::tsp::verify::{self as tsp, VerifiedTimestamp};

use crate::checks::{Failure, Recorder};
use crate::revocation::{CertificateId, InUse};
use crate::snapshot::{SKEW_SECONDS, Stage};
use crate::stamping::{Unstamped, lists_of, stamping_trust};
use crate::trusted_root::Authority;
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

/// One timestamp over a signature value, by an authority of the snapshot in its window.
pub(crate) fn timestamp(
    token: &[u8],
    signature: &[u8],
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Failure> {
    let refuse = |actual: &dyn std::fmt::Display| {
        Failure::new(
            Reason::TimestampInvalid,
            actual,
            &"a timestamp over this signature, of a trusted authority",
        )
    };
    let mut expected = tsp::Expected::of(tsp::Stamped::Message(signature));
    expected.latest = Some(context.at.plus_seconds(SKEW_SECONDS));
    let mut failure = refuse(&"an unknown authority");
    for authority in &context.trust.roots.timestamp_authorities {
        match stamped_by(authority, token, &expected, context) {
            // INVARIANT: the window is that of the authority that stamped; another's is never borrowed (T3).
            Ok(stamp) if authority.window().contains(stamp.gen_time()) => return Ok(stamp),
            Ok(stamp) => failure = refuse(&format!("{} outside the authority's window", stamp.gen_time())),
            Err(Unstamped::By(tsp::TimestampError::NotPinned)) => {}
            Err(Unstamped::By(error @ tsp::TimestampError::Revoked { .. })) => {
                return Err(Failure::new(Reason::Revoked, &error, &"an authority that is not revoked"));
            }
            Err(Unstamped::By(error)) => failure = refuse(&error),
            Err(Unstamped::List(error)) => failure = refuse(&error),
        }
    }
    Err(failure)
}

fn stamped_by(
    authority: &Authority,
    token: &[u8],
    expected: &tsp::Expected<'_>,
    context: &Context<'_>,
) -> Result<VerifiedTimestamp, Unstamped> {
    let lists = lists_of(authority, context).map_err(Unstamped::List)?;
    tsp::token(token, expected, &stamping_trust(authority, &lists)).map_err(Unstamped::By)
}

/// The chain from a leaf to one of the snapshot's own roots, at a moment. `bag` is what the signature brought along.
pub(crate) fn trusted_chain<'a>(
    leaf: &Certificate,
    bag: impl Iterator<Item = &'a Vec<u8>>,
    context: &Context<'_>,
    moment: Time,
) -> Result<VerifiedChain, ChainFailure> {
    let roots = &context.trust.native_roots;
    let bag = bag.filter_map(|der| Certificate::parse(der).ok());
    let pool: Vec<Certificate> = bag.filter(|one| one != leaf && !roots.contains(one)).collect();
    let chain = chain::verify(leaf, &pool, roots, Purpose::CodeSigning, moment).map_err(ChainFailure::of)?;
    if chain.is_dev() && context.trust.stage != Stage::Development {
        let failure = Failure::new(Reason::ChainUntrusted, &"a development authority", &"a real one");
        return Err(ChainFailure::Chain(failure));
    }
    Ok(chain)
}

/// Which check a chain failed.
pub(crate) enum ChainFailure {
    /// It leads to no trusted root, or was not valid.
    Chain(Failure),
    /// It is for something else.
    Purpose(Failure),
}

impl ChainFailure {
    fn of(error: ChainError) -> Self {
        match &error {
            ChainError::Purpose(_) | ChainError::LeafIsAuthority => {
                Self::Purpose(Failure::new(Reason::PurposeWrong, &error, &"a certificate for code signing"))
            }
            ChainError::NotValid { .. } => {
                Self::Chain(Failure::new(Reason::Expired, &error, &"certificates valid at the trusted time"))
            }
            ChainError::Algorithm { .. }
            | ChainError::Length(_)
            | ChainError::NotAuthority(_)
            | ChainError::Serial(_)
            | ChainError::UnknownCritical { .. }
            | ChainError::Untrusted(_)
            | ChainError::TooMany
            | ChainError::WrongSignature(_) => {
                Self::Chain(Failure::new(Reason::ChainUntrusted, &error, &"a chain to a trusted root"))
            }
        }
    }
}

/// Records both checks that a chain answers.
pub(crate) fn record_chain(
    chain: Result<VerifiedChain, ChainFailure>,
    recorder: &mut Recorder,
) -> Option<VerifiedChain> {
    match chain {
        Ok(chain) => {
            recorder.pass(CheckName::Chain);
            recorder.pass(CheckName::Purpose);
            Some(chain)
        }
        Err(ChainFailure::Chain(failure)) => recorder.record(CheckName::Chain, Err(failure)),
        Err(ChainFailure::Purpose(failure)) => recorder.record(CheckName::Purpose, Err(failure)),
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
