//! Results that were released: what the same wish gets again.
//!
//! Keyed by the intent's index, so that no random key is on the append path; requests are found by the search index,
//! and what is not indexed yet by a short scan.

use chancery_core::id::{RequestId, StatementId};
use sqlx::{Any, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};
use crate::tx::Script;

/// A released result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Index of the intent.
    pub intent: u64,
    /// Index of the first leaf that was appended with it.
    pub leaf: u64,
    /// The result, JSON, as given to the sequencer.
    pub result: String,
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct NewRelease {
    pub(crate) intent: i64,
    pub(crate) leaf: i64,
    pub(crate) request: RequestId,
    pub(crate) statement: StatementId,
    pub(crate) result: String,
}

pub(crate) fn insert(script: &mut Script, releases: &[NewRelease]) {
    if releases.is_empty() {
        return;
    }
    let insert = "INSERT INTO release (intent, leaf, request, statement, result) ";
    script.statement(releases.len()).push(insert).push_values(releases, |mut row, release| {
        row.push_bind(release.intent)
            .push_bind(release.leaf)
            .push_bind(release.request.to_string())
            .push_bind(release.statement.to_string())
            .push_bind(release.result.clone());
    });
}

/// The newest result among the `candidates` (indices of intents) and all intents from `unindexed` on.
pub(crate) async fn newest(
    database: &Database,
    (request, statement): (RequestId, StatementId),
    candidates: &[u64],
    unindexed: u64,
) -> Result<Option<Released>, StoreError> {
    let mut query = QueryBuilder::<Any>::new("SELECT intent, leaf, result FROM release WHERE request = ");
    query.push_bind(request.to_string()).push(" AND statement = ").push_bind(statement.to_string());
    query.push(" AND (intent >= ").push_bind(i64::try_from(unindexed).unwrap_or(i64::MAX));
    for candidate in candidates {
        query.push(" OR intent = ").push_bind(i64::try_from(*candidate).unwrap_or(i64::MAX));
    }
    query.push(") ORDER BY intent DESC LIMIT 1");
    let row = query.build().fetch_optional(database.readers()).await?;
    row.map(|row| {
        let index = |at: usize| -> Result<u64, StoreError> {
            u64::try_from(row.try_get::<i64, _>(at)?).map_err(|error| StoreError::Corrupt(error.to_string()))
        };
        Ok(Released { intent: index(0)?, leaf: index(1)?, result: row.try_get(2)? })
    })
    .transpose()
}
