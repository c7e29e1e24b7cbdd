//! What the keyguard signs for the service itself, and what it does when its memory fails.
#![expect(clippy::unwrap_used, clippy::panic, clippy::wildcard_enum_match_arm, reason = "test")]

mod duties;
mod memory;
mod seat;
