//! The command line as its users see it: in-process, on captured streams, against a small local service.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

mod export;
mod fake;
mod foreign;
mod golden;
mod session;
mod sign;
mod trust;
mod verify;
#[path = "../../../../domain/verify/tests/world/mod.rs"]
mod world;
