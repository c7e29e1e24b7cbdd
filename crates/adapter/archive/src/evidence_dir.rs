//! Content by its hash, one file each: `<first two digits>/<sha256>`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chancery_audit::source::{Evidence, Unreadable, Wanted};
use chancery_core::digest::Sha256;

use crate::files;

/// A directory of content.
#[derive(Debug)]
pub struct EvidenceDir {
    root: PathBuf,
}

impl EvidenceDir {
    /// Opens a directory; errors when it is none.
    pub fn open(root: &Path) -> Result<Self, Unreadable> {
        if !root.is_dir() {
            return Err(Unreadable::new(format!("`{}`", root.display()), "there is no such directory"));
        }
        Ok(Self { root: root.to_owned() })
    }
    fn path(&self, digest: Sha256) -> PathBuf {
        let name = digest.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
    }
    /// Keeps content under its hash; what is there already stays.
    pub fn keep(&self, bytes: &[u8]) -> Result<(), Unreadable> {
        let path = self.path(Sha256::of(bytes));
        if path.exists() {
            return Ok(());
        }
        let failed = |error: std::io::Error| Unreadable::new(format!("`{}`", path.display()), error);
        let fresh = path.with_extension("new");
        let directory = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut file = std::fs::File::create(&fresh).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        std::fs::rename(&fresh, &path).map_err(failed)
    }
}

impl Evidence for EvidenceDir {
    fn content(&self, wanted: Wanted) -> Result<Option<Vec<u8>>, Unreadable> {
        files::read(&self.path(wanted.digest))
    }
}
