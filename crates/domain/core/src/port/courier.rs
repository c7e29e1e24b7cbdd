//! Who takes a notice to the receiver that asked for it: one exchange, no repetition.

use super::Boxed;
use crate::time::Time;

/// A notice as it travels. The body is signed as it stands here, so it is made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same at every attempt, so that a receiver can drop what it has seen: `leaf-17-9f86d081884c7d65`. No full stop.
    pub id: String,
    /// What happened: `signature.released`.
    pub kind: String,
    /// CloudEvents 1.0, JSON.
    pub body: String,
}

/// Why a notice was not taken: one line, without a secret and without the receiver's path or query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(pub String);

/// Takes notices to receivers.
pub trait Courier: Send + Sync + std::fmt::Debug {
    /// One attempt, bounded in time; the receiver took it when this is `Ok`.
    fn deliver<'a>(
        &'a self,
        webhook: &'a str,
        notice: &'a Notice,
        at: Time,
    ) -> Boxed<'a, Result<(), NotTaken>>;
}
