//! The headers of a PE image, as far as Authenticode depends on them; parsed strictly from the first bytes of a file.
//!
//! ```text
//! DOS header    0: "MZ"            0x3c: u32 e_lfanew
//! e_lfanew      0: "PE\0\0"        4: COFF header (20): +2 u16 sections, +16 u16 size of the optional header
//! +24 optional  0: u16 magic      60: u32 size of headers      64: u32 checksum
//!              92/108: u32 number of data directories          +4: directories (8 each), the fifth is the certificates'
//! then section headers (40 each): +16 u32 raw size, +20 u32 raw offset
//! ```

use crate::pe::malformed;
use crate::seam::{FormatError, Sample, Sureness};

/// How many bytes from the start of a file hold every header that is accepted.
pub const HEAD: usize = 128 * 1024;

/// The loader accepts at most 96 sections.
const MAX_SECTIONS: u16 = 96;
const MAX_HEADER_OFFSET: u32 = 0x8000;
const CERTIFICATE_DIRECTORY: u64 = 4;

/// The two layouts of the optional header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    /// 32-bit.
    Pe32,
    /// 64-bit.
    Pe32Plus,
}

/// What the header says of the certificate table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Offset in the file; a multiple of 8.
    pub offset: u32,
    /// Size in bytes; not 0.
    pub size: u32,
}

/// A PE image whose headers parsed strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    magic: Magic,
    checksum_at: u64,
    directory_at: u64,
    sections_end: u64,
    table: Option<Table>,
}

/// Says whether a file is a PE image, by its first bytes.
#[must_use]
pub fn detect(sample: &Sample<'_>) -> Sureness {
    let head = Head(sample.head);
    let is_pe = || {
        let offset = u64::from(head.u32(0x3c)?);
        Some(head.u16(0)? == 0x5a4d && head.u32(offset)? == 0x4550)
    };
    if is_pe() == Some(true) { Sureness::Content } else { Sureness::No }
}

impl Image {
    /// Parses the headers from the first [`HEAD`] bytes of a file, or all of a shorter one.
    pub fn parse(head: &[u8]) -> Result<Self, FormatError> {
        Self::read(&Head(head))?.ok_or_else(|| malformed("headers are cut short"))
    }

    fn read(head: &Head<'_>) -> Result<Option<Self>, FormatError> {
        if head.u16(0) != Some(0x5a4d) {
            return Err(malformed("does not start with `MZ`"));
        }
        let Some(start) = head.u32(0x3c) else { return Ok(None) };
        // Even, so that the checksum field is two whole words of the checksum; 64 is the size of the DOS header.
        if !(64..=MAX_HEADER_OFFSET).contains(&start) || start % 2 != 0 {
            return Err(malformed(format!("PE header at offset {start}")));
        }
        let start = u64::from(start);
        if head.u32(start) != Some(0x4550) {
            return Err(malformed("no `PE` signature where the DOS header points"));
        }
        let optional_at = start.saturating_add(24);
        let (Some(sections), Some(optional_size)) =
            (head.u16(start.saturating_add(6)), head.u16(start.saturating_add(20)))
        else {
            return Ok(None);
        };
        let Some(optional) = Optional::read(head, optional_at, u64::from(optional_size))? else {
            return Ok(None);
        };
        let sections_at = optional_at.saturating_add(u64::from(optional_size));
        let Some(sections_end) = read_sections(head, sections_at, sections, optional.headers_size)? else {
            return Ok(None);
        };
        if let Some(table) = optional.table
            && u64::from(table.offset) < sections_end
        {
            return Err(malformed("certificate table overlaps headers or sections"));
        }
        Ok(Some(Self {
            magic: optional.magic,
            checksum_at: optional_at.saturating_add(64),
            directory_at: optional.directory_at,
            sections_end,
            table: optional.table,
        }))
    }

