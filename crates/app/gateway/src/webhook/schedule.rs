//! When a notice that was not taken is tried again: exponential back-off with jitter, then never.

use std::time::Duration;

/// The schedule. The usual one tries ten times in about eight minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// How often a notice is tried.
    pub attempts: u32,
    /// Pause after the first attempt; it doubles with every further one.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
    /// How often the ledger is looked at.
    pub look: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { attempts: 10, first: seconds(1), longest: seconds(300), look: seconds(1) }
    }
}

impl Schedule {
    /// The pause after attempt number `attempt` (from 1): between half and all of the doubled pause, by `random`, so that
    /// receivers that came back together are not asked together.
    #[must_use]
    pub fn pause(&self, attempt: u32, random: [u8; 16]) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(doubled).min(self.longest);
        let [a, b, ..] = random;
        let share = u32::from(u16::from_be_bytes([a, b]));
        let half = full / 2;
        half.saturating_add(half.saturating_mul(share) / u32::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_jitter_up_to_a_bound() {
        let schedule = Schedule::default();
        let seconds = |attempt, random| schedule.pause(attempt, [random; 16]).as_secs_f64();
        for (attempt, full) in
            [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (33, 300.0), (99, 300.0)]
        {
            assert_eq!((seconds(attempt, 0), seconds(attempt, 255)), (full / 2.0, full), "{attempt}");
            let middle = seconds(attempt, 128);
            assert!(full / 2.0 < middle && middle < full, "{attempt}: {middle}");
        }
        let all: f64 = (1..schedule.attempts).map(|attempt| seconds(attempt, 255)).sum();
        assert!((480.0..520.0).contains(&all), "{all} s until a notice is given up");
    }
}
