//! How many intents each profile had: exactly since this process began, and in little space over restarts.
//!
//! What is kept are buckets, each a count with its last moment in whole seconds, rounded up. The older, the coarser: a
//! bucket spans at most 1/16 of its age. It counts until its last moment leaves the window, so after a restart an
//! earlier intent may count up to 1/16 longer than its window, and never shorter.
//!
//! ```text
//! "release": "6bjj1wYDCgE="     base64 of LEB128 pairs: seconds since the last bucket, count
//!   e9 b8 e3 d7 06 03             3 intents until 1794694249
//!   0a 01                         1 until ten seconds later
//! ```
//! 31 days of intents in every second take 330 buckets, 1.5 KB. Above [`SOFT_SIZE`] in all, spans grow up to a whole
//! age (24 buckets); above [`MAX_PROFILES`] names, the rest is counted together and against every profile. So the whole
//! stays below 200 KiB whatever a gateway logs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use chancery_policy::limit::{MAX_COUNT, MAX_WINDOW};

/// Spans are at most the age divided by this.
const FINEST: u64 = 16;
/// Kept text in bytes above which spans grow.
const SOFT_SIZE: usize = 24 * 1024;
/// Profiles with a count of their own.
const MAX_PROFILES: usize = 700;
/// Seconds between two looks at the profiles that are idle.
const SWEEP: i64 = 3600;

/// What is kept of all volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptVolumes {
    /// Buckets by profile.
    profiles: BTreeMap<ProfileName, String>,
    /// Buckets of all further profiles.
    others: String,
}

/// Kept buckets that are not what this module writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("volume of `{0}` is malformed")]
pub struct MalformedVolume(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    last: u64,
    count: u64,
}

/// Ascending by their last moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Buckets(Vec<Bucket>);

/// One profile's intents.
#[derive(Debug, Default)]
struct Volume {
    /// INVARIANT: ascending, none older than the longest window that a limit may have, at most as many as it may allow.
    exact: VecDeque<Time>,
    /// From before this process began.
    earlier: Buckets,
    /// All.
    all: Buckets,
    text: String,
}

/// The intents of all profiles.
#[derive(Debug)]
pub struct Volumes {
    profiles: BTreeMap<ProfileName, Volume>,
    others: Volume,
    changed: BTreeSet<ProfileName>,
    fineness: u64,
    swept: Time,
}

impl Default for Volumes {
    fn default() -> Self {
        let (profiles, others, changed) = Default::default();
        Self { profiles, others, changed, fineness: FINEST, swept: Time::from_seconds(0) }
    }
}

impl Volumes {
    /// Takes up what an earlier process kept.
    pub fn resume(kept: &KeptVolumes) -> Result<Self, MalformedVolume> {
        let volume = |name: &str, text: &String| {
            let earlier = Buckets::decode(text).ok_or_else(|| MalformedVolume(name.to_owned()))?;
            Ok(Volume { exact: VecDeque::new(), all: earlier.clone(), earlier, text: text.clone() })
        };
        let profiles =
            kept.profiles.iter().map(|(name, text)| Ok((name.clone(), volume(name.as_str(), text)?)));
        let others = volume("all further profiles", &kept.others)?;
        Ok(Self { profiles: profiles.collect::<Result<_, _>>()?, others, ..Self::default() })
    }

    /// Counts one intent.
    pub fn record(&mut self, profile: &ProfileName, now: Time) {
        let has_room = self.profiles.len() < MAX_PROFILES;
        if has_room || self.profiles.contains_key(profile) {
            self.profiles.entry(profile.clone()).or_default().record(now);
            self.changed.insert(profile.clone());
        } else {
            self.others.record(now);
            self.others.settle(now, self.fineness);
        }
    }

    /// How many intents of a profile were counted since a moment, itself excluded.
    #[must_use]
    pub fn count_since(&self, profile: &ProfileName, since: Time) -> u64 {
        let own = self.profiles.get(profile).map_or(0, |volume| volume.count_since(since));
        own.saturating_add(self.others.count_since(since))
    }

    /// What to keep now. The cost is that of the profiles which changed since the last time.
    pub fn keep(&mut self, now: Time) -> KeptVolumes {
        for name in std::mem::take(&mut self.changed) {
            if let Some(volume) = self.profiles.get_mut(&name) {
                volume.settle(now, self.fineness);
            }
        }
        if now.seconds_since(self.swept) >= SWEEP {
            self.settle_all(now);
        }
        while self.size() > SOFT_SIZE && self.fineness > 1 {
            self.fineness /= 2;
            self.settle_all(now);
        }
        let profiles = self.profiles.iter().map(|(name, volume)| (name.clone(), volume.text.clone()));
        KeptVolumes { profiles: profiles.collect(), others: self.others.text.clone() }
    }

