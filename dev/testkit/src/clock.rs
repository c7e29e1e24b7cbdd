//! A clock that only the test moves.

use std::sync::atomic::{AtomicI64, Ordering};

use chancery_core::port::clock::Clock;
use chancery_core::time::Time;

/// The clock.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// Stands at a moment.
    #[must_use]
    pub const fn at(moment: Time) -> Self {
        Self(AtomicI64::new(moment.millis()))
    }
    /// Moves it by seconds, back when negative.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }
}
