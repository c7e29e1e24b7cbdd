//! What a predicate must say, beside who says it: levels of provenance, the verdict of a verifier, materials.
//!
//! ```toml
//! predicate = "https://slsa.dev/provenance/v1"
//! level = 2                                         # of the builder, by builders.toml or `[[builders]]` here
//! [materials]                                       # of `resolvedDependencies`
//! allow = ["pkg:npm/**", "git+https://github.com/acme/**"]
//! deny = ["pkg:npm/left-pad@**"]
//! min_age = "7d"                                    # by the annotation `published`
//! ```
//! ```toml
//! predicate = "https://slsa.dev/verification_summary/v1"
//! [vsa]
//! verifier = "https://verifier.example/"            # exact
//! resource = "pkg:oci/acme/**"
//! levels = ["SLSA_BUILD_LEVEL_2", "ACME_SCANNED"]   # on a track a higher level counts too
//! max_age = "30d"
//! ```
//! A condition that concerns another predicate is an error when it is read, so that none is ever ignored (T7).

mod json;
mod level;
mod material;
mod span;
mod summary;

use chancery_core::attested::{Lack, Unmet};
use chancery_core::time::Time;
use serde_json::Value;

use crate::policy::InvalidPolicy;

pub use level::{Builder, Level, builders};
pub use material::Materials;
pub use summary::Summary;

pub(crate) use json::read as read_json;
pub(crate) use level::BuilderText;
pub(crate) use material::MaterialsText;
pub(crate) use summary::SummaryText;

/// SLSA provenance.
pub const PROVENANCE: &str = chancery_format::sigstore::provenance::PREDICATE_TYPE;
/// A verification summary.
pub const SUMMARY: &str = chancery_format::sigstore::summary::VSA;
/// What came of tests.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Every condition on a predicate; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Says {
    /// The level of the builder.
    pub level: Option<Level>,
    /// What a verifier concluded.
    pub summary: Option<Summary>,
    /// What it was built from.
    pub materials: Option<Materials>,
}

/// What the conditions are compared with, beside the statement.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Now.
    pub at: Time,
    /// On what the builder ran, as its certificate says.
    pub runner: Option<&'a str>,
}

impl Says {
    /// Whether there is no condition.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.level.is_none() && self.summary.is_none() && self.materials.is_none()
    }
    /// Whether each condition concerns the predicate type that the policy names.
    pub(crate) fn concerns(&self, predicate: Option<&str>) -> Result<(), InvalidPolicy> {
        let given = [
            ("level", self.level.is_some(), PROVENANCE),
            ("materials", self.materials.is_some(), PROVENANCE),
            ("vsa", self.summary.is_some(), SUMMARY),
        ];
        match given.into_iter().find(|(_, given, about)| *given && predicate != Some(*about)) {
            Some((name, ..)) => Err(InvalidPolicy::Condition(name)),
            None => Ok(()),
        }
    }
    /// Compares the predicate of a statement, whose signature was verified, with every condition.
    pub fn check(&self, payload: &[u8], known: &Known<'_>) -> Result<(), Unmet> {
        if self.is_empty() {
            return Ok(());
        }
        let statement = json::read(payload).map_err(|why| unreadable(&why))?;
        let predicate = statement.get("predicate").unwrap_or(&Value::Null);
        if let Some(summary) = &self.summary {
            summary.check(predicate, known.at)?;
        }
        if let Some(level) = &self.level {
            level.check(predicate, known.runner)?;
        }
        self.materials.as_ref().map_or(Ok(()), |materials| materials.check(predicate, known.at))
    }
}

/// What never counts where something is demanded, whether or not a policy says so: a verifier that did not pass it, tests
/// that failed.
pub fn passed(predicate_type: &str, payload: &[u8]) -> Result<(), Unmet> {
    let member = match predicate_type {
        SUMMARY => "verificationResult",
        TEST_RESULT => "result",
        _ => return Ok(()),
    };
    let statement = json::read(payload).map_err(|why| unreadable(&why))?;
    let found =
        statement.get("predicate").and_then(|predicate| predicate.get(member)).and_then(Value::as_str);
    match found {
        Some("PASSED") => Ok(()),
        other => {
            let actual = format!("{member} {}", other.unwrap_or("absent"));
            Err(Unmet::new(Lack::Insufficient, actual, format!("{member} PASSED")))
        }
    }
}

fn unreadable(why: &str) -> Unmet {
    Unmet::new(Lack::Insufficient, format!("a statement with a second reading: {why}"), "one JSON object")
}

/// A member of text, or an empty one.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    let found = path.iter().try_fold(value, |value, name| value.get(*name));
    found.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
