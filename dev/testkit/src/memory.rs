//! The keyguard's memory without a disk, which can be told to fail as a disk does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_core::port::memory::{Memory, MemoryError, Piece};

#[derive(Debug, Default)]
struct State {
    pieces: HashMap<Piece, Vec<u8>>,
    failing: bool,
    writes: u64,
}

/// The fake. Like a disk after an fsync error: the write that fails may or may not be there; here it is not.
#[derive(Debug, Default)]
pub struct FakeMemory(Mutex<State>);

impl FakeMemory {
    /// Lets every write fail from now on.
    pub fn fail(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failing = true;
    }
    /// Works again, as after a restart.
    pub fn recover(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failing = false;
    }
    /// How many writes were tried.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).writes
    }
}

impl Memory for FakeMemory {
    fn read(&self, piece: Piece) -> Result<Option<Vec<u8>>, MemoryError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).pieces.get(&piece).cloned())
    }
    fn write(&self, piece: Piece, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.writes = state.writes.saturating_add(1);
        if state.failing {
            return Err(MemoryError("input/output error".to_owned()));
        }
        state.pieces.insert(piece, bytes.to_vec());
        Ok(())
    }
}
