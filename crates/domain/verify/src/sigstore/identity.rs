//! Steps 5, 6 and 8: the leaf's chain and SCT, its purpose, and who it names.

use chancery_core::claims::Claims;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Reason};
use chancery_format::oci::to_be_signed::SIGN_PREDICATE;
use chancery_format::sigstore::provenance;
use chancery_x509::certificate::Certificate;
use chancery_x509::chain::{self, ChainError, Purpose, VerifiedChain};
use chancery_x509::extension::AltName;
use chancery_x509::{fulcio, sct};

use super::About;
use crate::checks::{Failure, Recorder, failed_chain};
use crate::pattern::Pattern;
use crate::snapshot::Stage;
use crate::trusted_root::Authority;
use crate::verify::Context;

/// Checks the chain at every trusted time and records chain and purpose.
pub(crate) fn check_chain(
    leaf: &Certificate,
    times: &[Time],
    context: &Context<'_>,
    recorder: &mut Recorder,
) -> Option<VerifiedChain> {
    if times.is_empty() {
        recorder.skip(CheckName::Chain, "no trusted time");
        recorder.skip(CheckName::Purpose, "no trusted time");
        return None;
    }
    let mut found = None;
    for at in times {
        match chain_at(leaf, *at, context) {
            Ok(chain) => found = Some(chain),
            Err((name, failure)) => {
                recorder.fail(name, failure);
                return None;
            }
        }
    }
    let chain = found?;
    recorder.pass(CheckName::Purpose);
    recorder.record(CheckName::Chain, check_sct(&chain, context))?;
    Some(chain)
}

fn chain_at(
    leaf: &Certificate,
    at: Time,
    context: &Context<'_>,
) -> Result<VerifiedChain, (CheckName, Failure)> {
    let unknown = Failure::new(Reason::ChainUntrusted, leaf.issuer(), &"a trusted authority");
    let mut failure = (CheckName::Chain, unknown);
    for authority in &context.trust.roots.authorities {
        match chain_by(authority, leaf, at) {
            Ok(chain) if chain.is_dev() && context.trust.stage != Stage::Development => {
                let failure = Failure::new(Reason::ChainUntrusted, &"a development authority", &"a real one");
                return Err((CheckName::Chain, failure));
            }
            // INVARIANT: the window is that of the authority whose chain held.
            Ok(chain) if authority.window().contains(at) => return Ok(chain),
            Ok(_) => failure = (CheckName::Chain, Failure::new(Reason::Expired, &at, &authority.window())),
            Err(ChainError::Untrusted(_)) => {}
            Err(error) => failure = failed_chain(&error),
        }
    }
    Err(failure)
}

/// An authority's own intermediates and root: never those of another, and none from the bundle.
fn chain_by(authority: &Authority, leaf: &Certificate, at: Time) -> Result<VerifiedChain, ChainError> {
    chain::verify(leaf, authority.below_root(), authority.root(), Purpose::CodeSigning, at)
}

/// The leaf was shown to a CT log, in that log's window.
fn check_sct(chain: &VerifiedChain, context: &Context<'_>) -> Result<(), Failure> {
    let refuse = |actual: &dyn std::fmt::Display| {
        Failure::new(Reason::ChainUntrusted, actual, &"a signed certificate timestamp of a trusted log")
    };
    let logs = &context.trust.roots.ct_logs;
    let keys: Vec<_> = logs.iter().map(|log| log.key().clone()).collect();
    let found = sct::verify(chain, &keys).map_err(|error| refuse(&error))?;
    let in_window =
        logs.iter().any(|log| log.log_id() == found.log_id() && log.window().contains(found.timestamp()));
    if in_window { Ok(()) } else { Err(refuse(&format!("a timestamp of {}", found.timestamp()))) }
}

/// Compares the signer with the verification policy. Every condition of the policy is looked at (T7), but for `subject`:
/// an identity leaf has no subject name, its signer is named by issuer and identity.
pub(super) fn check(
    leaf: &Certificate,
    about: (FormatName, Option<&About>),
    context: &Context<'_>,
) -> Result<(), Failure> {
    // The one subject alternative name is the identity; a second one would be another reading.
    match leaf.known().alt_names.as_slice() {
        [AltName::Uri(found)] => check_named(found, leaf, about, context),
        [] | [_, ..] => Err(unnamed(context)),
    }
}

/// A certificate that does not say in one way who holds it.
pub(crate) fn unnamed(context: &Context<'_>) -> Failure {
    let expected = context.policy.identity.as_ref().map_or("an identity", Pattern::as_str);
    Failure::new(Reason::IdentityMismatch, &"not exactly one name in the certificate", &expected)
}

/// As [`check`], of a certificate whose one name was read.
pub(crate) fn check_named(
    found: &str,
    leaf: &Certificate,
    (format, about): (FormatName, Option<&About>),
    context: &Context<'_>,
) -> Result<(), Failure> {
    let policy = context.policy;
    let mismatch = |actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Failure::new(Reason::IdentityMismatch, actual, expected)
    };
    let (Some(issuer), Some(identity)) = (&policy.issuer, &policy.identity) else {
        return Err(Failure::new(Reason::NoExpectation, &"no expected signer", &"issuer and identity"));
    };
    if !identity.matches(found) {
        return Err(mismatch(&found, &identity.as_str()));
    }
    let claims = fulcio::claims(leaf).map_err(|error| mismatch(&error, issuer))?;
    if claims.issuer != *issuer {
        return Err(mismatch(&claims.issuer, issuer));
    }
    check_claims(&claims, context)?;
    let key = chancery_core::digest::Sha256::of(leaf.spki());
    if let Some(expected) = policy.key.filter(|expected| *expected != key) {
        return Err(mismatch(&key, &expected));
    }
    check_predicate(format, about, context)
}

/// Only normalised claims are compared: the deprecated raw ones have no type and no owner.
fn check_claims(claims: &Claims, context: &Context<'_>) -> Result<(), Failure> {
    let certified = claims.normalised();
    for (name, pattern) in &context.policy.claims {
        let found = certified.iter().find(|(known, _)| *known == name.as_str()).map(|(_, value)| *value);
        if !found.is_some_and(|value| pattern.matches(value)) {
            let actual = format!("{name} {}", found.unwrap_or("absent"));
            let expected = format!("{name} {}", pattern.as_str());
            return Err(Failure::new(Reason::IdentityMismatch, &actual, &expected));
        }
    }
    Ok(())
}

/// What is said about the artifact matters as much as who says it: a failed scan is an attestation too. For images, where
/// other clients take any attestation for a signature, only a statement that says "signed" counts, or provenance.
pub(crate) fn check_predicate(
    format: FormatName,
    about: Option<&About>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let usual: &[&str] = match format {
        FormatName::Oci => &[SIGN_PREDICATE, provenance::PREDICATE_TYPE],
        FormatName::Fulcio | FormatName::Notary | FormatName::Pe | FormatName::Sigstore => {
            &[provenance::PREDICATE_TYPE]
        }
    };
    let wanted = context.policy.predicate.as_deref();
    let expected = wanted.as_ref().map_or(usual, std::slice::from_ref);
    let (fits, actual) = match about {
        Some(About::Artifact) => {
            (wanted.is_none() && format != FormatName::Oci, "a signature over the artifact itself")
        }
        Some(About::Predicate(found)) => (expected.contains(&found.as_str()), found.as_str()),
        None => (false, "no readable statement"),
    };
    if fits {
        return Ok(());
    }
    Err(Failure::new(Reason::IdentityMismatch, &actual, &expected.join(" or ")))
}
