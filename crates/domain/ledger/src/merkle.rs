//! The Merkle tree of RFC 6962 §2.1: hashing, the right edge, inclusion and consistency proofs.
//!
//! ```text
//! leaf hash = SHA-256(0x00 || leaf)         node hash = SHA-256(0x01 || left || right)
//! node (level, index) = hash of leaves index * 2^level .. (index + 1) * 2^level, complete subtrees only
//! ```

use chancery_core::digest::{Hasher, Sha256};

/// Longest proof: one hash per level of a tree of 2^63 leaves.
pub const MAX_PROOF: usize = 63;
/// Largest tree: sizes are kept in signed 64-bit columns.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// A proof or an edge that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// The edge does not have one hash per set bit of the size.
    #[error("right edge does not fit tree size {0}")]
    Edge(u64),
    /// The tree would grow past [`MAX_SIZE`].
    #[error("tree is full")]
    Full,
    /// An index or size outside of the tree.
    #[error("position {position} is outside of a tree of size {size}")]
    Range {
        /// The index or older size.
        position: u64,
        /// The tree size.
        size: u64,
    },
    /// A proof of the wrong length, or one that gives another root.
    #[error("proof does not give the root")]
    Proof,
    /// The node source does not have a node that the proof needs.
    #[error("node {index} of level {level} is missing")]
    Missing {
        /// The level; leaves are 0.
        level: u8,
        /// The index within the level.
        index: u64,
    },
}

/// Hashes a leaf (RFC 6962 §2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[0x00]);
    hasher.update(leaf);
    hasher.finish()
}

/// Hashes two subtrees (RFC 6962 §2.1).
#[must_use]
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[0x01]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.finish()
}

/// A complete subtree's hash and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The level; leaves are 0.
    pub level: u8,
    /// The index within the level.
    pub index: u64,
    /// The hash.
    pub hash: Sha256,
}

/// The right edge: the hashes of the complete subtrees that a tree of this size consists of, largest first. It is all
/// that appending needs, at most 63 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    hashes: Vec<Sha256>,
}

impl Edge {
    /// Takes a size and its hashes, largest subtree first. Errors unless there is one hash per set bit of the size.
    pub fn from_parts(size: u64, hashes: Vec<Sha256>) -> Result<Self, MerkleError> {
        let expected = usize::try_from(size.count_ones()).map_err(|_| MerkleError::Edge(size))?;
        if size > MAX_SIZE || hashes.len() != expected {
            return Err(MerkleError::Edge(size));
        }
        Ok(Self { size, hashes })
    }
    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
    /// The hashes, largest subtree first.
    #[must_use]
    pub fn hashes(&self) -> &[Sha256] {
        &self.hashes
    }
    /// The same hashes with their places in the tree.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        let mut start = 0_u64;
        let levels = (0..63_u8).rev().filter(|level| self.size >> level & 1 == 1);
        let place = |(level, hash): (u8, &Sha256)| {
            let node = Node { level, index: start >> level, hash: *hash };
            start = start.saturating_add(1 << level);
            node
        };
        levels.zip(&self.hashes).map(place).collect()
    }
    /// Appends a leaf hash and tells `seen` of the leaf and every subtree that it completes, lowest first.
    pub fn append(&mut self, leaf: Sha256, mut seen: impl FnMut(Node)) -> Result<(), MerkleError> {
        if self.size >= MAX_SIZE {
            return Err(MerkleError::Full);
        }
        let (mut hash, mut level, mut index) = (leaf, 0_u8, self.size);
        seen(Node { level, index, hash });
        while index & 1 == 1 {
            let left = self.hashes.pop().ok_or(MerkleError::Edge(self.size))?;
            hash = node_hash(&left, &hash);
            level = level.saturating_add(1);
            index >>= 1;
            seen(Node { level, index, hash });
        }
        self.hashes.push(hash);
        self.size = self.size.saturating_add(1);
        Ok(())
    }
    /// The root hash; of the empty tree, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        let mut smallest_first = self.hashes.iter().rev();
        let Some(first) = smallest_first.next() else { return Sha256::of(&[]) };
        smallest_first.fold(*first, |right, left| node_hash(left, &right))
    }
}

/// Where proofs take the hashes of complete subtrees from.
pub trait Nodes {
    /// The hash of node (`level`, `index`), or nothing when it is not known here.
    fn node(&self, level: u8, index: u64) -> Option<Sha256>;
}

