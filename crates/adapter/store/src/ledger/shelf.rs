//! Stored tiles, with the ones used lately in memory: a proof touches four, and neighbours share them.

use std::sync::{Arc, Mutex, PoisonError};

use chancery_core::digest::Sha256;
use chancery_ledger::tile::WIDTH;
use sqlx::AnyPool;

use super::row;
use crate::cache::Cache;
use crate::database::StoreError;

/// Full tiles in memory, twice: 8 KiB each.
const KEPT: usize = 128;

/// The hashes of a tile.
pub(crate) type Hashes = Arc<Vec<Sha256>>;

/// Tiles by (level, index).
#[derive(Debug)]
pub(crate) struct Shelf {
    pool: AnyPool,
    kept: Mutex<Cache<(u8, u64), Hashes>>,
}

impl Shelf {
    pub(crate) fn new(pool: AnyPool) -> Self {
        Self { pool, kept: Mutex::new(Cache::new(KEPT)) }
    }
    pub(crate) const fn pool(&self) -> &AnyPool {
        &self.pool
    }
    /// Keeps a tile that is stored. Only full ones, because those never change.
    pub(crate) fn keep(&self, place: (u8, u64), hashes: &Hashes) {
        if u64::try_from(hashes.len()) == Ok(WIDTH) {
            // A cache that a panic left behind is still a cache: every entry was put in whole.
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.keep(place, Arc::clone(hashes), 1);
        }
    }
    /// A tile as wide as it is stored.
    pub(crate) async fn find(&self, place: (u8, u64)) -> Result<Option<Hashes>, StoreError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).find(&place).cloned();
        if kept.is_some() {
            return Ok(kept);
        }
        let read = row::tile(&self.pool, place).await?;
        if let Some(hashes) = &read {
            self.keep(place, hashes);
        }
        Ok(read)
    }
}
