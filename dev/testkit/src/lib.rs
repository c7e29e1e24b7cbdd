//! Strict fakes, conformance suites and hostile peers, for tests of every crate. Never linked into the product.

pub mod archive;
pub mod checks;
pub mod clock;
pub mod conformance;
pub mod custodian;
pub mod distribution;
pub mod entropy;
pub mod governance;
pub mod issuer;
pub mod keys;
pub mod ledger;
pub mod memory;
pub mod outbox;
pub mod pe;
pub mod pki;
pub mod registry;
pub mod ssh;
