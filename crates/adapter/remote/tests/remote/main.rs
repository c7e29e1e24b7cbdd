//! Tests of this crate against peers on the loopback address.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "test")]

mod ambient;
mod http;
mod peer;
mod receiver;
mod registry;
