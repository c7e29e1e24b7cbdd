//! Evidence beside the ledger: what people signed, and what they signed it over. Never changed once written.

use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::{Record, RecordKind};
use sqlx::any::AnyRow;
use sqlx::{Any, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};
use crate::tx::Script;

const COLUMNS: &str = "SELECT sha256, kind, topic, body FROM record ";

/// Adds rows with the index of the leaf that they came with.
pub(crate) fn insert(script: &mut Script, records: &[(i64, Record)]) {
    if records.is_empty() {
        return;
    }
    let insert = "INSERT INTO record (sha256, kind, topic, body, leaf) ";
    script.statement(records.len()).push(insert).push_values(records, |mut row, (leaf, record)| {
        row.push_bind(record.sha256.to_string())
            .push_bind(record.kind.name())
            .push_bind(record.topic.clone())
            .push_bind(record.body.clone())
            .push_bind(*leaf);
    });
}

/// The newest of a kind, of one topic or of all, oldest first.
pub async fn of_kind(
    database: &Database,
    kind: RecordKind,
    topic: Option<&str>,
    most: u32,
) -> Result<Vec<Record>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(COLUMNS);
    query.push("WHERE kind = ").push_bind(kind.name());
    if let Some(topic) = topic {
        query.push(" AND topic = ").push_bind(topic.to_owned());
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(most));
    let rows = query.build().fetch_all(database.readers()).await?;
    rows.iter().rev().map(read).collect()
}

/// One by its hash.
pub async fn by_sha256(database: &Database, sha256: Sha256) -> Result<Option<Record>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(COLUMNS);
    query.push("WHERE sha256 = ").push_bind(sha256.to_string()).push(" ORDER BY seq LIMIT 1");
    query.build().fetch_optional(database.readers()).await?.as_ref().map(read).transpose()
}

/// Index of the leaf that a record came with.
pub(crate) async fn leaf(database: &Database, sha256: Sha256) -> Result<Option<u64>, StoreError> {
    let query = "SELECT leaf FROM record WHERE sha256 = $1 ORDER BY seq LIMIT 1";
    let query = sqlx::query_scalar(query).bind(sha256.to_string());
    let leaf: Option<i64> = query.fetch_optional(database.readers()).await?;
    leaf.map(|leaf| u64::try_from(leaf).map_err(|error| StoreError::Corrupt(error.to_string()))).transpose()
}

fn read(row: &AnyRow) -> Result<Record, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("record: {what}"));
    let kind: String = row.try_get(1)?;
    let all =
        [RecordKind::Act, RecordKind::Approval, RecordKind::Entry, RecordKind::Leaf, RecordKind::Pending];
    Ok(Record {
        sha256: Sha256::parse_hex(&row.try_get::<String, _>(0)?).map_err(|_| corrupt("hash"))?,
        kind: all.into_iter().find(|known| known.name() == kind).ok_or_else(|| corrupt("kind"))?,
        topic: row.try_get(2)?,
        body: row.try_get(3)?,
    })
}