/// The inclusion path of leaf `index` in the tree of `size`, leaf to root (RFC 6962 §2.1.1).
pub fn inclusion_proof(index: u64, size: u64, nodes: &dyn Nodes) -> Result<Vec<Sha256>, MerkleError> {
    if index >= size || size > MAX_SIZE {
        return Err(MerkleError::Range { position: index, size });
    }
    let (mut low, mut high, mut path) = (0, size, Vec::new());
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range_root(middle, high, nodes)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, nodes)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of size `from` is a prefix of that of size `to` (RFC 6962 §2.1.2); empty when either the
/// sizes are equal or `from` is 0.
pub fn consistency_proof(from: u64, to: u64, nodes: &dyn Nodes) -> Result<Vec<Sha256>, MerkleError> {
    if from > to || to > MAX_SIZE {
        return Err(MerkleError::Range { position: from, size: to });
    }
    let (mut low, mut high, mut path) = (0, to, Vec::new());
    if from == 0 {
        return Ok(path);
    }
    while from != high {
        let middle = low + split(high - low);
        if from <= middle {
            path.push(range_root(middle, high, nodes)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, nodes)?);
            low = middle;
        }
    }
    // The old tree itself needs no hash: the verifier has its root.
    if low > 0 {
        path.push(range_root(low, high, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks an inclusion path (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    (index, size): (u64, u64),
    leaf: &Sha256,
    proof: &[Sha256],
    root: &Sha256,
) -> Result<(), MerkleError> {
    if index >= size || size > MAX_SIZE {
        return Err(MerkleError::Range { position: index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(MerkleError::Proof);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(MerkleError::Proof) }
}

/// A tree as a verifier knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// The root hash.
    pub root: Sha256,
}

/// Checks that `new` extends `old` (RFC 9162 §2.1.4.2). Every tree extends the empty one, with an empty proof.
pub fn verify_consistency(old: &Head, new: &Head, proof: &[Sha256]) -> Result<(), MerkleError> {
    if old.size > new.size || new.size > MAX_SIZE {
        return Err(MerkleError::Range { position: old.size, size: new.size });
    }
    if old.size == new.size || old.size == 0 {
        let same =
            old.size == 0 && old.root == Sha256::of(&[]) || old.root == new.root && old.size == new.size;
        return if same && proof.is_empty() { Ok(()) } else { Err(MerkleError::Proof) };
    }
    let mut rest = proof.iter();
    let first = if old.size.is_power_of_two() { &old.root } else { rest.next().ok_or(MerkleError::Proof)? };
    let shift = (old.size - 1).trailing_ones();
    let (mut node, mut last) = ((old.size - 1) >> shift, (new.size - 1) >> shift);
    let (mut old_root, mut new_root) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(MerkleError::Proof);
        }
        if node & 1 == 1 || node == last {
            old_root = node_hash(sibling, &old_root);
            new_root = node_hash(sibling, &new_root);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_root = node_hash(&new_root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && old_root == old.root && new_root == new.root { Ok(()) } else { Err(MerkleError::Proof) }
}

/// The largest power of two smaller than `count`; INVARIANT: `count` is at least 2.
const fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The hash over leaves `start..end`, where `start` is a multiple of the range's largest subtree, as in every split
/// of RFC 6962.
fn range_root(start: u64, end: u64, nodes: &dyn Nodes) -> Result<Sha256, MerkleError> {
    let (mut at, mut lefts) = (start, Vec::new());
    loop {
        let count = end - at;
        let width = if count.is_power_of_two() { count } else { split(count) };
        let level = u8::try_from(width.trailing_zeros()).unwrap_or(u8::MAX);
        let index = at / width;
        lefts.push(nodes.node(level, index).ok_or(MerkleError::Missing { level, index })?);
        at += width;
        if at == end {
            break;
        }
    }
    let mut smallest_first = lefts.iter().rev();
    let first = smallest_first.next().ok_or(MerkleError::Proof)?;
    Ok(smallest_first.fold(*first, |right, left| node_hash(left, &right)))
}

/// The root of the tree's first `size` leaves.
pub fn root_at(size: u64, nodes: &dyn Nodes) -> Result<Sha256, MerkleError> {
    if size == 0 { Ok(Sha256::of(&[])) } else { range_root(0, size, nodes) }
}
