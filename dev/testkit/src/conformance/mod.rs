//! Suites that every implementation of a port must pass, the strict fakes included.

pub mod custodian;
pub mod outbox;
pub mod signature;
