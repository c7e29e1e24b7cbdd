//! The Authenticode digest of an image, and the PE checksum, over a stream of its bytes.
//!
//! ```text
//! digest   = H(file[0 .. checksum] ‖ file[checksum+4 .. directory] ‖ file[directory+8 .. end] ‖ zeros to 8)
//!            where end is the certificate table, or the end of an unsigned file
//! checksum = ones'-complement-style sum of all 16-bit little-endian words, with the field itself as 0, folded to
//!            16 bits, + size of the file
//! ```

use aws_lc_rs::digest;
use chancery_core::digest::DigestAlgorithm;

use crate::pe::image::Image;

/// Bytes of the checksum field.
const CHECKSUM: u64 = 4;
/// Bytes of the certificate table's directory entry.
const DIRECTORY: u64 = 8;
/// Alignment of the certificate table.
pub const ALIGNMENT: u64 = 8;

/// How many zeros bring `size` to a multiple of 8.
#[must_use]
pub const fn padding(size: u64) -> u64 {
    (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT
}

/// The parts of `chunk`, which starts at `position`, that lie outside checksum field and directory entry, in order.
fn hashed_parts<'a>(image: &Image, position: u64, chunk: &'a [u8]) -> [&'a [u8]; 3] {
    let cut = |from: u64, to: u64| {
        let index =
            |at: u64| usize::try_from(at.saturating_sub(position)).unwrap_or(usize::MAX).min(chunk.len());
        chunk.get(index(from)..index(to)).unwrap_or_default()
    };
    let (checksum, directory) = (image.checksum_at(), image.directory_at());
    [
        cut(0, checksum),
        cut(checksum.saturating_add(CHECKSUM), directory),
        cut(directory.saturating_add(DIRECTORY), u64::MAX),
    ]
}

/// A streaming image digest.
pub struct ImageDigest {
    context: digest::Context,
    position: u64,
}

impl std::fmt::Debug for ImageDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImageDigest(at {})", self.position)
    }
}

impl ImageDigest {
    /// Starts at the first byte of the file.
    #[must_use]
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self { context: digest::Context::new(algorithm.provider()), position: 0 }
    }
    /// Adds the next bytes of the image, none of them from the certificate table.
    pub fn update(&mut self, image: &Image, chunk: &[u8]) {
        for part in hashed_parts(image, self.position, chunk) {
            self.context.update(part);
        }
        self.position = self.position.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    /// Ends the image, with the zeros that the certificate table's alignment demands.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let zeros = usize::try_from(padding(self.position)).unwrap_or(0);
        self.context.update([0u8; 8].get(..zeros).unwrap_or_default());
        self.context.finish().as_ref().to_vec()
    }
}

/// A streaming sum for the checksum of the optional header. Fields that are rewritten are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChecksumSum {
    sum: u64,
    position: u64,
}

impl ChecksumSum {
    /// Adds the next bytes of the image, leaving out the checksum field and the directory entry.
    pub fn update(&mut self, image: &Image, chunk: &[u8]) {
        let start = self.position;
        for part in hashed_parts(image, start, chunk) {
            // Where a part lies decides which half of a word its first byte is.
            let offset = part.as_ptr().addr().saturating_sub(chunk.as_ptr().addr());
            let at = start.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
            self.add_at(at, part);
        }
        self.position = start.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    /// Adds bytes that lie at an even offset of the final file.
    pub fn add_even(&mut self, bytes: &[u8]) {
        self.add_at(0, bytes);
    }
    fn add_at(&mut self, at: u64, bytes: &[u8]) {
        let bytes = match bytes.split_first() {
            Some((first, rest)) if at % 2 == 1 => {
                self.sum = self.sum.saturating_add(u64::from(*first) << 8);
                rest
            }
            Some(_) | None => bytes,
        };
        let (words, last) = bytes.as_chunks::<2>();
        // Blocks of 2^16 words keep the inner sum within 32 bits, which vectorises.
        for block in words.chunks(1 << 16) {
            let sum =
                block.iter().fold(0u32, |sum, word| sum.wrapping_add(u32::from(u16::from_le_bytes(*word))));
            self.sum = self.sum.saturating_add(u64::from(sum));
        }
        if let Some(last) = last.first() {
            self.sum = self.sum.saturating_add(u64::from(*last));
        }
    }
    /// The checksum of the file of this size in bytes.
    #[must_use]
    pub fn finish(self, size: u64) -> u32 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff).saturating_add(sum >> 16);
        }
        let low = sum.saturating_add(size) & u64::from(u32::MAX);
        u32::try_from(low).unwrap_or(u32::MAX)
    }
}
