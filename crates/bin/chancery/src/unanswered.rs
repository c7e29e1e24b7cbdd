//! Whether a keyguard answers, told from the bytes that pass: every gateway asks for a sign of life every few seconds,
//! and a keyguard that lives gives it within moments, whatever else it works on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chancery_link::pipe::Way;

/// Questions without an answer for so long are a hang.
const LONGEST: Duration = Duration::from_secs(12);
/// The same before the first answer: a slow token is being opened.
const FIRST_LONGEST: Duration = Duration::from_secs(40);

/// Since when nothing was answered.
#[derive(Debug)]
pub(crate) struct Unanswered {
    started: Instant,
    /// Milliseconds after `started`, plus one; 0 when everything is answered.
    since: AtomicU64,
    has_answered: AtomicBool,
}

impl Default for Unanswered {
    fn default() -> Self {
        Self { started: Instant::now(), since: AtomicU64::new(0), has_answered: AtomicBool::new(false) }
    }
}

impl Unanswered {
    /// A piece passed.
    pub(crate) fn seen(&self, way: Way) {
        self.seen_after(way, self.started.elapsed());
    }
    /// Whether the keyguard hangs.
    pub(crate) fn is_hang(&self) -> bool {
        self.is_hang_after(self.started.elapsed())
    }

    fn seen_after(&self, way: Way, elapsed: Duration) {
        match way {
            Way::In => {
                let now = millis(elapsed).saturating_add(1);
                // A question that waits already counts from its own time.
                let _waits =
                    self.since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_err();
            }
            Way::Out => {
                self.since.store(0, Ordering::Relaxed);
                self.has_answered.store(true, Ordering::Relaxed);
            }
        }
    }
    fn is_hang_after(&self, elapsed: Duration) -> bool {
        let longest = if self.has_answered.load(Ordering::Relaxed) { LONGEST } else { FIRST_LONGEST };
        match self.since.load(Ordering::Relaxed) {
            0 => false,
            since => millis(elapsed).saturating_sub(since) > millis(longest),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_after_a_question_is_a_hang_and_silence_alone_is_not() {
        let at = Duration::from_secs;
        let keyguard = Unanswered::default();
        assert!(!keyguard.is_hang_after(at(1000)), "nobody asked");
        keyguard.seen_after(Way::In, at(1000));
        assert!(!keyguard.is_hang_after(at(1030)), "it may be opening its token");
        assert!(keyguard.is_hang_after(at(1050)));
        keyguard.seen_after(Way::Out, at(1050));
        assert!(!keyguard.is_hang_after(at(5000)));
        keyguard.seen_after(Way::In, at(5000));
        keyguard.seen_after(Way::In, at(5010));
        assert!(!keyguard.is_hang_after(at(5011)));
        assert!(keyguard.is_hang_after(at(5013)), "counted from the first question");
    }
}