    fn settle_all(&mut self, now: Time) {
        self.swept = now;
        self.others.settle(now, self.fineness);
        let fineness = self.fineness;
        self.profiles.retain(|_, volume| {
            volume.settle(now, fineness);
            !volume.all.0.is_empty()
        });
    }

    /// Names, buckets, and what JSON puts around them.
    fn size(&self) -> usize {
        let one = |(name, volume): (&ProfileName, &Volume)| name.as_str().len() + volume.text.len() + 6;
        self.profiles.iter().map(one).sum::<usize>() + self.others.text.len()
    }
}

impl Volume {
    /// A clock that goes back must not make room: a moment before the last one counts as the last one.
    fn record(&mut self, now: Time) {
        let earlier = || self.earlier.0.last().map(|bucket| time(bucket.last.saturating_sub(1)));
        let moment = self.exact.back().copied().or_else(earlier).map_or(now, |last| now.max(last));
        let oldest = moment.plus_seconds(i64::from(MAX_WINDOW).saturating_neg());
        let gone = self.exact.partition_point(|time| *time <= oldest);
        self.exact.drain(..gone);
        // More than the highest limit need not be known: it is spent already.
        if self.exact.len() >= usize::try_from(MAX_COUNT).unwrap_or(usize::MAX) {
            self.exact.pop_front();
        }
        self.exact.push_back(moment);
        self.all.add(seconds(moment).saturating_add(1));
    }

    fn count_since(&self, since: Time) -> u64 {
        let older = self.exact.partition_point(|time| *time <= since);
        let exact = u64::try_from(self.exact.len().saturating_sub(older)).unwrap_or(u64::MAX);
        exact.saturating_add(self.earlier.count_since(since))
    }

    fn settle(&mut self, now: Time, fineness: u64) {
        self.all.thin(seconds(now), fineness);
        self.text = self.all.encode();
    }
}

impl Buckets {
    fn add(&mut self, moment: u64) {
        match self.0.last_mut() {
            Some(bucket) if bucket.last >= moment => bucket.count = bucket.count.saturating_add(1),
            Some(_) | None => self.0.push(Bucket { last: moment, count: 1 }),
        }
    }

    fn count_since(&self, since: Time) -> u64 {
        let inside = self.0.iter().rev().take_while(|bucket| time(bucket.last) > since);
        inside.fold(0, |sum, bucket| sum.saturating_add(bucket.count))
    }

    /// Joins neighbours in one block of 2^n seconds, where the later one is so old that the block is a small part of its
    /// age. Blocks of smaller sizes lie in those of larger ones, so a bucket never spans more than its block.
    fn thin(&mut self, now: u64, fineness: u64) {
        let horizon = now.saturating_sub(u64::from(MAX_WINDOW));
        let mut joined: Vec<Bucket> = Vec::with_capacity(self.0.len());
        for bucket in self.0.drain(..).filter(|bucket| bucket.last > horizon) {
            let span = now.saturating_sub(bucket.last).checked_div(fineness).unwrap_or(0);
            let bits = span.checked_ilog2().unwrap_or(0);
            match joined.last_mut() {
                Some(before) if before.last >> bits == bucket.last >> bits => {
                    let count = before.count.saturating_add(bucket.count);
                    *before = Bucket { last: bucket.last, count };
                }
                Some(_) | None => joined.push(bucket),
            }
        }
        self.0 = joined;
    }

    fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(4));
        let mut before = 0;
        for bucket in &self.0 {
            write_number(&mut bytes, bucket.last.saturating_sub(before));
            write_number(&mut bytes, bucket.count);
            before = bucket.last;
        }
        STANDARD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (mut rest, mut buckets, mut before) = (bytes.as_slice(), Vec::new(), 0_u64);
        while !rest.is_empty() {
            let later = read_number(&mut rest).filter(|later| *later > 0)?;
            let count = read_number(&mut rest).filter(|count| *count > 0)?;
            before = before.checked_add(later)?;
            buckets.push(Bucket { last: before, count });
        }
        Some(Self(buckets))
    }
}

fn seconds(time: Time) -> u64 {
    u64::try_from(time.seconds()).unwrap_or(0)
}

fn time(seconds: u64) -> Time {
    Time::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1000))
}

