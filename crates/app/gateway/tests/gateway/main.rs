//! The gateway's use cases over a real keyguard in the same process: whole signatures, refusals, what a crash left
//! open, and a gateway that lies.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "test"
)]

mod act;
mod answers;
mod approval;
mod attested;
mod audited;
mod facade;
mod issuer_keys;
mod lying;
mod open;
mod port;
mod races;
mod refused;
mod session;
mod stolen;
mod telling;
mod trust;
mod vouch;
mod whole;
mod world;
