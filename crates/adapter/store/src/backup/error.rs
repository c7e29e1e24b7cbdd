//! What can be wrong with a backup.

use std::path::{Path, PathBuf};

use crate::database::StoreError;

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What was read back is not what was written.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The backup was interrupted.
    #[error("`{}` holds no complete backup", .0.display())]
    Incomplete(PathBuf),
    /// There is something already where something is to be made.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// There is nothing to be backed up.
    #[error("`{}` is not the data directory of a service", .0.display())]
    NotAService(PathBuf),
    /// The database could not be read.
    #[error("the ledger's database cannot be read")]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
    pub(super) fn damaged(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.to_string() }
    }
}
