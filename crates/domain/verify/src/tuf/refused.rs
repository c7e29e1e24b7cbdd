//! Why metadata is not taken: one value per attack that the specification names, with its step.

use chancery_core::time::Time;
use chancery_core::tuf::Role;

/// A rejection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TufRefused {
    /// 5.5.2, 5.6.2, 5.7.2: bytes that are not those that the metadata above names.
    #[error("{0} is not the file that is named: length or digest differ")]
    Digest(String),
    /// 5.3.10, 5.4.4, 5.5.6, 5.6.5: freeze attack, or a repository that nobody renews.
    #[error("{} metadata expired at {expires}; it is {at}", role.name())]
    Expired {
        /// Which role.
        role: Role,
        /// When.
        expires: Time,
        /// Now.
        at: Time,
    },
    /// A key that cannot be what it says.
    #[error("{} metadata holds a key that cannot be used: {why}", role.name())]
    Key {
        /// Where.
        role: Role,
        /// Why.
        why: &'static str,
    },
    /// Not metadata of this role, or a member that is missing.
    #[error("{} metadata is malformed: {why}", role.name())]
    Malformed {
        /// Which role was expected.
        role: Role,
        /// What is wrong.
        why: &'static str,
    },
    /// 5.5.4, 5.6.4: mix-and-match attack: the version is not the one that the metadata above names.
    #[error("{} metadata has version {actual}; {expected} is named", role.name())]
    Mixed {
        /// Which role.
        role: Role,
        /// As received.
        actual: u64,
        /// As named.
        expected: u64,
    },
    /// 5.7.1: the targets do not name the file.
    #[error("the repository has no target `{0}`")]
    NoTarget(String),
    /// A step out of turn.
    #[error("{} metadata comes before what it depends on", .0.name())]
    OutOfTurn(Role),
    /// 5.3.5, 5.4.3, 5.5.5: rollback attack: older than what was trusted before.
    #[error("{} metadata has version {actual}; {known} was trusted before", role.name())]
    RolledBack {
        /// Which role.
        role: Role,
        /// As received.
        actual: u64,
        /// The least that is taken.
        known: u64,
    },
    /// Larger than is ever read.
    #[error("{} metadata has more than {limit} bytes", role.name())]
    Size {
        /// Which role.
        role: Role,
        /// In bytes.
        limit: usize,
    },
    /// 5.3.4, 5.4.2, 5.5.3, 5.6.3: not signed by enough of the role's keys.
    #[error("{} metadata is signed by {actual} of its keys; {expected} are needed", role.name())]
    Threshold {
        /// Which role.
        role: Role,
        /// Distinct keys whose signatures hold.
        actual: usize,
        /// How many are needed.
        expected: usize,
    },
}

impl TufRefused {
    /// The stable name of the kind of rejection.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Digest(_) => "digest",
            Self::Expired { .. } => "expired",
            Self::Key { .. } => "key",
            Self::Malformed { .. } => "malformed",
            Self::Mixed { .. } => "mixed",
            Self::NoTarget(_) => "no-target",
            Self::OutOfTurn(_) => "out-of-turn",
            Self::RolledBack { .. } => "rolled-back",
            Self::Size { .. } => "size",
            Self::Threshold { .. } => "threshold",
        }
    }
}
