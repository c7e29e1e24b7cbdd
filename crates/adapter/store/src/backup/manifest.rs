//! The manifest: what a backup is of, and every file in it.
//!
//! ```json
//! {"checkpoint":"log2026.sign.example\\n7\\n…","files":[{"path":"data/gateway/state.db","sha256":"9f86…","size":65536}],
//!  "left_out":["keyguard/kek"],"made":"2026-11-20T21:47:03Z","origin":"log2026.sign.example","root":"60bf…",
//!  "schema":"chancery.backup/1","size":9}
//! ```

use std::path::Path;

use chancery_core::canonical;
use chancery_core::digest::Sha256;
use serde_json::json;

use super::error::BackupError;
use super::files;

pub(super) const SCHEMA: &str = "chancery.backup/1";
pub(super) const NAME: &str = "manifest.json";
pub(super) const SUM: &str = "manifest.sha256";
/// Most files, and largest manifest in bytes: a ledger of 10^9 entries has eight million tiles.
const MAX_FILES: usize = 20_000_000;
const MAX_SIZE: u64 = 4 << 30;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it is in the backup; slashes, no dots.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// A backup in one document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The newest checkpoint that was published before the backup began: a signed note; empty when there was none.
    pub checkpoint: String,
    /// Every file but the manifest itself, by path.
    pub files: Vec<Entry>,
    /// Secrets that the configuration names, which have to be kept elsewhere.
    pub left_out: Vec<String>,
    /// When it was begun, RFC 3339.
    pub made: String,
    /// The ledger.
    pub origin: String,
    /// Its root at `size`.
    pub root: Sha256,
    /// Always `chancery.backup/1`.
    pub schema: String,
    /// Entries in the database of the backup; at least as many as the checkpoint has.
    pub size: u64,
}

impl Manifest {
    /// Writes it and then its sum; the backup is complete with the second.
    pub(super) fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let text = canonical::to_string(&json!(self));
        let text = text.map_err(|error| BackupError::damaged(&directory.join(NAME), error))?;
        files::write(&directory.join(NAME), text.as_bytes())?;
        let sum = format!("{}  {NAME}\n", Sha256::of(text.as_bytes()));
        files::write(&directory.join(SUM), sum.as_bytes())?;
        files::sync(directory)
    }
    /// Reads it strictly, and holds it against its sum.
    pub(super) fn read(directory: &Path) -> Result<Self, BackupError> {
        let (path, sum_path) = (directory.join(NAME), directory.join(SUM));
        if !path.exists() || !sum_path.exists() {
            return Err(BackupError::Incomplete(directory.to_owned()));
        }
        let sum = files::read(&sum_path, 1024)?;
        let bytes = files::read(&path, MAX_SIZE)?;
        if sum != format!("{}  {NAME}\n", Sha256::of(&bytes)).as_bytes() {
            return Err(BackupError::damaged(&path, format!("it is not what {SUM} says")));
        }
        let damaged = |error: &dyn std::fmt::Display| BackupError::damaged(&path, error);
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(&error))?;
        if manifest.schema != SCHEMA {
            return Err(damaged(&format!("schema is `{}`, expected `{SCHEMA}`", manifest.schema)));
        }
        let is_sorted = manifest.files.is_sorted_by(|a, b| a.path < b.path);
        if !is_sorted || manifest.files.len() > MAX_FILES {
            return Err(damaged(&"its files are not in order"));
        }
        match manifest.files.iter().find(|entry| !is_inside(&entry.path)) {
            Some(entry) => Err(damaged(&format!("`{}` is no path in a backup", entry.path))),
            None => Ok(manifest),
        }
    }
}

/// ATTACK: a path that leads out of the backup, or out of where it is restored to.
fn is_inside(path: &str) -> bool {
    // By the text: a path's components leave `.` and empty parts out.
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
    plain && (path.starts_with("data/") || path.starts_with("config/"))
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn no_path_leads_out() {
        assert!(is_inside("data/gateway/state.db") && is_inside("config/chancery.toml"));
        for bad in
            ["", "data", "/data/x", "data/../x", "data/./x", "data//x", "data/x/", "other/x", "../data/x"]
        {
            assert!(!is_inside(bad), "{bad}");
        }
    }
}
