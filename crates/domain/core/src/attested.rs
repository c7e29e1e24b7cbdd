//! Attestations that a profile demands before anything is signed: what is demanded, and what was found.
//!
//! ```text
//! bundles in the evidence ─┐
//! requirements of a profile ┼─▶ one pure function in `domain/verify` ─▶ Attested ─▶ policy decides
//! governance, trust, moment ┘        (gateway, keyguard and audit each)
//! ```

use std::collections::BTreeMap;
use std::fmt;

/// Most bundles that one request may bring.
pub const MAX_ATTESTATIONS: usize = 16;
/// Most bytes of all bundles of one request together.
pub const MAX_ATTESTATION_BYTES: usize = 1 << 20;

/// Bundles that a request may not bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// More than [`MAX_ATTESTATIONS`].
    #[error("{0} attestations; at most 16")]
    Count(usize),
    /// More than [`MAX_ATTESTATION_BYTES`].
    #[error("attestations of {0} bytes together; at most 1048576")]
    Size(usize),
}

/// Checks how many bundles there are and how large they are together.
pub fn check_size(attestations: &[String]) -> Result<(), TooMany> {
    if attestations.len() > MAX_ATTESTATIONS {
        return Err(TooMany::Count(attestations.len()));
    }
    let size = attestations.iter().map(String::len).sum();
    if size > MAX_ATTESTATION_BYTES { Err(TooMany::Size(size)) } else { Ok(()) }
}

/// What an attestation must be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The artifact that is to be signed, by its SHA-256.
    Artifact,
    /// The commit that the caller was built from, as its token names it: repository, commit and ref.
    Source,
}

impl About {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Source => "source",
        }
    }
    /// The subject of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Artifact, Self::Source].into_iter().find(|about| about.name() == name)
    }
}

/// One attestation that a profile demands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Its name in the profile.
    pub name: String,
    /// The verification policy that says by whom it must be and what it must say.
    pub policy: String,
    /// What it must be about.
    pub about: About,
}

/// Why a requirement is not met. In the order of how far the nearest attestation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// None of this type about this subject came.
    Missing,
    /// It does not verify, or is not by whom the policy expects.
    Untrusted,
    /// It says too little: level, verifier, result, resource.
    Insufficient,
    /// It is older than the policy takes.
    Stale,
    /// Nothing is known about a material: no digest, no date of publication, or no list at all.
    MaterialUnknown,
    /// A material is younger than the policy takes.
    MaterialYoung,
    /// A material is denied, or not among those that are allowed.
    MaterialDenied,
}

/// A requirement that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Why.
    pub lack: Lack,
    /// What was found.
    pub actual: String,
    /// What was expected.
    pub expected: String,
}

/// Longest text that is repeated, in characters: it reaches terminals and the ledger.
const MAX_TEXT: usize = 300;

impl Unmet {
    /// Says what was found and what was expected; both are cut, and hold no control characters.
    #[must_use]
    pub fn new(lack: Lack, actual: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self { lack, actual: printable(&actual), expected: printable(&expected) }
    }
}

fn printable(text: &dyn fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}

/// What was found for one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is met, by this.
    Met(String),
    /// It is not.
    Unmet(Unmet),
}

/// What was found for each requirement of a profile, by its name. A name that is not in it was never looked for, which is as
/// good as missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attested(BTreeMap<String, Found>);

impl Attested {
    /// What was found for a requirement.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Found> {
        self.0.get(name)
    }
    /// The names of what is met, sorted.
    pub fn met(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, found)| matches!(found, Found::Met(_))).map(|(name, _)| name.as_str())
    }
}

impl FromIterator<(String, Found)> for Attested {
    fn from_iter<T: IntoIterator<Item = (String, Found)>>(found: T) -> Self {
        Self(found.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_bounded_in_number_and_size() {
        let of = |count: usize, size: usize| check_size(&vec!["x".repeat(size); count]);
        assert_eq!(of(16, 65_536), Ok(()));
        assert_eq!(of(17, 1), Err(TooMany::Count(17)));
        assert_eq!(of(16, 65_537), Err(TooMany::Size(1_048_592)));
    }

    #[test]
    fn what_is_repeated_is_short_and_steers_no_terminal() {
        let unmet = Unmet::new(Lack::Missing, "\u{1b}[2J".repeat(200), "");
        assert!(unmet.actual.len() == MAX_TEXT && !unmet.actual.contains('\u{1b}'));
    }
}
