//! Why an approval does not count: values with frozen codes, CH8020 to CH8029.

use chancery_core::id::PersonId;
use chancery_core::time::Time;
use chancery_identity::sshsig::signature::InvalidSshSignature;

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefused {
    /// CH8021: it is about something else.
    #[error("approval is about another {what}")]
    Differs {
        /// What differs.
        what: &'static str,
        /// As signed.
        actual: String,
        /// As asked for now.
        expected: String,
    },
    /// CH8022: its time is over, or has not come.
    #[error("approval counted until {expires}; it is {now}")]
    Expired {
        /// Now.
        now: Time,
        /// Its end.
        expires: Time,
    },
    /// CH8020: what was signed is not one of the documents.
    #[error("document is malformed: {0}")]
    Malformed(&'static str),
    /// CH8024: the person may not approve this profile now.
    #[error("`{0}` may not approve for this profile")]
    NoApprover(PersonId),
    /// CH8023: signed by a key that is nobody's in the roster.
    #[error("key `{0}` is nobody's in the roster")]
    Outsider(String),
    /// CH8025: who asks does not approve, under whatever identity.
    #[error("`{0}` asks for the signature and cannot approve it")]
    Requester(PersonId),
    /// CH8026: the signature is malformed, for another purpose, or over other bytes.
    #[error("signature is not valid")]
    Signature(#[source] InvalidSshSignature),
    /// CH8027: more signatures than people could give.
    #[error("{0} signatures; at most 64")]
    TooMany(usize),
}

impl ApprovalRefused {
    /// The frozen code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "CH8020",
            Self::Differs { .. } => "CH8021",
            Self::Expired { .. } => "CH8022",
            Self::Outsider(_) => "CH8023",
            Self::NoApprover(_) => "CH8024",
            Self::Requester(_) => "CH8025",
            Self::Signature(_) => "CH8026",
            Self::TooMany(_) => "CH8027",
        }
    }
}
