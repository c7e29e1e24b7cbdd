//! One streaming pass: a thread reads ahead while the caller hashes, with progress where a person waits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use chancery_core::digest::{Hasher, Sha256};
use chancery_verify::foreign::{Digests, Hashing};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;

/// Size of a buffer in bytes.
const BUFFER: usize = 1 << 20;
/// Buffers in flight; with the one being hashed and the one being read, memory stays below 5 MiB.
const AHEAD: usize = 2;
/// Files of this size and more show progress, and are worth a second thread.
const LARGE: u64 = 64 << 20;

/// Whether a person waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Show a bar for large files.
    Shown,
    /// Say nothing.
    Hidden,
}

/// Opens a regular file.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let unreadable = |error: io::Error| Failure::file("read", path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_file() { Ok(file) } else { Err(Failure::file("read", path, &"not a regular file")) }
}

/// SHA-256 of a whole file.
pub(crate) fn digest(file: &mut File, path: &Path) -> Result<Sha256, Failure> {
    let mut hasher = Hasher::default();
    each_chunk(file, path, |chunk| hasher.update(chunk))?;
    Ok(hasher.finish())
}

/// SHA-256 of a whole file, and the further digests that a bundle names, in one pass.
pub(crate) fn digests(file: &mut File, path: &Path, mut hashing: Hashing) -> Result<Digests, Failure> {
    each_chunk(file, path, |chunk| hashing.update(chunk))?;
    Ok(hashing.finish())
}

fn each_chunk(file: &mut File, path: &Path, mut see: impl FnMut(&[u8])) -> Result<(), Failure> {
    let read = stream(file, Progress::Hidden, |reader| {
        let mut buffer = vec![0u8; BUFFER / 4];
        loop {
            let count = reader.read(&mut buffer)?;
            let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { return Ok(()) };
            see(chunk);
        }
    });
    read.map_err(|error: io::Error| Failure::file("read", path, &error))
}

/// Gives a reader over the whole file, from its start. Large files are read ahead by a second thread.
pub(crate) fn stream<T>(
    file: &mut File,
    progress: Progress,
    work: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> io::Result<T> {
    use std::io::Seek as _;
    file.rewind()?;
    let size = file.metadata()?.len();
    if size < LARGE {
        return work(file);
    }
    let bar = bar(size, progress);
    let result = std::thread::scope(|scope| {
        let (filled, chunks) = sync_channel::<io::Result<Chunk>>(AHEAD);
        let (give_back, free) = sync_channel::<Vec<u8>>(AHEAD.saturating_add(2));
        for _ in 0..AHEAD.saturating_add(2) {
            drop(give_back.send(vec![0u8; BUFFER]));
        }
        std::thread::Builder::new().spawn_scoped(scope, move || read_ahead(file, &free, &filled))?;
        let mut ahead = Ahead { chunks, give_back, current: None, position: 0, bar: &bar };
        work(&mut ahead)
    });
    bar.finish_and_clear();
    result
}

struct Chunk {
    bytes: Vec<u8>,
    length: usize,
}

/// Ends when the file does, on an error, or when nobody listens any more.
fn read_ahead(file: &mut File, free: &Receiver<Vec<u8>>, filled: &SyncSender<io::Result<Chunk>>) {
    for mut bytes in free {
        let read = loop {
            match file.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let (chunk, is_last) = match read {
            Ok(length) => (Ok(Chunk { bytes, length }), length == 0),
            Err(error) => (Err(error), true),
        };
        if filled.send(chunk).is_err() || is_last {
            return;
        }
    }
}

struct Ahead<'a> {
    chunks: Receiver<io::Result<Chunk>>,
    give_back: SyncSender<Vec<u8>>,
    current: Option<Chunk>,
    position: usize,
    bar: &'a ProgressBar,
}

impl Read for Ahead<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let spent = self.current.as_ref().is_none_or(|chunk| self.position >= chunk.length);
        if spent {
            if let Some(chunk) = self.current.take() {
                drop(self.give_back.send(chunk.bytes));
            }
            let ended = || io::Error::other("the reading thread ended early");
            let chunk = self.chunks.recv().map_err(|_| ended())??;
            self.bar.inc(u64::try_from(chunk.length).unwrap_or(0));
            self.position = 0;
            self.current = Some(chunk);
        }
        let Some(chunk) = &self.current else { return Ok(0) };
        let rest = chunk.bytes.get(self.position..chunk.length).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.position = self.position.saturating_add(count);
        Ok(count)
    }
}

fn bar(size: u64, progress: Progress) -> ProgressBar {
    let target = match progress {
        Progress::Shown => ProgressDrawTarget::stderr(),
        Progress::Hidden => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(size), target);
    match ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {bytes_per_sec}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn large_and_small_files_hash_the_same_as_their_bytes() {
        let directory = tempfile::tempdir().unwrap();
        for size in [0usize, 5, usize::try_from(LARGE).unwrap() + 3] {
            let path = directory.path().join("file");
            let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            File::create(&path).unwrap().write_all(&bytes).unwrap();
            assert_eq!(digest(&mut open(&path).unwrap(), &path).unwrap(), Sha256::of(&bytes), "{size}");
        }
    }

    #[test]
    fn stopping_early_does_not_hang() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        File::create(&path).unwrap().set_len(LARGE * 2).unwrap();
        let mut file = open(&path).unwrap();
        let stopped: io::Result<()> = stream(&mut file, Progress::Hidden, |reader| {
            let mut one = [0u8; 1];
            assert_eq!(reader.read(&mut one)?, 1);
            Err(io::Error::other("enough"))
        });
        assert!(stopped.is_err());
        assert!(open(directory.path()).is_err());
    }
}
