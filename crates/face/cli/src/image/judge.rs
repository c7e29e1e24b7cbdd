//! An image judged: every referrer is opened, and the one verifier looks at each bundle and envelope.

use chancery_core::format::FormatName;
use chancery_core::port::registry::{Referring, RegistryError};
use chancery_core::verdict::{CheckResult, Outcome, Reason, Verdict};
use chancery_format::oci::statement::Subject;
use chancery_verify::verify;

use super::visit::{Node, Visitor, failure};
use crate::evidence::Judged;
use crate::exit::Exit;
use crate::failure::Failure;

/// A signature beside an image.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shown<'a> {
    /// A bundle's JSON.
    Bundle(&'a [u8]),
    /// A Notary envelope.
    Envelope(&'a [u8]),
}

/// How a signature of a subject is judged; `None` where it is of a kind that nobody asked for.
pub(crate) type Judging<'a> = dyn Fn(&Subject, Shown<'_>) -> Option<Verdict> + 'a;

/// Judges one manifest by what refers to it. It is accepted when one signature is; otherwise the one that came closest says
/// why. A look-up that fails is never "unsigned".
pub(crate) fn judge(node: &Node, visitor: &Visitor, judging: &Judging<'_>) -> Result<Judged, Failure> {
    let subject = node.subject.as_ref().map_err(|error| unusable(node, error))?;
    let digest = subject.digest;
    let referrers = visitor.referrers(subject).map_err(|error| failure(&node.shown(), &error))?;
    let mut best: Option<Judged> = None;
    for referrer in referrers {
        let (format, shown) = match &referrer.content {
            Referring::Bundle(json) => (FormatName::Oci, Shown::Bundle(json)),
            Referring::Envelope(bytes) => (FormatName::Notary, Shown::Envelope(bytes)),
            Referring::Other(_) => continue,
            // Judged as what it is: a signature that cannot be read.
            Referring::Unusable(_) => (FormatName::Oci, Shown::Bundle(&[])),
        };
        let Some(verdict) = judging(subject, shown) else { continue };
        let judged = Judged { digest, format, verdict };
        if judged.verdict.outcome() == Outcome::Verified {
            return Ok(judged);
        }
        if best.as_ref().is_none_or(|best| passed(&judged.verdict) > passed(&best.verdict)) {
            best = Some(judged);
        }
    }
    Ok(best.unwrap_or_else(|| Judged { digest, format: FormatName::Oci, verdict: verify::unsigned() }))
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
