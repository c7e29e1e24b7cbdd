//! The TUF repository that carries trust to Sigstore clients: what the keyguard signs, and what it hands out.

/// A role of TUF (specification, 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Says which keys the other roles have.
    Root,
    /// Says which version of the targets there is.
    Snapshot,
    /// Says which files there are, and their digests.
    Targets,
    /// Says which snapshot there is; short-lived.
    Timestamp,
}

impl Role {
    /// All roles, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Root, Self::Snapshot, Self::Targets, Self::Timestamp];

    /// The stable name: `timestamp`, as it stands in `_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
            Self::Timestamp => "timestamp",
        }
    }
    /// Days after which a client no longer takes the metadata.
    #[must_use]
    pub const fn life_days(self) -> i64 {
        match self {
            Self::Root => 730,
            Self::Targets => 180,
            Self::Snapshot => 21,
            Self::Timestamp => 3,
        }
    }
}

/// Metadata of one role, signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Its version; only ever grows.
    pub version: u64,
    /// The file: JSON.
    pub text: String,
}

/// A file that the repository carries.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name: `trusted_root.json`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// The repository as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Every root there ever was, in order: clients follow them one by one.
    pub roots: Vec<Metadata>,
    /// The newest targets.
    pub targets: Metadata,
    /// The newest snapshot.
    pub snapshot: Metadata,
    /// The newest timestamp.
    pub timestamp: Metadata,
    /// The files that the targets name.
    pub files: Vec<Target>,
}
