//! Small PE images made by hand: valid headers, any section sizes, any overlay.
//!
//! ```text
//! 0x000 "MZ" … 0x3c: 80 00 00 00
//! 0x080 "PE\0\0", COFF header (20), optional header (224 or 240), section headers (40 each)
//! 0x200 sections in a row, then the overlay
//! ```

/// Where the sections start: the size of the headers.
pub const HEADERS: usize = 0x200;
/// Where the optional header starts.
pub const OPTIONAL: usize = 0x98;

/// 32 or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// PE32.
    B32,
    /// PE32+.
    B64,
}

impl Bits {
    /// Offset of the certificate table's directory entry.
    #[must_use]
    pub const fn directory_at(self) -> usize {
        match self {
            Self::B32 => OPTIONAL + 128,
            Self::B64 => OPTIONAL + 144,
        }
    }
}

/// Builds an unsigned image; at most 4 sections, of the given raw sizes, filled with a pattern of their index.
///
/// # Panics
/// When there are more than 4 sections or sizes do not fit in 32 bits.
#[must_use]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "test fixture")]
pub fn image(bits: Bits, sections: &[usize], overlay: &[u8]) -> Vec<u8> {
    let mut out = vec![0u8; HEADERS];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    let (machine, optional_size, magic, count_at) = match bits {
        Bits::B32 => (0x14cu16, 224u16, 0x10bu16, 92),
        Bits::B64 => (0x8664, 240, 0x20b, 108),
    };
    put(0, b"MZ");
    put(0x3c, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &machine.to_le_bytes());
    put(0x86, &u16::try_from(sections.len()).expect("sections").to_le_bytes());
    put(0x94, &optional_size.to_le_bytes());
    put(0x96, &0x22u16.to_le_bytes());
    put(OPTIONAL, &magic.to_le_bytes());
    put(OPTIONAL + 32, &0x1000u32.to_le_bytes());
    put(OPTIONAL + 36, &0x200u32.to_le_bytes());
    put(OPTIONAL + 60, &u32::try_from(HEADERS).expect("headers").to_le_bytes());
    put(OPTIONAL + 68, &3u16.to_le_bytes());
    put(OPTIONAL + count_at, &16u32.to_le_bytes());
    let table = OPTIONAL + usize::from(optional_size);
    let mut offset = HEADERS;
    for (index, size) in sections.iter().enumerate() {
        let at = table + 40 * index;
        put(at, b".data");
        put(at + 8, &u32::try_from(*size).expect("size").to_le_bytes());
        put(at + 12, &u32::try_from(0x1000 * (index + 1)).expect("address").to_le_bytes());
        put(at + 16, &u32::try_from(*size).expect("size").to_le_bytes());
        put(at + 20, &u32::try_from(offset).expect("offset").to_le_bytes());
        offset += size;
    }
    for (index, size) in sections.iter().enumerate() {
        out.extend((0..*size).map(|at| (at * 31 + index * 7).to_le_bytes()[0]));
    }
    out.extend_from_slice(overlay);
    out
}
