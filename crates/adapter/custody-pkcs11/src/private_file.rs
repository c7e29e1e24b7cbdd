//! Files of this crate: the PIN, which others may not read, and the key book, which others may not write.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system said no.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried: `open`, `write`.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read or write it, or it is no regular file, or it belongs to somebody else.
    #[error("`{path}` is not private: {why}")]
    NotPrivate {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Larger than anything that belongs here.
    #[error("`{0}` is too large")]
    TooLarge(PathBuf),
}

fn io(action: &'static str, path: &Path, source: impl Into<std::io::Error>) -> FileError {
    FileError::Io { action, path: path.to_owned(), source: source.into() }
}

/// Reads a file of at most `limit` bytes that has none of the `forbidden` permission bits.
pub(crate) fn read(path: &Path, forbidden: u32, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let refuse = |why| FileError::NotPrivate { path: path.to_owned(), why };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Err(refuse("it is a symbolic link")),
        other => File::from(other.map_err(|e| io("open", path, e))?),
    };
    let metadata = file.metadata().map_err(|e| io("stat", path, e))?;
    if !metadata.is_file() {
        return Err(refuse("it is not a regular file"));
    }
    if metadata.mode() & forbidden != 0 {
        return Err(refuse("others may read or write it"));
    }
    if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refuse("it belongs to another user"));
    }
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0)));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| io("read", path, e))?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Writes a file (0600) so that after a crash it is either the old or the new one, whole; durable on return.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let staged = path.with_extension("new");
    let mut file = create(&staged, OFlags::TRUNC)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| io("write", &staged, e))?;
    std::fs::rename(&staged, path).map_err(|e| io("rename", &staged, e))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(|e| io("sync", parent, e))
}

/// Opens (or makes) a lock file and locks it; `None` when another process holds it.
pub(crate) fn lock(path: &Path) -> Result<Option<File>, FileError> {
    let file = create(path, OFlags::empty())?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(io("lock", path, e)),
    }
}

fn create(path: &Path, extra: OFlags) -> Result<File, FileError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | extra;
    let descriptor =
        rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|e| io("create", path, e))?;
    Ok(File::from(descriptor))
}
