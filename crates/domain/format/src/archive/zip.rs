//! The directory of a zip archive (APPNOTE 6.3.10 §4.3), read from its end and compared with what lies before.
//!
//! ```text
//! 50 4b 03 04 …  local header: +6 flags, +8 method, +26 u16 name length, +28 u16 extra length, +30 name; then the data
//! 50 4b 01 02 …  directory: +8 flags, +10 method, +20 u32 compressed, +24 u32 size, +28 name length, +30 extra length,
//!                +32 comment length, +42 u32 offset of the local header, +46 name
//! 50 4b 06 06 …  zip64: +32 u64 entries, +40 u64 size of the directory, +48 u64 its offset
//! 50 4b 06 07 …  zip64 locator: +8 u64 offset of the former
//! 50 4b 05 06 …  end: +10 u16 entries, +12 u32 size of the directory, +16 u32 its offset, +20 u16 comment length
//! ```
//!
//! Programs disagree about archives whose directory and local headers differ, that name a file twice, whose entries overlap or
//! that have two ends: such an archive is refused as a whole.

use std::collections::BTreeSet;
use std::io::{Read as _, SeekFrom};

use super::inside::Why;
use crate::seam::ReadSeek;

const LOCAL: u32 = 0x0403_4b50;
const ENTRY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Size of the end without its comment.
const END_SIZE: u64 = 22;
/// The end and the longest comment.
const MAX_END: u64 = END_SIZE + 0xffff;
/// Largest directory in bytes.
const MAX_DIRECTORY: u64 = 64 << 20;
const ENCRYPTED: u16 = 1;

/// An entry as directory and local header agree on it.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, as far as it is UTF-8.
    pub(super) name: String,
    /// How it is packed.
    pub(super) packed: Packed,
    /// Where its local header is.
    local: u64,
    /// Bytes of it in the archive.
    pub(super) compressed: u64,
    name_size: u64,
}

/// How an entry's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    /// As they are.
    Stored,
    /// RFC 1951.
    Deflated,
    /// In a way that is not read.
    Not(Why),
}

impl Entry {
    pub(super) fn is_directory(&self) -> bool {
        self.name.ends_with('/')
    }
    /// Signature files of jar, nupkg and vsix.
    pub(super) fn is_signature(&self) -> bool {
        let name = self.name.to_ascii_uppercase();
        let is_block = [".RSA", ".DSA", ".EC"].iter().any(|end| name.ends_with(end));
        (is_block && name.strip_prefix("META-INF/").is_some_and(|rest| !rest.contains('/')))
            || name == ".SIGNATURE.P7S"
            || name == "PACKAGE/SERVICES/DIGITAL-SIGNATURE/ORIGIN.PSDOR"
    }
}

struct Directory {
    at: u64,
    size: u64,
    entries: u64,
}

/// The entries in the order in which they lie in the archive; at most `most`.
pub(super) fn entries(reader: &mut dyn ReadSeek, most: u64) -> Result<Vec<Entry>, Why> {
    let size = reader.seek(SeekFrom::End(0)).map_err(|_| Why::Malformed)?;
    let directory = directory(reader, size)?;
    if directory.entries > most {
        return Err(Why::TooMany);
    }
    if directory.size > MAX_DIRECTORY {
        return Err(Why::TooLarge);
    }
    let bytes = read(reader, directory.at, directory.size)?;
    let mut entries = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (entry, used) = entry(rest)?;
        entries.push(entry);
        rest = rest.get(used..).ok_or(Why::Malformed)?;
    }
    if u64::try_from(entries.len()).ok() != Some(directory.entries) {
        return Err(Why::Malformed);
    }
    entries.sort_by_key(|entry| entry.local);
    check_apart(&entries, directory.at)?;
    Ok(entries)
}

/// No two entries share bytes or a name.
fn check_apart(entries: &[Entry], end: u64) -> Result<(), Why> {
    let ends = entries.iter().skip(1).map(|next| next.local).chain([end]);
    for (entry, next) in entries.iter().zip(ends) {
        let header = entry.name_size.saturating_add(30);
        if entry.local.saturating_add(header).saturating_add(entry.compressed) > next {
            return Err(Why::Malformed);
        }
    }
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if names.len() == entries.len() { Ok(()) } else { Err(Why::Malformed) }
}

/// Goes to an entry's bytes, after its local header was found to agree.
pub(super) fn go_to(reader: &mut dyn ReadSeek, entry: &Entry) -> Result<(), Why> {
    let head = read(reader, entry.local, 30)?;
    let method = u16_at(&head, 8)?;
    let agrees = match entry.packed {
        Packed::Stored => method == 0,
        Packed::Deflated => method == 8,
        Packed::Not(_) => true,
    };
    if u32_at(&head, 0)? != LOCAL || !agrees || u64::from(u16_at(&head, 26)?) != entry.name_size {
        return Err(Why::Malformed);
    }
    let name = read(reader, entry.local.saturating_add(30), entry.name_size)?;
    if String::from_utf8_lossy(&name) != entry.name.as_str() {
        return Err(Why::Malformed);
    }
    let skipped = entry.name_size.saturating_add(u64::from(u16_at(&head, 28)?));
    let data = entry.local.saturating_add(30).saturating_add(skipped);
    reader.seek(SeekFrom::Start(data)).map(drop).map_err(|_| Why::Malformed)
}

