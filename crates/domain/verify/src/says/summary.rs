//! A verification summary: what a verifier concluded about an artifact or a commit (SLSA 1.2, VSA).
//!
//! ```json
//! {"verifier":{"id":"https://verifier.example/"},"timeVerified":"…","resourceUri":"pkg:oci/acme/app","policy":{"uri":"…"},
//!  "verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3","ACME_SCANNED"]}
//! ```

use chancery_core::attested::{Lack, Unmet};
use chancery_core::time::Time;
use serde_json::Value;

use super::{span, text};
use crate::pattern::Pattern;
use crate::policy::InvalidPolicy;
use crate::snapshot::SKEW_SECONDS;

/// Most levels of one summary, and of one condition.
const MAX_LEVELS: usize = 64;

/// What a verifier must have concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `verifier.id`, exact.
    pub verifier: String,
    /// `resourceUri`.
    pub resource: Option<Pattern>,
    /// Levels and properties that must have been verified.
    pub levels: Vec<String>,
    /// How long ago it may have been, in seconds.
    pub max_age: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SummaryText {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    levels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    verifier: String,
}

impl SummaryText {
    pub(crate) fn read(self) -> Result<Summary, InvalidPolicy> {
        let is_word = |level: &String| {
            let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            (1..=64).contains(&level.len()) && level.chars().all(legal)
        };
        if self.levels.len() > MAX_LEVELS || !self.levels.iter().all(is_word) {
            return Err(InvalidPolicy::Member("vsa.levels: names such as SLSA_BUILD_LEVEL_2"));
        }
        if self.verifier.is_empty() {
            return Err(InvalidPolicy::Member("vsa.verifier: the exact id of a verifier"));
        }
        let resource = self.resource.map(|text| Pattern::parse(&text)).transpose();
        let max_age = self.max_age.map(|text| span::parse(&text).ok_or(())).transpose();
        Ok(Summary {
            verifier: self.verifier,
            resource: resource.map_err(|_| InvalidPolicy::Pattern("vsa.resource"))?,
            levels: self.levels,
            max_age: max_age.map_err(|()| InvalidPolicy::Member("vsa.max_age: a span such as 30d"))?,
        })
    }
    pub(crate) fn of(summary: &Summary) -> Self {
        Self {
            levels: summary.levels.clone(),
            max_age: summary.max_age.map(span::words),
            resource: summary.resource.as_ref().map(|pattern| pattern.as_str().to_owned()),
            verifier: summary.verifier.clone(),
        }
    }
}

fn insufficient(actual: impl std::fmt::Display, expected: impl std::fmt::Display) -> Unmet {
    Unmet::new(Lack::Insufficient, actual, expected)
}

impl Summary {
    pub(super) fn check(&self, predicate: &Value, at: Time) -> Result<(), Unmet> {
        let verifier = text(predicate, &["verifier", "id"]);
        if verifier != self.verifier {
            return Err(insufficient(format!("verifier `{verifier}`"), format!("`{}`", self.verifier)));
        }
        let result = text(predicate, &["verificationResult"]);
        if result != "PASSED" {
            return Err(insufficient(format!("verificationResult {result}"), "verificationResult PASSED"));
        }
        let resource = text(predicate, &["resourceUri"]);
        if let Some(wanted) = self.resource.as_ref().filter(|wanted| !wanted.matches(resource)) {
            return Err(insufficient(format!("resource `{resource}`"), format!("`{}`", wanted.as_str())));
        }
        let verified = levels(predicate)?;
        if let Some(wanted) = self.levels.iter().find(|wanted| !holds(wanted, &verified)) {
            return Err(insufficient(verified.join(", "), format!("{wanted} or higher")));
        }
        self.check_age(predicate, at)
    }
    fn check_age(&self, predicate: &Value, at: Time) -> Result<(), Unmet> {
        let Some(most) = self.max_age else { return Ok(()) };
        let said = text(predicate, &["timeVerified"]);
        let expected = format!("verified at most {} ago", span::words(most));
        let age = Time::parse_rfc3339(said).map(|verified| at.seconds_since(verified));
        match age {
            Some(age) if age <= most && age >= -SKEW_SECONDS => Ok(()),
            Some(_) => Err(Unmet::new(Lack::Stale, format!("verified at {said}"), expected)),
            None => Err(Unmet::new(Lack::Stale, "no moment of verification", expected)),
        }
    }
}

/// The levels that were verified. Two of one track, or `FAILED` among them, are no statement that anybody may rely on.
fn levels(predicate: &Value) -> Result<Vec<&str>, Unmet> {
    let list = predicate.get("verifiedLevels").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    let mut tracks: Vec<&str> = names.iter().filter_map(|name| track(name)).map(|(track, _)| track).collect();
    tracks.sort_unstable();
    let is_ambiguous = tracks.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    if names.len() != list.len() || names.len() > MAX_LEVELS || is_ambiguous || names.contains(&"FAILED") {
        let expected = "names of levels, at most one for each track, and none FAILED";
        return Err(insufficient(names.join(", "), expected));
    }
    Ok(names)
}

/// A level of a track: `SLSA_BUILD_LEVEL_2` is level 2 of `BUILD`; what was not evaluated has none.
fn track(name: &str) -> Option<(&str, Option<u8>)> {
    let (track, level) = name.strip_prefix("SLSA_")?.split_once("_LEVEL_")?;
    let level = Some(level).filter(|level| level.len() == 1).and_then(|level| level.parse().ok());
    Some((track, level))
}

/// On a track a higher level says everything that a lower one says.
fn holds(wanted: &str, verified: &[&str]) -> bool {
    match track(wanted) {
        Some((wanted, Some(least))) => {
            let found = verified.iter().filter_map(|name| track(name)).find(|(track, _)| *track == wanted);
            found.and_then(|(_, level)| level).is_some_and(|level| level >= least)
        }
        Some((_, None)) | None => verified.contains(&wanted),
    }
}
