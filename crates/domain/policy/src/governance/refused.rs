//! Why a version of the governance documents does not come into force: values with frozen codes, CH8001 to CH8012.

use chancery_core::digest::Sha256;
use chancery_core::id::{PersonId, PolicyVersion};
use chancery_identity::sshsig::signature::InvalidSshSignature;

use crate::problem::Problems;

/// A refusal of signed governance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GovernanceRefused {
    /// CH8006: the header is about other documents.
    #[error("signatures are over version {signed}, the documents are version {actual}")]
    Documents {
        /// As signed.
        signed: PolicyVersion,
        /// The documents' own.
        actual: PolicyVersion,
    },
    /// CH8001: the header is not canonical, or there are more signatures than people.
    #[error("governance header is malformed: {0}")]
    Malformed(&'static str),
    /// CH8002: signed for another ledger.
    #[error("signed for the ledger `{actual}`, this is `{expected}`")]
    OtherLedger {
        /// As signed.
        actual: String,
        /// Ours.
        expected: String,
    },
    /// CH8009: signed by a key that is nobody's in the root document.
    #[error("key `{0}` is nobody's in the root document")]
    Outsider(String),
    /// CH8005: it does not follow the version in force.
    #[error("follows another version than the one in force")]
    Previous {
        /// As signed.
        actual: Option<PolicyVersion>,
        /// In force.
        expected: Option<PolicyVersion>,
    },
    /// CH8003: its number is not above the one in force.
    #[error("sequence {actual} is not above {current}, which is in force")]
    RolledBack {
        /// As signed.
        actual: u64,
        /// In force.
        current: u64,
    },
    /// CH8010: the root document does not follow the one in force, or is not the one that is pinned.
    #[error("root document {actual} does not follow {expected}")]
    Root {
        /// Hash of the new one.
        actual: Sha256,
        /// Hash of the one that it had to follow, or to be.
        expected: Sha256,
    },
    /// CH8011: the root document cannot be read.
    #[error("root document is not sound: {0}")]
    RootDocument(Problems),
    /// CH8012: one key is one person's in the old root and another's in the new one.
    #[error("one key is `{old}`'s in the old root document and `{new}`'s in the new one")]
    RootContradiction {
        /// Whose it was.
        old: PersonId,
        /// Whose it shall be.
        new: PersonId,
    },
    /// CH8008: a signature that is malformed, for another purpose, or over other bytes.
    #[error("signature {number} is not valid")]
    Signature {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        why: InvalidSshSignature,
    },
    /// CH8004: it leaves numbers out.
    #[error("sequence {actual} leaves numbers out; expected {expected}")]
    Skipped {
        /// As signed.
        actual: u64,
        /// The next one.
        expected: u64,
    },
    /// CH8007: too few people of the old or of the new root document.
    #[error("{actual} of the root's people signed; {expected} are needed")]
    TooFewPeople {
        /// Distinct people.
        actual: usize,
        /// The threshold.
        expected: usize,
    },
}

impl GovernanceRefused {
    /// The frozen code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "CH8001",
            Self::OtherLedger { .. } => "CH8002",
            Self::RolledBack { .. } => "CH8003",
            Self::Skipped { .. } => "CH8004",
            Self::Previous { .. } => "CH8005",
            Self::Documents { .. } => "CH8006",
            Self::TooFewPeople { .. } => "CH8007",
            Self::Signature { .. } => "CH8008",
            Self::Outsider(_) => "CH8009",
            Self::Root { .. } => "CH8010",
            Self::RootDocument(_) => "CH8011",
            Self::RootContradiction { .. } => "CH8012",
        }
    }
}
