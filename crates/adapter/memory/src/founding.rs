//! Whether a memory is whole: a piece that is gone must not read as one that was never written.
//!
//! ```text
//! founding              made before the first key; here while keys, ledger and authorities come into being
//! ledger.slots          the pinned ledger, written before
//! authorities.slots     the authorities, whose write ends the founding: `founding` is removed
//! ```
//! ATTACK: without it, whoever removes one file has the keyguard begin anew: other authorities under the same keys, or
//! another ledger followed from its first leaf.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chancery_core::port::memory::{Memory as _, MemoryError, Piece};

use crate::file::{FileMemory, path_of};
use crate::restored;

const MARK: &str = "founding";
const WORDS: &[u8] = b"keys and authorities are being made; this file goes when they are kept\n";

/// Whether the key backends hold any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// None: nothing was ever made, or it was moved away.
    Absent,
    /// At least one.
    Present,
}

/// Why a memory is not taken into use.
#[derive(Debug, thiserror::Error)]
pub enum Incomplete {
    /// The mark of a founding cannot be made or removed.
    #[error("`{}` cannot be made or removed", .0.display())]
    Mark(PathBuf, #[source] io::Error),
    /// A piece is gone that was there once.
    #[error(
        "`{}` is missing or empty, although {beside}: expected what this keyguard wrote there; put its newest copy \
         back, or, to begin a new installation, move keys, memory and ledger away together", .path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What shows that it was there.
        beside: &'static str,
    },
    /// A piece is damaged or cannot be read.
    #[error(transparent)]
    Unreadable(#[from] MemoryError),
}

/// Opens the memory in a directory that exists, and begins a founding where nothing was ever made.
pub fn open(directory: &Path, keys: Keys) -> Result<FileMemory, Incomplete> {
    let memory = FileMemory::new(directory);
    let authorities = memory.read(Piece::Authorities)?.is_some();
    let ledger = memory.read(Piece::Ledger)?.is_some();
    let missing = |piece, beside| Incomplete::Missing { path: path_of(directory, piece), beside };
    match (authorities, ledger, keys) {
        (true, true, Keys::Absent | Keys::Present) => end(directory),
        // Nothing is followed before the keyguard took the restored state up, under its act.
        (true, false, Keys::Present) if matches!(restored::find(directory), Ok(Some(_))) => Ok(()),
        (true, false, Keys::Absent | Keys::Present) => {
            return Err(missing(Piece::Ledger, "the authorities exist"));
        }
        (false, false, Keys::Absent) => begin(directory),
        (false, false | true, Keys::Absent | Keys::Present) if is_under_way(directory) => Ok(()),
        (false, true, Keys::Absent) => return Err(missing(Piece::Authorities, "a ledger is pinned")),
        (false, false | true, Keys::Present) => return Err(missing(Piece::Authorities, "keys exist")),
    }
    .map_err(|error| Incomplete::Mark(directory.join(MARK), error))?;
    Ok(memory)
}

/// Ends a founding, durably; none under way is as good.
pub(crate) fn end(directory: &Path) -> io::Result<()> {
    match std::fs::remove_file(directory.join(MARK)) {
        Ok(()) => File::open(directory)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_under_way(directory: &Path) -> bool {
    directory.join(MARK).exists()
}

fn begin(directory: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(directory.join(MARK))?;
    file.write_all(WORDS)?;
    file.sync_all()?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(memory: &FileMemory, piece: Piece) {
        memory.write(piece, b"content").unwrap();
    }

    #[test]
    fn a_founding_is_taken_up_wherever_it_was_interrupted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        drop(open(path, Keys::Absent).unwrap());
        drop(open(path, Keys::Absent).unwrap());
        write(&open(path, Keys::Present).unwrap(), Piece::Ledger);
        write(&open(path, Keys::Present).unwrap(), Piece::Authorities);
        assert!(!is_under_way(path));
        open(path, Keys::Present).unwrap();
        // A crash between the last write and the removal.
        begin(path).unwrap();
        open(path, Keys::Present).unwrap();
        assert!(!is_under_way(path));
    }

    #[test]
    fn a_piece_that_is_gone_is_no_fresh_start() {
        type Loss = fn(&Path);
        let remove: Loss = |path| std::fs::remove_file(path).unwrap();
        let empty: Loss = |path| std::fs::write(path, b"").unwrap();
        let blank: Loss = |path| std::fs::write(path, vec![0; 2 * crate::slot::SLOT]).unwrap();
        let cut: Loss = |path| File::options().write(true).open(path).unwrap().set_len(70).unwrap();
        let gone = "is missing or empty, although";
        for (piece, keys, loss, expected) in [
            (Piece::Authorities, Keys::Present, remove, gone),
            (Piece::Authorities, Keys::Present, empty, gone),
            (Piece::Authorities, Keys::Present, blank, gone),
            (Piece::Authorities, Keys::Present, cut, "has 70 bytes"),
            (Piece::Authorities, Keys::Absent, remove, gone),
            (Piece::Ledger, Keys::Present, remove, gone),
            (Piece::Ledger, Keys::Present, empty, gone),
            (Piece::Ledger, Keys::Present, blank, gone),
            (Piece::Ledger, Keys::Absent, remove, gone),
            (Piece::Ledger, Keys::Absent, cut, "has 70 bytes"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let memory = open(directory.path(), Keys::Absent).unwrap();
            write(&memory, Piece::Ledger);
            write(&memory, Piece::Authorities);
            drop(memory);
            let path = path_of(directory.path(), piece);
            let whole = std::fs::read(&path).unwrap();
            loss(&path);
            // Twice: the refusal itself must not make the next start a fresh one.
            for _ in 0..2 {
                let said = open(directory.path(), keys).unwrap_err().to_string();
                assert!(said.contains(&path.display().to_string()), "{said}");
                assert!(said.contains(expected), "{piece:?} {keys:?}: {said}");
            }
            std::fs::write(&path, whole).unwrap();
            open(directory.path(), keys).unwrap();
        }
    }

    #[test]
    fn nothing_at_all_is_a_fresh_start_and_keys_alone_are_not() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(open(directory.path(), Keys::Present), Err(Incomplete::Missing { .. })));
        open(directory.path(), Keys::Absent).unwrap();
    }
}
