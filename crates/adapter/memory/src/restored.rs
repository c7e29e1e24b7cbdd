//! What a restored backup leaves in the memory's directory: a followed state under another name, and the act that the root's
//! people signed. Both are taken up once, by the keyguard; then `ledger.slots` is there and they mean nothing.

use std::io;
use std::path::Path;

use chancery_core::port::memory::{MemoryError, Piece};

use crate::file::{self, path_of};

/// The followed state of the backup, in slots as `ledger.slots`.
pub const STATE: &str = "ledger.restored";
/// The act with its signatures, canonical JSON.
pub const ACT: &str = "reanchor.act";
/// Largest act in bytes.
const MAX_ACT: u64 = 1 << 20;

/// A restored state and the act under which it may be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The followed state, as it was kept.
    pub state: Vec<u8>,
    /// The act.
    pub act: String,
}

fn failed(path: &Path, error: &io::Error) -> MemoryError {
    MemoryError(format!("`{}`: {error}", path.display()))
}

/// What waits to be taken up: only where nothing is followed yet, and the act is there.
pub fn find(directory: &Path) -> Result<Option<Restored>, MemoryError> {
    let (state, act) = (directory.join(STATE), directory.join(ACT));
    let ledger = path_of(directory, Piece::Ledger);
    // The file may be there and empty: it is made when it is looked into.
    let followed =
        ledger.exists() && file::newest(&ledger).map_err(|error| failed(&ledger, &error))?.is_some();
    if followed || !state.exists() || !act.exists() {
        return Ok(None);
    }
    Ok(Some(Restored { state: read_state(&state)?, act: read_act(&act)? }))
}

fn read_state(path: &Path) -> Result<Vec<u8>, MemoryError> {
    let kept = file::newest(path).map_err(|error| failed(path, &error))?;
    kept.ok_or_else(|| MemoryError(format!("`{}` holds no state", path.display())))
}

fn read_act(path: &Path) -> Result<String, MemoryError> {
    let length = std::fs::metadata(path).map_err(|error| failed(path, &error))?.len();
    if length > MAX_ACT {
        return Err(MemoryError(format!("`{}` has {length} bytes; at most 1 MiB", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| failed(path, &error))
}
