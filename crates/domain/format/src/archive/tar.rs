//! A tar archive as a stream (POSIX.1-2017 pax, and the long names of GNU).
//!
//! ```text
//!   0 name (100)   124 size (12, octal, or 80 … big endian)   148 checksum (8, octal)   156 type
//! 257 "ustar\0" (POSIX) or "ustar " (GNU)                     345 prefix of the name (155, POSIX alone)
//! then the content, zeros up to a multiple of 512; the archive ends with a block of zeros
//! ```
//!
//! A pax header (`x`) may give the next entry another name and size; who ignores it reads another archive, so both are obeyed.

use std::io::{self, Read};

use super::inside::Why;

const BLOCK: usize = 512;
/// Largest pax header or long name in bytes.
const MAX_EXTENSION: u64 = 1 << 20;

/// A regular file in the archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, as far as it is UTF-8.
    pub(super) name: String,
}

/// What headers before an entry say of it.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    size: Option<u64>,
}

/// The archive; as a reader it gives the content of the entry that [`Entries::next_file`] named last.
pub(super) struct Entries<'a> {
    reader: &'a mut dyn Read,
    left: u64,
    padding: u64,
}

impl<'a> Entries<'a> {
    pub(super) fn new(reader: &'a mut dyn Read) -> Self {
        Self { reader, left: 0, padding: 0 }
    }

    /// The next regular file; `None` at the end. Errors of the reader and of the format are the same to the caller.
    pub(super) fn next_file(&mut self) -> io::Result<Option<Entry>> {
        let mut said = Said::default();
        loop {
            self.skip()?;
            let Some(block) = self.block()? else { return Ok(None) };
            check_sum(&block)?;
            let size = said.size.map_or_else(|| number(field(&block, 124, 12)?), Ok)?;
            match field(&block, 156, 1)?.first() {
                Some(b'0' | b'7' | 0) => {
                    self.content_of(size);
                    let name = said.name.take().map_or_else(|| name(&block), Ok)?;
                    return Ok(Some(Entry { name }));
                }
                Some(b'x') => said.read_pax(&self.extension(size)?)?,
                Some(b'L') => {
                    let bytes = self.extension(size)?;
                    said.name = Some(until_zero(&bytes));
                }
                // Comments for all that follow, and targets of links: nothing that is looked at.
                Some(b'g' | b'K') => drop(self.extension(size)?),
                // Directories, links and devices hold nothing; one that says otherwise is read in two ways.
                Some(b'1'..=b'6') if size == 0 => said = Said::default(),
                _ => return Err(malformed()),
            }
        }
    }

    const fn content_of(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % 512;
    }
    /// Passes over what is left of the entry.
    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left.saturating_add(self.padding);
        let skipped = io::copy(&mut Read::take(&mut self.reader, rest), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if skipped == rest { Ok(()) } else { Err(malformed()) }
    }
    /// The next header; `None` at a block of zeros and at the end of the stream.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut bytes = Vec::with_capacity(BLOCK);
        Read::take(&mut self.reader, 512).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let block = <[u8; BLOCK]>::try_from(bytes.as_slice()).map_err(|_| malformed())?;
        Ok(block.iter().any(|byte| *byte != 0).then_some(block))
    }
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(malformed());
        }
        self.content_of(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Entries<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..most).filter(|part| !part.is_empty()) else { return Ok(0) };
        let count = self.reader.read(part)?;
        if count == 0 {
            return Err(malformed());
        }
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

impl Said {
    /// `27 path=some/longer/name.txt\n`: the number counts the whole record.
    fn read_pax(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let digits = rest.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
            let length = decimal(rest.get(..digits).unwrap_or_default())?;
            let length = usize::try_from(length).map_err(|_| malformed())?;
            let record = rest.get(digits.saturating_add(1)..length).ok_or_else(malformed)?;
            let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
            let value = record.get(equals.saturating_add(1)..).unwrap_or_default();
            match record.get(..equals).unwrap_or_default() {
                b"path" => self.name = Some(String::from_utf8_lossy(value).into_owned()),
                b"size" => self.size = Some(decimal(value)?),
                // Sparse files are stored in pieces: what lies here is not what is unpacked.
                name if name.starts_with(b"GNU.sparse") => return Err(malformed()),
                _ => {}
            }
            rest = rest.get(length..).ok_or_else(malformed)?;
        }
        Ok(())
    }
}

fn name(block: &[u8; BLOCK]) -> io::Result<String> {
    let name = until_zero(field(block, 0, 100)?);
    let prefix = until_zero(field(block, 345, 155)?);
    let has_prefix = field(block, 257, 6)? == b"ustar\0" && !prefix.is_empty();
    Ok(if has_prefix { format!("{prefix}/{name}") } else { name })
}

fn until_zero(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// Octal digits, or a binary number that begins with 0x80.
fn number(bytes: &[u8]) -> io::Result<u64> {
    if let Some((0x80, rest)) = bytes.split_first() {
        return rest.iter().try_fold(0u64, |sum, byte| {
            sum.checked_mul(256).and_then(|sum| sum.checked_add(u64::from(*byte))).ok_or_else(malformed)
        });
    }
    let end = |byte: &u8| matches!(byte, 0 | b' ');
    let digits: Vec<u8> =
        bytes.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !end(byte)).collect();
    digits.iter().try_fold(0u64, |sum, digit| match digit {
        b'0'..=b'7' => sum
            .checked_mul(8)
            .and_then(|sum| sum.checked_add(u64::from(digit.saturating_sub(b'0'))))
            .ok_or_else(malformed),
        _ => Err(malformed()),
    })
}

fn decimal(digits: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(digits).map_err(|_| malformed())?;
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or_else(malformed)
}

/// The sum of all bytes, the checksum itself counted as spaces.
fn check_sum(block: &[u8; BLOCK]) -> io::Result<()> {
    let sum = block.iter().enumerate().fold(0u64, |sum, (at, byte)| {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        sum.saturating_add(u64::from(byte))
    });
    if number(field(block, 148, 8)?)? == sum { Ok(()) } else { Err(malformed()) }
}

fn field(block: &[u8; BLOCK], at: usize, size: usize) -> io::Result<&[u8]> {
    block.get(at..at.saturating_add(size)).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Why::Malformed.words())
}
