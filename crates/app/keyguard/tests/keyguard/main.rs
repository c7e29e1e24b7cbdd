//! What the keyguard signs for the service itself, and what it does when its memory fails.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test")]

mod duties;
mod memory;
mod seat;
