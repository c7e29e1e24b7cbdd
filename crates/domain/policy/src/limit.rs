//! Limits on volume: so many signatures within a sliding window.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chancery_core::time::Time;

/// Highest count of a limit; a [`Counter`] keeps at most this many moments (8 bytes each).
pub const MAX_COUNT: u32 = 1_000_000;
/// Longest window in seconds: 31 days.
pub const MAX_WINDOW: u32 = 31 * 86_400;

/// The length of a sliding window. Shown as its largest whole unit, so that each length has one name: `1h`, not `60m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window(u32);

/// A text that is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a window: expected a number and s, m, h or d, up to 31d, such as `10m`")]
pub struct InvalidWindow(String);

impl Window {
    /// One day.
    pub(crate) const DAY: Self = Self(86_400);
}

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl Window {
    /// Parses `10m`, `1h`, `1d`.
    pub fn parse(text: &str) -> Result<Self, InvalidWindow> {
        let invalid = || InvalidWindow(text.chars().filter(|c| !c.is_control()).take(40).collect());
        let (unit, seconds) =
            UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit)).ok_or_else(invalid)?;
        let digits = text.strip_suffix(unit).ok_or_else(invalid)?;
        if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u32 = digits.parse().map_err(|_| invalid())?;
        let total = number.checked_mul(seconds).filter(|total| *total <= MAX_WINDOW).ok_or_else(invalid)?;
        Ok(Self(total))
    }
    /// Its length in seconds, 1 to 2 678 400.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, seconds) in UNITS {
            if self.0.is_multiple_of(seconds) {
                return write!(f, "{}{unit}", self.0 / seconds);
            }
        }
        Ok(())
    }
}

/// What happens when a limit is spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exceed {
    /// So many people must approve what is beyond it, at least one.
    Approval(u32),
    /// Refused.
    #[default]
    Refuse,
}

/// At most `count` signatures within `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limit {
    /// The window's length.
    pub window: Window,
    /// How many signatures, 1 to [`MAX_COUNT`].
    pub count: u32,
    /// What happens beyond.
    pub exceed: Exceed,
}

/// How many signatures each window holds already. A window that a limit names and that is not here counts as spent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Window, u64>);

impl Counts {
    /// No window known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Nothing signed in any window of these limits.
    #[must_use]
    pub fn zero(limits: &[Limit]) -> Self {
        Self(limits.iter().map(|limit| (limit.window, 0)).collect())
    }
    /// Says how many signatures a window holds.
    pub fn set(&mut self, window: Window, count: u64) {
        self.0.insert(window, count);
    }
    /// How many signatures a window holds; `None` when nobody counted.
    #[must_use]
    pub fn of(&self, window: Window) -> Option<u64> {
        self.0.get(&window).copied()
    }
    pub(crate) fn each(&self) -> impl Iterator<Item = (Window, u64)> {
        self.0.iter().map(|(window, count)| (*window, *count))
    }
}

/// Counts signatures of one profile in sliding windows, exactly. Used alike by gateway and keyguard, each with its own.
///
/// INVARIANT: `moments` is ascending and holds at most `most` entries: more than the highest limit need not be known,
/// because that limit is spent with `most` already.
#[derive(Debug, Clone)]
pub struct Counter {
    limits: Vec<Limit>,
    moments: VecDeque<Time>,
    most: usize,
}