/// LEB128: seven bits at a time, lowest first, the highest bit of an octet says that more follow.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (octet, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_000_000;

    fn profile(name: &str) -> ProfileName {
        ProfileName::parse(name).unwrap()
    }
    fn at(second: i64) -> Time {
        Time::from_seconds(START + second)
    }
    fn restarted(volumes: &mut Volumes, now: Time) -> Volumes {
        Volumes::resume(&volumes.keep(now)).unwrap()
    }

    /// Pseudo-random gaps, so that no block boundary is special.
    fn moments(count: usize, widest: u64) -> Vec<i64> {
        let (mut state, mut now) = (7_u64, 0);
        let step = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now += i64::try_from((state >> 33) % widest).unwrap();
            now
        };
        std::iter::repeat_with(step).take(count).collect()
    }

    #[test]
    fn a_restart_forgets_no_intent_and_keeps_none_much_longer() {
        for widest in [1, 2, 40, 700, 20_000] {
            let made = moments(4000, widest);
            let (p, mut volumes) = (profile("p"), Volumes::default());
            for (number, moment) in made.iter().enumerate() {
                volumes.record(&p, at(*moment));
                if number % 7 == 0 {
                    let _kept = volumes.keep(at(*moment));
                }
                if number % 997 == 0 {
                    volumes = restarted(&mut volumes, at(*moment));
                }
            }
            let now = *made.last().unwrap();
            let again = restarted(&mut volumes, at(now));
            let held = |window: i64| made.iter().filter(|moment| **moment > now - window).count() as u64;
            for window in [1, 10, 60, 600, 3600, 86_400, 604_800, i64::from(MAX_WINDOW)] {
                let counted = again.count_since(&p, at(now - window));
                let longer = window + window / 15 + 2;
                assert!(counted >= held(window), "{widest} {window}: {counted} of {}", held(window));
                assert!(counted <= held(longer), "{widest} {window}: {counted} over {}", held(longer));
            }
        }
    }

    #[test]
    fn without_a_restart_counts_are_exact() {
        let (p, mut volumes) = (profile("p"), Volumes::default());
        let made = moments(3000, 90);
        for moment in &made {
            volumes.record(&p, at(*moment));
            let _kept = volumes.keep(at(*moment));
        }
        let now = *made.last().unwrap();
        for window in [1, 59, 3600, 86_400] {
            let held = made.iter().filter(|moment| **moment > now - window).count() as u64;
            assert_eq!(volumes.count_since(&p, at(now - window)), held, "{window}");
        }
        assert_eq!(volumes.count_since(&profile("q"), at(0)), 0);
    }

    #[test]
    fn a_month_of_seconds_takes_few_buckets() {
        let mut buckets = Buckets::default();
        for second in 0..40 * 86_400_u64 {
            buckets.add(1_795_000_000 + second);
            if second % 600 == 0 {
                buckets.thin(1_795_000_000 + second, FINEST);
            }
        }
        buckets.thin(1_795_000_000 + 40 * 86_400, FINEST);
        assert!(buckets.0.len() <= 340, "{}", buckets.0.len());
        let bytes = buckets.encode().len();
        assert!(bytes <= 1700, "{bytes}");
        assert_eq!(Buckets::decode(&buckets.encode()), Some(buckets.clone()));
        buckets.thin(1_795_000_000 + 40 * 86_400, 1);
        assert!(buckets.0.len() <= 26, "{}", buckets.0.len());
    }

    #[test]
    fn whatever_is_logged_stays_below_the_slot() {
        let mut volumes = Volumes::default();
        let names: Vec<_> = (0..900).map(|n| profile(&format!("{n:064}"))).collect();
        // Twelve days of every name, in gaps that fill each span.
        for hour in 0..300_i64 {
            for name in &names {
                for second in [0, 7, 1800, 2700] {
                    volumes.record(name, at(hour * 3600 + second));
                }
            }
            let _kept = volumes.keep(at(hour * 3600 + 2700));
        }
        let now = at(300 * 3600);
        let kept = volumes.keep(now);
        let size = serde_json::to_vec(&kept).unwrap().len();
        assert!(size < 200 * 1024, "{size}");
        let again = Volumes::resume(&kept).unwrap();
        for name in &names {
            assert!(again.count_since(name, at(-1)) >= 1200, "{name}");
        }
        // A month later nothing is left.
        let later = now.plus_seconds(i64::from(MAX_WINDOW) + 2);
        assert_eq!(volumes.keep(later), KeptVolumes::default());
    }

    #[test]
    fn a_clock_that_goes_back_over_a_restart_makes_no_room() {
        let (p, mut volumes) = (profile("p"), Volumes::default());
        volumes.record(&p, at(1000));
        let mut again = restarted(&mut volumes, at(1000));
        again.record(&p, at(10));
        assert_eq!(again.count_since(&p, at(999)), 2);
        assert_eq!(again.count_since(&p, at(1001)), 0);
    }

    #[test]
    fn other_bytes_are_refused() {
        let good =
            Buckets(vec![Bucket { last: 1_794_694_249, count: 3 }, Bucket { last: 1_794_694_259, count: 1 }]);
        assert_eq!(good.encode(), "6bjj1wYDCgE=");
        assert_eq!(Buckets::decode("6bjj1wYDCgE="), Some(good));
        for bad in ["6bjj1wYDCg==", "AAE=", "AQA=", "////////////////AQ==", "6bjj1wYDCgE", "?"] {
            let kept = KeptVolumes { others: bad.to_owned(), ..KeptVolumes::default() };
            assert!(Volumes::resume(&kept).is_err(), "{bad}");
        }
    }
}
