//! The keyguard as the gateway sees it.

use super::Boxed;
use crate::message::{Call, Reply};

/// The keyguard did not answer: it is restarting, hung, or gone. Always safe to try again (exit 75).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("keyguard is not available: {0}")]
pub struct KeyguardUnavailable(pub String);

/// Sends calls to the keyguard; many may be under way at once.
pub trait Keyguard: Send + Sync + std::fmt::Debug {
    /// One call, one reply.
    fn call(&self, call: Call) -> Boxed<'_, Result<Reply, KeyguardUnavailable>>;
}
