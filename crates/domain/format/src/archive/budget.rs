//! How much is spent on one file, whatever is in it.

use std::cell::Cell;
use std::io::{self, Read};

use super::inside::Why;

/// Bounds for one file with all that is in it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Archives in archives.
    pub depth: usize,
    /// Entries of all archives together.
    pub entries: u64,
    /// Bytes that are expanded, all together.
    pub expanded: u64,
    /// Bytes of nested archives and programs that are held at once.
    pub held: u64,
    /// Expanded bytes for each byte of the file, where more than [`Limits::FREE`] were expanded.
    pub ratio: u64,
}

impl Limits {
    /// Bytes that may be expanded whatever the ratio: small files of zeros are no bombs.
    pub const FREE: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 8, entries: 100_000, expanded: 8 << 30, held: 256 << 20, ratio: 200 }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limits: Limits,
    expanded: Cell<u64>,
    most: u64,
    entries: Cell<u64>,
    held: Cell<u64>,
    spent: Cell<Option<Why>>,
}

impl Budget {
    pub(super) fn new(limits: Limits, size: u64) -> Self {
        let by_ratio = size.saturating_mul(limits.ratio).max(Limits::FREE);
        let cell = || Cell::new(0);
        let most = limits.expanded.min(by_ratio);
        Self { limits, expanded: cell(), most, entries: cell(), held: cell(), spent: Cell::new(None) }
    }
    /// Counts an entry.
    pub(super) fn entry(&self) -> Result<(), Why> {
        let entries = self.entries.get().saturating_add(1);
        self.entries.set(entries);
        if entries > self.limits.entries { Err(self.is_spent(Why::TooMany)) } else { Ok(()) }
    }
    /// The bound that was reached, else that the archive is not well formed: for errors of readers.
    pub(super) fn why(&self) -> Why {
        self.spent.get().unwrap_or(Why::Malformed)
    }
    /// The bound that ended it all.
    pub(super) const fn ended(&self) -> &Cell<Option<Why>> {
        &self.spent
    }
    fn is_spent(&self, why: Why) -> Why {
        self.spent.set(Some(why));
        why
    }
    fn expand(&self, bytes: u64) -> io::Result<()> {
        let expanded = self.expanded.get().saturating_add(bytes);
        self.expanded.set(expanded);
        if expanded > self.most {
            self.is_spent(Why::Ratio);
            return Err(io::Error::other("a bound is reached"));
        }
        Ok(())
    }
    /// Reads all of a nested archive or program into memory.
    pub(super) fn hold(&self, head: Vec<u8>, rest: &mut dyn Read) -> Result<Vec<u8>, Why> {
        let room = self.limits.held.saturating_sub(self.held.get());
        let mut bytes = head;
        let begun = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let more = room.saturating_sub(begun).saturating_add(1);
        rest.take(more).read_to_end(&mut bytes).map_err(|_| self.why())?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > room {
            return Err(Why::TooLarge);
        }
        self.held.set(self.held.get().saturating_add(size));
        Ok(bytes)
    }
    /// Gives back what was held.
    pub(super) fn release(&self, bytes: &[u8]) {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.held.set(self.held.get().saturating_sub(size));
    }
}

/// Counts what a reader expands.
#[derive(Debug)]
pub(super) struct Meter<'a, R> {
    pub(super) inner: R,
    pub(super) budget: &'a Budget,
}

impl<R: Read> Read for Meter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.budget.expand(u64::try_from(count).unwrap_or(u64::MAX))?;
        Ok(count)
    }
}
