//! The schema, as versions that only add. Old code must run on a newer schema, so nothing is renamed or dropped.
//!
//! A key that SQLite should not keep a second tree for is written INTEGER PRIMARY KEY: exactly these words make it the
//! row's own 64-bit number. Another engine reads BIGINT there.
//!
//! Times are BIGINT milliseconds, identifiers and JSON are TEXT, two-state columns are BIGINT: BOOLEAN does not pass
//! through `Any` on SQLite.

use sqlx::AnyConnection;

use crate::database::StoreError;

const VERSIONS: &[&[&str]] = &[
    &[
        // One row per commit: `entries` as in an entry bundle (u16 length, bytes), `first` is the index of its first leaf.
        "CREATE TABLE ledger_batch (first INTEGER PRIMARY KEY, count BIGINT NOT NULL, entries BLOB NOT NULL)",
        // The right edge after the last commit: one row, of id 1. `edge` and `root` are raw hashes.
        "CREATE TABLE ledger_head (id INTEGER PRIMARY KEY, size BIGINT NOT NULL, root BLOB NOT NULL, edge BLOB NOT NULL)",
        // Tiles of level 1 and above, partial or full, and full ones of level 0.
        "CREATE TABLE ledger_tile (level BIGINT NOT NULL, idx BIGINT NOT NULL, hashes BLOB NOT NULL, \
     PRIMARY KEY (level, idx))",
        // Named numbers: `published` is the size up to which full tiles are on disk as files, synced.
        "CREATE TABLE ledger_mark (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        // Small and bounded in time: rows go a day after the token expired.
        "CREATE TABLE token_use (token TEXT PRIMARY KEY, request TEXT NOT NULL, expires BIGINT NOT NULL) \
     WITHOUT ROWID",
        "CREATE INDEX token_use_expires ON token_use (expires)",
        // Never changed once written. The wish is that of intent `base` where it is null.
        "CREATE TABLE intent (idx INTEGER PRIMARY KEY, request TEXT NOT NULL, statement TEXT NOT NULL, \
     profile TEXT NOT NULL, at BIGINT NOT NULL, plan TEXT NOT NULL, wish TEXT, base BIGINT)",
        "CREATE INDEX intent_at ON intent (at)",
        // Intents that are neither released nor abandoned.
        "CREATE TABLE intent_open (idx INTEGER PRIMARY KEY)",
        "CREATE TABLE release (intent INTEGER PRIMARY KEY, leaf BIGINT NOT NULL, request TEXT NOT NULL, statement TEXT NOT NULL, \
     result TEXT NOT NULL)",
        "CREATE TABLE policy (sequence BIGINT PRIMARY KEY, version TEXT NOT NULL, document TEXT NOT NULL, \
     applied_at BIGINT NOT NULL)",
        "CREATE TABLE certificate (id TEXT PRIMARY KEY, key_id TEXT NOT NULL, purpose TEXT NOT NULL, \
     chain TEXT NOT NULL, created_at BIGINT NOT NULL)",
    ],
    &[
        // Header and signatures of the version, canonical JSON.
        "ALTER TABLE policy ADD COLUMN signatures TEXT NOT NULL DEFAULT ''",
        // Evidence that leaves name by its hash; `leaf` is the first one that came with it.
        "CREATE TABLE record (seq INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL, \
     body TEXT NOT NULL, leaf BIGINT NOT NULL)",
        "CREATE INDEX record_topic ON record (kind, topic, seq)",
        "CREATE INDEX record_sha256 ON record (sha256)",
    ],
];

const SEARCH_VERSIONS: &[&[&str]] = &[&[
    // `key` is the first eight bytes of a digest; a hit is confirmed in the leaf itself.
    "CREATE TABLE search (key BIGINT NOT NULL, leaf BIGINT NOT NULL, PRIMARY KEY (key, leaf)) WITHOUT ROWID",
    "CREATE TABLE ledger_mark (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
]];

const OUTBOX_VERSIONS: &[&[&str]] = &[&[
    // `next` is the index of the next leaf to look at.
    "CREATE TABLE webhook (name TEXT PRIMARY KEY, next BIGINT NOT NULL)",
    "CREATE TABLE dead_letter (number INTEGER PRIMARY KEY, webhook TEXT NOT NULL, notice TEXT NOT NULL, kind TEXT NOT NULL, \
     body TEXT NOT NULL, attempts BIGINT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL)",
    "CREATE INDEX dead_letter_webhook ON dead_letter (webhook, number)",
    // Notices that come from no leaf.
    "CREATE TABLE told (webhook TEXT NOT NULL, notice TEXT NOT NULL, PRIMARY KEY (webhook, notice)) WITHOUT ROWID",
]];

/// Which set of tables a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Where the telling of notices stands.
    Outbox,
    /// Everything that must not be lost.
    State,
    /// The search index, rebuildable from the leaves.
    Search,
}

impl Schema {
    const fn versions(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::State => VERSIONS,
            Self::Outbox => OUTBOX_VERSIONS,
            Self::Search => SEARCH_VERSIONS,
        }
    }
}

/// Brings the schema up to date within the caller's transaction. A newer schema than this code knows is left alone.
pub(crate) async fn migrate(tx: &mut AnyConnection, schema: Schema) -> Result<(), StoreError> {
    let ensure = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)";
    sqlx::query(ensure).execute(&mut *tx).await?;
    let done: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM schema_version")
        .fetch_one(&mut *tx)
        .await?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    for (index, statements) in schema.versions().iter().enumerate().skip(done) {
        for statement in *statements {
            sqlx::query(*statement).execute(&mut *tx).await?;
        }
        let version = i64::try_from(index.saturating_add(1)).unwrap_or(i64::MAX);
        let record = "INSERT INTO schema_version (version) VALUES ($1)";
        sqlx::query(record).bind(version).execute(&mut *tx).await?;
    }
    Ok(())
}
