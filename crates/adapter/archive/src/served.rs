//! A ledger as it is served, in a directory: `checkpoint`, `tile/<level>/<index>`, `tile/entries/<index>`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chancery_audit::source::{Ledger, StoredTile, Unreadable};
use chancery_ledger::tile::{Content, Tile, WIDTH, entries};

use crate::files;

/// Leaves of one bundle; `None` where one is not there.
type Bundle = Vec<Option<Vec<u8>>>;

/// A directory with a copy of a ledger.
#[derive(Debug)]
pub struct Served {
    root: PathBuf,
    size: u64,
    checkpoint: String,
    last: RefCell<Option<(u64, Bundle)>>,
}

impl Served {
    /// Opens a directory; its checkpoint says how large the ledger is, whether or not it is to be believed.
    pub fn open(root: &Path) -> Result<Self, Unreadable> {
        let what = format!("`{}`", root.join("checkpoint").display());
        let bytes = files::read(&root.join("checkpoint"))?;
        let bytes = bytes.ok_or_else(|| Unreadable::new(&what, "there is no such file"))?;
        let checkpoint = String::from_utf8_lossy(&bytes).into_owned();
        let size = checkpoint.lines().nth(1).and_then(|line| line.parse().ok());
        let size = size.ok_or_else(|| Unreadable::new(&what, "it names no size"))?;
        Ok(Self { root: root.to_owned(), size, checkpoint, last: RefCell::new(None) })
    }

    fn bundle(&self, index: u64) -> Result<Bundle, Unreadable> {
        let last = Tile::last(Content::Entries, self.size);
        let tile = match last.filter(|last| last.index == index) {
            Some(last) => last,
            None => Tile::full(Content::Entries, index),
        };
        let mut bytes = files::read(&self.root.join(tile.to_string()))?;
        if bytes.is_none() && !tile.is_full() {
            // A mirror may have gone on since its checkpoint was written.
            bytes = files::full(&self.root, tile)?.bytes;
        }
        let width = usize::from(tile.width);
        let read = bytes.as_deref().and_then(|bytes| entries(bytes, 256).ok()).unwrap_or_default();
        let mut leaves: Bundle = read.into_iter().take(width).map(|leaf| Some(leaf.to_vec())).collect();
        leaves.resize(width, None);
        Ok(leaves)
    }
}

impl Ledger for Served {
    fn checkpoint(&self) -> Result<String, Unreadable> {
        Ok(self.checkpoint.clone())
    }
    fn size(&self) -> Result<u64, Unreadable> {
        Ok(self.size)
    }
    fn leaves(&self, from: u64, to: u64) -> Result<Vec<Option<Vec<u8>>>, Unreadable> {
        let mut leaves = Vec::new();
        for index in from..to {
            let (bundle, place) = (index / WIDTH, usize::try_from(index % WIDTH).unwrap_or(0));
            let mut last = self.last.borrow_mut();
            if last.as_ref().is_none_or(|(known, _)| *known != bundle) {
                *last = Some((bundle, self.bundle(bundle)?));
            }
            let leaf = last.as_ref().and_then(|(_, leaves)| leaves.get(place).cloned().flatten());
            leaves.push(leaf);
        }
        Ok(leaves)
    }
    fn tiles(&self, tile: Tile) -> Result<Vec<StoredTile>, Unreadable> {
        let mut stored = files::partial(&self.root, tile.content, tile.index)?;
        let full = files::full(&self.root, tile)?;
        let has_partial = stored.iter().any(|stored| stored.width == Some(tile.width));
        if full.bytes.is_some() || tile.is_full() {
            stored.push(full);
        } else if !has_partial {
            let place = format!("file `{tile}`");
            stored.push(StoredTile { place, width: Some(tile.width), bytes: None });
        }
        Ok(stored)
    }
}
