//! Finds the signatures of an image and says what became of each of its bytes.
//!
//! The certificate table is outside the digest, so anything may hide in it: code appended behind the CMS structure keeps
//! the signature valid (CVE-2013-3900, used against 3CX). Here every byte of the table must be a header, a CMS
//! structure or zero padding; anything else is reported as uncovered.

use std::io::SeekFrom;

use chancery_core::digest::DigestAlgorithm;
use chancery_x509::cms::parse::{Content, ParseError, SignedData};
use chancery_x509::{cms, tlv};

use crate::patch::read_some;
use crate::pe::attach::{ENTRY_HEADER, ENTRY_KIND, MAX_SIGNATURE};
use crate::pe::digest::{ImageDigest, padding};
use crate::pe::image::{HEAD, Image, Table};
use crate::pe::malformed;
use crate::pe::prepare::fill;
use crate::pe::spc::{self, IndirectData, element_size};
use crate::pe::statement::Body;
use crate::seam::{Cover, Coverage, Extracted, FormatError, FoundSignature, ReadSeek};

/// Largest certificate table in bytes: a few signatures.
pub const MAX_TABLE: u32 = 4 << 20;
/// Most signatures in one image, nested ones included.
pub const MAX_SIGNATURES: usize = 8;
const BUFFER: usize = 256 * 1024;

/// Finds the signatures: those of the table in its order, each followed by those nested in it.
pub fn extract(reader: &mut dyn ReadSeek) -> Result<Extracted, FormatError> {
    let size = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut head = vec![0u8; HEAD];
    let count = fill(reader, &mut head)?;
    head.truncate(count);
    let image = Image::parse(&head)?;
    if image.sections_end() > size {
        return Err(malformed(format!("sections end at {}, the file at {size}", image.sections_end())));
    }
    let mut coverage = Coverage::default();
    let Some(table) = image.table() else {
        coverage.extend_to(size, Cover::Uncovered("an image without a signature"));
        return Ok(Extracted { found: Vec::new(), coverage });
    };
    let bytes = read_table(reader, table, size)?;
    cover_image(&image, table, &mut coverage);
    let mut blobs = Vec::new();
    for blob in split_table(&bytes, u64::from(table.offset), &mut coverage) {
        add_with_nested(blob, &mut blobs)?;
    }
    if blobs.is_empty() {
        return Err(malformed("the certificate table does not start with a signature"));
    }
    coverage.extend_to(size, Cover::Uncovered("bytes behind the certificate table"));
    let found = found(reader, &image, table, blobs)?;
    Ok(Extracted { found, coverage })
}

fn read_table(reader: &mut dyn ReadSeek, table: Table, size: u64) -> Result<Vec<u8>, FormatError> {
    if table.size > MAX_TABLE {
        return Err(malformed(format!("certificate table of {} bytes", table.size)));
    }
    if u64::from(table.offset).saturating_add(u64::from(table.size)) > size {
        return Err(malformed("certificate table reaches beyond the end of the file"));
    }
    reader.seek(SeekFrom::Start(u64::from(table.offset)))?;
    let mut bytes = vec![0u8; usize::try_from(table.size).unwrap_or(0)];
    let count = fill(reader, &mut bytes)?;
    if count != bytes.len() {
        return Err(FormatError::Changed);
    }
    Ok(bytes)
}

fn cover_image(image: &Image, table: Table, coverage: &mut Coverage) {
    let (checksum, directory) = (image.checksum_at(), image.directory_at());
    coverage.extend_to(checksum, Cover::Covered);
    coverage.extend_to(checksum.saturating_add(4), Cover::Excluded("checksum"));
    coverage.extend_to(directory, Cover::Covered);
    coverage.extend_to(directory.saturating_add(8), Cover::Excluded("address of the certificate table"));
    coverage.extend_to(u64::from(table.offset), Cover::Covered);
}

/// Splits the table, which starts at `offset` of the file, into CMS structures. Where an entry is anything but header,
/// CMS structure and zero padding, the walk ends and the rest is uncovered.
fn split_table<'a>(table: &'a [u8], offset: u64, coverage: &mut Coverage) -> Vec<&'a [u8]> {
    let mut blobs = Vec::new();
    let mut rest = table;
    let mut at = offset;
    while let Some((length, blob)) = split_entry(rest) {
        let used = ENTRY_HEADER.saturating_add(u64::try_from(blob.len()).unwrap_or(u64::MAX));
        let padded = used.saturating_add(padding(used));
        blobs.push(blob);
        // Signers disagree on whether the length counts the padding; both are unambiguous.
        if u64::from(length) != used && u64::from(length) != padded {
            break;
        }
        coverage.extend_to(at.saturating_add(ENTRY_HEADER), Cover::Excluded("header of a table entry"));
        coverage.extend_to(at.saturating_add(used), Cover::Excluded("signature"));
        if !rest.get(index(used)..index(padded)).is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0)) {
            break;
        }
        at = at.saturating_add(padded);
        coverage.extend_to(at, Cover::Excluded("zero padding of a table entry"));
        rest = rest.get(index(padded)..).unwrap_or_default();
    }
    let size = u64::try_from(table.len()).unwrap_or(u64::MAX);
    coverage.extend_to(offset.saturating_add(size), Cover::Uncovered("bytes in the certificate table"));
    blobs
}

