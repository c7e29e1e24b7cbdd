//! Remote time stamping authorities (RFC 3161 over HTTP, §3.4): asked in order, believed only after every check.

pub mod authority;
pub mod pool;
mod transport;
