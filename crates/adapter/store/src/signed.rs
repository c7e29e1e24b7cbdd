//! Signatures that were made but not yet released: one line per record, so that a killed process can resume.
//!
//! ```text
//! 41 {"signature":"MEUC…"}\n          index of the intent, space, JSON without line breaks
//! ```
//!
//! Appended without a sync: it survives the end of the process, not a power cut, after which the intent is abandoned
//! and nothing was released. A torn last line is dropped.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::database::StoreError;

/// The file is rewritten with the live records alone when it has grown past this many bytes.
const COMPACT_AT: u64 = 16 << 20;

/// The records of open intents.
#[derive(Debug)]
pub struct Signed {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    bytes: u64,
    records: BTreeMap<u64, String>,
}

impl Signed {
    /// Opens the file and reads back what belongs to intents that are still open.
    pub fn open(path: &Path, is_open: impl Fn(u64) -> bool) -> Result<Self, StoreError> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(StoreError::file("read the signed records")(error)),
        };
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let records = whole.filter_map(parse).filter(|(index, _)| is_open(*index)).collect();
        let (file, bytes) = rewrite(path, &records)?;
        Ok(Self { path: path.to_owned(), inner: Mutex::new(Inner { file, bytes, records }) })
    }
    /// Keeps a record; a later one for the same intent replaces it. Errors when `json` holds a line break.
    pub fn put(&self, index: u64, json: &str) -> Result<(), StoreError> {
        if json.contains('\n') {
            return Err(StoreError::Value("signed record holds a line break".into()));
        }
        let line = format!("{index} {json}\n");
        let mut inner = self.lock()?;
        inner.file.write_all(line.as_bytes()).map_err(StoreError::file("keep a signed record"))?;
        inner.bytes = inner.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(0));
        inner.records.insert(index, json.to_owned());
        if inner.bytes > COMPACT_AT {
            let (file, bytes) = rewrite(&self.path, &inner.records)?;
            // Many large live records must not cause a rewrite per record.
            (inner.file, inner.bytes) = (file, bytes / 2);
        }
        Ok(())
    }
    /// The record of an intent.
    pub fn find(&self, index: u64) -> Result<Option<String>, StoreError> {
        Ok(self.lock()?.records.get(&index).cloned())
    }
    /// Every record in order of index.
    pub fn all(&self) -> Result<Vec<(u64, String)>, StoreError> {
        Ok(self.lock()?.records.iter().map(|(index, json)| (*index, json.clone())).collect())
    }
    /// Forgets records of intents that were closed.
    pub(crate) fn forget(&self, indices: impl IntoIterator<Item = u64>) -> Result<(), StoreError> {
        let mut inner = self.lock()?;
        for index in indices {
            inner.records.remove(&index);
        }
        Ok(())
    }
    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Inner>, StoreError> {
        self.inner.lock().map_err(|_| StoreError::Corrupt("signed records were left half-written".into()))
    }
}

fn parse(line: &str) -> Option<(u64, String)> {
    let (index, json) = line.split_once(' ')?;
    Some((index.parse().ok()?, json.to_owned()))
}

fn rewrite(path: &Path, records: &BTreeMap<u64, String>) -> Result<(File, u64), StoreError> {
    let failed = || StoreError::file("rewrite the signed records");
    let text: String = records.iter().map(|(index, json)| format!("{index} {json}\n")).collect();
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&fresh).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed())?;
    std::fs::rename(&fresh, path).map_err(failed())?;
    let file = OpenOptions::new().append(true).open(path).map_err(failed())?;
    Ok((file, u64::try_from(text.len()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_reopening_and_drops_what_was_closed_or_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signed");
        let signed = Signed::open(&path, |_| true).unwrap();
        signed.put(4, r#"{"a":1}"#).unwrap();
        signed.put(9, r#"{"a":2}"#).unwrap();
        signed.put(9, r#"{"a":3}"#).unwrap();
        signed.put(11, r#"{"a":4}"#).unwrap();
        assert!(signed.put(12, "{\n}").is_err());
        drop(signed);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"13 {\"torn\":").unwrap();
        let again = Signed::open(&path, |index| index != 11).unwrap();
        assert_eq!(again.all().unwrap(), [(4, r#"{"a":1}"#.to_owned()), (9, r#"{"a":3}"#.to_owned())]);
        again.forget([4]).unwrap();
        assert_eq!(again.find(4).unwrap(), None);
        assert_eq!(again.find(9).unwrap().unwrap(), r#"{"a":3}"#);
    }
}