/// The length that the first entry states, and its CMS structure.
fn split_entry(table: &[u8]) -> Option<(u32, &[u8])> {
    let (length, rest) = table.split_first_chunk::<4>()?;
    let (kind, content) = rest.split_first_chunk::<4>()?;
    if *kind != ENTRY_KIND || content.first() != Some(&tlv::SEQUENCE) {
        return None;
    }
    let size = element_size(content).filter(|size| *size <= MAX_SIGNATURE)?;
    Some((u32::from_le_bytes(*length), content.get(..size)?))
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Adds a signature and those nested in it as unsigned attributes; one level, as Windows reads them.
fn add_with_nested(blob: &[u8], blobs: &mut Vec<Vec<u8>>) -> Result<(), FormatError> {
    let parsed = parse(blob)?;
    blobs.push(blob.to_vec());
    for signer in &parsed.signers {
        let nested = signer.unsigned_attributes.iter().filter(|a| a.oid == cms::oid::SPC_NESTED_SIGNATURE);
        blobs.extend(nested.flat_map(|attribute| attribute.values.iter().cloned()));
    }
    if blobs.len() > MAX_SIGNATURES {
        return Err(malformed(format!("more than {MAX_SIGNATURES} signatures")));
    }
    Ok(())
}

fn parse(blob: &[u8]) -> Result<SignedData, FormatError> {
    cms::parse::parse(blob).map_err(|error| {
        if let ParseError::Algorithm(source) = error {
            return FormatError::Unsupported(source.to_string());
        }
        malformed(format!("certificate table: {error}"))
    })
}

/// What a signature claims to be about. Nothing about it is verified.
pub fn signed_content(signature: &SignedData) -> Result<IndirectData, FormatError> {
    match &signature.content {
        Some(Content { tag: tlv::SEQUENCE, value })
            if signature.content_type == cms::oid::SPC_INDIRECT_DATA =>
        {
            spc::parse_indirect_data(value)
        }
        Some(_) | None => Err(malformed("a signature of something else than an image")),
    }
}

/// Makes the statement that each signature should be about, from the bytes of the image.
fn found(
    reader: &mut dyn ReadSeek,
    image: &Image,
    table: Table,
    blobs: Vec<Vec<u8>>,
) -> Result<Vec<FoundSignature>, FormatError> {
    let mut algorithms = Vec::with_capacity(blobs.len());
    for blob in &blobs {
        algorithms.push(signed_content(&parse(blob)?)?.algorithm);
    }
    let digests = image_digests(reader, image, table, &algorithms)?;
    let bodies = algorithms.iter().filter_map(|algorithm| {
        let (_, image_digest) = digests.iter().find(|(known, _)| known == algorithm)?;
        let body = Body {
            digest_algorithm: *algorithm,
            image_digest: image_digest.clone(),
            program_name: None,
            url: None,
        };
        Some(body.to_json())
    });
    let bodies: Vec<_> = bodies.collect();
    Ok(blobs.into_iter().zip(bodies).map(|(blob, body)| FoundSignature { blob, body }).collect())
}

/// The digests of the image, one pass for all algorithms; INVARIANT: each algorithm once.
fn image_digests(
    reader: &mut dyn ReadSeek,
    image: &Image,
    table: Table,
    algorithms: &[DigestAlgorithm],
) -> Result<Vec<(DigestAlgorithm, Vec<u8>)>, FormatError> {
    let mut contexts: Vec<(DigestAlgorithm, ImageDigest)> = Vec::new();
    for algorithm in algorithms {
        if !contexts.iter().any(|(known, _)| known == algorithm) {
            contexts.push((*algorithm, ImageDigest::new(*algorithm)));
        }
    }
    reader.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0u8; BUFFER];
    let mut left = u64::from(table.offset);
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
        let count = read_some(reader, buffer.get_mut(..wanted).unwrap_or_default())?;
        if count == 0 {
            return Err(FormatError::Changed);
        }
        let chunk = buffer.get(..count).unwrap_or_default();
        for (_, context) in &mut contexts {
            context.update(image, chunk);
        }
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(contexts.into_iter().map(|(algorithm, context)| (algorithm, context.finish())).collect())
}
