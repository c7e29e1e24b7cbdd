//! The custodian of encrypted key files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chancery_core::id::KeyId;
use chancery_core::port::custodian::{
    Custodian, CustodyClass, CustodyError, KeyDescription, KeySpec, KeyState, Signature,
};
use chancery_core::time::Time;
use chancery_core::warrant::Warrant;

use crate::kek::{Kek, KekError, KekSource};
use crate::key_file::{self, KeyFileError};
use crate::pair::{Pair, PairError};
use crate::rotation::Keks;
use chancery_private_file::file::{self as private_file, PrivateFileError};

/// More key files than this are refused.
const MAX_KEYS: usize = 4096;

/// Why a key directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The KEK cannot be had.
    #[error("cannot open the software keys")]
    Kek(#[source] KekError),
    /// `kek.json` is not what it should be.
    #[error("`{0}` is damaged")]
    KekFile(PathBuf),
    /// There are key files, but no `kek.json`.
    #[error("`{0}` is missing, but there are key files; restore it from the backup")]
    KekFileMissing(PathBuf),
    /// A key file is not acceptable.
    #[error("key file `{path}` {why}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: KeyFileError,
    },
    /// Another process has it open.
    #[error("`{0}` is in use by another process")]
    Locked(PathBuf),
    /// A file could not be read or written, or others can.
    #[error("key directory cannot be used")]
    File(#[from] PrivateFileError),
    /// A rotation was interrupted and must be finished before the next.
    #[error("`{0}` names two key-encryption keys: open with those of the unfinished rotation first")]
    Rotating(PathBuf),
    /// Too many files.
    #[error("more than {MAX_KEYS} key files")]
    TooMany,
    /// The passphrase or credential is not the one that the keys are under.
    #[error("wrong passphrase or credential: it does not lead to any key-encryption key named in `{0}`")]
    WrongKek(PathBuf),
}

#[derive(Debug)]
struct Entry {
    description: KeyDescription,
    pair: Arc<Pair>,
}

/// Keys in files, decrypted and parsed once at open.
pub struct SoftwareCustodian {
    directory: PathBuf,
    kek: Kek,
    keys: RwLock<BTreeMap<KeyId, Entry>>,
    _lock: File,
}

impl std::fmt::Debug for SoftwareCustodian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoftwareCustodian").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl SoftwareCustodian {
    /// Opens a key directory, making it at first use. Fails closed: one bad key file fails the whole.
    pub fn open(directory: &Path, kek: &KekSource) -> Result<Self, OpenError> {
        Self::open_rotating(directory, kek, None)
    }
    /// Opens a key directory whose KEK changes from `previous` to `current`: every key that is still under the
    /// previous one is encrypted anew. May be interrupted and repeated; later opens need `current` alone.
    pub fn open_rotating(
        directory: &Path,
        current: &KekSource,
        previous: Option<&KekSource>,
    ) -> Result<Self, OpenError> {
        private_file::directory(directory)?;
        let lock = private_file::lock(&directory.join("lock"))?;
        let lock = lock.ok_or_else(|| OpenError::Locked(directory.to_owned()))?;
        let names = key_files(directory)?;
        let current = current.read().map_err(OpenError::Kek)?;
        let previous = previous.map(KekSource::read).transpose().map_err(OpenError::Kek)?;
        let keks = Keks::settle(directory, &current, previous.as_ref(), &names)?;
        let mut keys = BTreeMap::new();
        for path in names {
            let opened = keks.open(&path)?;
            if path.file_stem().and_then(|stem| stem.to_str()) != Some(opened.description.id.as_str()) {
                return Err(OpenError::Key { path, why: KeyFileError::Contradiction });
            }
            let entry = Entry { description: opened.description, pair: Arc::new(opened.pair) };
            keys.insert(entry.description.id.clone(), entry);
        }
        let kek = keks.finish(directory)?;
        Ok(Self { directory: directory.to_owned(), kek, keys: RwLock::new(keys), _lock: lock })
    }
    /// Every update of the map is one insertion, so a panic elsewhere cannot have left it half done.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<KeyId, Entry>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<KeyId, Entry>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
    fn store(&self, description: &KeyDescription, pair: &Pair) -> Result<(), CustodyError> {
        let unavailable = |e: &dyn std::error::Error| CustodyError::Unavailable(chain(e));
        let pkcs8 = pair.pkcs8().map_err(|e| unavailable(&e))?;
        let text = key_file::seal(description, &pkcs8, &self.kek).map_err(|e| unavailable(&e))?;
        let path = self.directory.join(format!("{}.key", description.id));
        private_file::write(&path, text.as_bytes()).map_err(|e| unavailable(&e))
    }
}

