//! A change of a file that writes a signature into it: a few overwritten bytes, a new end, nothing else.

use std::io::{Read, Seek, SeekFrom, Write};

use chancery_core::digest::{Hasher, Sha256};

use crate::seam::FormatError;

/// Size of the copy buffer in bytes.
pub(crate) const BUFFER: usize = 256 * 1024;

/// What changes. INVARIANT: overwrites are in ascending order, do not overlap, and lie below `keep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    overwrites: Vec<(u64, Vec<u8>)>,
    keep: u64,
    append: Vec<u8>,
}

impl Patch {
    /// Overwrites at the given offsets, keeps the first `keep` bytes, then appends. `None` when the invariant does not
    /// hold.
    #[must_use]
    pub fn new(overwrites: Vec<(u64, Vec<u8>)>, keep: u64, append: Vec<u8>) -> Option<Self> {
        let mut end = 0u64;
        for (offset, bytes) in &overwrites {
            if *offset < end {
                return None;
            }
            end = offset.checked_add(u64::try_from(bytes.len()).ok()?)?;
        }
        (end <= keep).then_some(Self { overwrites, keep, append })
    }
    /// The bytes that are overwritten, with their offsets.
    #[must_use]
    pub fn overwrites(&self) -> &[(u64, Vec<u8>)] {
        &self.overwrites
    }
    /// How many bytes of the original stay.
    #[must_use]
    pub const fn keep(&self) -> u64 {
        self.keep
    }
    /// What follows them.
    #[must_use]
    pub fn append(&self) -> &[u8] {
        &self.append
    }

    /// Patches a copy of the artifact that was made while it was hashed. The caller truncates the copy to
    /// [`Patch::keep`] first when it is longer; this writes only the overwrites and the new end.
    pub fn write_into<F: Write + Seek>(&self, copy: &mut F) -> Result<(), FormatError> {
        for (offset, bytes) in &self.overwrites {
            copy.seek(SeekFrom::Start(*offset))?;
            copy.write_all(bytes)?;
        }
        copy.seek(SeekFrom::Start(self.keep))?;
        copy.write_all(&self.append)?;
        copy.flush().map_err(FormatError::Io)
    }

    /// Copies the artifact with the change applied, and proves that it is still the artifact that was prepared: `whole`
    /// is its SHA-256. On an error what was written is to be thrown away.
    pub fn copy(
        &self,
        reader: &mut dyn Read,
        whole: Sha256,
        writer: &mut dyn Write,
    ) -> Result<(), FormatError> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0u8; BUFFER];
        let mut position = 0u64;
        loop {
            let count = read_some(reader, &mut buffer)?;
            let Some(chunk) = buffer.get_mut(..count).filter(|chunk| !chunk.is_empty()) else { break };
            hasher.update(chunk);
            self.overwrite(position, chunk);
            let kept = usize::try_from(self.keep.saturating_sub(position)).unwrap_or(usize::MAX);
            writer.write_all(chunk.get(..kept.min(count)).unwrap_or_default())?;
            position = position.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        }
        if hasher.finish() != whole || position < self.keep {
            return Err(FormatError::Changed);
        }
        writer.write_all(&self.append)?;
        writer.flush().map_err(FormatError::Io)
    }

    fn overwrite(&self, position: u64, chunk: &mut [u8]) {
        for (offset, bytes) in &self.overwrites {
            for (at, byte) in (*offset..).zip(bytes) {
                let inside = at.checked_sub(position).and_then(|index| usize::try_from(index).ok());
                if let Some(target) = inside.and_then(|index| chunk.get_mut(index)) {
                    *target = *byte;
                }
            }
        }
    }
}

/// Copies what it reads: the copy is made of the very bytes that were hashed, so it needs no second look at the file.
#[derive(Debug)]
pub struct Tee<R, W> {
    reader: R,
    copy: W,
}

impl<R: Read, W: Write> Tee<R, W> {
    /// Reads from `reader` and writes the same bytes to `copy`.
    pub const fn new(reader: R, copy: W) -> Self {
        Self { reader, copy }
    }
    /// The copy, as far as it was read.
    pub fn into_copy(self) -> W {
        self.copy
    }
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

/// SHA-256 and size of everything, in one pass; the artifact itself is never held.
pub(crate) fn digest(reader: &mut dyn Read) -> Result<(Sha256, u64), FormatError> {
    let (mut hasher, mut size) = (Hasher::default(), 0u64);
    let mut buffer = vec![0u8; BUFFER];
    loop {
        let count = read_some(reader, &mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        hasher.update(chunk);
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok((hasher.finish(), size))
}

/// Reads once, retrying when interrupted; 0 means the end.
pub(crate) fn read_some(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, FormatError> {
    loop {
        match reader.read(buffer) {
            Ok(count) => return Ok(count.min(buffer.len())),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FormatError::Io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_with_the_change_and_nothing_else() {
        let original: Vec<u8> = (0..600_000u32).map(|i| i.to_le_bytes()[0]).collect();
        let edge = u64::try_from(BUFFER).unwrap() - 2;
        let patch = Patch::new(vec![(3, vec![9, 9]), (edge, vec![7; 4])], 599_990, b"end".to_vec()).unwrap();
        let mut expected = original.clone();
        expected[3..5].copy_from_slice(&[9, 9]);
        expected[BUFFER - 2..BUFFER + 2].copy_from_slice(&[7; 4]);
        expected.truncate(599_990);
        expected.extend_from_slice(b"end");

        let mut out = Vec::new();
        patch.copy(&mut original.as_slice(), Sha256::of(&original), &mut out).unwrap();
        assert_eq!(out, expected);

        let mut tee = Tee::new(original.as_slice(), std::io::Cursor::new(Vec::new()));
        std::io::copy(&mut tee, &mut std::io::sink()).unwrap();
        let mut copy = tee.into_copy();
        assert_eq!(copy.get_ref(), &original);
        copy.get_mut().truncate(599_990);
        patch.write_into(&mut copy).unwrap();
        assert_eq!(copy.into_inner(), expected);

        let other = Sha256::of(b"other");
        let refused = patch.copy(&mut original.as_slice(), other, &mut Vec::new());
        assert!(matches!(refused, Err(FormatError::Changed)));
    }

    #[test]
    fn refuses_overlap_and_overwrites_beyond_the_end() {
        assert!(Patch::new(vec![(0, vec![1; 4]), (3, vec![1])], 10, vec![]).is_none());
        assert!(Patch::new(vec![(8, vec![1; 4])], 10, vec![]).is_none());
        assert!(Patch::new(vec![(u64::MAX, vec![1; 4])], u64::MAX, vec![]).is_none());
        assert!(Patch::new(vec![(6, vec![1; 4])], 10, vec![]).is_some());
    }
}
