//! One streaming pass over an image: its statement, its own digest, and where the signature goes.

use std::io::Read;
use std::sync::{Arc, mpsc};

use chancery_core::digest::{Hasher, Sha256};
use chancery_core::family::Family;

use crate::patch::read_some;
use crate::pe::digest::{ChecksumSum, ImageDigest};
use crate::pe::image::{HEAD, Image, Table};
use crate::pe::malformed;
use crate::pe::options::{PeOptions, Present};
use crate::pe::statement::Body;
use crate::seam::{self, FormatError, Options, Prepared};

/// Size of a read in bytes.
const BUFFER: usize = 256 * 1024;
/// Buffers in flight between reading and hashing.
const BUFFERS: usize = 4;

/// Where the signature goes in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub(super) image: Image,
    /// Where the image ends: the size of an unsigned file, or the offset of the table that is dropped.
    pub(super) end: u64,
    /// The checksum's sum over `0..end`, so that attaching needs no second pass.
    pub(super) sum: ChecksumSum,
}

/// Reads the image once. Memory is a few buffers, whatever its size.
pub fn prepare(reader: &mut dyn Read, options: &Options<'_>) -> Result<Prepared, FormatError> {
    let options = PeOptions::parse(options)?;
    let mut head = vec![0u8; HEAD];
    let count = fill(reader, &mut head)?;
    head.truncate(count);
    let image = Image::parse(&head)?;
    if image.table().is_some() && options.present == Present::Refuse {
        return Err(FormatError::AlreadySigned);
    }
    let mut whole = Hasher::default();
    whole.update(&head);
    let mut pass = Pass::new(&image, &options);
    pass.update(&head);
    if count == HEAD {
        whole = hash_rest(reader, whole, &mut pass)?;
    }
    pass.finish(options, whole.finish())
}

/// Hashes what follows the head: the file's own digest on a second thread, because two digests of every byte are the
/// cost of the whole pass.
fn hash_rest(reader: &mut dyn Read, mut whole: Hasher, pass: &mut Pass<'_>) -> Result<Hasher, FormatError> {
    let (to_hash, hash) = mpsc::channel::<Arc<Chunk>>();
    let (give_back, free) = mpsc::channel::<Arc<Chunk>>();
    for _ in 0..BUFFERS {
        // INVARIANT: the receiver lives in this function, so sending cannot fail.
        give_back.send(Arc::new(Chunk { bytes: vec![0; BUFFER], filled: 0 })).map_err(|_| broken())?;
    }
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().spawn_scoped(scope, move || {
            for chunk in hash {
                whole.update(chunk.filled());
                if give_back.send(chunk).is_err() {
                    break;
                }
            }
            whole
        })?;
        loop {
            let mut chunk = free.recv().map_err(|_| broken())?;
            let buffer = Arc::get_mut(&mut chunk).ok_or_else(broken)?;
            buffer.filled = fill(reader, &mut buffer.bytes)?;
            if buffer.filled == 0 {
                break;
            }
            to_hash.send(Arc::clone(&chunk)).map_err(|_| broken())?;
            pass.update(chunk.filled());
        }
        drop(to_hash);
        worker.join().map_err(|_| broken())
    })
}

/// A buffer that two threads read at the same time, and one of them fills when the other has given it back.
struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
}

impl Chunk {
    fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

fn broken() -> FormatError {
    FormatError::Io(std::io::Error::other("hashing thread ended early"))
}

/// Reads until the buffer is full or the input ends.
pub(super) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, FormatError> {
    let mut filled = 0usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_some(reader, rest)? {
            0 => break,
            count => filled = filled.saturating_add(count),
        }
    }
    Ok(filled)
}

/// The image digest and the checksum, over the bytes before an old table.
struct Pass<'a> {
    image: &'a Image,
    /// Where the image must end at the latest.
    limit: u64,
    size: u64,
    digest: ImageDigest,
    sum: ChecksumSum,
}

impl<'a> Pass<'a> {
    fn new(image: &'a Image, options: &PeOptions) -> Self {
        Self {
            image,
            limit: image.table().map_or(u64::MAX, |table| u64::from(table.offset)),
            size: 0,
            digest: ImageDigest::new(options.digest_algorithm),
            sum: ChecksumSum::default(),
        }
    }
    fn update(&mut self, chunk: &[u8]) {
        let kept = usize::try_from(self.limit.saturating_sub(self.size)).unwrap_or(usize::MAX);
        let kept = chunk.get(..kept.min(chunk.len())).unwrap_or_default();
        self.digest.update(self.image, kept);
        self.sum.update(self.image, kept);
        self.size = self.size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    fn finish(self, options: PeOptions, digest: Sha256) -> Result<Prepared, FormatError> {
        let end = self.limit.min(self.size);
        check_end(self.image, self.size)?;
        let body = Body {
            digest_algorithm: options.digest_algorithm,
            image_digest: self.digest.finish(),
            program_name: options.program_name,
            url: options.url,
        };
        Ok(Prepared {
            body: body.to_json(),
            family: Family::Cms,
            digest,
            size: self.size,
            layout: seam::Layout::Pe(Layout { image: self.image.clone(), end, sum: self.sum }),
        })
    }
}

/// The sections lie in the file, and an old table ends it: bytes behind it would be lost, and nobody covered them.
fn check_end(image: &Image, size: u64) -> Result<(), FormatError> {
    if let Some(Table { offset, size: length }) = image.table()
        && u64::from(offset).checked_add(u64::from(length)) != Some(size)
    {
        return Err(malformed("the certificate table does not end the file"));
    }
    if image.sections_end() > size {
        return Err(malformed(format!("sections end at {}, the file at {size}", image.sections_end())));
    }
    Ok(())
}
