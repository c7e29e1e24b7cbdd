//! Restoring: verified first, made beside its place, and there all at once or not at all.

use std::path::{Path, PathBuf};

use super::error::BackupError;
use super::files;
use super::manifest::Manifest;
use super::verify::verify;

/// Where what lay outside the data directory goes.
const OUTSIDE: &str = "restored-config";

/// Restores a backup to a directory that is absent or empty. What lay outside the data directory is put into
/// `restored-config`, for the operator to place.
pub async fn restore(from: &Path, to: &Path) -> Result<Manifest, BackupError> {
    if !files::is_empty(to)? {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let manifest = verify(from).await?;
    let staging = staging(to)?;
    // What an interrupted attempt left is nobody's.
    match std::fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(BackupError::file("remove", &staging)(error));
        }
        Ok(()) | Err(_) => {}
    }
    files::make(&staging)?;
    for entry in &manifest.files {
        let place = match entry.path.strip_prefix("data/") {
            Some(inside) => staging.join(inside),
            None => staging.join(OUTSIDE).join(entry.path.trim_start_matches("config/")),
        };
        let source = from.join(&entry.path);
        files::copy(&source, &place)?;
        // Read from where it was written: the disk that is restored to may be the one that is bad.
        if files::digest(&place)? != (entry.size, entry.sha256) {
            return Err(BackupError::damaged(&place, "what was written is not what was read"));
        }
    }
    if to.exists() {
        std::fs::remove_dir(to).map_err(BackupError::file("replace", to))?;
    }
    std::fs::rename(&staging, to).map_err(BackupError::file("rename", &staging))?;
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files::sync(parent)?;
    }
    Ok(manifest)
}

/// Beside the place, so that the last step is one rename.
fn staging(to: &Path) -> Result<PathBuf, BackupError> {
    let absolute = std::path::absolute(to).map_err(BackupError::file("find", to))?;
    let name = absolute.file_name().and_then(|name| name.to_str()).map(|name| format!(".{name}.restoring"));
    let name = name.ok_or_else(|| BackupError::damaged(to, "it has no name"))?;
    Ok(absolute.with_file_name(name))
}
