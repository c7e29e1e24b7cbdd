//! Why an act is not done: values with frozen codes, CH8030 to CH8039.

use chancery_core::id::PersonId;
use chancery_core::time::Time;
use chancery_identity::sshsig::signature::InvalidSshSignature;

/// A refused act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActRefused {
    /// CH8030: not an act.
    #[error("act is malformed: {0}")]
    Malformed(&'static str),
    /// CH8031: signed by somebody who may not do it.
    #[error("`{0}` may not do this")]
    MayNot(PersonId),
    /// CH8032: for another ledger.
    #[error("act is for the ledger `{actual}`, this is `{expected}`")]
    OtherLedger {
        /// As signed.
        actual: String,
        /// Ours.
        expected: String,
    },
    /// CH8033: signed by a key that is nobody's.
    #[error("key `{0}` is nobody's in root and roster")]
    Outsider(String),
    /// CH8034: a signature that is not valid.
    #[error("signature {number} is not valid")]
    Signature {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        why: InvalidSshSignature,
    },
    /// CH8035: written too long ago, or in the future.
    #[error("act was written at {at}; it is {now}, and an act is done within a day")]
    Stale {
        /// As signed.
        at: Time,
        /// Now.
        now: Time,
    },
    /// CH8036: break-glass that has become a habit, or whose last use nobody looked at.
    #[error("no further exception for this profile: {0}")]
    Standing(String),
    /// CH8037: not enough people.
    #[error("{actual} people signed; {expected} are needed")]
    TooFewPeople {
        /// Distinct people.
        actual: usize,
        /// How many.
        expected: usize,
    },
    /// CH8038: what it is about is not there, or over.
    #[error("{0}")]
    Unknown(String),
}

impl ActRefused {
    /// The frozen code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "CH8030",
            Self::MayNot(_) => "CH8031",
            Self::OtherLedger { .. } => "CH8032",
            Self::Outsider(_) => "CH8033",
            Self::Signature { .. } => "CH8034",
            Self::Stale { .. } => "CH8035",
            Self::Standing(_) => "CH8036",
            Self::TooFewPeople { .. } => "CH8037",
            Self::Unknown(_) => "CH8038",
        }
    }
}
