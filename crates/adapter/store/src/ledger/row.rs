//! The ledger's tables: batches of leaves, the right edge, tiles.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Edge, leaf_hash};
use chancery_ledger::tile::{decode_hashes, encode_hashes, entries};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool, Row as _};

use crate::database::StoreError;
use crate::tx::Script;

/// Most leaves that one stored batch may hold; only a bound for reading.
const MAX_BATCH: usize = 1 << 20;

pub(crate) fn column(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Value(format!("{value} is too large")))
}

pub(crate) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

/// Writes the leaves of one commit.
pub(crate) fn insert_batch(
    script: &mut Script,
    first: u64,
    count: usize,
    entries: Vec<u8>,
) -> Result<(), StoreError> {
    let count = i64::try_from(count).map_err(|_| StoreError::Value("too many leaves".into()))?;
    let query = script.statement(1).push("INSERT INTO ledger_batch (first, count, entries) VALUES (");
    query.push_bind(column(first)?).push(", ").push_bind(count).push(", ").push_bind(entries).push(")");
    Ok(())
}

/// Writes the right edge after a commit in place of the one before it.
pub(crate) fn replace_head(script: &mut Script, edge: &Edge) -> Result<(), StoreError> {
    let query = script.statement(1).push("INSERT INTO ledger_head (id, size, root, edge) VALUES (1, ");
    query.push_bind(column(edge.size())?).push(", ").push_bind(edge.root().as_bytes().to_vec());
    query.push(", ").push_bind(encode_hashes(edge.hashes()));
    query.push(
        ") ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root, edge = excluded.edge",
    );
    Ok(())
}

/// Writes a tile: of level 1 or above partial or full, of level 0 full.
pub(crate) fn upsert_tile(
    script: &mut Script,
    (level, index): (u8, u64),
    hashes: &[Sha256],
) -> Result<(), StoreError> {
    let query = script.statement(1).push("INSERT INTO ledger_tile (level, idx, hashes) VALUES (");
    query.push_bind(i64::from(level)).push(", ").push_bind(column(index)?);
    query.push(", ").push_bind(encode_hashes(hashes));
    query.push(") ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes");
    Ok(())
}

/// Sets the size up to which full tiles are on disk as files.
pub(crate) fn set_published(script: &mut Script, size: u64) -> Result<(), StoreError> {
    let query = script.statement(1).push("INSERT INTO ledger_mark (name, value) VALUES ('published', ");
    query.push_bind(column(size)?).push(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    Ok(())
}

/// The last right edge; its own root must be the one beside it. Nothing when the ledger is empty.
pub(crate) async fn last_head<'a, E>(from: E) -> Result<Option<Edge>, StoreError>
where
    E: sqlx::Executor<'a, Database = sqlx::Any>,
{
    let row = sqlx::query("SELECT size, root, edge FROM ledger_head").fetch_optional(from).await?;
    row.map(|row| head(&row)).transpose()
}

fn head(row: &AnyRow) -> Result<Edge, StoreError> {
    let size = u64::try_from(row.try_get::<i64, _>(0)?).map_err(corrupt)?;
    let root = Sha256::from_slice(&row.try_get::<Vec<u8>, _>(1)?).map_err(corrupt)?;
    let hashes = decode_hashes(&row.try_get::<Vec<u8>, _>(2)?).map_err(corrupt)?;
    let edge = Edge::from_parts(size, hashes).map_err(corrupt)?;
    if edge.root() == root { Ok(edge) } else { Err(corrupt(format!("root of size {size}"))) }
}

/// What was stored of one commit: its leaves' hashes, and the right edge. One message, two statements.
pub(crate) async fn read_back(
    connection: &mut AnyConnection,
    first: u64,
) -> Result<(Vec<Sha256>, Edge), StoreError> {
    let query =
        "SELECT entries FROM ledger_batch WHERE first >= $1; SELECT size, root, edge FROM ledger_head";
    let rows = sqlx::query(query).bind(column(first)?).fetch_all(connection).await?;
    let [batch, last] = rows.as_slice() else {
        return Err(corrupt(format!("{} rows read back, expected a batch and a head", rows.len())));
    };
    let bytes: Vec<u8> = batch.try_get(0)?;
    let leaves = entries(&bytes, MAX_BATCH).map_err(corrupt)?;
    Ok((leaves.into_iter().map(leaf_hash).collect(), head(last)?))
}

/// A tile, as wide as it is stored.
pub(crate) async fn tile(
    pool: &AnyPool,
    (level, index): (u8, u64),
) -> Result<Option<Arc<Vec<Sha256>>>, StoreError> {
    let query = sqlx::query_scalar("SELECT hashes FROM ledger_tile WHERE level = $1 AND idx = $2");
    let query = query.bind(i64::from(level)).bind(column(index)?);
    let hashes: Option<Vec<u8>> = query.fetch_optional(pool).await?;
    hashes.map(|hashes| decode_hashes(&hashes).map(Arc::new).map_err(corrupt)).transpose()
}

/// The leaves `from..to`, all of them or an error.
pub(crate) async fn leaves(pool: &AnyPool, from: u64, to: u64) -> Result<Vec<String>, StoreError> {
    let query = "SELECT first, entries FROM ledger_batch \
                 WHERE first >= (SELECT COALESCE(MAX(first), 0) FROM ledger_batch WHERE first <= $1) AND first < $2 \
                 ORDER BY first";
    let query = sqlx::query(query).bind(column(from)?).bind(column(to)?);
    let mut leaves = Vec::new();
    for row in query.fetch_all(pool).await? {
        let mut index = u64::try_from(row.try_get::<i64, _>(0)?).map_err(corrupt)?;
        let bytes: Vec<u8> = row.try_get(1)?;
        for leaf in entries(&bytes, MAX_BATCH).map_err(corrupt)? {
            if (from..to).contains(&index) {
                leaves.push(std::str::from_utf8(leaf).map_err(corrupt)?.to_owned());
            }
            index = index.saturating_add(1);
        }
    }
    let wanted = to.saturating_sub(from);
    if u64::try_from(leaves.len()).unwrap_or(0) == wanted {
        return Ok(leaves);
    }
    Err(corrupt(format!("{} of {wanted} leaves from {from} on", leaves.len())))
}

/// A named number; 0 when it was never set.
pub(crate) async fn mark(pool: &AnyPool, name: &str) -> Result<u64, StoreError> {
    let query = sqlx::query_scalar("SELECT value FROM ledger_mark WHERE name = $1").bind(name.to_owned());
    let value: Option<i64> = query.fetch_optional(pool).await?;
    u64::try_from(value.unwrap_or(0)).map_err(corrupt)
}

/// Sets a named number.
pub(crate) async fn set_mark(tx: &mut AnyConnection, name: &str, value: u64) -> Result<(), StoreError> {
    let upsert = "INSERT INTO ledger_mark (name, value) VALUES ($1, $2) \
                  ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(upsert).bind(name.to_owned()).bind(column(value)?).execute(tx).await?;
    Ok(())
}
