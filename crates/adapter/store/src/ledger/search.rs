//! The search index: from request, statement and artifact digests to leaves. Asynchronous and rebuildable, in a
//! database of its own, because a random key on the append path would cost ten times the append.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chancery_core::digest::Sha256;
use chancery_core::id::{RequestId, StatementId};
use chancery_ledger::event::SCHEMA;
use sqlx::{Any, QueryBuilder};

use super::read::{MAX_LEAVES, Reader};
use super::row;
use crate::database::{Database, Durability, StoreError};
use crate::migration::Schema;
use crate::tx::write_tx;

const PAUSE: Duration = Duration::from_millis(200);
/// Rows per statement: two parameters each, far below every engine's limit.
const ROWS: usize = 1000;
/// Most leaves in one answer.
const MAX_HITS: i64 = 1000;

/// The index.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    database: Database,
    indexed: Arc<AtomicU64>,
}

impl Search {
    /// Opens the index. One that is damaged or ahead of the ledger, as after a restore, is thrown away and rebuilt.
    pub(crate) async fn open(path: &Path, size: u64) -> Result<Self, StoreError> {
        match Self::open_existing(path).await {
            Ok(search) if search.indexed() <= size => return Ok(search),
            Ok(search) => search.database.close().await,
            Err(error) => tracing::warn!(%error, "search index is rebuilt"),
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            // Absent is as good as removed; what cannot be removed fails when it is opened again.
            let _absent = std::fs::remove_file(file);
        }
        Self::open_existing(path).await
    }
    async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open_as(path, Schema::Search, Durability::Process).await?;
        let indexed = row::mark(database.readers(), "indexed").await?;
        Ok(Self { database, indexed: Arc::new(AtomicU64::new(indexed)) })
    }
    /// Leaves below this are indexed.
    pub(crate) fn indexed(&self) -> u64 {
        self.indexed.load(Ordering::Acquire)
    }
    /// Leaves that may be about `digest`.
    pub(crate) async fn candidates(&self, digest: &Sha256) -> Result<Vec<u64>, StoreError> {
        let query = "SELECT leaf FROM search WHERE key = $1 ORDER BY leaf DESC LIMIT $2";
        let query = sqlx::query_scalar(query).bind(key(digest)).bind(MAX_HITS);
        let leaves: Vec<i64> = query.fetch_all(self.database.readers()).await?;
        Ok(leaves.into_iter().rev().filter_map(|leaf| u64::try_from(leaf).ok()).collect())
    }
    /// Leaves that are about `digest`: candidates whose leaf says so.
    pub(crate) async fn find(&self, reader: &Reader, digest: &Sha256) -> Result<Vec<u64>, StoreError> {
        let mut hits = Vec::new();
        for index in self.candidates(digest).await? {
            if digests(&reader.leaf(index).await?).contains(digest) {
                hits.push(index);
            }
        }
        Ok(hits)
    }
    /// Indexes leaves up to `size`, in steps.
    async fn catch_up(&self, reader: &Reader, size: u64) -> Result<(), StoreError> {
        let mut at = self.indexed();
        while at < size {
            let to = size.min(at.saturating_add(MAX_LEAVES));
            let leaves = row::leaves(reader.shared.database.readers(), at, to).await?;
            let mut rows: Vec<(i64, i64)> = Vec::new();
            for (index, leaf) in (at..to).zip(&leaves) {
                let leaf_column = row::column(index)?;
                rows.extend(digests(leaf).iter().map(|digest| (key(digest), leaf_column)));
            }
            // Sorted rows touch each page of the index once.
            rows.sort_unstable();
            rows.dedup();
            self.write(&rows, to).await?;
            at = to;
        }
        Ok(())
    }
    async fn write(&self, rows: &[(i64, i64)], indexed: u64) -> Result<(), StoreError> {
        let mut tx = write_tx(&self.database).await?;
        for rows in rows.chunks(ROWS) {
            let mut query = QueryBuilder::<Any>::new("INSERT INTO search (key, leaf) ");
            query.push_values(rows, |mut row, (key, leaf)| {
                row.push_bind(*key).push_bind(*leaf);
            });
            query.push(" ON CONFLICT DO NOTHING");
            query.build().persistent(false).execute(&mut *tx).await?;
        }
        row::set_mark(&mut tx, "indexed", indexed).await?;
        tx.commit().await?;
        self.indexed.store(indexed, Ordering::Release);
        self.database.checkpoint_wal().await
    }
}

/// Indexes each new view until the writer is gone.
pub(crate) async fn run(reader: Reader) {
    let mut views = reader.view.clone();
    loop {
        let size = views.borrow_and_update().size;
        if let Err(error) = reader.search.catch_up(&reader, size).await {
            tracing::warn!(%error, size, "search index is behind");
        }
        if views.changed().await.is_err() {
            break;
        }
        let mut ended = views.clone();
        let gone = async { while ended.changed().await.is_ok() {} };
        let _either = tokio::time::timeout(PAUSE, gone).await;
    }
    reader.search.database.close().await;
}

fn key(digest: &Sha256) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What a leaf can be found by; nothing for leaves that are not events. Whatever the kind, these members mean the same,
/// and whether a leaf is canonical was settled before it was appended.
fn digests(leaf: &str) -> Vec<Sha256> {
    #[derive(serde::Deserialize)]
    struct Subject<'a> {
        #[serde(borrow)]
        schema: std::borrow::Cow<'a, str>,
        request: Option<RequestId>,
        statement: Option<StatementId>,
        artifact: Option<Sha256>,
        #[serde(default)]
        artifacts: Vec<Sha256>,
    }
    let Ok(subject) = serde_json::from_str::<Subject<'_>>(leaf) else { return Vec::new() };
    if subject.schema != SCHEMA {
        return Vec::new();
    }
    let request = subject.request.map(|request| request.digest());
    let statement = subject.statement.map(|statement| statement.digest());
    request.into_iter().chain(statement).chain(subject.artifact).chain(subject.artifacts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_by_their_subjects() {
        let digest = |n: u8| Sha256::of(&[n]);
        let (a, b, c) = (digest(1), digest(2), digest(3));
        let event =
            |members: &str| digests(&format!("{{{members}\"schema\":\"chancery.event/1\",\"time\":1}}"));
        let (request, statement) = (RequestId::new(a), StatementId::new(b));
        let all = format!(
            "\"artifact\":\"{c}\",\"kind\":\"intent\",\"request\":\"{request}\",\"statement\":\"{statement}\","
        );
        assert_eq!(event(&all), [a, b, c]);
        let denied = format!("\"artifacts\":[\"{a}\",\"{b}\"],\"kind\":\"denied\",\"request\":null,");
        assert_eq!(event(&denied), [a, b]);
        assert_eq!(event("\"kind\":\"root\","), []);
        assert_eq!(event("\"artifact\":7,"), []);
        for other in [format!("{{{all}\"schema\":\"other\"}}"), "[]".to_owned(), "{\"spec\":{}}".to_owned()] {
            assert_eq!(digests(&other), [], "{other}");
        }
    }
}