    /// 32 or 64 bits.
    #[must_use]
    pub const fn magic(&self) -> Magic {
        self.magic
    }
    /// Offset of the checksum field, 4 bytes.
    #[must_use]
    pub const fn checksum_at(&self) -> u64 {
        self.checksum_at
    }
    /// Offset of the certificate table's directory entry, 8 bytes.
    #[must_use]
    pub const fn directory_at(&self) -> u64 {
        self.directory_at
    }
    /// Where the last section ends in the file; what follows is overlay.
    #[must_use]
    pub const fn sections_end(&self) -> u64 {
        self.sections_end
    }
    /// The certificate table, where the image says that it has one.
    #[must_use]
    pub const fn table(&self) -> Option<Table> {
        self.table
    }
}

/// The parts of the optional header that matter here.
struct Optional {
    magic: Magic,
    headers_size: u32,
    directory_at: u64,
    table: Option<Table>,
}

impl Optional {
    fn read(head: &Head<'_>, at: u64, size: u64) -> Result<Option<Self>, FormatError> {
        let (magic, fixed) = match head.u16(at) {
            Some(0x10b) => (Magic::Pe32, 96u64),
            Some(0x20b) => (Magic::Pe32Plus, 112u64),
            Some(other) => return Err(malformed(format!("optional header magic {other:#06x}"))),
            None => return Ok(None),
        };
        let count_at = at.saturating_add(fixed).saturating_sub(4);
        let (Some(headers_size), Some(count)) = (head.u32(at.saturating_add(60)), head.u32(count_at)) else {
            return Ok(None);
        };
        // Without a fifth directory there is no place for the table; more than 16 do not exist.
        if !(5..=16).contains(&count) || size < fixed.saturating_add(u64::from(count).saturating_mul(8)) {
            return Err(malformed(format!("{count} data directories in an optional header of {size} bytes")));
        }
        let directory_at = at.saturating_add(fixed).saturating_add(CERTIFICATE_DIRECTORY.saturating_mul(8));
        let (Some(offset), Some(length)) = (head.u32(directory_at), head.u32(directory_at.saturating_add(4)))
        else {
            return Ok(None);
        };
        let table = match (offset, length) {
            (0, 0) => None,
            (offset, size) if offset % 8 == 0 && size >= 8 => Some(Table { offset, size }),
            _ => return Err(malformed(format!("certificate table of {length} bytes at offset {offset}"))),
        };
        Ok(Some(Self { magic, headers_size, directory_at, table }))
    }
}

/// Reads the section headers and returns where the last section ends.
///
/// Authenticode hashes the headers, then the sections in order of their offsets, then the rest from the *sum* of their
/// sizes on. Only where headers and sections are contiguous is that the same as hashing the file from front to end, so
/// anything else is refused: two readers would hash different bytes.
fn read_sections(
    head: &Head<'_>,
    at: u64,
    count: u16,
    headers_size: u32,
) -> Result<Option<u64>, FormatError> {
    if count > MAX_SECTIONS {
        return Err(malformed(format!("{count} sections")));
    }
    let mut sections = Vec::with_capacity(usize::from(count));
    for index in 0..u64::from(count) {
        let header = at.saturating_add(index.saturating_mul(40));
        let (Some(size), Some(offset)) =
            (head.u32(header.saturating_add(16)), head.u32(header.saturating_add(20)))
        else {
            return Ok(None);
        };
        if size != 0 {
            sections.push((u64::from(offset), u64::from(size)));
        }
    }
    let headers_end = at.saturating_add(u64::from(count).saturating_mul(40));
    if headers_end > u64::from(headers_size) {
        return Err(malformed(format!(
            "headers end at {headers_end}, but say that they end at {headers_size}"
        )));
    }
    sections.sort_unstable();
    let mut end = u64::from(headers_size);
    for (offset, size) in sections {
        if offset != end {
            return Err(malformed(format!(
                "a section starts at {offset}, but the bytes before it end at {end}"
            )));
        }
        end = offset.saturating_add(size);
    }
    Ok(Some(end))
}

/// Little-endian reads at any offset; `None` beyond the end.
struct Head<'a>(&'a [u8]);

impl Head<'_> {
    fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let at = usize::try_from(at).ok()?;
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }
    fn u16(&self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }
    fn u32(&self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
}