impl Custodian for SoftwareCustodian {
    fn list(&self) -> Result<Vec<KeyDescription>, CustodyError> {
        Ok(self.read().values().map(|entry| entry.description.clone()).collect())
    }

    fn describe(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let keys = self.read();
        let entry = keys.get(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        Ok(entry.description.clone())
    }

    fn create(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError> {
        if !spec.family.accepts(spec.algorithm) {
            let why = format!("family {} does not take {} keys", spec.family, spec.algorithm);
            return Err(CustodyError::Unusable { id: spec.id.clone(), why });
        }
        if self.read().contains_key(&spec.id) {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        // Made outside the lock: RSA takes seconds, and signing goes on meanwhile.
        let pair = Pair::generate(spec.algorithm).map_err(wrong_answer)?;
        let description = KeyDescription {
            id: spec.id.clone(),
            family: spec.family,
            environment: spec.environment,
            public_key: pair.public_key().map_err(wrong_answer)?,
            custody: CustodyClass::Software,
            state: KeyState::Active,
            owner: spec.owner.clone(),
            purpose: spec.purpose.clone(),
            created: now,
            attributes: vec!["at-rest=aes-256-gcm".to_owned(), "extractable=true".to_owned()],
        };
        let mut keys = self.write();
        if keys.contains_key(&spec.id) {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        if keys.len() >= MAX_KEYS {
            return Err(CustodyError::Unavailable(format!("{MAX_KEYS} keys are stored already")));
        }
        self.store(&description, &pair)?;
        keys.insert(spec.id.clone(), Entry { description: description.clone(), pair: Arc::new(pair) });
        Ok(description)
    }

    fn disable(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let mut keys = self.write();
        let entry = keys.get_mut(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        // Stopped in memory first: a full disk must not keep a key signing.
        entry.description.state = KeyState::Disabled;
        self.store(&entry.description, &entry.pair)?;
        Ok(entry.description.clone())
    }

    fn sign(&self, warrant: Warrant) -> Result<Signature, CustodyError> {
        let pair = {
            let keys = self.read();
            let id = warrant.key();
            let entry = keys.get(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
            usable(&entry.description, &warrant)?;
            Arc::clone(&entry.pair)
        };
        match pair.sign(warrant.to_be_signed()) {
            Ok(bytes) => Ok(Signature(bytes)),
            Err(e @ PairError::DigestMismatch) => {
                Err(CustodyError::Unusable { id: warrant.key().clone(), why: e.to_string() })
            }
            Err(e @ PairError::Provider) => Err(wrong_answer(e)),
        }
    }

    fn health(&self) -> Result<(), CustodyError> {
        // Signing needs memory only, but disabling a key needs the directory.
        match self.directory.metadata() {
            Ok(_) => Ok(()),
            Err(e) => Err(CustodyError::Unavailable(format!("key directory: {e}"))),
        }
    }
}

/// The check of `warrant::issue` is repeated here, because the key may have been disabled since.
fn usable(description: &KeyDescription, warrant: &Warrant) -> Result<(), CustodyError> {
    let why = if description.state != KeyState::Active {
        "it is disabled".to_owned()
    } else if description.family != warrant.family() {
        format!("it signs {}, not {}", description.family, warrant.family())
    } else {
        return Ok(());
    };
    Err(CustodyError::Unusable { id: description.id.clone(), why })
}

fn wrong_answer(e: PairError) -> CustodyError {
    CustodyError::WrongAnswer(e.to_string())
}

/// An error with its causes on one line; `CustodyError` travels between processes as text.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The `*.key` files of a directory, by name.
fn key_files(directory: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let failed =
        |source| OpenError::File(PrivateFileError::Io { action: "list", path: directory.to_owned(), source });
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            paths.push(path);
        }
        if paths.len() > MAX_KEYS {
            return Err(OpenError::TooMany);
        }
    }
    paths.sort();
    Ok(paths)
}
