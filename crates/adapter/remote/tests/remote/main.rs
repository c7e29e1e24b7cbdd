//! Tests of this crate against peers on the loopback address.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test")]

mod ambient;
mod hostile_issuer;
mod peer;
