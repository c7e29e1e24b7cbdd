//! The leaves of a backup's database, from which everything else is computed again.

use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Edge, Node, leaf_hash};
use chancery_ledger::tile::{Content, HEIGHT, Tile, WIDTH, encode_hashes, entries, push_entry};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::StoreError;
use crate::ledger::{corrupt, last_head};

/// Most leaves of one stored batch; only a bound for reading.
const MAX_BATCH: usize = 1 << 20;

/// Is given each full tile.
pub(super) type OnTile<'a> = &'a mut (dyn FnMut(Tile, &[u8]) -> Result<(), StoreError> + Send);

/// What the leaves of a database give.
#[derive(Debug)]
pub(super) struct Computed {
    /// Entries and their root, as computed.
    pub(super) edge: Edge,
    /// The root at the size that was asked for.
    pub(super) root_at: Option<Sha256>,
}

/// A snapshot of the database, opened for reading alone.
pub(super) async fn open(path: &Path) -> Result<AnyConnection, StoreError> {
    sqlx::any::install_default_drivers();
    Ok(AnyConnection::connect(&crate::database::url(path, "ro")?).await?)
}

/// Reads every leaf, computes the tree, and gives each full tile to `tile`. The right edge that is stored must be the
/// one that is computed.
pub(super) async fn compute(
    connection: &mut AnyConnection,
    at: u64,
    tile: OnTile<'_>,
) -> Result<Computed, StoreError> {
    let mut edge = Edge::default();
    let mut root_at = (at == 0).then(|| edge.root());
    let mut tiles = Tiles::default();
    let mut first = 0_i64;
    loop {
        let query = "SELECT first, entries FROM ledger_batch WHERE first >= $1 ORDER BY first LIMIT 64";
        let rows = sqlx::query(query).bind(first).fetch_all(&mut *connection).await?;
        let Some(last) = rows.last() else { break };
        first = last.try_get::<i64, _>(0)?.saturating_add(1);
        for row in &rows {
            if u64::try_from(row.try_get::<i64, _>(0)?).ok() != Some(edge.size()) {
                return Err(corrupt(format!("entries are missing from index {} on", edge.size())));
            }
            let bytes: Vec<u8> = row.try_get(1)?;
            for leaf in entries(&bytes, MAX_BATCH).map_err(corrupt)? {
                let mut nodes = Vec::new();
                edge.append(leaf_hash(leaf), |node| nodes.push(node)).map_err(corrupt)?;
                tiles.take(leaf, &nodes, tile)?;
                if edge.size() == at {
                    root_at = Some(edge.root());
                }
            }
        }
    }
    let stored = last_head(connection).await?.unwrap_or_default();
    if stored != edge {
        let (stored, computed) = (stored.size(), edge.size());
        return Err(corrupt(format!(
            "its entries give a tree of size {computed}, the edge is of size {stored}"
        )));
    }
    Ok(Computed { edge, root_at })
}

/// Tiles as they fill.
#[derive(Debug, Default)]
struct Tiles {
    bundle: Vec<u8>,
    levels: Vec<Vec<Sha256>>,
}

impl Tiles {
    fn take(&mut self, leaf: &[u8], nodes: &[Node], tile: OnTile<'_>) -> Result<(), StoreError> {
        push_entry(&mut self.bundle, leaf).map_err(corrupt)?;
        for node in nodes.iter().filter(|node| node.level.is_multiple_of(HEIGHT)) {
            let level = node.level / HEIGHT;
            let index = node.index / WIDTH;
            if self.levels.len() <= usize::from(level) {
                self.levels.resize(usize::from(level).saturating_add(1), Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { continue };
            hashes.push(node.hash);
            if u64::try_from(hashes.len()) == Ok(WIDTH) {
                tile(Tile::full(Content::Hashes(level), index), &encode_hashes(hashes))?;
                hashes.clear();
                if level == 0 {
                    tile(Tile::full(Content::Entries, index), &self.bundle)?;
                    self.bundle.clear();
                }
            }
        }
        Ok(())
    }
}
