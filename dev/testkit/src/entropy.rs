//! Entropy that counts: never random, never the same twice.

use std::sync::atomic::{AtomicU64, Ordering};

use chancery_core::port::entropy::Entropy;

/// Gives 1, 2, 3 … in the last bytes.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn sixteen(&self) -> [u8; 16] {
        let count = self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        u128::from(count).to_be_bytes()
    }
}
