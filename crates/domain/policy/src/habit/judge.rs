//! What is unusual about a signature that is asked for, in words, with a score.

use chancery_core::witness::{Habit, Oddity};

use super::hours;
use super::memory::{Habits, IDENTITY_HOURS, Known, PROFILE_HOURS};
use super::observation::Observation;
use super::package::{Version, shown};

/// How many known names a sentence holds.
const NAMED: usize = 3;
/// A major version this far ahead of the highest is a jump.
const JUMP: u32 = 2;

impl Habits {
    /// Everything about the signature that is unlike what was signed before; nothing before `after` signatures.
    #[must_use]
    pub fn judge(&self, asked: &Observation, after: u32) -> Vec<Oddity> {
        if self.signatures < u64::from(after) {
            return Vec::new();
        }
        let novelty = self.novelty(after);
        let known = self.packages.get(&asked.package.name);
        let package = known.is_none().then(|| Oddity {
            habit: Habit::Package,
            actual: asked.package.name.clone(),
            expected: some_of(self.packages.keys()),
            score: novelty,
        });
        let identity = (!self.identities.contains_key(&asked.identity)).then(|| Oddity {
            habit: Habit::Identity,
            actual: asked.identity.clone(),
            expected: some_of(self.identities.keys()),
            score: novelty,
        });
        let format = (!self.formats.contains(&asked.format)).then(|| Oddity {
            habit: Habit::Format,
            actual: asked.format.name().to_owned(),
            expected: some_of(self.formats.iter().map(|format| format.name())),
            score: novelty,
        });
        let version = known.zip(asked.package.version).and_then(|(known, version)| known.judge(version));
        [package, identity, format, version, self.hour(asked), self.volume(asked)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The longer a habit was kept, the odder what breaks it: 100, and 100 more for each doubling.
    fn novelty(&self, after: u32) -> u32 {
        let times = self.signatures.checked_div(u64::from(after.max(1))).unwrap_or(1);
        times.checked_ilog2().unwrap_or(0).saturating_add(1).saturating_mul(100)
    }

    fn hour(&self, asked: &Observation) -> Option<Oddity> {
        let distance = self.hours.distance(asked.at)?;
        Some(Oddity {
            habit: Habit::Hour,
            actual: format!("{:02} UTC", hours::hour(asked.at)),
            expected: self.hours.words(),
            score: distance.saturating_mul(100),
        })
    }

    /// The worse of the two: of the profile, or of the workflow.
    fn volume(&self, asked: &Observation) -> Option<Oddity> {
        let profile = self.volume.exceeds(asked.at, PROFILE_HOURS).map(|found| ("this profile", found));
        let identity = self.identities.get(&asked.identity);
        let identity = identity.and_then(|identity| identity.volume.exceeds(asked.at, IDENTITY_HOURS));
        let both = profile.into_iter().chain(identity.map(|found| ("this workflow", found)));
        let scored = both.map(|(whose, (held, usual))| Oddity {
            habit: Habit::Volume,
            actual: format!("{held} of {whose} within an hour"),
            expected: format!("at most {usual}"),
            score: held.saturating_mul(100).checked_div(usual).unwrap_or(u32::MAX),
        });
        scored.max_by_key(|oddity| oddity.score)
    }
}

impl Known {
    fn judge(&self, version: Version) -> Option<Oddity> {
        let [major, ..] = version;
        let highest = *self.lines.last()?;
        let line = self.lines.iter().find(|[known, ..]| *known == major);
        let ahead = major.saturating_sub(highest[0]);
        let (expected, score) = match line {
            Some(line) if version < *line => (format!("{} or later", shown(*line)), 100),
            Some(_) => return None,
            None if ahead >= JUMP => (format!("after {}", shown(highest)), ahead.saturating_mul(100)),
            None if ahead > 0 => return None,
            None => {
                (format!("after {}", shown(highest)), highest[0].saturating_sub(major).saturating_mul(100))
            }
        };
        Some(Oddity { habit: Habit::Version, actual: shown(version), expected, score })
    }
}

fn some_of<T: AsRef<str>>(known: impl ExactSizeIterator<Item = T>) -> String {
    let count = known.len();
    let mut words = known.take(NAMED).map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ");
    if count > NAMED {
        words.push_str(&format!(" and {} more", count.saturating_sub(NAMED)));
    }
    words
}
