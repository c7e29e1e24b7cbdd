//! One database: a single writing connection and a few reading ones.
//!
//! SQLite in WAL mode with `synchronous=FULL`: a commit that returned survives a power cut. Automatic WAL checkpoints
//! are off, because they would land on the writer; [`Database::checkpoint_wal`] is called beside it.

use std::path::Path;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _};

use crate::migration::{Schema, migrate};
use crate::tx::write_tx;

const READERS: u32 = 4;

/// What can go wrong with stored state.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Stored data contradicts itself or the ledger: never continue.
    #[error("stored state is damaged: {0}")]
    Corrupt(String),
    /// The database failed.
    #[error("database failed")]
    Database(#[source] sqlx::Error),
    /// A file could not be read or written.
    #[error("cannot {what}")]
    File {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Whoever cosigns has seen another ledger.
    #[error("ledger is not the one that was followed: {0}")]
    Inconsistent(String),
    /// Not there.
    #[error("{0} is not in the ledger")]
    NotFound(String),
    /// A value that cannot be stored or was asked for in a wrong form.
    #[error("{0}")]
    Value(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl StoreError {
    pub(crate) fn file(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::File { what, source }
    }
}

/// How much a commit must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A power cut.
    PowerCut,
    /// The end of the process; what a power cut takes can be rebuilt.
    Process,
}

/// An open database.
#[derive(Debug, Clone)]
pub struct Database {
    url: String,
    durability: Durability,
    writer: AnyPool,
    readers: AnyPool,
}

impl Database {
    /// Opens or creates the state database and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, Schema::State, Durability::PowerCut).await
    }
    pub(crate) async fn open_as(
        path: &Path,
        schema: Schema,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = url(path, "rwc")?;
        let writer = pool(&url, 1, durability).await?;
        let database = Self { url, durability, readers: writer.clone(), writer };
        let mut tx = write_tx(&database).await?;
        migrate(&mut tx, schema).await?;
        tx.commit().await?;
        let readers = pool(&database.url, READERS, durability).await?;
        Ok(Self { readers, ..database })
    }
    /// A connection of its own, for whoever should not share.
    pub(crate) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = AnyConnection::connect(&self.url).await?;
        configure(&mut connection, self.durability).await?;
        Ok(connection)
    }
    pub(crate) const fn writer(&self) -> &AnyPool {
        &self.writer
    }
    pub(crate) const fn readers(&self) -> &AnyPool {
        &self.readers
    }
    /// Moves the write-ahead log into the database file as far as readers allow. Runs beside the writer.
    pub async fn checkpoint_wal(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.readers).await?;
        Ok(())
    }
    /// Closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn pool(url: &str, connections: u32, durability: Durability) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new().max_connections(connections).min_connections(1);
    let options = options
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(async move { configure(connection, durability).await }));
    Ok(options.connect(url).await?)
}

async fn configure(connection: &mut AnyConnection, durability: Durability) -> Result<(), sqlx::Error> {
    let synchronous = match durability {
        Durability::PowerCut => "PRAGMA synchronous=FULL",
        Durability::Process => "PRAGMA synchronous=NORMAL",
    };
    let pragmas = [
        "PRAGMA busy_timeout=5000",
        "PRAGMA journal_mode=WAL",
        synchronous,
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA foreign_keys=ON",
    ];
    for pragma in pragmas {
        sqlx::query(pragma).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The database at a path, for SQLite; `mode` is `ro`, `rw` or `rwc`.
pub(crate) fn url(path: &Path, mode: &str) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::Value("database path is not UTF-8".into()))?;
    let escaped = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Ok(format!("sqlite://{escaped}?mode={mode}"))
}
