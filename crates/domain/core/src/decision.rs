//! What policy said, and why.

use std::fmt;

use crate::refusal::Refusal;
use crate::time::Time;

/// One matcher of one rule, with what it saw and what it wanted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceLine {
    /// The rule: a grant's name, a guardrail's id, or a profile's own condition (`depth`, `limit`).
    pub rule: String,
    /// The attribute that was compared: `source_repository_ref`.
    pub attribute: String,
    /// What the caller had; empty when absent.
    pub actual: String,
    /// What the rule wanted.
    pub expected: String,
    /// Whether they matched.
    pub ok: bool,
}

/// Every matcher that was evaluated, in order.
pub type Trace = Vec<TraceLine>;

/// One thing that a pending request waits for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Missing {
    /// People have to approve.
    Approvals {
        /// Distinct people whose approval is valid.
        have: u32,
        /// How many are needed.
        need: u32,
        /// Every reason for the number, in words.
        why: Vec<String>,
    },
    /// Independent builders have to submit the same request.
    Builders {
        /// Builders that did.
        have: u32,
        /// How many are needed.
        need: u32,
    },
    /// The hold period is not over.
    Hold {
        /// The first moment at which it is.
        until: Time,
    },
}

/// One line, lower case: `1 of 2 approvals (the profile needs 2)`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approvals { have, need, why } => {
                write!(f, "{have} of {need} approvals")?;
                if why.is_empty() { Ok(()) } else { write!(f, " ({})", why.join("; ")) }
            }
            Self::Builders { have, need } => write!(f, "{have} of {need} independent builders"),
            Self::Hold { until } => write!(f, "held until {until}"),
        }
    }
}

/// Everything that is missing in one line.
#[must_use]
pub fn in_words(missing: &[Missing]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The outcome of a decision. A refusal is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, and by what.
    Allowed(Trace),
    /// Would be allowed, but something is missing that may still come.
    Pending {
        /// What is missing, at least one thing.
        missing: Vec<Missing>,
        /// What was evaluated.
        trace: Trace,
    },
    /// Refused.
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_reads_well_and_has_one_form() {
        let missing = [
            Missing::Approvals { have: 0, need: 2, why: vec!["the profile needs 2".into()] },
            Missing::Builders { have: 1, need: 2 },
            Missing::Hold { until: Time::from_seconds(0) },
        ];
        assert_eq!(
            in_words(&missing),
            "0 of 2 approvals (the profile needs 2), 1 of 2 independent builders, held until 1970-01-01T00:00:00Z"
        );
        assert_eq!(
            serde_json::to_string(&missing).unwrap(),
            "[{\"kind\":\"approvals\",\"have\":0,\"need\":2,\"why\":[\"the profile needs 2\"]},\
             {\"kind\":\"builders\",\"have\":1,\"need\":2},{\"kind\":\"hold\",\"until\":0}]"
        );
    }
}
