//! What is unlike what the profile signed before, in words and figures.

use std::fmt;

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
