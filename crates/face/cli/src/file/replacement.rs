//! A file that appears whole or not at all: written beside its place, made durable, then renamed over it.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A new file that is not there yet. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Replacement {
    temporary: NamedTempFile,
    place: PathBuf,
}

impl Replacement {
    /// Starts a file in the directory of its place, because only there a rename is atomic.
    pub(crate) fn new(place: &Path) -> Result<Self, Failure> {
        // A link stays a link: what it points to is what is replaced.
        let place = match std::fs::canonicalize(place) {
            Ok(real) => real,
            Err(_) => place.to_owned(),
        };
        let temporary = tempfile::Builder::new().prefix(".chancery-").tempfile_in(directory(&place));
        let temporary = temporary.map_err(|error| Failure::file("write", &place, &error))?;
        Ok(Self { temporary, place })
    }
    /// A new file with these bytes, not in its place yet.
    pub(crate) fn of(place: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let mut replacement = Self::new(place)?;
        replacement.file().write_all(bytes).map_err(|error| Failure::file("write", place, &error))?;
        Ok(replacement)
    }
    /// Puts a file with these bytes in its place; a new one may be read by everybody.
    pub(crate) fn whole(place: &Path, bytes: &[u8]) -> Result<(), Failure> {
        Self::of(place, bytes)?.put(Permissions::from_mode(0o644))
    }
    /// The file as far as it is written.
    pub(crate) fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }
    /// Makes it durable and puts it in its place. Keeps the permissions of what it replaces, else takes those given.
    pub(crate) fn put(self, permissions: Permissions) -> Result<(), Failure> {
        let place = self.place.clone();
        self.persist(permissions).map_err(|error| Failure::file("write", &place, &error))
    }
    fn persist(self, permissions: Permissions) -> io::Result<()> {
        let kept = std::fs::metadata(&self.place).map(|old| old.permissions()).unwrap_or(permissions);
        let file = self.temporary.as_file();
        file.set_permissions(kept)?;
        file.sync_all()?;
        let parent = File::open(directory(&self.place))?;
        self.temporary.persist(&self.place).map_err(|error| error.error)?;
        parent.sync_all()
    }
}

/// The directory that a path is in.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("app.exe");
        std::fs::write(&place, b"old").unwrap();
        std::fs::set_permissions(&place, Permissions::from_mode(0o750)).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&place, &link).unwrap();

        let mut abandoned = Replacement::new(&place).unwrap();
        abandoned.file().write_all(b"half").unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"old");
        drop(abandoned);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);

        let mut whole = Replacement::new(&link).unwrap();
        whole.file().write_all(b"new").unwrap();
        whole.put(Permissions::from_mode(0o600)).unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o750);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
