//! An image judged: every referrer is opened, and the one verifier looks at each bundle.

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::port::registry::{Referring, RegistryError};
use chancery_core::verdict::{CheckResult, Outcome, Reason, Verdict};
use chancery_verify::verify;

use super::visit::{Node, Visitor, failure};
use crate::evidence::Judged;
use crate::exit::Exit;
use crate::failure::Failure;

/// How a bundle about a digest is judged.
pub(crate) type Bundles<'a> = dyn Fn(Sha256, &[u8]) -> Verdict + 'a;

/// Judges one manifest by what refers to it. It is accepted when one bundle is; otherwise the one that came closest says
/// why. A look-up that fails is never "unsigned".
pub(crate) fn judge(node: &Node, visitor: &Visitor, bundles: &Bundles<'_>) -> Result<Judged, Failure> {
    let subject = node.subject.as_ref().map_err(|error| unusable(node, error))?;
    let digest = subject.digest;
    let referrers = visitor.referrers(subject).map_err(|error| failure(&node.shown(), &error))?;
    let mut best: Option<Verdict> = None;
    for referrer in referrers {
        let bundle = match referrer.content {
            Referring::Bundle(json) => json,
            Referring::Other(_) => continue,
            // Judged as what it is: a signature that cannot be read.
            Referring::Unusable(_) => Vec::new(),
        };
        let verdict = bundles(digest, &bundle);
        if verdict.outcome() == Outcome::Verified {
            return Ok(Judged { digest, format: FormatName::Oci, verdict });
        }
        if best.as_ref().is_none_or(|best| passed(&verdict) > passed(best)) {
            best = Some(verdict);
        }
    }
    let verdict = best.unwrap_or_else(verify::unsigned);
    Ok(Judged { digest, format: FormatName::Oci, verdict })
}

/// A reference that cannot be resolved.
pub(crate) fn root(named: &str, error: &RegistryError) -> Failure {
    let mut failure = failure(named, error);
    if let RegistryError::Another { asked, found } = error {
        let reason = Reason::DigestMismatch;
        failure.what = format!("{named} was exchanged in the registry");
        failure.code = reason.code().to_owned();
        failure.exit = Exit::of_outcome(reason.outcome());
        failure = failure.because(format!("sha256:{found}"), format!("sha256:{asked}"));
    }
    failure
}

fn passed(verdict: &Verdict) -> usize {
    verdict.checks.iter().filter(|check| check.result == CheckResult::Passed).count()
}

/// A manifest that an index names and that is not there, is another one, or is none.
fn unusable(node: &Node, error: &RegistryError) -> Failure {
    let invalid = |reason: Reason, what: String| {
        let mut failure = failure(&node.shown(), error);
        failure.what = what;
        failure.code = reason.code().to_owned();
        failure.exit = Exit::of_outcome(reason.outcome());
        failure
    };
    match error {
        RegistryError::NotFound(_) => {
            let what = format!("{} is named by the index and missing in the registry", node.shown());
            invalid(Reason::NotCovered, what).because("nothing", "the manifest")
        }
        RegistryError::Another { asked, found } => {
            let what = format!("{} was exchanged in the registry", node.shown());
            invalid(Reason::DigestMismatch, what)
                .because(format!("sha256:{found}"), format!("sha256:{asked}"))
        }
        RegistryError::Invalid(why) => invalid(Reason::Malformed, format!("{}: {why}", node.shown())),
        RegistryError::Denied(_) | RegistryError::NotAllowed(_) | RegistryError::Unavailable(_) => {
            failure(&node.shown(), error)
        }
    }
}
