//! Files of a backup: copied, hashed, durable before they have their name.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chancery_core::digest::{Hasher, Sha256};

use super::error::BackupError;

const BLOCK: usize = 1 << 20;
/// Ending of what is not whole yet.
const PARTIAL: &str = "partial";
/// Deepest folder.
const MAX_DEPTH: usize = 12;

/// Makes a directory, mode 0700, and those above it.
pub(super) fn make(directory: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(BackupError::file("make", directory))
}

/// Makes a directory's entries durable.
pub(super) fn sync(directory: &Path) -> Result<(), BackupError> {
    let synced = File::open(directory).and_then(|open| open.sync_all());
    synced.map_err(BackupError::file("sync", directory))
}

/// Where a file is while it is not whole.
pub(super) fn partial(path: &Path) -> PathBuf {
    path.with_added_extension(PARTIAL)
}

/// Gives a whole file its name.
pub(super) fn finish(path: &Path) -> Result<(), BackupError> {
    let from = partial(path);
    let synced = File::open(&from).and_then(|file| file.sync_all());
    synced.map_err(BackupError::file("sync", &from))?;
    std::fs::rename(&from, path).map_err(BackupError::file("rename", &from))
}

/// Writes a file, mode 0600, in place of one that may be there.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let at = partial(path);
    let written = create(&at).and_then(|mut file| file.write_all(bytes));
    written.map_err(BackupError::file("write", &at))?;
    finish(path)
}

/// Copies a file, mode 0600.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(parent) = to.parent() {
        make(parent)?;
    }
    let at = partial(to);
    let mut source = File::open(from).map_err(BackupError::file("read", from))?;
    let copied = create(&at).and_then(|mut file| std::io::copy(&mut source, &mut file));
    copied.map_err(BackupError::file("copy", from))?;
    finish(to)
}

/// Makes a file of mode 0600 with nothing in it.
pub(super) fn create_empty(path: &Path) -> Result<(), BackupError> {
    create(path).map(drop).map_err(BackupError::file("make", path))
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(BackupError::file("read", path))?;
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(BackupError::file("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(bytes);
    }
    Err(BackupError::damaged(path, format!("it is longer than {limit} bytes")))
}

/// Size and digest of a file.
pub(super) fn digest(path: &Path) -> Result<(u64, Sha256), BackupError> {
    let mut file = File::open(path).map_err(BackupError::file("read", path))?;
    let (mut hasher, mut block, mut size) = (Hasher::default(), vec![0; BLOCK], 0_u64);
    loop {
        let read = file.read(&mut block).map_err(BackupError::file("read", path))?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size = size.saturating_add(u64::try_from(read).unwrap_or(0));
    }
    Ok((size, hasher.finish()))
}

/// Every file below a directory, as paths relative to it, in order. Links are refused: what they lead to is not here.
pub(super) fn below(directory: &Path) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    collect(directory, String::new(), 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(
    directory: &Path,
    prefix: String,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), BackupError> {
    if depth > MAX_DEPTH {
        return Err(BackupError::damaged(directory, "its folders are nested too deep"));
    }
    let failed = || BackupError::file("list", directory);
    for entry in std::fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let kind = entry.file_type().map_err(failed())?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| BackupError::damaged(directory, "a name is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            collect(&entry.path(), format!("{path}/"), depth.saturating_add(1), found)?;
        } else if kind.is_file() {
            found.push(path);
        } else {
            return Err(BackupError::damaged(&entry.path(), "it is neither file nor folder"));
        }
    }
    Ok(())
}

/// Whether a directory is absent or has nothing in it.
pub(super) fn is_empty(directory: &Path) -> Result<bool, BackupError> {
    match std::fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(BackupError::file("list", directory)(error)),
    }
}
