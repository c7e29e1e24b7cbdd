//! Limits: how many signatures a profile may make in a window. A place is taken before the intent is logged and given
//! back when it could not be; so two requests can never share the last place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use chancery_policy::limit::{Counts, Limit};

/// Times of the signatures of each profile, as far back as the longest window reaches.
#[derive(Debug, Default)]
pub struct Limits {
    times: Mutex<HashMap<ProfileName, Vec<Time>>>,
}

impl Limits {
    /// Takes over what the ledger says was signed before this process started.
    pub fn restore(&self, profile: &ProfileName, times: Vec<Time>) {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(profile.clone(), times);
    }

    /// How many signatures each window holds now.
    #[must_use]
    pub fn counts(&self, profile: &ProfileName, limits: &[Limit], now: Time) -> Counts {
        let all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.get(profile).map_or(&[][..], Vec::as_slice);
        count(times, limits, now)
    }

    /// Takes `wanted` places in every window, or none: then it says which limit is spent.
    pub fn take(
        &self,
        profile: &ProfileName,
        limits: &[Limit],
        wanted: usize,
        now: Time,
    ) -> Result<(), Limit> {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry(profile.clone()).or_default();
        let longest = limits.iter().map(|limit| i64::from(limit.window.seconds())).max().unwrap_or(0);
        times.retain(|time| now.seconds_since(*time) < longest);
        for limit in limits {
            let used = times.iter().filter(|time| within(**time, *limit, now)).count();
            let room = usize::try_from(limit.count).unwrap_or(usize::MAX).saturating_sub(used);
            if wanted > room {
                return Err(*limit);
            }
        }
        if longest > 0 {
            times.extend(std::iter::repeat_n(now, wanted));
        }
        Ok(())
    }

    /// Takes places that people allowed beyond the limits; they count for those who come later.
    pub fn take_freely(&self, profile: &ProfileName, limits: &[Limit], wanted: usize, now: Time) {
        if !limits.is_empty() {
            let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(profile.clone()).or_default().extend(std::iter::repeat_n(now, wanted));
        }
    }

    /// Gives places back that were taken at `taken` and not used.
    pub fn give_back(&self, profile: &ProfileName, count: usize, taken: Time) {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = all.get_mut(profile) else { return };
        for _ in 0..count {
            if let Some(at) = times.iter().rposition(|time| *time == taken) {
                times.remove(at);
            }
        }
    }
}

fn within(time: Time, limit: Limit, now: Time) -> bool {
    now.seconds_since(time) < i64::from(limit.window.seconds())
}

fn count(times: &[Time], limits: &[Limit], now: Time) -> Counts {
    let mut counts = Counts::new();
    for limit in limits {
        let used = times.iter().filter(|time| within(**time, *limit, now)).count();
        counts.set(limit.window, u64::try_from(used).unwrap_or(u64::MAX));
    }
    counts
}
