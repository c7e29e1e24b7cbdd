//! The writer's tree: the right edge, and the last tile of each tile level.

use std::collections::HashMap;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Edge, MerkleError, Node, Nodes};
use chancery_ledger::tile::{HEIGHT, WIDTH};

/// The right side of the tree; memory does not depend on its size (at most 8 tiles of 8 KiB).
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    edge: Edge,
    /// The last tile of each level: 1 to 256 hashes.
    last: Vec<Vec<Sha256>>,
}

/// A tile that a batch changed, of level 1 or above, or that it filled, of level 0.
#[derive(Debug)]
pub(crate) struct ChangedTile {
    pub(crate) level: u8,
    pub(crate) index: u64,
    pub(crate) hashes: Vec<Sha256>,
}

impl ChangedTile {
    pub(crate) fn is_full(&self) -> bool {
        u64::try_from(self.hashes.len()) == Ok(WIDTH)
    }
}

/// Nodes known while a batch is made: the edge before it and everything that it completed. That is all that proofs
/// for its own leaves need: a left sibling that ends before the batch is part of the old edge.
#[derive(Debug, Default)]
pub(crate) struct Recent(HashMap<(u8, u64), Sha256>);

impl Nodes for Recent {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        self.0.get(&(level, index)).copied()
    }
}

impl Recent {
    pub(crate) fn before(tree: &Tree) -> Self {
        Self(tree.edge.nodes().into_iter().map(|node| ((node.level, node.index), node.hash)).collect())
    }
}

impl Tree {
    /// Resumes from the edge and the last tiles; they must agree.
    pub(crate) fn resume(edge: Edge, last: Vec<Vec<Sha256>>) -> Result<Self, MerkleError> {
        let tree = Self { edge, last };
        let nodes = TailNodes { tree: &tree };
        let agrees = |node: &Node| nodes.node(node.level, node.index) == Some(node.hash);
        if tree.edge.nodes().iter().all(agrees) {
            return Ok(tree);
        }
        Err(MerkleError::Edge(tree.edge.size()))
    }
    pub(crate) const fn edge(&self) -> &Edge {
        &self.edge
    }
    pub(crate) fn last_tiles(&self) -> &[Vec<Sha256>] {
        &self.last
    }
    /// Appends leaf hashes; tells which tiles have to be stored.
    pub(crate) fn append(
        &mut self,
        leaves: &[Sha256],
        recent: &mut Recent,
    ) -> Result<Vec<ChangedTile>, MerkleError> {
        let mut changed = Vec::new();
        for leaf in leaves {
            let last = &mut self.last;
            self.edge.append(*leaf, |node| {
                recent.0.insert((node.level, node.index), node.hash);
                if node.level.is_multiple_of(HEIGHT) {
                    keep(last, &node, &mut changed);
                }
            })?;
        }
        Ok(changed)
    }
}

fn keep(last: &mut Vec<Vec<Sha256>>, node: &Node, changed: &mut Vec<ChangedTile>) {
    let level = node.level / HEIGHT;
    let index = node.index / WIDTH;
    if last.len() <= usize::from(level) {
        last.resize(usize::from(level).saturating_add(1), Vec::new());
    }
    let Some(tile) = last.get_mut(usize::from(level)) else { return };
    if node.index.is_multiple_of(WIDTH) {
        tile.clear();
    }
    tile.push(node.hash);
    if level > 0 || u64::try_from(tile.len()) == Ok(WIDTH) {
        changed.retain(|known: &ChangedTile| (known.level, known.index) != (level, index));
        changed.push(ChangedTile { level, index, hashes: tile.clone() });
    }
}

/// The last tiles as a source of nodes, without regard to their index: good for edge nodes alone.
struct TailNodes<'a> {
    tree: &'a Tree,
}

impl Nodes for TailNodes<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        let fetch = |level: u8, _| self.tree.last.get(usize::from(level)).cloned().map(std::sync::Arc::new);
        chancery_ledger::tile::TileNodes::new(fetch).node(level, index)
    }
}
