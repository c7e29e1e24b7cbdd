//! The ports that need nothing but the operating system: clock, entropy, steps.

use chancery_core::port::clock::Clock;
use chancery_core::port::entropy::Entropy;
use chancery_core::time::Time;

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// The operating system's generator, through the cryptographic provider.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn sixteen(&self) -> [u8; 16] {
        let mut bytes = [0u8; 16];
        // INVARIANT: the provider's generator does not fail once it is seeded, and an unseeded one must end the process.
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }
}
