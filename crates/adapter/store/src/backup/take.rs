//! Taking a backup, of a service that runs or is stopped.
//!
//! The database is copied as it is at one moment by SQLite itself (`VACUUM INTO` on a connection that only reads), so the
//! writer never waits. Order is what makes it consistent: the checkpoint is read before that moment, so the database
//! reaches at least as far; keys are copied after it, so every key that the ledger names is there.

use std::path::{Path, PathBuf};

use chancery_core::time::Time;
use sqlx::{AnyConnection, Connection as _};

use super::error::BackupError;
use super::files;
use super::leaves;
use super::manifest::{Entry, Manifest, NAME, SCHEMA, SUM};
use super::verify::verify;
use crate::database::StoreError;

/// Whether a backup begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In an empty directory.
    Fresh,
    /// Where one was interrupted: what is whole is kept.
    Resumed,
}

/// What is to be backed up, and where to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The data directory.
    pub data: PathBuf,
    /// Files to copy before the database, likewise as `files`.
    pub before: Vec<(PathBuf, String)>,
    /// Files to copy: where from, and where to in the backup (`data/…`, `config/…`).
    pub files: Vec<(PathBuf, String)>,
    /// Folders to copy whole, likewise.
    pub folders: Vec<(PathBuf, String)>,
    /// Secrets that are not copied, for the manifest.
    pub left_out: Vec<String>,
    /// The ledger's origin.
    pub origin: String,
    /// Where to.
    pub to: PathBuf,
    /// Now.
    pub now: Time,
    /// Whether it goes on.
    pub start: Start,
}

const STATE: &str = "data/gateway/state.db";
const OUTBOX: &str = "data/gateway/outbox.db";

/// Takes it, and reads all of it back at the end.
pub async fn take(plan: &Plan) -> Result<Manifest, BackupError> {
    let gateway = plan.data.join("gateway");
    if !gateway.join("state.db").is_file() {
        return Err(BackupError::NotAService(plan.data.clone()));
    }
    if plan.start == Start::Fresh && !files::is_empty(&plan.to)? {
        return Err(BackupError::NotEmpty(plan.to.clone()));
    }
    if plan.to.join(SUM).exists() {
        return verify(&plan.to).await;
    }
    files::make(&plan.to.join("data/gateway"))?;
    // Before the ledger's own database, so that no webhook stands beyond the ledger.
    if gateway.join("outbox.db").is_file() {
        snapshot(&gateway.join("outbox.db"), &plan.to.join(OUTBOX)).await?;
    }
    let checkpoint = plan.to.join("data/gateway/ledger/checkpoint");
    if !plan.to.join(STATE).exists() {
        let published = gateway.join("ledger/checkpoint");
        if published.is_file() {
            files::copy(&published, &checkpoint)?;
        }
        copy_files(plan, &plan.before)?;
        snapshot(&gateway.join("state.db"), &plan.to.join(STATE)).await?;
    }
    let checkpoint = if checkpoint.is_file() { files::read(&checkpoint, 64 * 1024)? } else { Vec::new() };
    copy_tiles(plan, &gateway.join("ledger")).await?;
    copy_files(plan, &plan.files)?;
    copy_folders(plan)?;
    let manifest = describe(plan, String::from_utf8_lossy(&checkpoint).into_owned()).await?;
    manifest.write(&plan.to)?;
    verify(&plan.to).await
}

/// One consistent copy by SQLite itself; beside the writer, whoever that is.
async fn snapshot(from: &Path, to: &Path) -> Result<(), BackupError> {
    let at = files::partial(to);
    // SQLite writes into a file that is there and empty, and leaves its mode as it is.
    files::create_empty(&at)?;
    sqlx::any::install_default_drivers();
    let opened = AnyConnection::connect(&crate::database::url(from, "rw")?).await;
    let mut connection = opened.map_err(StoreError::from)?;
    let path = at.to_str().ok_or_else(|| BackupError::damaged(&at, "its name is not UTF-8"))?;
    let copied = async {
        sqlx::query("PRAGMA busy_timeout=5000").execute(&mut connection).await?;
        // The only statement with a name in its text: SQLite takes no parameter here.
        let vacuum = format!("VACUUM INTO '{}'", path.replace('\'', "''"));
        sqlx::query(sqlx::AssertSqlSafe(vacuum)).execute(&mut connection).await?;
        connection.close().await
    };
    copied.await.map_err(StoreError::from)?;
    files::finish(to)
}

/// Full tiles never change, so those that are there already are kept; they are all read back at the end.
async fn copy_tiles(plan: &Plan, ledger: &Path) -> Result<(), BackupError> {
    let to = plan.to.join("data/gateway/ledger");
    let mut connection = leaves::open(&plan.to.join(STATE)).await?;
    let mut wanted = Vec::new();
    let mut keep = |tile: chancery_ledger::tile::Tile, _: &[u8]| {
        wanted.push(tile.to_string());
        Ok(())
    };
    leaves::compute(&mut connection, 0, &mut keep).await?;
    connection.close().await.map_err(StoreError::from)?;
    for tile in wanted {
        let (from, to) = (ledger.join(&tile), to.join(&tile));
        if from.is_file() && !to.is_file() {
            files::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_files(plan: &Plan, wanted: &[(PathBuf, String)]) -> Result<(), BackupError> {
    for (from, to) in wanted.iter().filter(|(from, _)| from.is_file()) {
        files::copy(from, &plan.to.join(to))?;
    }
    Ok(())
}

fn copy_folders(plan: &Plan) -> Result<(), BackupError> {
    for (folder, to) in plan.folders.iter().filter(|(folder, _)| folder.is_dir()) {
        for name in files::below(folder)? {
            files::copy(&folder.join(&name), &plan.to.join(to).join(&name))?;
        }
    }
    Ok(())
}

async fn describe(plan: &Plan, checkpoint: String) -> Result<Manifest, BackupError> {
    let mut connection = leaves::open(&plan.to.join(STATE)).await?;
    let head = crate::ledger::last_head(&mut connection).await?.unwrap_or_default();
    connection.close().await.map_err(StoreError::from)?;
    let mut entries = Vec::new();
    for path in files::below(&plan.to)? {
        if path == NAME || path.ends_with(".partial") {
            continue;
        }
        let (size, sha256) = files::digest(&plan.to.join(&path))?;
        entries.push(Entry { path, sha256, size });
    }
    Ok(Manifest {
        checkpoint,
        files: entries,
        left_out: plan.left_out.clone(),
        made: plan.now.to_string(),
        origin: plan.origin.clone(),
        root: head.root(),
        schema: SCHEMA.to_owned(),
        size: head.size(),
    })
}
