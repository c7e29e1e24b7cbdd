//! What everyone else sees of the ledger: the newest cosigned checkpoint and the last tiles at its size.

use std::collections::HashMap;
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Head, Nodes as _};
use chancery_ledger::tile::{Content, HEIGHT, Tile, TileNodes};

use super::row;
use super::shelf::{Hashes, Shelf};
use super::tree::Tree;
use crate::database::StoreError;

/// An immutable view. `checkpoint` is empty until the first one was cosigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) size: u64,
    pub(crate) root: Option<Sha256>,
    pub(crate) checkpoint: String,
    pub(crate) last: Vec<Hashes>,
}

impl View {
    pub(crate) fn new(tree: &Tree, checkpoint: String) -> Self {
        let last = tree.last_tiles().iter().map(|tile| Arc::new(tile.clone())).collect();
        Self { size: tree.edge().size(), root: Some(tree.edge().root()), checkpoint, last }
    }
}

/// Tiles fetched for one proof.
#[derive(Debug, Default)]
pub(crate) struct Tiles(HashMap<(u8, u64), Hashes>);

impl Tiles {
    /// Fetches what proofs about the leaves `positions` need in the tree of the view: the tiles above each, and the
    /// right edge.
    pub(crate) async fn load(shelf: &Shelf, view: &View, positions: &[u64]) -> Result<Self, StoreError> {
        let mut tiles = Self::default();
        let last = view.size.saturating_sub(1);
        for position in positions.iter().copied().chain([last]) {
            for level in 0..8_u8 {
                let shift = u32::from(level).saturating_add(1).saturating_mul(u32::from(HEIGHT));
                let index = position.checked_shr(shift).unwrap_or(0);
                if let std::collections::hash_map::Entry::Vacant(entry) = tiles.0.entry((level, index))
                    && let Some(hashes) = hashes(shelf, view, (level, index)).await?
                {
                    entry.insert(hashes);
                }
            }
        }
        Ok(tiles)
    }
    /// The hash of a leaf.
    pub(crate) fn leaf(&self, index: u64) -> Option<Sha256> {
        self.nodes().node(0, index)
    }
    pub(crate) fn nodes(&self) -> TileNodes<impl Fn(u8, u64) -> Option<Hashes>> {
        TileNodes::new(|level, index| self.0.get(&(level, index)).cloned())
    }
}

/// The hashes of a tile in the tree of the view, as many as there are; nothing when the tree does not reach it.
pub(crate) async fn hashes(
    shelf: &Shelf,
    view: &View,
    (level, index): (u8, u64),
) -> Result<Option<Hashes>, StoreError> {
    let Some(last) = Tile::last(Content::Hashes(level), view.size) else { return Ok(None) };
    if index > last.index {
        return Ok(None);
    }
    if index == last.index {
        return Ok(view.last.get(usize::from(level)).cloned());
    }
    shelf.find((level, index)).await
}

/// The head that a tree of `size` has, from tiles fetched for leaf `size - 1`.
pub(crate) fn head_at(tiles: &Tiles, size: u64) -> Result<Head, StoreError> {
    let root = chancery_ledger::merkle::root_at(size, &tiles.nodes()).map_err(row::corrupt)?;
    Ok(Head { size, root })
}
