//! `<token>.keys.json`: what the token cannot remember of its keys, that is family, environment, owner, purpose, state.
//!
//! Canonical JSON and one newline: `{"keys":[…],"schema":"chancery.pkcs11-keys/1","token":"<label>"}`. Every entry
//! carries the public key; the worker refuses to sign when the token's key of that name is another one.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::canonical;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::{CustodyClass, KeyDescription};

use crate::public;
use chancery_private_file::file::{self as private_file, PrivateFileError, Readers};

const SCHEMA: &str = "chancery.pkcs11-keys/1";
const MAX_SIZE: u64 = 8 * 1024 * 1024;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keys: Vec<KeyDescription>,
    schema: String,
    token: String,
}

/// Why a key book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// It was changed, or is of another token.
    #[error("`{0}` is damaged or belongs to another token")]
    Damaged(PathBuf),
    /// It cannot be read or written, or others can write it.
    #[error("key book cannot be used")]
    File(#[from] PrivateFileError),
    /// Another process has it open.
    #[error("`{0}` is in use by another process")]
    Locked(PathBuf),
}

/// The descriptions of the keys in one token.
#[derive(Debug)]
pub(crate) struct Book {
    path: PathBuf,
    token: String,
    keys: BTreeMap<KeyId, KeyDescription>,
    _lock: File,
}

impl Book {
    /// Reads the book of a token, or begins one; holds a lock on it.
    pub(crate) fn open(directory: &Path, token: &str) -> Result<Self, BookError> {
        let stem: String = token.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let lock_path = directory.join(format!("{stem}.keys.lock"));
        let lock = private_file::lock(&lock_path)?.ok_or(BookError::Locked(lock_path))?;
        let path = directory.join(format!("{stem}.keys.json"));
        let keys = match private_file::read(&path, Readers::Everyone, MAX_SIZE) {
            Ok(bytes) => parse(&bytes, token).ok_or_else(|| BookError::Damaged(path.clone()))?,
            Err(PrivateFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                BTreeMap::new()
            }
            Err(e) => return Err(e.into()),
        };
        Ok(Self { path, token: token.to_owned(), keys, _lock: lock })
    }
    pub(crate) const fn keys(&self) -> &BTreeMap<KeyId, KeyDescription> {
        &self.keys
    }
    /// Adds or changes an entry; durable on return. What is refused by the disk is refused in memory, except that a
    /// key that was disabled stays disabled.
    pub(crate) fn put(&mut self, key: KeyDescription) -> Result<(), BookError> {
        let id = key.id.clone();
        let before = self.keys.insert(id.clone(), key);
        let written = self.write();
        if written.is_err() && before.is_none() {
            self.keys.remove(&id);
        }
        written
    }
    fn write(&self) -> Result<(), BookError> {
        let document = Document {
            keys: self.keys.values().cloned().collect(),
            schema: SCHEMA.to_owned(),
            token: self.token.clone(),
        };
        let text = canonical::encode(&document).map_err(|_| BookError::Damaged(self.path.clone()))?;
        Ok(private_file::write(&self.path, (text + "\n").as_bytes())?)
    }
}

fn parse(bytes: &[u8], token: &str) -> Option<BTreeMap<KeyId, KeyDescription>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let document: Document = canonical::decode(text).ok()?;
    let count = document.keys.len();
    let sound = |key: &KeyDescription| {
        let algorithm: KeyAlgorithm = key.public_key.algorithm;
        key.custody == CustodyClass::Pkcs11
            && key.family.accepts(algorithm)
            && public::checked(algorithm, key.public_key.spki.clone()).is_some()
    };
    if document.schema != SCHEMA || document.token != token || !document.keys.iter().all(sound) {
        return None;
    }
    let keys: BTreeMap<_, _> = document.keys.into_iter().map(|key| (key.id.clone(), key)).collect();
    (keys.len() == count).then_some(keys)
}
