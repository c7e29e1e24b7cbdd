//! Reading the ledger: receipts, leaves, proofs, tiles, search.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::receipt::Receipt;
use chancery_ledger::checkpoint::Origin;
use chancery_ledger::merkle::{consistency_proof, inclusion_proof, verify_inclusion};
use chancery_ledger::tile::{Content, Tile, WIDTH, encode_hashes, push_entry};
use tokio::sync::watch;

use super::row;
use super::search::Search;
use super::sequencer::Shared;
use super::view::{self, Tiles, View};
use crate::database::StoreError;
use crate::released::{self, Released};

/// Most leaves in one answer of [`Reader::leaves`].
pub(crate) const MAX_LEAVES: u64 = 4096;

/// The read side. Everything is as of the newest cosigned checkpoint.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) origin: Origin,
    pub(crate) search: Search,
}

impl Reader {
    pub(crate) fn now(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }
    /// The ledger's identity.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
    /// Leaves under the newest cosigned checkpoint.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.now().size
    }
    /// The newest cosigned checkpoint; nothing before the first one.
    #[must_use]
    pub fn checkpoint(&self) -> Option<String> {
        let view = self.now();
        (!view.checkpoint.is_empty()).then(|| view.checkpoint.clone())
    }
    /// A leaf.
    pub async fn leaf(&self, index: u64) -> Result<String, StoreError> {
        self.within(index)?;
        let leaves = row::leaves(self.shared.database.readers(), index, index.saturating_add(1)).await?;
        leaves.into_iter().next().ok_or_else(|| StoreError::NotFound(format!("leaf {index}")))
    }
    /// The leaves `from..to`, cut to the ledger's size and to 4096.
    pub async fn leaves(&self, from: u64, to: u64) -> Result<Vec<String>, StoreError> {
        let to = to.min(self.size()).min(from.saturating_add(MAX_LEAVES));
        if from >= to {
            return Ok(Vec::new());
        }
        row::leaves(self.shared.database.readers(), from, to).await
    }
    /// A receipt for a leaf under the newest checkpoint.
    pub async fn receipt(&self, index: u64) -> Result<Receipt, StoreError> {
        self.within(index)?;
        let view = self.now();
        let tiles = Tiles::load(&self.shared.shelf, &view, &[index]).await?;
        let leaf_hash =
            tiles.leaf(index).ok_or_else(|| row::corrupt(format!("hash of leaf {index} is missing")))?;
        let proof = inclusion_proof(index, view.size, &tiles.nodes()).map_err(row::corrupt)?;
        // Damaged tiles must show here and not at whoever gets the receipt.
        let root = view.root.ok_or_else(|| StoreError::NotFound("checkpoint".into()))?;
        verify_inclusion((index, view.size), &leaf_hash, &proof, &root).map_err(row::corrupt)?;
        let checkpoint = view.checkpoint.clone();
        Ok(Receipt { origin: self.origin.to_string(), index, size: view.size, leaf_hash, proof, checkpoint })
    }
    /// The proof that the tree of size `from` is a prefix of that of size `to` (RFC 6962 §2.1.2).
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Sha256>, StoreError> {
        let view = self.now();
        if from > to || to > view.size {
            return Err(StoreError::NotFound(format!("tree of size {}", from.max(to))));
        }
        let positions = [from.saturating_sub(1), to.saturating_sub(1)];
        let tiles = Tiles::load(&self.shared.shelf, &view, &positions).await?;
        consistency_proof(from, to, &tiles.nodes()).map_err(row::corrupt)
    }
    /// The bytes below the ledger's URL prefix: `checkpoint`, `tile/0/x001/234`, `tile/entries/005.p/17`. Nothing when
    /// the path names nothing that the newest checkpoint covers.
    pub async fn resource(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let view = self.now();
        if path == "checkpoint" {
            return Ok(self.checkpoint().map(String::into_bytes));
        }
        match Tile::parse(path) {
            Ok(tile) if tile.is_in(view.size) => match self.published(tile).await {
                Some(bytes) => Ok(Some(bytes)),
                None => self.tile_bytes(&view, tile).await.map(Some),
            },
            Ok(_) | Err(_) => Ok(None),
        }
    }
    /// A full tile's file. One that cannot be read, or was not published yet, comes from the database instead.
    async fn published(&self, tile: Tile) -> Option<Vec<u8>> {
        let published = self.shared.published.load(std::sync::atomic::Ordering::Acquire);
        if !tile.is_full() || !tile.is_in(published) {
            return None;
        }
        tokio::fs::read(self.shared.directory.join("ledger").join(tile.to_string())).await.ok()
    }
    /// INVARIANT: the tile is in the tree of the view.
    pub(crate) async fn tile_bytes(&self, view: &View, tile: Tile) -> Result<Vec<u8>, StoreError> {
        match tile.content {
            Content::Entries => {
                let pool = self.shared.database.readers();
                let first = tile.index.saturating_mul(WIDTH);
                let leaves = row::leaves(pool, first, first.saturating_add(u64::from(tile.width))).await?;
                let mut bytes = Vec::new();
                for leaf in &leaves {
                    push_entry(&mut bytes, leaf.as_bytes()).map_err(row::corrupt)?;
                }
                Ok(bytes)
            }
            Content::Hashes(level) => {
                let hashes = view::hashes(&self.shared.shelf, view, (level, tile.index)).await?;
                let hashes = hashes.as_ref().and_then(|hashes| hashes.get(..usize::from(tile.width)));
                hashes.map(encode_hashes).ok_or_else(|| row::corrupt(format!("{tile} is not there")))
            }
        }
    }
    /// Indices of the leaves about a request, oldest first. The index runs a moment behind the ledger.
    pub async fn by_request(&self, request: RequestId) -> Result<Vec<u64>, StoreError> {
        self.search.find(self, &request.digest()).await
    }
    /// Indices of the leaves about a statement, oldest first.
    pub async fn by_statement(&self, statement: StatementId) -> Result<Vec<u64>, StoreError> {
        self.search.find(self, &statement.digest()).await
    }
    /// Indices of the leaves about an artifact, oldest first.
    pub async fn by_artifact(&self, artifact: Sha256) -> Result<Vec<u64>, StoreError> {
        self.search.find(self, &artifact).await
    }
    /// The newest released result of one statement of a request; never behind the ledger.
    pub async fn released(
        &self,
        request: RequestId,
        statement: StatementId,
    ) -> Result<Option<Released>, StoreError> {
        let unindexed = self.search.indexed();
        let candidates = self.search.candidates(&request.digest()).await?;
        released::newest(&self.shared.database, (request, statement), &candidates, unindexed).await
    }
    fn within(&self, index: u64) -> Result<(), StoreError> {
        if index < self.size() { Ok(()) } else { Err(StoreError::NotFound(format!("leaf {index}"))) }
    }
}
