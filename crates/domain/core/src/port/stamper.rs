//! A time stamping authority (RFC 3161), built in or remote.

use super::Boxed;
use crate::time::Time;

/// No authority stamped (exit 75 where trying again may help).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no time stamping authority answered rightly: {0}")]
pub struct StampError(pub String);

/// A timestamp that was fully checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// TimeStampResp as received, byte for byte.
    pub response: Vec<u8>,
    /// The time it says.
    pub at: Time,
}

/// Stamps a signature. Implementations check every answer completely before it counts.
pub trait Stamper: Send + Sync + std::fmt::Debug {
    /// A token over SHA-256 of `signature`.
    fn stamp<'a>(&'a self, signature: &'a [u8]) -> Boxed<'a, Result<Stamped, StampError>>;
}
