//! The doors to a writing transaction.
//!
//! A plain BEGIN upgrades its lock at the first write and then fails as busy, or on other engines loses updates. So
//! writers take the lock first, and only the taking is retried: afterwards nothing can be busy.

use sqlx::{Any, AnyConnection, QueryBuilder, Transaction};

use crate::database::{Database, StoreError};

const ATTEMPTS: u32 = 5;
/// Texts of scripts with more rows than this are not kept prepared: there are too many of them.
const PREPARED_ROWS: usize = 8;

/// Begins a transaction that holds the write lock; the connection waits up to five seconds per attempt.
pub async fn write_tx(database: &Database) -> Result<Transaction<'static, Any>, StoreError> {
    let mut attempt = 1;
    loop {
        match database.writer().begin_with("BEGIN IMMEDIATE").await {
            Ok(tx) => return Ok(tx),
            Err(error) if is_busy(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// SQLITE_BUSY is 5; extended codes carry it in the low byte.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// All of it is durable.
    Committed,
    /// A row with the same key was there: none of it happened.
    Conflicted,
}

/// A whole transaction in one message to the database's thread: BEGIN IMMEDIATE, statements, COMMIT.
///
/// A message costs two thread switches, as much as several small statements, and a transaction of the usual door takes
/// one for each statement. Nothing that is read in it can decide about what is written; unique keys can.
/// An engine that takes one statement per message would send them one by one.
pub(crate) struct Script {
    query: QueryBuilder<Any>,
    rows: usize,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Script {
    pub(crate) fn begin() -> Self {
        Self { query: QueryBuilder::new("BEGIN IMMEDIATE"), rows: 0 }
    }
    /// The text, for one more statement of `rows` rows to be pushed onto.
    pub(crate) fn statement(&mut self, rows: usize) -> &mut QueryBuilder<Any> {
        self.rows = self.rows.saturating_add(rows);
        self.query.push("; ")
    }
    /// Runs it. After an error nothing is known about what the connection did: it must not be used again.
    pub(crate) async fn commit(mut self, connection: &mut AnyConnection) -> Result<Ran, StoreError> {
        self.query.push("; COMMIT");
        let query = self.query.build().persistent(self.rows <= PREPARED_ROWS);
        let Err(error) = query.execute(&mut *connection).await else { return Ok(Ran::Committed) };
        if !error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
            return Err(error.into());
        }
        sqlx::query("ROLLBACK").execute(connection).await?;
        Ok(Ran::Conflicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(rows: &[(&str, &str)]) -> Script {
        let mut script = Script::begin();
        for (token, request) in rows {
            let query = script.statement(1).push("INSERT INTO token_use (token, request, expires) VALUES (");
            query.push_bind((*token).to_owned()).push(", ").push_bind((*request).to_owned()).push(", 0)");
        }
        script
    }

    #[tokio::test]
    async fn a_script_happens_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("state.db")).await.unwrap();
        let mut connection = database.connect().await.unwrap();
        let ran = script(&[("a", "1"), ("b", "2")]).commit(&mut connection).await.unwrap();
        assert_eq!(ran, Ran::Committed);
        let ran = script(&[("c", "3"), ("b", "4")]).commit(&mut connection).await.unwrap();
        assert_eq!(ran, Ran::Conflicted);
        let ran = script(&[("d", "5")]).commit(&mut connection).await.unwrap();
        assert_eq!(ran, Ran::Committed);
        let query = sqlx::query_scalar("SELECT token || request FROM token_use ORDER BY token");
        let kept: Vec<String> = query.fetch_all(database.readers()).await.unwrap();
        assert_eq!(kept, ["a1", "b2", "d5"]);
        // The usual door finds the lock free.
        write_tx(&database).await.unwrap().commit().await.unwrap();
    }
}
