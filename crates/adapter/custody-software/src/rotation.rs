//! Which KEKs the files of one opening are under, and the change from one to the next.

use std::path::{Path, PathBuf};

use crate::custodian::OpenError;
use crate::kek::{Kek, Secret};
use crate::kek_file::{KekEntry, KekFile};
use crate::key_file::{self, KeyFileError, Opened};
use chancery_private_file::file::{self as private_file, PrivateFileError, Readers};

/// The KEKs of one opening: the current one, and the previous one while keys may still be under it.
pub(crate) struct Keks {
    current: Kek,
    entry: KekEntry,
    previous: Option<Kek>,
    /// Whether `kek.json` names more than the current KEK.
    crowded: bool,
}

impl Keks {
    /// Finds the given secrets in `kek.json`. A KEK that is new is written there before any key is put under it.
    pub(crate) fn settle(
        directory: &Path,
        current: &Secret,
        previous: Option<&Secret>,
        names: &[PathBuf],
    ) -> Result<Self, OpenError> {
        let path = directory.join("kek.json");
        let Some(file) = read_kek_file(&path)? else {
            if !names.is_empty() {
                return Err(OpenError::KekFileMissing(path));
            }
            let (entry, current) = KekEntry::make(current).map_err(OpenError::Kek)?;
            write_kek_file(&path, vec![entry.clone()])?;
            return Ok(Self { current, entry, previous: None, crowded: false });
        };
        let previous = previous.and_then(|secret| file.find(secret));
        if let Some(kek) = file.find(current) {
            let entry = file.keks.iter().find(|entry| entry.id == kek.id()).cloned();
            let entry = entry.ok_or_else(|| OpenError::KekFile(path.clone()))?;
            return Ok(Self { current: kek, entry, previous, crowded: file.keks.len() > 1 });
        }
        let Some(old) = previous else {
            return Err(OpenError::WrongKek(path));
        };
        // INVARIANT: an entry leaves `kek.json` only when no key is under it, for its salt would be lost.
        if file.keks.len() > 1 {
            return Err(OpenError::Rotating(path));
        }
        let (entry, current) = KekEntry::make(current).map_err(OpenError::Kek)?;
        let mut keks = file.keks;
        keks.push(entry.clone());
        write_kek_file(&path, keks)?;
        Ok(Self { current, entry, previous: Some(old), crowded: true })
    }
    /// Opens a key file, and encrypts it anew when it is under the previous KEK.
    pub(crate) fn open(&self, path: &Path) -> Result<Opened, OpenError> {
        let failed = |why| OpenError::Key { path: path.to_owned(), why };
        let text = private_file::read(path, Readers::Owner, key_file::MAX_SIZE)?;
        let known: Vec<&Kek> = std::iter::once(&self.current).chain(&self.previous).collect();
        let opened = key_file::open(&text, &known).map_err(failed)?;
        if opened.kek != self.current.id() {
            let pkcs8 = opened.pair.pkcs8().map_err(|_| failed(KeyFileError::Provider))?;
            let text = key_file::seal(&opened.description, &pkcs8, &self.current).map_err(failed)?;
            private_file::write(path, text.as_bytes())?;
        }
        Ok(opened)
    }
    /// Every key is under the current KEK now, so the others are forgotten.
    pub(crate) fn finish(self, directory: &Path) -> Result<Kek, OpenError> {
        if self.crowded {
            write_kek_file(&directory.join("kek.json"), vec![self.entry])?;
        }
        Ok(self.current)
    }
}

fn read_kek_file(path: &Path) -> Result<Option<KekFile>, OpenError> {
    let bytes = match private_file::read(path, Readers::Owner, 4096) {
        Ok(bytes) => bytes,
        Err(PrivateFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    let file = std::str::from_utf8(&bytes).ok().and_then(KekFile::parse);
    file.map(Some).ok_or_else(|| OpenError::KekFile(path.to_owned()))
}

fn write_kek_file(path: &Path, keks: Vec<KekEntry>) -> Result<(), OpenError> {
    let text = KekFile::new(keks).text().ok_or_else(|| OpenError::KekFile(path.to_owned()))?;
    Ok(private_file::write(path, text.as_bytes())?)
}
