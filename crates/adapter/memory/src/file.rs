//! Pieces as files in one directory that only the keyguard can read.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chancery_core::port::memory::{Memory, MemoryError, Piece};

use crate::founding;
use crate::slot::{self, SLOT, Slot};

/// Size of a file in bytes.
const FILE: u64 = 2 * SLOT as u64;

#[derive(Debug)]
struct Open {
    file: File,
    last: Option<Slot>,
}

/// Memory as files `<directory>/<piece>.slots`.
#[derive(Debug)]
pub struct FileMemory {
    directory: PathBuf,
    open: Mutex<HashMap<Piece, Open>>,
}

impl FileMemory {
    /// Memory in a directory that exists; [`founding::open`] checks first that it is whole.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), open: Mutex::new(HashMap::new()) }
    }

    fn with<T>(&self, piece: Piece, work: impl FnOnce(&mut Open) -> io::Result<T>) -> Result<T, MemoryError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fail = |error: io::Error| MemoryError(format!("{}: {error}", name(piece)));
        let entry = match open.entry(piece) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(load(&self.directory, piece).map_err(fail)?)
            }
        };
        work(entry).map_err(fail)
    }
}

impl Memory for FileMemory {
    fn read(&self, piece: Piece) -> Result<Option<Vec<u8>>, MemoryError> {
        self.with(piece, |open| Ok(open.last.as_ref().map(|slot| slot.content.clone())))
    }

    fn write(&self, piece: Piece, bytes: &[u8]) -> Result<(), MemoryError> {
        self.with(piece, |open| {
            let generation = open.last.as_ref().map_or(1, |slot| slot.generation.saturating_add(1));
            let encoded = slot::encode(generation, bytes);
            let encoded =
                encoded.ok_or_else(|| io::Error::other(format!("{} bytes are too many", bytes.len())))?;
            open.file.write_all_at(&encoded, offset(generation))?;
            open.file.sync_data()?;
            open.last = Some(Slot { generation, content: bytes.to_vec() });
            match piece {
                Piece::Authorities => founding::end(&self.directory),
                Piece::Certificates
                | Piece::Governance
                | Piece::Habits
                | Piece::IssuerKeys
                | Piece::Ledger
                | Piece::Tuf
                | Piece::Waits => Ok(()),
            }
        })
    }
}

/// Where a piece lies.
pub(crate) fn path_of(directory: &Path, piece: Piece) -> PathBuf {
    directory.join(format!("{}.slots", name(piece)))
}

const fn name(piece: Piece) -> &'static str {
    match piece {
        Piece::Authorities => "authorities",
        Piece::Certificates => "certificates",
        Piece::Governance => "governance",
        Piece::Habits => "habits",
        Piece::IssuerKeys => "issuer-keys",
        Piece::Ledger => "ledger",
        Piece::Tuf => "tuf",
        Piece::Waits => "waits",
    }
}

const fn offset(generation: u64) -> u64 {
    if generation.is_multiple_of(2) { SLOT as u64 } else { 0 }
}

/// The newest content of a file of slots that exists.
pub(crate) fn newest(path: &Path) -> io::Result<Option<Vec<u8>>> {
    Ok(load_path(path.to_owned(), path.parent().unwrap_or(Path::new(".")))?.last.map(|slot| slot.content))
}

fn load(directory: &Path, piece: Piece) -> io::Result<Open> {
    load_path(path_of(directory, piece), directory)
}

fn load_path(path: PathBuf, directory: &Path) -> io::Result<Open> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    match file.metadata()?.len() {
        // Full size at once, and the name durable, so that later writes need only `fdatasync`.
        0 => {
            file.set_len(FILE)?;
            file.sync_all()?;
            File::open(directory)?.sync_all()?;
        }
        FILE => {}
        // ATTACK: the slot that was cut off may have been the newer one.
        other => {
            let path = path.display();
            return Err(io::Error::other(format!("`{path}` has {other} bytes; expected {FILE}")));
        }
    }
    let mut last: Option<Slot> = None;
    let mut written = false;
    for at in [0, SLOT as u64] {
        let mut bytes = vec![0u8; SLOT];
        file.read_exact_at(&mut bytes, at)?;
        written |= bytes.iter().any(|byte| *byte != 0);
        let newer = |slot: &Slot| last.as_ref().is_none_or(|known| known.generation < slot.generation);
        if let Some(slot) = slot::decode(&bytes).filter(newer) {
            last = Some(slot);
        }
    }
    // ATTACK: damage must not read as "never written", or the keyguard would begin anew and forget what it pinned.
    if written && last.is_none() {
        return Err(io::Error::other(format!("`{}` is damaged: neither copy is whole", path.display())));
    }
    Ok(Open { file, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_piece_survives_a_torn_write() {
        let directory = tempfile::tempdir().unwrap();
        let memory = FileMemory::new(directory.path());
        assert_eq!(memory.read(Piece::Ledger).unwrap(), None);
        for round in 0..5u8 {
            memory.write(Piece::Ledger, &[round]).unwrap();
        }
        let again = FileMemory::new(directory.path());
        assert_eq!(again.read(Piece::Ledger).unwrap(), Some(vec![4]));
        // Generation 5 lies in the first slot: tear it.
        let path = directory.path().join("ledger.slots");
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&[0xff; 60], 0).unwrap();
        let torn = FileMemory::new(directory.path());
        assert_eq!(torn.read(Piece::Ledger).unwrap(), Some(vec![3]));
        torn.write(Piece::Ledger, &[9]).unwrap();
        assert_eq!(FileMemory::new(directory.path()).read(Piece::Ledger).unwrap(), Some(vec![9]));
        assert_eq!(torn.read(Piece::Authorities).unwrap(), None);
    }

    #[test]
    fn damage_to_both_copies_is_not_a_fresh_start() {
        let directory = tempfile::tempdir().unwrap();
        let memory = FileMemory::new(directory.path());
        memory.write(Piece::Ledger, b"pinned").unwrap();
        let path = directory.path().join("ledger.slots");
        OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[0xff], 9).unwrap();
        let error = FileMemory::new(directory.path()).read(Piece::Ledger).unwrap_err();
        assert!(error.to_string().contains("ledger.slots` is damaged"), "{error}");
    }
}
