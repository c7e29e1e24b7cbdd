//! Reading a backup back: every file against the manifest, every leaf into the root, every full tile against the leaves,
//! the checkpoint against the ledger's key.

use std::collections::BTreeSet;
use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_ledger::checkpoint::{Origin, SignedCheckpoint};
use sqlx::Connection as _;

use super::error::BackupError;
use super::manifest::{Manifest, NAME, SUM};
use super::{files, leaves};
use crate::database::StoreError;
use crate::ledger::{LedgerKey, corrupt};

/// Verifies a backup; answers with what it is of.
pub async fn verify(directory: &Path) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(directory)?;
    check_files(directory, &manifest)?;
    check_ledger(directory, &manifest).await?;
    Ok(manifest)
}

fn check_files(directory: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let mut known: BTreeSet<&str> = BTreeSet::from([NAME, SUM]);
    for entry in &manifest.files {
        let path = directory.join(&entry.path);
        if !path.is_file() {
            return Err(BackupError::damaged(&path, "it is missing"));
        }
        let (size, sha256) = files::digest(&path)?;
        if size != entry.size {
            return Err(BackupError::damaged(&path, format!("it has {size} bytes, expected {}", entry.size)));
        }
        if sha256 != entry.sha256 {
            return Err(BackupError::damaged(
                &path,
                format!("its SHA-256 is {sha256}, expected {}", entry.sha256),
            ));
        }
        known.insert(&entry.path);
    }
    // Left by an interruption; nothing reads them.
    let is_known = |path: &String| known.contains(path.as_str()) || path.ends_with(".partial");
    match files::below(directory)?.into_iter().find(|path| !is_known(path)) {
        Some(extra) => Err(BackupError::damaged(&directory.join(extra), "the manifest does not name it")),
        None => Ok(()),
    }
}

async fn check_ledger(directory: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let gateway = directory.join("data/gateway");
    let state = gateway.join("state.db");
    let at = checkpoint(&gateway, manifest)?;
    let mut connection = leaves::open(&state).await?;
    let ledger = gateway.join("ledger");
    let mut compare = |tile: chancery_ledger::tile::Tile, bytes: &[u8]| {
        let path = ledger.join(tile.to_string());
        let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match path.is_file().then(|| files::read(&path, limit)) {
            Some(Ok(found)) if found == bytes => Ok(()),
            None => Ok(()),
            Some(Ok(_) | Err(_)) => {
                Err(corrupt(format!("`{}` is not what the entries give", path.display())))
            }
        }
    };
    let computed = leaves::compute(&mut connection, at.map_or(0, |(size, _)| size), &mut compare).await?;
    connection.close().await.map_err(StoreError::from)?;
    if computed.edge.size() != manifest.size || computed.edge.root() != manifest.root {
        let found = computed.edge.size();
        return Err(BackupError::damaged(
            &state,
            format!("its tree is of size {found}, expected {}", manifest.size),
        ));
    }
    match at {
        Some((_, root)) if computed.root_at != Some(root) => {
            Err(BackupError::damaged(&state, "its entries do not give the checkpoint's root"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Size and root of the checkpoint, whose signature must be the ledger's.
fn checkpoint(gateway: &Path, manifest: &Manifest) -> Result<Option<(u64, Sha256)>, BackupError> {
    if manifest.checkpoint.is_empty() {
        return Ok(None);
    }
    let path = gateway.join("ledger/checkpoint");
    let damaged = |error: &dyn std::fmt::Display| BackupError::damaged(&path, error);
    let origin = Origin::parse(&manifest.origin).map_err(|error| damaged(&error))?;
    let mut opened = Err(damaged(&"no key of the ledger is in the backup"));
    for file in crate::ledger::key_files(gateway) {
        let key = LedgerKey::load(&file, &origin)?;
        opened =
            SignedCheckpoint::open(&manifest.checkpoint, key.verifier()).map_err(|error| damaged(&error));
        if opened.is_ok() {
            break;
        }
    }
    let signed = opened?;
    let head = signed.head();
    Ok(Some((head.size, head.root)))
}
