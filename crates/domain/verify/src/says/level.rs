//! The level of a build: which builder made the provenance decides it, never the provenance itself.
//!
//! ```toml
//! [[builders]]                                      # builders.toml; the first rule that matches counts
//! id = "https://github.com/acme/ci/.github/workflows/build.yml@refs/tags/v*"
//! runner_environment = "github-hosted"              # as the certificate says; absent: whatever it says
//! level = 3
//! ```
//! A builder that no rule names has level 0.

use chancery_core::attested::{Lack, Unmet};
use serde_json::Value;

use super::text;
use crate::pattern::Pattern;
use crate::policy::InvalidPolicy;

/// Highest build level of SLSA 1.2.
const HIGHEST: u8 = 3;
/// Most rules.
const MAX_BUILDERS: usize = 256;

/// One rule about builders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// `runDetails.builder.id`.
    pub id: Pattern,
    /// On what it must have run, as the certificate says.
    pub runner: Option<String>,
    /// The build level of such a builder, 0 to 3.
    pub level: u8,
}

/// The least level of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// 1 to 3.
    pub least: u8,
    /// Which builder has which level: the first that matches.
    pub builders: Vec<Builder>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuilderText {
    id: String,
    level: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runner_environment: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    builders: Vec<BuilderText>,
}

/// Reads `builders.toml`.
pub fn builders(text: &str) -> Result<Vec<Builder>, InvalidPolicy> {
    let file: File = toml::from_str(text).map_err(|error| InvalidPolicy::Text(error.message().to_owned()))?;
    read(file.builders)
}

pub(crate) fn read(written: Vec<BuilderText>) -> Result<Vec<Builder>, InvalidPolicy> {
    if written.len() > MAX_BUILDERS {
        return Err(InvalidPolicy::Text(format!("{} builders; at most {MAX_BUILDERS}", written.len())));
    }
    written.into_iter().map(BuilderText::read).collect()
}

impl BuilderText {
    fn read(self) -> Result<Builder, InvalidPolicy> {
        let id = Pattern::parse(&self.id).map_err(|_| InvalidPolicy::Pattern("builders.id"))?;
        if self.level > HIGHEST || self.runner_environment.as_ref().is_some_and(String::is_empty) {
            return Err(InvalidPolicy::Member(
                "builders: a level from 0 to 3, and no empty runner_environment",
            ));
        }
        Ok(Builder { id, runner: self.runner_environment, level: self.level })
    }
    pub(crate) fn of(builder: &Builder) -> Self {
        let (id, runner_environment) = (builder.id.as_str().to_owned(), builder.runner.clone());
        Self { id, level: builder.level, runner_environment }
    }
}

impl Level {
    /// The condition of a policy; builders without a level would be ignored.
    pub(crate) fn read(least: Option<u8>, rules: Vec<BuilderText>) -> Result<Option<Self>, InvalidPolicy> {
        let builders = read(rules)?;
        match least {
            None if builders.is_empty() => Ok(None),
            None => Err(InvalidPolicy::Condition("builders")),
            Some(least) if (1..=HIGHEST).contains(&least) => Ok(Some(Self { least, builders })),
            Some(_) => Err(InvalidPolicy::Member("level: 1 to 3")),
        }
    }
    pub(super) fn check(&self, predicate: &Value, runner: Option<&str>) -> Result<(), Unmet> {
        let id = text(predicate, &["runDetails", "builder", "id"]);
        let level = self.of(id, runner);
        if !id.is_empty() && level >= self.least {
            return Ok(());
        }
        let on = runner.map_or_else(String::new, |runner| format!(" on {runner}"));
        let actual = format!("SLSA_BUILD_LEVEL_{level}, for that is the level of builder `{id}`{on}");
        let expected = format!("SLSA_BUILD_LEVEL_{} or higher", self.least);
        Err(Unmet::new(Lack::Insufficient, actual, expected))
    }
    fn of(&self, id: &str, runner: Option<&str>) -> u8 {
        let fits = |builder: &&Builder| {
            builder.id.matches(id) && builder.runner.as_deref().is_none_or(|wanted| runner == Some(wanted))
        };
        self.builders.iter().find(fits).map_or(0, |builder| builder.level)
    }
}