fn directory(reader: &mut dyn ReadSeek, size: u64) -> Result<Directory, Why> {
    let from = size.saturating_sub(MAX_END);
    let tail = read(reader, from, size.saturating_sub(from))?;
    let is_end = |at: &usize| {
        let comment = u16_at(&tail, at.saturating_add(20)).map(usize::from);
        u32_at(&tail, *at) == Ok(END) && comment == Ok(tail.len().saturating_sub(at.saturating_add(22)))
    };
    let ends: Vec<usize> = (0..tail.len().saturating_sub(21)).filter(is_end).collect();
    let [end] = ends.as_slice() else { return Err(Why::Malformed) };
    let wide = |at: usize| Ok::<u64, Why>(u64::from(u32_at(&tail, end.saturating_add(at))?));
    let entries = u64::from(u16_at(&tail, end.saturating_add(10))?);
    let mut found = Directory { at: wide(16)?, size: wide(12)?, entries };
    let mut end_at = from.saturating_add(u64::try_from(*end).unwrap_or(u64::MAX));
    if let Some((at, large)) = directory64(reader, end_at)? {
        let agrees = |small: u64, large: u64, most: u64| small == most || small == large;
        let fits = agrees(found.at, large.at, 0xffff_ffff)
            && agrees(found.size, large.size, 0xffff_ffff)
            && agrees(found.entries, large.entries, 0xffff);
        if !fits {
            return Err(Why::Malformed);
        }
        (found, end_at) = (large, at);
    }
    if found.at.checked_add(found.size) == Some(end_at) { Ok(found) } else { Err(Why::Malformed) }
}

/// The directory as zip64 names it, with the place of its record; `None` without a locator.
fn directory64(reader: &mut dyn ReadSeek, end: u64) -> Result<Option<(u64, Directory)>, Why> {
    let Some(locator_at) = end.checked_sub(20) else { return Ok(None) };
    let locator = read(reader, locator_at, 20)?;
    if u32_at(&locator, 0)? != LOCATOR64 {
        return Ok(None);
    }
    let at = u64_at(&locator, 8)?;
    let record = read(reader, at, 56)?;
    let length = u64_at(&record, 4)?;
    if u32_at(&record, 0)? != END64
        || at.checked_add(12).and_then(|from| from.checked_add(length)) != Some(locator_at)
    {
        return Err(Why::Malformed);
    }
    let found =
        Directory { at: u64_at(&record, 48)?, size: u64_at(&record, 40)?, entries: u64_at(&record, 32)? };
    Ok(Some((at, found)))
}

/// One entry of the directory, and how many bytes it takes there.
fn entry(bytes: &[u8]) -> Result<(Entry, usize), Why> {
    if u32_at(bytes, 0)? != ENTRY {
        return Err(Why::Malformed);
    }
    let length = |at: usize| u16_at(bytes, at).map(usize::from);
    let (name_size, extra_size, comment_size) = (length(28)?, length(30)?, length(32)?);
    let name_end = name_size.saturating_add(46);
    let extra_end = name_end.saturating_add(extra_size);
    let used = extra_end.saturating_add(comment_size);
    let name = bytes.get(46..name_end).ok_or(Why::Malformed)?;
    let extra = bytes.get(name_end..extra_end).filter(|_| used <= bytes.len()).ok_or(Why::Malformed)?;
    // APPNOTE 4.5.3: of size, compressed size and offset those that do not fit, in this order.
    let mut large = extra64(extra)?;
    let mut field = |at: usize| match u32_at(bytes, at)? {
        0xffff_ffff => {
            let (value, rest) = large.split_first_chunk::<8>().ok_or(Why::Malformed)?;
            large = rest;
            Ok::<u64, Why>(u64::from_le_bytes(*value))
        }
        small => Ok(u64::from(small)),
    };
    let (_size, compressed, local) = (field(24)?, field(20)?, field(42)?);
    let packed = match (u16_at(bytes, 8)? & ENCRYPTED, u16_at(bytes, 10)?) {
        (ENCRYPTED, _) => Packed::Not(Why::Encrypted),
        (_, 0) => Packed::Stored,
        (_, 8) => Packed::Deflated,
        _ => Packed::Not(Why::Method),
    };
    let name = String::from_utf8_lossy(name).into_owned();
    let name_size = u64::try_from(name_size).unwrap_or(u64::MAX);
    Ok((Entry { name, packed, local, compressed, name_size }, used))
}

/// The zip64 field among the extra fields, which are `u16 id, u16 size, bytes`.
fn extra64(extra: &[u8]) -> Result<&[u8], Why> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, size) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let end = size.saturating_add(4);
        let value = rest.get(4..end).ok_or(Why::Malformed)?;
        if id == 1 {
            return Ok(value);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    Ok(&[])
}

fn read(reader: &mut dyn ReadSeek, at: u64, size: u64) -> Result<Vec<u8>, Why> {
    reader.seek(SeekFrom::Start(at)).map_err(|_| Why::Malformed)?;
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes).map_err(|_| Why::Malformed)?;
    if u64::try_from(bytes.len()) == Ok(size) { Ok(bytes) } else { Err(Why::Malformed) }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Why> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(Why::Malformed)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Why> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Why> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Why> {
    array(bytes, at).map(u64::from_le_bytes)
}
