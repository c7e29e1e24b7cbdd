//! Intents: what is about to be signed. Open ones are what the reconciler looks at.

use chancery_core::id::{RequestId, StatementId};
use chancery_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};

const OPEN: i64 = 0;

/// How an intent was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// A result was released.
    Released,
    /// Given up.
    Abandoned,
}

impl Closing {
    const fn state(self) -> i64 {
        match self {
            Self::Released => 1,
            Self::Abandoned => 2,
        }
    }
}

/// An intent that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// Index of its leaf.
    pub index: u64,
    /// The request.
    pub request: RequestId,
    /// The statement.
    pub statement: StatementId,
    /// When it was logged, by the event's time.
    pub at: Time,
    /// What is needed to resume or close it, JSON.
    pub order: String,
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct NewIntent {
    pub(crate) index: i64,
    pub(crate) request: RequestId,
    pub(crate) statement: StatementId,
    pub(crate) profile: String,
    pub(crate) at: i64,
    pub(crate) plan: String,
}

/// Every open intent in order of index, at most `limit`.
pub async fn open(database: &Database, limit: u32) -> Result<Vec<OpenIntent>, StoreError> {
    let query = "SELECT idx, request, statement, at, plan FROM intent WHERE state = 0 ORDER BY idx LIMIT $1";
    let rows = sqlx::query(query).bind(i64::from(limit)).fetch_all(database.readers()).await?;
    rows.iter().map(read).collect()
}

/// The open intents of one statement of a request: a signature that is being made now, or was when the process ended.
pub async fn open_for(
    database: &Database,
    request: RequestId,
    statement: StatementId,
) -> Result<Vec<OpenIntent>, StoreError> {
    let query = "SELECT idx, request, statement, at, plan FROM intent \
                 WHERE state = 0 AND request = $1 AND statement = $2 ORDER BY idx";
    let query = sqlx::query(query).bind(request.to_string()).bind(statement.to_string());
    query.fetch_all(database.readers()).await?.iter().map(read).collect()
}

/// The order and plan that were kept with an intent, open or closed: the audit replays decisions from it.
pub async fn order(database: &Database, index: u64) -> Result<Option<String>, StoreError> {
    let index = i64::try_from(index).map_err(|_| StoreError::NotFound(format!("intent {index}")))?;
    let query = sqlx::query_scalar("SELECT plan FROM intent WHERE idx = $1").bind(index);
    Ok(query.fetch_optional(database.readers()).await?)
}

pub(crate) async fn insert(tx: &mut AnyConnection, intents: Vec<NewIntent>) -> Result<(), StoreError> {
    if intents.is_empty() {
        return Ok(());
    }
    let head = "INSERT INTO intent (idx, request, statement, profile, at, plan, state) ";
    let mut query = QueryBuilder::<Any>::new(head);
    query.push_values(intents, |mut row, intent| {
        row.push_bind(intent.index)
            .push_bind(intent.request.to_string())
            .push_bind(intent.statement.to_string())
            .push_bind(intent.profile)
            .push_bind(intent.at)
            .push_bind(intent.plan)
            .push_bind(OPEN);
    });
    query.build().execute(tx).await?;
    Ok(())
}

/// Which of `indices` are open intents.
pub(crate) async fn open_among(tx: &mut AnyConnection, indices: &[i64]) -> Result<Vec<i64>, StoreError> {
    if indices.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Any>::new("SELECT idx FROM intent WHERE state = 0 AND idx IN (");
    let mut list = query.separated(", ");
    for index in indices {
        list.push_bind(*index);
    }
    query.push(")");
    let rows = query.build().fetch_all(tx).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(crate) async fn close(
    tx: &mut AnyConnection,
    indices: &[i64],
    closing: Closing,
) -> Result<(), StoreError> {
    if indices.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Any>::new("UPDATE intent SET state = ");
    query.push_bind(closing.state()).push(" WHERE idx IN (");
    let mut list = query.separated(", ");
    for index in indices {
        list.push_bind(*index);
    }
    query.push(")");
    query.build().execute(tx).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<OpenIntent, StoreError> {
    let corrupt = |what: &dyn std::fmt::Display| StoreError::Corrupt(what.to_string());
    Ok(OpenIntent {
        index: u64::try_from(row.try_get::<i64, _>(0)?).map_err(|error| corrupt(&error))?,
        request: RequestId::parse(&row.try_get::<String, _>(1)?).map_err(|error| corrupt(&error))?,
        statement: StatementId::parse(&row.try_get::<String, _>(2)?).map_err(|error| corrupt(&error))?,
        at: Time::from_millis(row.try_get(3)?),
        order: row.try_get(4)?,
    })
}
