//! The one door to a writing transaction.
//!
//! A plain BEGIN upgrades its lock at the first write and then fails as busy, or on other engines loses updates. So
//! writers take the lock first, and only the taking is retried: afterwards nothing can be busy.

use sqlx::{Any, Transaction};

use crate::database::{Database, StoreError};

const ATTEMPTS: u32 = 5;

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
