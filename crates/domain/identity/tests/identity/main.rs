//! Tests of this crate as others see it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    reason = "test"
)]

mod attacks;
mod bounds;
mod dev_issuer;
mod dialects;
mod forge;
mod issuers;
mod mutation;
