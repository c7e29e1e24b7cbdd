//! Volumes rebuilt from the ledger: how many intents each profile had in a window.

use std::collections::{BTreeMap, VecDeque};

use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use chancery_policy::limit::{Counts, Limit, MAX_WINDOW};

/// Seconds that may pass between taking a place and the time that the intent's event names: windows are counted that
/// much shorter, so that a signature at the very edge of a window is no finding.
const SLACK: i64 = 5;

/// Times of intents by profile, as far back as the longest window may reach.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    profiles: BTreeMap<ProfileName, VecDeque<Time>>,
}

impl Budget {
    /// How many earlier intents each window holds at a moment.
    pub(crate) fn counts(&self, profile: &ProfileName, limits: &[Limit], now: Time) -> Counts {
        let mut counts = Counts::new();
        let times = self.profiles.get(profile);
        for limit in limits {
            let window = i64::from(limit.window.seconds());
            let since = now.plus_seconds(SLACK.min(window / 2).saturating_sub(window));
            let older = times.map_or(0, |times| times.partition_point(|time| *time <= since));
            let count = times.map_or(0, VecDeque::len).saturating_sub(older);
            counts.set(limit.window, u64::try_from(count).unwrap_or(u64::MAX));
        }
        counts
    }
    /// Counts one intent. A clock that goes back makes no room.
    pub(crate) fn record(&mut self, profile: &ProfileName, now: Time) {
        let times = self.profiles.entry(profile.clone()).or_default();
        let moment = times.back().map_or(now, |last| now.max(*last));
        let oldest = moment.plus_seconds(i64::from(MAX_WINDOW).saturating_neg());
        let gone = times.partition_point(|time| *time <= oldest);
        times.drain(..gone);
        times.push_back(moment);
    }
}
