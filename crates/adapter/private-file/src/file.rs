//! Files that nobody else may read: opened without following symlinks, written whole or not at all.

use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// Why a private file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The operating system said no.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried: `open`, `write`.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory, device, pipe or symlink where a file should be.
    #[error("`{0}` is not a regular file")]
    NotAFile(PathBuf),
    /// Others can read or write it.
    #[error("`{path}` has mode {mode:04o}; expected at most {expected:04o}")]
    Exposed {
        /// Where.
        path: PathBuf,
        /// Permission bits as found.
        mode: u32,
        /// Permission bits that are accepted.
        expected: u32,
    },
    /// It belongs to neither this user nor root.
    #[error("`{path}` belongs to user {owner}")]
    ForeignOwner {
        /// Where.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// Larger than anything that belongs here.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Who besides the owner may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody: what is no secret, but must not be written by others.
    Everyone,
    /// Nobody: mode 0600 or less.
    Owner,
    /// The group too: systemd grants a service its credential by an ACL, whose mask shows as group-read (0440).
    OwnerAndGroup,
}

impl Readers {
    const fn accepted_mode(self) -> u32 {
        match self {
            Self::Everyone => 0o644,
            Self::Owner => 0o600,
            Self::OwnerAndGroup => 0o640,
        }
    }
}

fn io(action: &'static str, path: &Path, source: impl Into<std::io::Error>) -> PrivateFileError {
    PrivateFileError::Io { action, path: path.to_owned(), source: source.into() }
}

/// Reads a file of at most `limit` bytes that belongs to this user or root. What is checked is the opened file, so it cannot be exchanged in between.
pub fn read(path: &Path, readers: Readers, limit: u64) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    // NONBLOCK: a pipe that was put here must not hang the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let descriptor = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::LOOP) => return Err(PrivateFileError::NotAFile(path.to_owned())),
        other => other.map_err(|e| io("open", path, e))?,
    };
    let file = File::from(descriptor);
    let metadata = file.metadata().map_err(|e| io("stat", path, e))?;
    if !metadata.is_file() {
        return Err(PrivateFileError::NotAFile(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    let expected = readers.accepted_mode();
    if mode & !expected != 0 {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), mode, expected });
    }
    owned_by_us(path, metadata.uid())?;
    // The capacity is final, so that no copy is left behind in memory by growth.
    let capacity = usize::try_from(metadata.len().min(limit).saturating_add(1)).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| io("read", path, e))?;
    if bytes.len() as u64 > limit {
        return Err(PrivateFileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

fn owned_by_us(path: &Path, owner: u32) -> Result<(), PrivateFileError> {
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(PrivateFileError::ForeignOwner { path: path.to_owned(), owner })
}

/// Makes the directory (0700) where it is absent, and refuses one that others can write: they could put files in.
pub fn directory(path: &Path) -> Result<(), PrivateFileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io("create", path, e))?;
    let metadata = path.metadata().map_err(|e| io("stat", path, e))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), mode, expected: 0o755 });
    }
    owned_by_us(path, metadata.uid())
}

/// Opens (or makes) a lock file and locks it; `None` when another process holds it.
pub fn lock(path: &Path) -> Result<Option<File>, PrivateFileError> {
    let file = create(path, OFlags::empty())?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(io("lock", path, e)),
    }
}

/// Writes a file (0600) so that after a crash it is either the old or the new one, whole; durable on return.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let staged = path.with_extension("new");
    let mut file = create(&staged, OFlags::TRUNC)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| io("write", &staged, e))?;
    std::fs::rename(&staged, path).map_err(|e| io("rename", &staged, e))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    // The rename is durable only when the directory is.
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(|e| io("sync", parent, e))
}

/// An error with what led to it, in one line, for places that keep words alone.
#[must_use]
pub fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

fn create(path: &Path, extra: OFlags) -> Result<File, PrivateFileError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | extra;
    let descriptor =
        rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|e| io("create", path, e))?;
    Ok(File::from(descriptor))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_read_by_whom_it_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"0123456789").unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        for (mode, expected) in [
            (0o600, [true, true, true]),
            (0o400, [true, true, true]),
            (0o640, [false, true, true]),
            (0o440, [false, true, true]),
            (0o644, [false, false, true]),
            (0o620, [false, false, false]),
            (0o646, [false, false, false]),
            (0o700, [false, false, false]),
            (0o4600, [false, false, false]),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let readers = [Readers::Owner, Readers::OwnerAndGroup, Readers::Everyone];
            assert_eq!(readers.map(|readers| read(&path, readers, 10).is_ok()), expected, "{mode:o}");
        }
    }

    #[test]
    fn what_is_no_small_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"0123456789").unwrap();
        assert_eq!(read(&path, Readers::Owner, 10).unwrap().as_slice(), b"0123456789");
        assert!(matches!(read(&path, Readers::Owner, 9), Err(PrivateFileError::TooLarge { limit: 9, .. })));
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(read(&link, Readers::Owner, 10), Err(PrivateFileError::NotAFile(_))));
        assert!(matches!(read(folder.path(), Readers::Owner, 10), Err(PrivateFileError::NotAFile(_))));
        let absent = read(&folder.path().join("absent"), Readers::Owner, 10).unwrap_err();
        assert!(in_full(&absent).ends_with("absent`: No such file or directory (os error 2)"));
        // A link that somebody put where the new file is staged is not followed.
        let victim = folder.path().join("victim");
        std::fs::write(&victim, b"whole").unwrap();
        symlink(&victim, path.with_extension("new")).unwrap();
        assert!(write(&path, b"other").is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"whole");
        assert_eq!(read(&path, Readers::Owner, 10).unwrap().as_slice(), b"0123456789");
    }

    #[test]
    fn a_lock_is_held_once_and_a_directory_others_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some() && lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
        let inner = folder.path().join("a/b");
        directory(&inner).unwrap();
        assert_eq!(inner.metadata().unwrap().mode() & 0o7777, 0o700);
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o770)).unwrap();
        assert!(matches!(directory(&inner), Err(PrivateFileError::Exposed { mode: 0o770, .. })));
    }
}
