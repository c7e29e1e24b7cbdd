//! What the keyguard says about a request that it was shown: who else built it, and what is unusual about it.

use std::fmt;

use crate::digest::Sha256;
use crate::evidence::Evidence;
use crate::id::{PolicyVersion, RequestId, StatementId};
use crate::time::Time;

/// A request that a builder shows, so that it counts for its quorum and is compared with what is usual.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The request, canonical JSON.
    pub request: String,
    /// The builder's token and the issuer's keys.
    pub evidence: Evidence,
    /// The policy version under which the gateway decides.
    pub policy: PolicyVersion,
    /// What for.
    pub purpose: Purpose,
}

/// Why a request is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To see how it stands; nothing is remembered.
    Look,
    /// To have it signed: the builder counts.
    Submit,
}

/// What the keyguard answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnessed {
    /// Who built the same.
    pub builders: Builders,
    /// When the ledger first named the request as waiting; hold periods begin there.
    pub first_seen: Option<Time>,
    /// What is unusual about each statement, in the order of the request.
    pub oddities: Vec<Odd>,
}

/// What is unusual about one statement.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Odd {
    /// The statement.
    pub statement: StatementId,
    /// What; may be nothing.
    pub oddities: Vec<Oddity>,
}

/// What independent builders said about the artifacts of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Builders {
    /// So many independent ones submitted this very request, the caller among them.
    Agree(u32),
    /// Another came to different bytes for the same artifact of the same commit.
    Dispute(Dispute),
}

impl Default for Builders {
    fn default() -> Self {
        Self::Agree(0)
    }
}

/// Two requests for one artifact with different digests. Neither may be signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// The artifact's name.
    pub artifact: String,
    /// The digest in this request.
    pub ours: Sha256,
    /// The digest in the other.
    pub theirs: Sha256,
    /// The other request.
    pub other: RequestId,
}

/// Which habit is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Habit {
    /// The native format was never signed.
    Format,
    /// At this hour of the day (UTC) hardly anything was ever signed.
    Hour,
    /// This workflow of this repository never signed.
    Identity,
    /// No artifact of this name was ever signed.
    Package,
    /// The version goes backwards, or jumps ahead.
    Version,
    /// More is signed in an hour than ever was usual.
    Volume,
}

impl Habit {
    /// Every habit, by name.
    pub const ALL: [Self; 6] =
        [Self::Format, Self::Hour, Self::Identity, Self::Package, Self::Version, Self::Volume];
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Hour => "hour",
            Self::Identity => "identity",
            Self::Package => "package",
            Self::Version => "version",
            Self::Volume => "volume",
        }
    }
    /// Finds a habit by its stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|habit| habit.name() == name)
    }
}

impl fmt::Display for Habit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One broken habit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oddity {
    /// Which.
    pub habit: Habit,
    /// What was found: `42 in this hour`.
    pub actual: String,
    /// What is usual: `at most 6`.
    pub expected: String,
    /// How far from usual, in hundredths of what is still taken for usual: 100 is the border, 1000 ten times as far.
    pub score: u32,
}

/// One line: `new package: agent-* (usual: app-*, cli-*)`.
impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unusual {}: {} (usual: {})", self.habit, self.actual, self.expected)
    }
}
