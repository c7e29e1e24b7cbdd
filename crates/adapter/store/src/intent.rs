//! Intents: what is about to be signed. Open ones are what the reconciler looks at.
//!
//! Every intent keeps its whole order, evidence included. The statements of one request have all but a few bytes of it
//! in common, so an order is stored as what differs from that of the request's first intent, its base:
//!
//! ```text
//! base   {"caller":…,"evidence":…,"plan":{"serial":"AQ…"},"request":…}      stored whole
//! order  {"caller":…,"evidence":…,"plan":{"serial":"AX…"},"request":…}      stored as head 7012, `X…`, tail 155
//! ```

use chancery_core::id::{RequestId, StatementId};
use chancery_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{Any, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};
use crate::tx::Script;

/// An order that has less than this in common with its base is stored whole.
const WORTH: usize = 512;
const OPEN: &str = "SELECT i.idx AS idx, i.request AS request, i.statement AS statement, i.at AS at, i.plan AS plan, \
                    i.head AS head, i.tail AS tail, i.base AS base_idx, b.plan AS base FROM intent_open o \
                    JOIN intent i ON i.idx = o.idx LEFT JOIN intent b ON b.idx = i.base";
const ORDER: &str = "SELECT i.plan AS plan, i.head AS head, i.tail AS tail, i.base AS base_idx, b.plan AS base \
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
    /// What is needed to resume or close it, JSON.
    pub order: String,
}

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    text: String,
    base: Option<i64>,
    head: usize,
    tail: usize,
}

impl Plan {
    pub(crate) fn whole(order: &str) -> Self {
        Self { text: order.to_owned(), base: None, head: 0, tail: 0 }
    }
    /// Stores `order` as its difference from the order of intent `base.0`, which must itself be stored whole.
    pub(crate) fn beside(base: (i64, &str), order: &str) -> Self {
        let same = |(a, b): &(u8, u8)| a == b;
        let head = base.1.bytes().zip(order.bytes()).take_while(same).count();
        let head = order.floor_char_boundary(head);
        let (_, old) = base.1.split_at_checked(head).unwrap_or_default();
        let (_, new) = order.split_at_checked(head).unwrap_or_default();
        let tail = old.bytes().rev().zip(new.bytes().rev()).take_while(same).count();
        let end = new.ceil_char_boundary(new.len().saturating_sub(tail));
        let (text, rest) = new.split_at_checked(end).unwrap_or_default();
        if head.saturating_add(rest.len()) < WORTH {
            return Self::whole(order);
        }
        Self { text: text.to_owned(), base: Some(base.0), head, tail: rest.len() }
    }
    pub(crate) const fn is_whole(&self) -> bool {
        self.base.is_none()
    }
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct NewIntent {
    pub(crate) index: i64,
    pub(crate) request: RequestId,
    pub(crate) statement: StatementId,
    pub(crate) profile: String,
    pub(crate) at: i64,
    pub(crate) plan: Plan,
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

/// The order and plan that were kept with an intent, open or closed: the audit replays decisions from it.
pub async fn order(database: &Database, index: u64) -> Result<Option<String>, StoreError> {
    let index = i64::try_from(index).map_err(|_| StoreError::NotFound(format!("intent {index}")))?;
    let query = sqlx::query(ORDER).bind(index);
    query.fetch_optional(database.readers()).await?.map(|row| whole(&row)).transpose()
}

/// Indices of all open intents.
pub(crate) async fn open_indices(database: &Database) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT idx FROM intent_open").fetch_all(database.readers()).await?)
}

pub(crate) fn insert(script: &mut Script, intents: &[NewIntent]) {
    if intents.is_empty() {
        return;
    }
    let insert = "INSERT INTO intent (idx, request, statement, profile, at, plan, base, head, tail) ";
    script.statement(intents.len()).push(insert).push_values(intents, |mut row, intent| {
        let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        row.push_bind(intent.index)
            .push_bind(intent.request.to_string())
            .push_bind(intent.statement.to_string())
            .push_bind(intent.profile.clone())
            .push_bind(intent.at)
            .push_bind(intent.plan.text.clone())
            .push_bind(intent.plan.base)
            .push_bind(length(intent.plan.head))
            .push_bind(length(intent.plan.tail));
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
        order: whole(row)?,
    })
}

fn whole(row: &AnyRow) -> Result<String, StoreError> {
    let plan: String = row.try_get("plan")?;
    let Some(base) = row.try_get::<Option<String>, _>("base")? else {
        // A base that is gone must not pass for an order that never had one.
        return match row.try_get::<Option<i64>, _>("base_idx")? {
            None => Ok(plan),
            Some(base) => Err(corrupt(format!("order of intent {base} is missing"))),
        };
    };
    let length = |name: &str| usize::try_from(row.try_get::<i64, _>(name)?).map_err(corrupt);
    let tail = base.len().checked_sub(length("tail")?);
    let parts = base.get(..length("head")?).zip(tail.and_then(|tail| base.get(tail..)));
    let (head, tail) = parts.ok_or_else(|| corrupt("order does not fit its base"))?;
    Ok(format!("{head}{plan}{tail}"))
}

fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_stored_as_what_differs_from_their_base() {
        let padding = "é".repeat(400);
        let order = |plan: &str| {
            format!("{{\"evidence\":\"{padding}\",\"plan\":\"{plan}\",\"request\":\"{padding}\"}}")
        };
        let base = order("aaa");
        for (other, text) in [
            (order("aba"), "b"),
            (order("aaa"), ""),
            (order("aaaa"), "a"),
            (order("aa"), ""),
            (order(""), ""),
            (order("aéa"), "é"),
            (order("è"), "è"),
        ] {
            let plan = Plan::beside((7, &base), &other);
            assert_eq!((plan.text.as_str(), plan.base), (text, Some(7)), "{other}");
            let tail = base.len() - plan.tail;
            let (head, tail) = (base.get(..plan.head).unwrap(), base.get(tail..).unwrap());
            assert_eq!(format!("{head}{}{tail}", plan.text), other);
        }
        for other in ["", "x", "{\"evidence\":\"other\"}"] {
            assert_eq!(Plan::beside((7, &base), other), Plan::whole(other));
        }
    }
}
