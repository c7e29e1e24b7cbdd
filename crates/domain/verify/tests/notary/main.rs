//! Notary envelopes: what is accepted, what is refused, and what notation says about the same bytes.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "test")]

mod layout;
mod maker;
mod notation;
mod refuse;
mod revoked;
mod stamper;
mod tamper;
#[path = "../world/mod.rs"]
mod world;
