//! How much is usual: the busiest moment of each hour in which anything was signed, of recent hours.
//!
//! The measure is a sliding hour: what this clock hour holds, and of the one before the part that still lies within sixty
//! minutes. The border is 3/2 of the *second* busiest hour, so that one outlier moves nothing; where hours are noisy, the
//! median and nine times the median deviation (six times the standard deviation of a normal distribution); at least
//! [`FLOOR`].

use chancery_core::time::Time;

/// A volume that is never unusual.
pub(super) const FLOOR: u32 = 10;
/// Hours with signatures before volume speaks.
const LEAST_HOURS: usize = 8;

/// Recent volumes, bounded by whoever observes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volume {
    hour: i64,
    count: u32,
    before: u32,
    peak: u32,
    /// Peaks of closed hours, oldest first.
    peaks: Vec<u32>,
}

impl Volume {
    pub(super) fn observe(&mut self, at: Time, most: usize) {
        if at.seconds().div_euclid(3600) > self.hour {
            *self = self.rolled(at, most);
        }
        self.count = self.count.saturating_add(1);
        self.peak = self.peak.max(self.sliding(at));
    }

    /// What the last sixty minutes hold with one more, and what would be usual at most; `None` where it is usual.
    pub(super) fn exceeds(&self, at: Time, most: usize) -> Option<(u32, u32)> {
        let now = self.rolled(at, most);
        let usual = now.usual()?;
        let held = now.sliding(at).saturating_add(1);
        (held > usual).then_some((held, usual))
    }

    /// A clock that goes back stays in the hour that it was in.
    fn rolled(&self, at: Time, most: usize) -> Self {
        let hour = at.seconds().div_euclid(3600);
        if hour <= self.hour {
            return self.clone();
        }
        let mut peaks = self.peaks.clone();
        if self.peak > 0 {
            peaks.push(self.peak);
        }
        let surplus = peaks.len().saturating_sub(most);
        peaks.drain(..surplus);
        let is_next = hour == self.hour.saturating_add(1);
        Self { hour, count: 0, before: if is_next { self.count } else { 0 }, peak: 0, peaks }
    }

    fn sliding(&self, at: Time) -> u32 {
        let gone = u64::try_from(at.seconds().saturating_sub(self.hour.saturating_mul(3600)).clamp(0, 3600));
        let left = 3600u64.saturating_sub(gone.unwrap_or(0));
        let part = u64::from(self.before).saturating_mul(left) / 3600;
        self.count.saturating_add(u32::try_from(part).unwrap_or(u32::MAX))
    }

    fn usual(&self) -> Option<u32> {
        if self.peaks.len() < LEAST_HOURS {
            return None;
        }
        let mut sorted = self.peaks.clone();
        sorted.sort_unstable();
        let second = sorted.iter().rev().nth(1).copied()?;
        let median = middle(&sorted)?;
        let mut deviations: Vec<u32> = sorted.iter().map(|peak| peak.abs_diff(median)).collect();
        deviations.sort_unstable();
        let noisy = median.saturating_add(middle(&deviations)?.saturating_mul(9));
        Some(FLOOR.max(second.saturating_add(second / 2)).max(noisy))
    }
}

fn middle(sorted: &[u32]) -> Option<u32> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64, second: i64) -> Time {
        Time::from_seconds(hour * 3600 + second)
    }

    #[test]
    fn eighty_four_in_six_minutes_is_noticed_and_one_outlier_teaches_nothing() {
        let mut volume = Volume::default();
        for hour in 0..50 {
            for second in [0, 700, 1400] {
                volume.observe(at(hour, second), 168);
            }
        }
        let burst = |volume: &mut Volume, hour: i64| {
            let asked = (0..84).map(|n| at(hour, n * 360 / 84));
            asked
                .filter(|moment| {
                    let odd = volume.exceeds(*moment, 168).is_some();
                    volume.observe(*moment, 168);
                    odd
                })
                .count()
        };
        // The floor of ten and what the hour before left over: the rest is unusual.
        assert_eq!(burst(&mut volume, 50), 76);
        assert_eq!(burst(&mut volume, 60), 74);
        // Two such hours are a habit.
        assert_eq!(burst(&mut volume, 70), 0);
    }

    #[test]
    fn a_burst_over_the_full_hour_is_one_burst() {
        let mut volume = Volume::default();
        for hour in 0..20 {
            volume.observe(at(hour, 0), 168);
        }
        for second in 0..8 {
            volume.observe(at(20, 3590 + second), 168);
        }
        assert_eq!(volume.exceeds(at(21, 5), 168), None);
        volume.observe(at(21, 5), 168);
        volume.observe(at(21, 6), 168);
        volume.observe(at(21, 7), 168);
        assert_eq!(volume.exceeds(at(21, 8), 168), Some((11, 10)));
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_room() {
        let mut volume = Volume::default();
        for hour in 0..20 {
            volume.observe(at(hour, 0), 168);
        }
        for _ in 0..10 {
            volume.observe(at(20, 0), 168);
        }
        assert!(volume.exceeds(at(3, 0), 168).is_some());
    }
}
