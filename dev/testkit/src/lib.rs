//! Strict fakes, conformance suites and hostile peers, for tests of every crate. Never linked into the product.

pub mod keys;
