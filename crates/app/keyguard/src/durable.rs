//! The memory, watched: after one write that failed nothing more leaves this process.
//!
//! ATTACK: fsync errors are reported once and pages may be dropped, so a second try would lie. What the keyguard
//! believes and what is on disk may then differ, and a restart from disk would stand behind less than it cosigned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chancery_core::port::memory::{Memory, MemoryError, Piece};

/// Memory that remembers that it failed.
#[derive(Debug)]
pub struct Durable {
    memory: Arc<dyn Memory>,
    failed: AtomicBool,
}

impl Durable {
    /// Watches a memory.
    #[must_use]
    pub const fn new(memory: Arc<dyn Memory>) -> Self {
        Self { memory, failed: AtomicBool::new(false) }
    }
    /// Whether a write failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }
}

impl Memory for Durable {
    fn read(&self, piece: Piece) -> Result<Option<Vec<u8>>, MemoryError> {
        self.memory.read(piece)
    }
    fn write(&self, piece: Piece, bytes: &[u8]) -> Result<(), MemoryError> {
        if self.has_failed() {
            return Err(MemoryError("an earlier write failed".to_owned()));
        }
        self.memory.write(piece, bytes).inspect_err(|_| self.failed.store(true, Ordering::SeqCst))
    }
}
