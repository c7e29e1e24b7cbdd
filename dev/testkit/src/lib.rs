//! Strict fakes, conformance suites and hostile peers, for tests of every crate. Never linked into the product.

pub mod checks;
pub mod conformance;
pub mod custodian;
pub mod keys;
pub mod pe;
pub mod pki;
