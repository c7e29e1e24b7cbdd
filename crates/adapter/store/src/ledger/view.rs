//! What everyone else sees of the ledger: the newest cosigned checkpoint and the last tiles at its size.

use std::collections::HashMap;
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Head, leaf_hash};
use chancery_ledger::tile::{Content, HEIGHT, Tile, TileNodes, WIDTH};
use sqlx::AnyPool;

use super::row;
use super::tree::Tree;
use crate::database::StoreError;

/// An immutable view. `checkpoint` is empty until the first one was cosigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) size: u64,
    pub(crate) checkpoint: String,
    pub(crate) last: Vec<Arc<Vec<Sha256>>>,
}

impl View {
    pub(crate) fn new(tree: &Tree, checkpoint: String) -> Self {
        let last = tree.last_tiles().iter().map(|tile| Arc::new(tile.clone())).collect();
        Self { size: tree.edge().size(), checkpoint, last }
    }
}

/// Tiles fetched for one proof.
#[derive(Debug, Default)]
pub(crate) struct Tiles(HashMap<(u8, u64), Arc<Vec<Sha256>>>);

impl Tiles {
    /// Fetches what proofs about the leaves `positions` need in the tree of the view: the tiles above each, and the
    /// right edge.
    pub(crate) async fn load(pool: &AnyPool, view: &View, positions: &[u64]) -> Result<Self, StoreError> {
        let mut tiles = Self::default();
        let last = view.size.saturating_sub(1);
        for position in positions.iter().copied().chain([last]) {
            for level in 0..8_u8 {
                let shift = u32::from(level).saturating_add(1).saturating_mul(u32::from(HEIGHT));
                let index = position.checked_shr(shift).unwrap_or(0);
                if let std::collections::hash_map::Entry::Vacant(entry) = tiles.0.entry((level, index))
                    && let Some(hashes) = hashes(pool, view, (level, index)).await?
                {
                    entry.insert(hashes);
                }
            }
        }
        Ok(tiles)
    }
    pub(crate) fn nodes(&self) -> TileNodes<impl Fn(u8, u64) -> Option<Arc<Vec<Sha256>>>> {
        TileNodes::new(|level, index| self.0.get(&(level, index)).cloned())
    }
}

/// The hashes of a tile in the tree of the view, as many as there are; nothing when the tree does not reach it.
pub(crate) async fn hashes(
    pool: &AnyPool,
    view: &View,
    (level, index): (u8, u64),
) -> Result<Option<Arc<Vec<Sha256>>>, StoreError> {
    let Some(last) = Tile::last(Content::Hashes(level), view.size) else { return Ok(None) };
    if index > last.index {
        return Ok(None);
    }
    if index == last.index {
        return Ok(view.last.get(usize::from(level)).cloned());
    }
    if level > 0 {
        return row::tile(pool, (level, index)).await;
    }
    let first = index.saturating_mul(WIDTH);
    let leaves = row::leaves(pool, first, first.saturating_add(WIDTH)).await?;
    Ok(Some(Arc::new(leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect())))
}

/// The head that a tree of `size` has, from tiles fetched for leaf `size - 1`.
pub(crate) fn head_at(tiles: &Tiles, size: u64) -> Result<Head, StoreError> {
    let root = chancery_ledger::merkle::root_at(size, &tiles.nodes()).map_err(row::corrupt)?;
    Ok(Head { size, root })
}
