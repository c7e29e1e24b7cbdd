//! Tiles and entry bundles (C2SP tlog-tiles): coordinates, paths, bytes.
//!
//! ```text
//! tile/<level>/<index>          256 hashes of 32 bytes, level 0 = leaf hashes
//! tile/<level>/<index>.p/<w>    the rightmost tile while it has only w < 256 hashes
//! tile/entries/<index>[.p/<w>]  256 (or w) leaves, each as big-endian u16 length || bytes
//! index 1234067 is spelled      x001/x234/067
//! ```

use std::fmt;

use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::MAX_LEAF;

use crate::merkle::{Nodes, node_hash};

/// Hashes in a full tile, leaves in a full bundle.
pub const WIDTH: u64 = 256;
/// Tree levels that one tile spans.
pub const HEIGHT: u8 = 8;

/// A path or bundle that is not well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTile {
    /// A bundle that ends within an entry, holds an empty one, or has too many.
    #[error("entry bundle is not well formed")]
    Bundle,
    /// Not a whole number of hashes, none, or more than 256.
    #[error("tile is not 1 to 256 hashes")]
    Hashes,
    /// A leaf that is empty or larger than 65535 bytes.
    #[error("leaf of {0} bytes; expected 1 to 65535")]
    Leaf(usize),
    /// Not a path of a tile.
    #[error("path names no tile")]
    Path,
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Leaves.
    Entries,
    /// Hashes of tile level 0 to 7; a tree of 2^63 leaves has 8 of them.
    Hashes(u8),
}

/// A tile's place and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub content: Content,
    /// Index within the level.
    pub index: u64,
    /// How many hashes or leaves it has: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// A full tile.
    #[must_use]
    pub const fn full(content: Content, index: u64) -> Self {
        Self { content, index, width: 256 }
    }
    /// Whether it has all of its 256 hashes.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == 256
    }
    /// Parses a path below the ledger's prefix, without a leading slash: `tile/0/x001/234.p/17`.
    pub fn parse(path: &str) -> Result<Self, InvalidTile> {
        let tile = parse_path(path).ok_or(InvalidTile::Path)?;
        // Leading zeroes and short elements do not survive the round trip.
        if tile.to_string() == path { Ok(tile) } else { Err(InvalidTile::Path) }
    }
    /// The tiles and bundles that are on the right edge of a tree of `size`, partial or just filled, lowest first.
    #[must_use]
    pub fn edge(size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        if let Some(tile) = Self::last(Content::Entries, size) {
            tiles.push(tile);
        }
        tiles.extend((0..8).filter_map(|level| Self::last(Content::Hashes(level), size)));
        tiles
    }
    /// The last tile of a level in a tree of `size`; nothing when the level is empty.
    #[must_use]
    pub fn last(content: Content, size: u64) -> Option<Self> {
        let level = match content {
            Content::Entries => 0,
            Content::Hashes(level) => level,
        };
        let count = size.checked_shr(u32::from(level).saturating_mul(u32::from(HEIGHT))).unwrap_or(0);
        let index = count.checked_sub(1)? / WIDTH;
        let width = u16::try_from(count.saturating_sub(index.saturating_mul(WIDTH))).ok()?;
        Some(Self { content, index, width })
    }
    /// Whether a tree of `size` has this tile, with this width or a larger one.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        Self::last(self.content, size).is_some_and(|last| {
            self.index < last.index || self.index == last.index && self.width <= last.width
        })
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Entries => f.write_str("tile/entries/")?,
            Content::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

fn parse_path(path: &str) -> Option<Tile> {
    let rest = path.strip_prefix("tile/")?;
    let (content, rest) = rest.split_once('/')?;
    let content = match content {
        "entries" => Content::Entries,
        level => Content::Hashes(level.parse().ok().filter(|level| *level < 8)?),
    };
    let (rest, width) = match rest.split_once(".p/") {
        Some((rest, width)) => (rest, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (rest, 256),
    };
    let mut index = 0_u64;
    for group in rest.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let value = digits.parse::<u64>().ok().filter(|value| *value < 1000)?;
        index = index.checked_mul(1000)?.checked_add(value)?;
    }
    Some(Tile { content, index, width })
}

/// Writes hashes as the bytes of a tile.
#[must_use]
pub fn encode_hashes(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Reads the bytes of a tile: 1 to 256 hashes.
pub fn decode_hashes(bytes: &[u8]) -> Result<Vec<Sha256>, InvalidTile> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    if chunks.is_empty() || chunks.len() > 256 || !rest.is_empty() {
        return Err(InvalidTile::Hashes);
    }
    Ok(chunks.iter().map(|chunk| Sha256::from_bytes(*chunk)).collect())
}

/// Adds a leaf to a bundle: big-endian u16 length, bytes.
pub fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), InvalidTile> {
    let length = u16::try_from(leaf.len()).ok().filter(|length| *length > 0);
    let length = length.ok_or(InvalidTile::Leaf(leaf.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Ok(())
}

/// Reads a run of entries: at most `most`, none empty, nothing after the last. A full bundle has 256.
pub fn entries(mut bytes: &[u8], most: usize) -> Result<Vec<&[u8]>, InvalidTile> {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (leaf, rest) = rest.split_at_checked(length).ok_or(InvalidTile::Bundle)?;
        if leaf.is_empty() || leaf.len() > MAX_LEAF || leaves.len() == most {
            return Err(InvalidTile::Bundle);
        }
        leaves.push(leaf);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(leaves) } else { Err(InvalidTile::Bundle) }
}

/// Tiles as a source of nodes: `fetch` gives a tile's hashes for (tile level, index), as many as there are.
pub struct TileNodes<F> {
    fetch: F,
}

impl<F> fmt::Debug for TileNodes<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TileNodes")
    }
}

impl<F: Fn(u8, u64) -> Option<std::sync::Arc<Vec<Sha256>>>> TileNodes<F> {
    /// Wraps a tile source; it should keep what it fetched, because a proof asks for each of few tiles up to 8 times.
    pub const fn new(fetch: F) -> Self {
        Self { fetch }
    }
}

impl<F: Fn(u8, u64) -> Option<std::sync::Arc<Vec<Sha256>>>> Nodes for TileNodes<F> {
    fn node(&self, level: u8, index: u64) -> Option<Sha256> {
        let (tile_level, height) = (level / HEIGHT, level % HEIGHT);
        let count = 1_u64 << height;
        let start = index.checked_mul(count)?;
        let hashes = (self.fetch)(tile_level, start / WIDTH)?;
        let from = usize::try_from(start % WIDTH).ok()?;
        let to = from.checked_add(usize::try_from(count).ok()?)?;
        let mut row = hashes.get(from..to)?.to_vec();
        while row.len() > 1 {
            let (pairs, _) = row.as_chunks::<2>();
            row = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        row.first().copied()
    }
}
