//! Why a use case did not come to its end: refused, pending, temporary, or our fault.

use chancery_core::decision::{Missing, Trace, in_words};
use chancery_core::port::keyguard::KeyguardUnavailable;
use chancery_core::port::sequencer::AppendError;
use chancery_core::port::stamper::StampError;
use chancery_core::port::state::StateError;
use chancery_core::refusal::{Refusal, RefusalCode};

/// A failure with its blame. `Internal` is for the log; callers see only that something broke, and the request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Our fault: an alarm.
    #[error("internal: {0}")]
    Internal(String),
    /// Would be allowed, but something is missing that may still come.
    #[error("waits: {}", in_words(missing))]
    Pending {
        /// What is missing.
        missing: Vec<Missing>,
        /// What policy evaluated.
        trace: Trace,
    },
    /// Refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Something that is needed does not answer now; safe to try again (exit 75).
    #[error("{0}")]
    Temporary(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
impl From<KeyguardUnavailable> for Failure {
    fn from(error: KeyguardUnavailable) -> Self {
        Self::Temporary(error.to_string())
    }
}
impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::Temporary(error.to_string())
    }
}
impl From<StampError> for Failure {
    fn from(error: StampError) -> Self {
        Self::Temporary(error.to_string())
    }
}
impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::TokenReplayed(request) => {
                let what = "the token was used for another request";
                let refusal = Refusal::new(RefusalCode::TokenReplayed, what)
                    .because(format!("request {request}"), "a fresh token for this request")
                    .hint("ask the CI system for a new token; each is good for one request");
                refusal.into()
            }
            AppendError::Busy(_) | AppendError::NotCosigned(_) => Self::Temporary(error.to_string()),
            AppendError::Closed(_) | AppendError::LeafSize(_) => Self::Internal(error.to_string()),
        }
    }
}
