//! Intents: what is about to be signed. Open ones are what the reconciler looks at.
//!
//! The statements of one request share their wish (caller, evidence, request), which is most of what is kept. It is
//! stored with the first of them, its base, and the others refer to that:
//!
//! ```text
//! idx 40   base null   wish {"caller":…,"evidence":…,"request":…}   plan {"serial":"AQ…"}
//! idx 42   base 40     wish null                                    plan {"serial":"AX…"}
//! ```

use std::sync::Arc;

use chancery_core::id::{RequestId, StatementId};
use chancery_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{Any, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};
use crate::tx::Script;

const OPEN: &str = "SELECT i.idx AS idx, i.request AS request, i.statement AS statement, i.at AS at, i.plan AS plan, \
                    COALESCE(i.wish, b.wish) AS wish FROM intent_open o \
                    JOIN intent i ON i.idx = o.idx LEFT JOIN intent b ON b.idx = i.base";
const KEPT: &str = "SELECT COALESCE(i.wish, b.wish) AS wish, i.plan AS plan \
                    FROM intent i LEFT JOIN intent b ON b.idx = i.base WHERE i.idx = $1";

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
    /// What it was kept with.
    pub kept: Kept,
}

/// What is needed to resume or close an intent, and what an audit replays its decision from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Shared by the intents of a request, JSON.
    pub wish: String,
    /// Of this intent alone, JSON.
    pub plan: String,
}

/// The wish of an intent as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Kept with this intent.
    Here(Arc<str>),
    /// Kept with the intent of this index.
    At(i64),
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct NewIntent {
    pub(crate) index: i64,
    pub(crate) request: RequestId,
    pub(crate) statement: StatementId,
    pub(crate) profile: String,
    pub(crate) at: i64,
    pub(crate) wish: Wish,
    pub(crate) plan: String,
}

/// Every open intent in order of index, at most `limit`.
pub async fn open(database: &Database, limit: u32) -> Result<Vec<OpenIntent>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(OPEN);
    query.push(" ORDER BY i.idx LIMIT ").push_bind(i64::from(limit));
    query.build().fetch_all(database.readers()).await?.iter().map(read).collect()
}

/// The open intents of one statement of a request: a signature that is being made now, or was when the process ended.
pub async fn open_for(
    database: &Database,
    request: RequestId,
    statement: StatementId,
) -> Result<Vec<OpenIntent>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(OPEN);
    query.push(" WHERE i.request = ").push_bind(request.to_string());
    query.push(" AND i.statement = ").push_bind(statement.to_string()).push(" ORDER BY i.idx");
    query.build().fetch_all(database.readers()).await?.iter().map(read).collect()
}

/// What was kept with an intent, open or closed.
pub async fn kept(database: &Database, index: u64) -> Result<Option<Kept>, StoreError> {
    let index = i64::try_from(index).map_err(|_| StoreError::NotFound(format!("intent {index}")))?;
    let query = sqlx::query(KEPT).bind(index);
    query.fetch_optional(database.readers()).await?.map(|row| read_kept(&row)).transpose()
}

/// Indices of all open intents.
pub(crate) async fn open_indices(database: &Database) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT idx FROM intent_open").fetch_all(database.readers()).await?)
}

pub(crate) fn insert(script: &mut Script, intents: &[NewIntent]) {
    if intents.is_empty() {
        return;
    }
    let insert = "INSERT INTO intent (idx, request, statement, profile, at, plan, wish, base) ";
    script.statement(intents.len()).push(insert).push_values(intents, |mut row, intent| {
        let (wish, base) = match &intent.wish {
            Wish::Here(wish) => (Some(wish.to_string()), None),
            Wish::At(base) => (None, Some(*base)),
        };
        row.push_bind(intent.index)
            .push_bind(intent.request.to_string())
            .push_bind(intent.statement.to_string())
            .push_bind(intent.profile.clone())
            .push_bind(intent.at)
            .push_bind(intent.plan.clone())
            .push_bind(wish)
            .push_bind(base);
    });
    let query = script.statement(intents.len()).push("INSERT INTO intent_open (idx) ");
    query.push_values(intents, |mut row, intent| {
        row.push_bind(intent.index);
    });
}

pub(crate) fn close(script: &mut Script, indices: &[i64]) {
    if indices.is_empty() {
        return;
    }
    let query = script.statement(indices.len()).push("DELETE FROM intent_open WHERE idx IN (");
    let mut list = query.separated(", ");
    for index in indices {
        list.push_bind(*index);
    }
    query.push(")");
}

fn read(row: &AnyRow) -> Result<OpenIntent, StoreError> {
    Ok(OpenIntent {
        index: u64::try_from(row.try_get::<i64, _>("idx")?).map_err(corrupt)?,
        request: RequestId::parse(&row.try_get::<String, _>("request")?).map_err(corrupt)?,
        statement: StatementId::parse(&row.try_get::<String, _>("statement")?).map_err(corrupt)?,
        at: Time::from_millis(row.try_get("at")?),
        kept: read_kept(row)?,
    })
}

/// A base that is gone must not pass for an intent without a wish.
fn read_kept(row: &AnyRow) -> Result<Kept, StoreError> {
    let wish: Option<String> = row.try_get("wish")?;
    let wish = wish.ok_or_else(|| corrupt("the wish of an intent is missing"))?;
    Ok(Kept { wish, plan: row.try_get("plan")? })
}

fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}
