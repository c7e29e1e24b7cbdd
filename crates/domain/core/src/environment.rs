//! Environments: a property of profile, key, certificate, grant and ledger entry.

use std::fmt;

/// Where a signature counts. Each environment has its own trust roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Developers' own builds and `serve --dev`.
    Development,
    /// Throw-away builds of proposals.
    Preview,
    /// What customers run.
    Production,
    /// What is tested before production.
    Staging,
}

impl Environment {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Preview => "preview",
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
