//! Where the telling of notices stands, per webhook, and what was given up.
//!
//! A database of its own that is not synced at every commit: the ledger's writer must not wait for receivers, and what a
//! power cut takes is told again.

use std::path::Path;

use chancery_core::port::Boxed;
use chancery_core::port::courier::Notice;
use chancery_core::port::outbox::{DeadLetter, Outbox, Settled};
use chancery_core::port::state::StateError;
use chancery_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::database::{Database, Durability, StoreError};
use crate::ledger::column;
use crate::migration::Schema;
use crate::tx::write_tx;

/// Most dead letters of one webhook; the oldest go. What they told is still in the ledger.
const MAX_DEAD: i64 = 10_000;

/// The outbox in `outbox.db`.
#[derive(Debug, Clone)]
pub struct StoredOutbox(Database);

impl StoredOutbox {
    /// Opens or creates it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(Database::open_as(path, Schema::Outbox, Durability::Process).await?))
    }
    /// Closes its connections.
    pub async fn close(&self) {
        self.0.close().await;
    }
    async fn begin_at(&self, webhook: String, size: u64) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar("SELECT next FROM webhook WHERE name = $1").bind(webhook.clone());
        let known: Option<i64> = query.fetch_optional(self.0.readers()).await?;
        let known = known.and_then(|next| u64::try_from(next).ok());
        match known.filter(|next| *next <= size) {
            Some(next) => Ok(next),
            None => {
                self.keep(webhook, Settled { next: size, told: None, dead: None }).await?;
                Ok(size)
            }
        }
    }
    async fn keep(&self, webhook: String, settled: Settled) -> Result<(), StoreError> {
        let Settled { next, told, dead } = settled;
        let mut tx = write_tx(&self.0).await?;
        let upsert = "INSERT INTO webhook (name, next) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET next = excluded.next";
        sqlx::query(upsert).bind(webhook.clone()).bind(column(next)?).execute(&mut *tx).await?;
        if let Some(id) = told {
            let insert =
                "INSERT INTO told (webhook, notice) VALUES ($1, $2) ON CONFLICT (webhook, notice) DO NOTHING";
            sqlx::query(insert).bind(webhook.clone()).bind(id).execute(&mut *tx).await?;
        }
        if let Some(DeadLetter { notice, attempts, why, at, number: _ }) = dead {
            let insert = "INSERT INTO dead_letter (webhook, notice, kind, body, attempts, why, at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let query = sqlx::query(insert).bind(webhook.clone()).bind(notice.id).bind(notice.kind);
            let query = query.bind(notice.body).bind(i64::from(attempts)).bind(why).bind(at.millis());
            query.execute(&mut *tx).await?;
            let prune = "DELETE FROM dead_letter WHERE webhook = $1 AND number <= \
                         (SELECT number FROM dead_letter WHERE webhook = $1 ORDER BY number DESC LIMIT 1 OFFSET $2)";
            sqlx::query(prune).bind(webhook).bind(MAX_DEAD).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }
    async fn list(&self, webhook: String, after: u64, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let query = "SELECT number, notice, kind, body, attempts, why, at FROM dead_letter \
                     WHERE webhook = $1 AND number > $2 ORDER BY number LIMIT $3";
        let query = sqlx::query(query).bind(webhook).bind(column(after)?).bind(i64::from(limit));
        query.fetch_all(self.0.readers()).await?.iter().map(letter).collect()
    }
}

fn letter(row: &AnyRow) -> Result<DeadLetter, StoreError> {
    let number = u64::try_from(row.try_get::<i64, _>(0)?);
    let attempts = u32::try_from(row.try_get::<i64, _>(4)?);
    let corrupt = |_| StoreError::Corrupt("a dead letter".to_owned());
    Ok(DeadLetter {
        number: number.map_err(corrupt)?,
        notice: Notice { id: row.try_get(1)?, kind: row.try_get(2)?, body: row.try_get(3)? },
        attempts: attempts.map_err(corrupt)?,
        why: row.try_get(5)?,
        at: Time::from_millis(row.try_get(6)?),
    })
}

fn unavailable(error: impl Into<StoreError>) -> StateError {
    StateError(error.into().to_string())
}

impl Outbox for StoredOutbox {
    fn next(&self, webhook: String, size: u64) -> Boxed<'_, Result<u64, StateError>> {
        Box::pin(async move { self.begin_at(webhook, size).await.map_err(unavailable) })
    }
    fn was_told(&self, webhook: String, id: String) -> Boxed<'_, Result<bool, StateError>> {
        Box::pin(async move {
            let query = "SELECT COUNT(*) FROM told WHERE webhook = $1 AND notice = $2";
            let query = sqlx::query_scalar(query).bind(webhook).bind(id);
            let count: i64 = query.fetch_one(self.0.readers()).await.map_err(unavailable)?;
            Ok(count > 0)
        })
    }
    fn settle(&self, webhook: String, settled: Settled) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async move { self.keep(webhook, settled).await.map_err(unavailable) })
    }
    fn dead(
        &self,
        webhook: String,
        after: u64,
        limit: u32,
    ) -> Boxed<'_, Result<Vec<DeadLetter>, StateError>> {
        Box::pin(async move { self.list(webhook, after, limit).await.map_err(unavailable) })
    }
    fn dead_count(&self, webhook: String) -> Boxed<'_, Result<u64, StateError>> {
        Box::pin(async move {
            let query =
                sqlx::query_scalar("SELECT COUNT(*) FROM dead_letter WHERE webhook = $1").bind(webhook);
            let count: i64 = query.fetch_one(self.0.readers()).await.map_err(unavailable)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }
    fn bury(&self, webhook: String, number: u64) -> Boxed<'_, Result<(), StateError>> {
        Box::pin(async move {
            let query = "DELETE FROM dead_letter WHERE webhook = $1 AND number = $2";
            let query = sqlx::query(query).bind(webhook).bind(column(number).map_err(unavailable)?);
            query.execute(self.0.writer()).await.map_err(unavailable)?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_testkit::conformance::outbox::{check, fill};
    use chancery_testkit::outbox::FakeOutbox;

    #[tokio::test]
    async fn where_it_stands_outlives_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outbox.db");
        let outbox = StoredOutbox::open(&path).await.unwrap();
        fill(&outbox).await;
        outbox.close().await;
        check(&StoredOutbox::open(&path).await.unwrap()).await;
    }

    #[tokio::test]
    async fn the_fake_conforms() {
        let fake = FakeOutbox::default();
        fill(&fake).await;
        check(&fake).await;
    }

    #[tokio::test]
    async fn dead_letters_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = StoredOutbox::open(&directory.path().join("outbox.db")).await.unwrap();
        let rows = "INSERT INTO dead_letter (webhook, notice, kind, body, attempts, why, at) \
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
                    SELECT 'ops', 'old', 'k', '{}', 1, 'w', 0 FROM n";
        sqlx::query(rows).execute(outbox.0.writer()).await.unwrap();
        let notice = Notice { id: "new".into(), kind: "k".into(), body: "{}".into() };
        let dead = DeadLetter { number: 0, notice, attempts: 1, why: "w".into(), at: Time::from_seconds(0) };
        outbox.settle("ops".into(), Settled { next: 1, told: None, dead: Some(dead) }).await.unwrap();
        assert_eq!(outbox.dead_count("ops".into()).await.unwrap(), 10_000);
        assert_eq!(outbox.dead("ops".into(), 10_000, 5).await.unwrap()[0].notice.id, "new");
    }
}
