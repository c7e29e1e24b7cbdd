//! At which hours of the day something is signed: on how many days, not how often, so that one busy night is one night.

use chancery_core::time::Time;

/// Days after which every count is halved, so that what was usual long ago is forgotten.
const HALVED_AFTER: u16 = 120;
/// Days before hours speak.
const LEAST_DAYS: u16 = 10;

/// An hour in which something was signed on fewer than one day in so many is not usual.
const RARE: u16 = 30;

/// Counts of days by hour (UTC).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    days: u16,
    by_hour: [u16; 24],
    last: i64,
}

impl Hours {
    pub(super) fn observe(&mut self, at: Time) {
        let (slot, before) = (slot(at), self.last);
        if slot <= before {
            return;
        }
        self.last = slot;
        if slot.div_euclid(24) != before.div_euclid(24) {
            self.days = self.days.saturating_add(1);
        }
        if let Some(count) = self.by_hour.get_mut(of_day(slot)) {
            *count = count.saturating_add(1);
        }
        if self.days > HALVED_AFTER {
            self.days /= 2;
            self.by_hour = self.by_hour.map(|count| count / 2);
        }
    }

    /// How many hours lie between this one and the nearest usual one, where that is more than one.
    pub(super) fn distance(&self, at: Time) -> Option<u32> {
        if self.days < LEAST_DAYS {
            return None;
        }
        let hour = of_day(slot(at));
        let apart = |usual: usize| usual.abs_diff(hour).min(24usize.saturating_sub(usual.abs_diff(hour)));
        let nearest = self.usual().map(apart).min().unwrap_or(24);
        u32::try_from(nearest).ok().filter(|distance| *distance > 1)
    }

    /// The hours in which something was signed on at least one day in [`RARE`].
    fn usual(&self) -> impl Iterator<Item = usize> {
        let least = (self.days / RARE).max(1);
        let used = self.by_hour.iter().enumerate().filter(move |(_, days)| **days >= least);
        used.map(|(hour, _)| hour)
    }

    /// The usual hours as ranges: `08 to 17, 22`.
    pub(super) fn words(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for hour in self.usual() {
            match ranges.last_mut() {
                Some((_, last)) if last.saturating_add(1) == hour => *last = hour,
                Some(_) | None => ranges.push((hour, hour)),
            }
        }
        let shown = ranges.into_iter().map(|(first, last)| {
            if first == last { format!("{first:02}") } else { format!("{first:02} to {last:02}") }
        });
        format!("{} UTC", shown.collect::<Vec<_>>().join(", "))
    }
}

/// The hour of the day.
pub(super) fn hour(at: Time) -> usize {
    of_day(slot(at))
}

const fn slot(at: Time) -> i64 {
    at.seconds().div_euclid(3600)
}

fn of_day(slot: i64) -> usize {
    usize::try_from(slot.rem_euclid(24)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_far_from_office_hours_until_it_happened() {
        let mut hours = Hours::default();
        for day in 0..20 {
            for hour in 8..=17 {
                hours.observe(Time::from_seconds((day * 24 + hour) * 3600));
            }
        }
        let at = |hour: i64| Time::from_seconds((20 * 24 + hour) * 3600 + 59);
        assert_eq!(hours.words(), "08 to 17 UTC");
        for (hour, distance) in [(8, None), (18, None), (7, None), (19, Some(2)), (3, Some(5)), (0, Some(7))]
        {
            assert_eq!(hours.distance(at(hour)), distance, "{hour}");
        }
        hours.observe(at(3));
        assert_eq!(hours.distance(at(4)), None);
        assert_eq!(hours.words(), "03, 08 to 17 UTC");
    }
}