impl Counter {
    /// A counter for these limits, empty.
    #[must_use]
    pub fn new(limits: &[Limit]) -> Self {
        let highest = limits.iter().map(|limit| limit.count).max().unwrap_or(0).min(MAX_COUNT);
        Self {
            limits: limits.to_vec(),
            moments: VecDeque::new(),
            most: usize::try_from(highest).unwrap_or(0),
        }
    }
    /// Records one signature. A moment before the last one counts as the last one: a clock that goes back must not
    /// make room.
    pub fn record(&mut self, time: Time) {
        let moment = self.moments.back().map_or(time, |last| time.max(*last));
        self.forget(moment);
        self.moments.push_back(moment);
        while self.moments.len() > self.most {
            self.moments.pop_front();
        }
    }
    /// How many signatures each limit's window holds at `now`, up to the highest limit.
    #[must_use]
    pub fn counts(&self, now: Time) -> Counts {
        Counts(self.limits.iter().map(|limit| (limit.window, self.held(limit.window, now))).collect())
    }
    /// The first limit that one more signature at `now` would exceed.
    #[must_use]
    pub fn would_exceed(&self, now: Time) -> Option<Limit> {
        let spent = |limit: &&Limit| self.held(limit.window, now) >= u64::from(limit.count);
        self.limits.iter().find(spent).copied()
    }

    /// A signature stays in the window for exactly its length: (now − window, now]. Later moments count too, so that
    /// a clock that went back sees a spent limit.
    fn held(&self, window: Window, now: Time) -> u64 {
        let start = now.plus_seconds(-i64::from(window.0));
        let older = self.moments.partition_point(|moment| *moment <= start);
        u64::try_from(self.moments.len().saturating_sub(older)).unwrap_or(u64::MAX)
    }
    fn forget(&mut self, now: Time) {
        let longest = self.limits.iter().map(|limit| limit.window.0).max().unwrap_or(0);
        let start = now.plus_seconds(-i64::from(longest));
        while self.moments.front().is_some_and(|moment| *moment <= start) {
            self.moments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(count: u32, window: &str) -> Limit {
        Limit { window: Window::parse(window).unwrap(), count, exceed: Exceed::Refuse }
    }

    #[test]
    fn windows_have_one_name() {
        for (text, seconds, shown) in [
            ("10m", 600, "10m"),
            ("60m", 3600, "1h"),
            ("24h", 86_400, "1d"),
            ("90s", 90, "90s"),
            ("31d", MAX_WINDOW, "31d"),
        ] {
            let window = Window::parse(text).unwrap();
            assert_eq!((window.seconds(), window.to_string().as_str()), (seconds, shown));
        }
        for bad in [
            "",
            "m",
            "0m",
            "01m",
            "+1m",
            "-1m",
            "1.5h",
            "10",
            "10 m",
            "10M",
            "32d",
            "99999999999d",
            "1w",
            "1\u{e4}",
        ] {
            assert!(Window::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn eighty_four_asked_ten_signed() {
        let mut counter = Counter::new(&[limit(10, "10m")]);
        let mut signed = 0;
        for n in 0..84 {
            let now = Time::from_seconds(1_000_000 + n * 6 * 60 / 84);
            if counter.would_exceed(now).is_none() {
                counter.record(now);
                signed += 1;
            }
        }
        assert_eq!(signed, 10);
        let later = Time::from_seconds(1_000_000 + 600);
        assert_eq!(counter.counts(later).of(Window::parse("10m").unwrap()), Some(9));
        assert_eq!(counter.would_exceed(later), None);
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_room() {
        let mut counter = Counter::new(&[limit(2, "1m")]);
        counter.record(Time::from_seconds(1000));
        counter.record(Time::from_seconds(10));
        assert!(counter.would_exceed(Time::from_seconds(10)).is_some());
        assert!(counter.would_exceed(Time::from_seconds(1059)).is_some());
        assert!(counter.would_exceed(Time::from_seconds(1060)).is_none());
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_limit(steps in prop::collection::vec(0i64..50, 0..200)) {
            let limits = [limit(3, "1m"), limit(7, "5m")];
            let mut counter = Counter::new(&limits);
            let (mut now, mut made) = (0i64, Vec::new());
            for step in steps {
                now += step;
                let time = Time::from_seconds(now);
                let free = limits.iter().all(|limit| {
                    let since = now - i64::from(limit.window.seconds());
                    made.iter().filter(|at| **at > since).count() < limit.count as usize
                });
                prop_assert_eq!(counter.would_exceed(time).is_none(), free);
                if free {
                    counter.record(time);
                    made.push(now);
                }
            }
        }
    }
}
