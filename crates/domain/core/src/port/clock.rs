//! The only source of time.

use crate::time::Time;

/// Tells the time. Wired once, in the binary; tests use a clock that they move.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Time;
}
