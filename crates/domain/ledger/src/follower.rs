//! Following the ledger: from leaf bytes to a root that must be the checkpoint's.
//!
//! A follower keeps 63 hashes at most. It never believes a root, an index or a size: it computes them from the leaves.

use chancery_core::digest::Sha256;
use chancery_core::port::cosigner::{CosignError, Follow};
use chancery_core::port::sequencer::MAX_LEAF;

use crate::checkpoint::{Checkpoint, InvalidCheckpoint, SignedCheckpoint};
use crate::merkle::{Edge, Head, MerkleError, leaf_hash};
use crate::note::Note;
use crate::vkey::{KeyError, VerifierKey};

/// Why a follower did not advance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The leaves start elsewhere than where the follower stands.
    #[error("follower is at size {size}")]
    Behind {
        /// Where it stands.
        size: u64,
    },
    /// The checkpoint is malformed or not the ledger's.
    #[error("checkpoint is not acceptable")]
    Checkpoint(#[source] InvalidCheckpoint),
    /// The same size with another root, or leaves that do not give the root.
    #[error("fork: at size {size} the leaves give root {computed}, the checkpoint says {claimed}")]
    Fork {
        /// The size.
        size: u64,
        /// The root computed.
        computed: Sha256,
        /// The root claimed.
        claimed: Sha256,
    },
    /// A leaf that is empty or larger than 65535 bytes.
    #[error("leaf of {0} bytes; expected 1 to 65535")]
    Leaf(usize),
    /// The ledger is smaller than what was seen.
    #[error("ledger shrank: size {claimed} after {seen}")]
    Shrunk {
        /// What was seen.
        seen: u64,
        /// What is claimed now.
        claimed: u64,
    },
    /// The leaves do not reach exactly to the checkpoint's size.
    #[error("leaves reach size {reached}, the checkpoint is of size {claimed}")]
    Size {
        /// Where the leaves end.
        reached: u64,
        /// The checkpoint's size.
        claimed: u64,
    },
    /// Kept state that contradicts itself.
    #[error("kept state is not a tree")]
    State(#[source] MerkleError),
}

impl From<FollowError> for CosignError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Behind { size } => Self::Behind { size },
            FollowError::Checkpoint(_)
            | FollowError::Fork { .. }
            | FollowError::Leaf(_)
            | FollowError::Shrunk { .. }
            | FollowError::Size { .. }
            | FollowError::State(_) => Self::Inconsistent(error.to_string()),
        }
    }
}

/// What a follower keeps, compact: it may be written once per batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowerState {
    /// The ledger followed.
    pub origin: String,
    /// Leaves seen.
    pub size: u64,
    /// The root at that size.
    pub root: Sha256,
    /// The right edge, largest subtree first.
    pub edge: Vec<Sha256>,
}

/// One who follows a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    ledger: VerifierKey,
    edge: Edge,
}

/// A step that was checked: the follower after it, and the checkpoint that may now be cosigned. Keep the new follower
/// durably first, cosign then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advanced {
    follower: Follower,
    checkpoint: SignedCheckpoint,
}

impl Advanced {
    /// The follower at the new size.
    #[must_use]
    pub const fn follower(&self) -> &Follower {
        &self.follower
    }
    /// The checkpoint; its note text is what a cosignature covers.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        self.checkpoint.checkpoint()
    }
    /// Takes the follower out.
    #[must_use]
    pub fn into_follower(self) -> Follower {
        self.follower
    }
}

impl Follower {
    /// Starts before the first leaf.
    #[must_use]
    pub fn new(ledger: VerifierKey) -> Self {
        Self { ledger, edge: Edge::default() }
    }
    /// Resumes from kept state. Errors when its parts contradict each other or it is of another ledger.
    pub fn resume(ledger: VerifierKey, state: &FollowerState) -> Result<Self, FollowError> {
        let edge = Edge::from_parts(state.size, state.edge.clone()).map_err(FollowError::State)?;
        if edge.root() != state.root || state.origin != ledger.name().as_str() {
            return Err(FollowError::State(MerkleError::Edge(state.size)));
        }
        Ok(Self { ledger, edge })
    }
    /// What to keep.
    #[must_use]
    pub fn state(&self) -> FollowerState {
        FollowerState {
            origin: self.ledger.name().to_string(),
            size: self.edge.size(),
            root: self.edge.root(),
            edge: self.edge.hashes().to_vec(),
        }
    }
    /// Size and root seen.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }
    /// The ledger's first key, which gives its name.
    #[must_use]
    pub const fn ledger(&self) -> &VerifierKey {
        &self.ledger
    }
    /// Checks that one of the ledger's `keys` signed, that it did not shrink, and that the leaves give the root. `self` is
    /// unchanged.
    pub fn advance(&self, follow: &Follow, keys: &[VerifierKey]) -> Result<Advanced, FollowError> {
        let checkpoint = self.signed(&follow.checkpoint, keys)?;
        let claimed = *checkpoint.head();
        if claimed.size < self.edge.size() {
            return Err(FollowError::Shrunk { seen: self.edge.size(), claimed: claimed.size });
        }
        if follow.from != self.edge.size() {
            return Err(FollowError::Behind { size: self.edge.size() });
        }
        let reached = follow.from.saturating_add(u64::try_from(follow.leaves.len()).unwrap_or(u64::MAX));
        if reached != claimed.size {
            return Err(FollowError::Size { reached, claimed: claimed.size });
        }
        let mut edge = self.edge.clone();
        for leaf in &follow.leaves {
            if leaf.is_empty() || leaf.len() > MAX_LEAF {
                return Err(FollowError::Leaf(leaf.len()));
            }
            edge.append(leaf_hash(leaf.as_bytes()), |_| {}).map_err(FollowError::State)?;
        }
        let computed = edge.root();
        if computed != claimed.root {
            return Err(FollowError::Fork { size: claimed.size, computed, claimed: claimed.root });
        }
        Ok(Advanced { follower: Self { ledger: self.ledger.clone(), edge }, checkpoint })
    }

    /// Keys of another name are none of this ledger's.
    fn signed(&self, note: &str, keys: &[VerifierKey]) -> Result<SignedCheckpoint, FollowError> {
        let lines = Note::parse(note).map_err(InvalidCheckpoint::Note).map_err(FollowError::Checkpoint)?;
        let named = keys.iter().find(|key| key.name() == self.ledger.name() && key.is_named_in(&lines));
        let absent = || InvalidCheckpoint::Signature(KeyError::Absent(self.ledger.name().clone()));
        let key = named.ok_or_else(absent).map_err(FollowError::Checkpoint)?;
        SignedCheckpoint::open(note, key).map_err(FollowError::Checkpoint)
    }
}
