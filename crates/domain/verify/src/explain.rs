//! A verdict in words: one line per check, for `verify --explain` and for people who read logs.

use chancery_core::verdict::{Check, CheckName, CheckResult, Verdict};

/// What a check asks, as a question that an auditor would ask.
#[must_use]
pub const fn question(name: CheckName) -> &'static str {
    match name {
        CheckName::Structure => "is there exactly one way to read the file and its signature",
        CheckName::Coverage => "is every byte covered by the signature, or excluded by the specification",
        CheckName::Digest => "is the artifact what was signed",
        CheckName::Signature => "did the certificate's key sign exactly this",
        CheckName::Chain => "does the certificate lead to a trusted root, and was it shown to a trusted log",
        CheckName::Purpose => "is the certificate for signing code",
        CheckName::Timestamp => "does a trusted authority say when it was signed",
        CheckName::Revocation => "is nothing that was used revoked",
        CheckName::Identity => "is the signer the expected one",
        CheckName::Ledger => "is this signature in the ledger, under a cosigned checkpoint",
    }
}

/// One line about a check: its name, what became of it, and what was found and expected where it failed.
#[must_use]
pub fn line(check: &Check) -> String {
    let name = check.name.name();
    match &check.result {
        CheckResult::Passed => format!("✓ {name:<10} {}: yes", question(check.name)),
        CheckResult::Failed { reason, actual, expected } => {
            format!("✗ {name:<10} [{}] actual {actual}; expected {expected}", reason.code())
        }
        CheckResult::NotMade(why) => format!("· {name:<10} not made: {why}"),
    }
}

/// All lines, in the order of the checks.
#[must_use]
pub fn lines(verdict: &Verdict) -> Vec<String> {
    verdict.checks.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::verdict::Reason;

    #[test]
    fn says_what_was_found_and_expected() {
        let failed = CheckResult::Failed {
            reason: Reason::IdentityMismatch,
            actual: "a".into(),
            expected: "b".into(),
        };
        let text = line(&Check { name: CheckName::Identity, result: failed });
        assert_eq!(text, "✗ identity   [CH6011] actual a; expected b");
        let skipped = line(&Check { name: CheckName::Ledger, result: CheckResult::NotMade("stopped") });
        assert_eq!(skipped, "· ledger     not made: stopped");
    }
}
