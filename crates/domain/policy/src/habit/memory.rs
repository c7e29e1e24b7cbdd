//! What is remembered of a profile: bounded, deterministic, at most [`MAX_SIZE`] bytes of canonical JSON.
//!
//! ```json
//! {"formats":["pe"],"hours":{"by_hour":[…],"days":41,"last":498524},"identities":{"github 42 …":{"day":20771,"volume":{…}}},
//!  "packages":{"app-*.exe":{"day":20771,"lines":[[1,4,2]]}},"schema":"chancery.habits/1","signatures":1200,"volume":{…}}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::format::FormatName;

use super::hours::Hours;
use super::observation::Observation;
use super::package::Version;
use super::volume::Volume;

/// Largest kept form of one profile in bytes.
pub const MAX_SIZE: usize = 64 * 1024;
const SCHEMA: &str = "chancery.habits/1";
/// Packages that are remembered; the one that was not signed for longest goes first.
pub(super) const MAX_PACKAGES: usize = 256;
/// Workflows that are remembered.
pub(super) const MAX_IDENTITIES: usize = 48;
/// Major versions of a package that are remembered.
const MAX_LINES: usize = 8;
/// Hours whose volume is remembered of the profile.
pub(super) const PROFILE_HOURS: usize = 168;
/// Hours whose volume is remembered of one workflow.
pub(super) const IDENTITY_HOURS: usize = 48;

/// Kept habits that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHabits {
    /// Not what [`Habits::encode`] writes.
    #[error("habits are not well formed")]
    NotCanonical(#[source] NotCanonical),
    /// Another schema.
    #[error("schema is not `chancery.habits/1`")]
    Schema,
    /// Larger than they may be.
    #[error("habits of {0} bytes; at most 65536")]
    Size(usize),
}

/// The habits of one profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Habits {
    pub(super) formats: BTreeSet<FormatName>,
    pub(super) hours: Hours,
    pub(super) identities: BTreeMap<String, Identity>,
    pub(super) packages: BTreeMap<String, Known>,
    schema: String,
    pub(super) signatures: u64,
    pub(super) volume: Volume,
}

/// A workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    day: i64,
    pub(super) volume: Volume,
}

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    day: i64,
    /// The highest version of each major line, ascending.
    pub(super) lines: Vec<Version>,
}

/// Whether something was observed that the habits did not know before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// Only numbers changed.
    Known,
    /// A package, version, workflow or format that was not there.
    New,
}

impl Habits {
    /// Takes note of a signature that was made.
    pub fn observe(&mut self, seen: &Observation) -> Novelty {
        let day = seen.at.seconds().div_euclid(86_400);
        self.signatures = self.signatures.saturating_add(1);
        let new_format = self.formats.insert(seen.format);
        self.hours.observe(seen.at);
        self.volume.observe(seen.at, PROFILE_HOURS);
        let new_identity = !self.identities.contains_key(&seen.identity);
        let identity = self.identities.entry(seen.identity.clone()).or_default();
        identity.day = day;
        identity.volume.observe(seen.at, IDENTITY_HOURS);
        let new_package = !self.packages.contains_key(&seen.package.name);
        let package = self.packages.entry(seen.package.name.clone()).or_default();
        package.day = day;
        let new_version = seen.package.version.is_some_and(|version| package.remember(version));
        self.evict((MAX_PACKAGES, MAX_IDENTITIES), seen);
        if new_format || new_identity || new_package || new_version { Novelty::New } else { Novelty::Known }
    }

    /// How many signatures were observed.
    #[must_use]
    pub const fn signatures(&self) -> u64 {
        self.signatures
    }

    /// The kept form, at most `most` bytes (and [`MAX_SIZE`]): where it would be larger, what was seen longest ago goes.
    pub fn encode(&mut self, most: usize) -> Result<String, NotCanonical> {
        SCHEMA.clone_into(&mut self.schema);
        loop {
            let text = canonical::encode(&*self)?;
            if text.len() <= most.min(MAX_SIZE) || (self.packages.is_empty() && self.identities.is_empty()) {
                return Ok(text);
            }
            let (packages, identities) = (self.packages.len(), self.identities.len());
            self.shrink(
                packages.saturating_sub(packages.div_ceil(8)),
                identities.saturating_sub(identities.div_ceil(8)),
            );
        }
    }

    /// Reads the kept form, strictly.
    pub fn decode(text: &str) -> Result<Self, InvalidHabits> {
        if text.len() > MAX_SIZE {
            return Err(InvalidHabits::Size(text.len()));
        }
        let habits: Self = canonical::decode(text).map_err(InvalidHabits::NotCanonical)?;
        if habits.schema == SCHEMA { Ok(habits) } else { Err(InvalidHabits::Schema) }
    }

    /// What was just seen stays, whatever its day says: a clock that went back must not make it the oldest.
    fn evict(&mut self, (packages, identities): (usize, usize), seen: &Observation) {
        if self.packages.len() > packages {
            let others = self.packages.iter().filter(|(name, _)| **name != seen.package.name);
            let oldest = others.min_by_key(|(_, known)| known.day).map(|(name, _)| name.clone());
            oldest.map(|name| self.packages.remove(&name));
        }
        if self.identities.len() > identities {
            let others = self.identities.iter().filter(|(name, _)| **name != seen.identity);
            let oldest = others.min_by_key(|(_, known)| known.day).map(|(name, _)| name.clone());
            oldest.map(|name| self.identities.remove(&name));
        }
    }

    fn shrink(&mut self, packages: usize, identities: usize) {
        while self.packages.len() > packages {
            let oldest = self.packages.iter().min_by_key(|(_, known)| known.day);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            self.packages.remove(&name);
        }
        while self.identities.len() > identities {
            let oldest = self.identities.iter().min_by_key(|(_, known)| known.day);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            self.identities.remove(&name);
        }
    }
}

impl Known {
    /// Whether the version is higher than every one of its line.
    fn remember(&mut self, version: Version) -> bool {
        let [major, ..] = version;
        match self.lines.iter_mut().find(|[known, ..]| *known == major) {
            Some(line) if *line >= version => return false,
            Some(line) => *line = version,
            None => self.lines.push(version),
        }
        self.lines.sort_unstable();
        if self.lines.len() > MAX_LINES {
            self.lines.remove(0);
        }
        true
    }
}
