//! The recorder: ten named checks, each passed, failed with a reason, or not made. What nobody recorded was not made.

use chancery_core::verdict::{Check, CheckName, CheckResult, Reason, Signer, Verdict};
use chancery_x509::chain::ChainError;

/// One failed check, before it has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// What was found.
    pub actual: String,
    /// What was expected.
    pub expected: String,
}

impl Failure {
    /// A failure with what was found and what was expected; both are cut to 200 characters and hold no control
    /// characters, because they reach terminals.
    #[must_use]
    pub fn new(reason: Reason, actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display) -> Self {
        Self { reason, actual: printable(actual), expected: printable(expected) }
    }
}

fn printable(text: &dyn std::fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Collects results. A check that has failed stays failed whatever is recorded after it.
#[derive(Debug, Clone)]
pub struct Recorder {
    results: [Option<CheckResult>; 10],
}

impl Default for Recorder {
    fn default() -> Self {
        Self { results: [const { None }; 10] }
    }
}

impl Recorder {
    /// Records the outcome of a check.
    pub fn record<T>(&mut self, name: CheckName, outcome: Result<T, Failure>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.set(name, CheckResult::Passed);
                Some(value)
            }
            Err(Failure { reason, actual, expected }) => {
                self.set(name, CheckResult::Failed { reason, actual, expected });
                None
            }
        }
    }
    /// Records that a check passed.
    pub fn pass(&mut self, name: CheckName) {
        self.set(name, CheckResult::Passed);
    }
    /// Records a failure.
    pub fn fail(&mut self, name: CheckName, failure: Failure) {
        self.record::<()>(name, Err(failure));
    }
    /// Records why a check was not made; loses against any other result.
    pub fn skip(&mut self, name: CheckName, why: &'static str) {
        if let Some(slot @ None) = self.slot(name) {
            *slot = Some(CheckResult::NotMade(why));
        }
    }
    /// Whether a check passed.
    #[must_use]
    pub fn passed(&self, name: CheckName) -> bool {
        let mut named = CheckName::ALL.iter().zip(&self.results);
        named.any(|(known, result)| *known == name && *result == Some(CheckResult::Passed))
    }
    /// The verdict. Every check that was not recorded is reported as not made.
    #[must_use]
    pub fn finish(self, required: Vec<CheckName>, signer: Signer) -> Verdict {
        let result =
            |found: Option<CheckResult>| found.unwrap_or(CheckResult::NotMade("an earlier check failed"));
        let named = CheckName::ALL.into_iter().zip(self.results);
        let checks = named.map(|(name, found)| Check { name, result: result(found) }).collect();
        Verdict { checks, required, signer }
    }

    fn slot(&mut self, name: CheckName) -> Option<&mut Option<CheckResult>> {
        CheckName::ALL.iter().position(|known| *known == name).and_then(|at| self.results.get_mut(at))
    }
    fn set(&mut self, name: CheckName, result: CheckResult) {
        if let Some(slot) = self.slot(name)
            && !matches!(slot, Some(CheckResult::Failed { .. }))
        {
            *slot = Some(result);
        }
    }
}

/// Which check a chain of certificates failed, and why.
pub(crate) fn failed_chain(error: &ChainError) -> (CheckName, Failure) {
    let failure = |reason, expected: &str| Failure::new(reason, error, &expected);
    match error {
        ChainError::Purpose(_) | ChainError::LeafIsAuthority => {
            (CheckName::Purpose, failure(Reason::PurposeWrong, "a certificate for signing code"))
        }
        ChainError::NotValid { .. } => {
            (CheckName::Chain, failure(Reason::Expired, "certificates valid at the trusted time"))
        }
        ChainError::Algorithm { .. }
        | ChainError::Length(_)
        | ChainError::NotAuthority(_)
        | ChainError::Serial(_)
        | ChainError::UnknownCritical { .. }
        | ChainError::Untrusted(_)
        | ChainError::TooMany
        | ChainError::WrongSignature(_) => {
            (CheckName::Chain, failure(Reason::ChainUntrusted, "a chain to a trusted root"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::verdict::Outcome;

    #[test]
    fn a_failure_stays_and_silence_is_not_a_pass() {
        let mut recorder = Recorder::default();
        recorder.fail(CheckName::Digest, Failure::new(Reason::DigestMismatch, &"a\nb", &"c"));
        recorder.pass(CheckName::Digest);
        recorder.pass(CheckName::Structure);
        recorder.skip(CheckName::Structure, "no");
        let verdict = recorder.finish(vec![CheckName::Structure], Signer::default());
        assert_eq!(verdict.checks.len(), 10);
        assert_eq!(verdict.outcome(), Outcome::Invalid);
        let made: Vec<_> =
            verdict.checks.iter().filter(|c| !matches!(c.result, CheckResult::NotMade(_))).collect();
        assert_eq!(made.len(), 2);
        let required = Recorder::default().finish(vec![CheckName::Structure], Signer::default());
        assert_eq!(required.outcome(), Outcome::Invalid);
    }
}
