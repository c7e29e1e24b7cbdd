//! The tree, rebuilt from the leaves: every node that a stored tile holds is compared with what was computed.

use chancery_core::digest::Sha256;
use chancery_ledger::merkle::{Edge, Head, leaf_hash};
use chancery_ledger::tile::{Content, HEIGHT, Tile, decode_hashes, entries};

use crate::finding::{Code, Finding};
use crate::report::Findings;
use crate::source::{Ledger, StoredTile, Unreadable};

/// Tile levels of a tree of 2^63 leaves.
const LEVELS: usize = 8;
const FULL: usize = 256;

/// The right edge and the tiles that are not full yet, one per level.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    edge: Edge,
    tiles: [Vec<Sha256>; LEVELS],
    pub(crate) compared: u64,
}

impl Tree {
    pub(crate) fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }

    /// Appends a leaf and compares every tile that it fills.
    pub(crate) fn append(
        &mut self,
        leaf: &[u8],
        ledger: &dyn Ledger,
        findings: &mut Findings,
    ) -> Result<(), Unreadable> {
        let mut nodes = Vec::new();
        let index = self.edge.size();
        let appended = self.edge.append(leaf_hash(leaf), |node| nodes.push(node));
        if let Err(error) = appended {
            findings.found(index, Code::Root, error.to_string());
        }
        for node in nodes.into_iter().filter(|node| node.level % HEIGHT == 0) {
            let level = node.level / HEIGHT;
            let Some(hashes) = self.tiles.get_mut(usize::from(level)) else { continue };
            hashes.push(node.hash);
            if hashes.len() == FULL {
                let hashes = std::mem::take(hashes);
                self.compare((level, node.index / 256), &hashes, ledger, findings)?;
            }
        }
        Ok(())
    }

    /// Compares the tiles at the right edge, as wide as they are.
    pub(crate) fn finish(&mut self, ledger: &dyn Ledger, findings: &mut Findings) -> Result<(), Unreadable> {
        let size = self.edge.size();
        for level in 0_u8..8 {
            let Some(hashes) = self.tiles.get_mut(usize::from(level)) else { continue };
            let hashes = std::mem::take(hashes);
            let last = Tile::last(Content::Hashes(level), size).filter(|tile| !tile.is_full());
            if let Some(tile) = last {
                self.compare((level, tile.index), &hashes, ledger, findings)?;
            }
        }
        Ok(())
    }

    fn compare(
        &mut self,
        (level, index): (u8, u64),
        hashes: &[Sha256],
        ledger: &dyn Ledger,
        findings: &mut Findings,
    ) -> Result<(), Unreadable> {
        let width = u16::try_from(hashes.len()).unwrap_or(0);
        let contents: &[Content] =
            if level == 0 { &[Content::Hashes(0), Content::Entries] } else { &[Content::Hashes(level)] };
        for content in contents {
            let tile = Tile { content: *content, index, width };
            for stored in ledger.tiles(tile)? {
                self.compared = self.compared.saturating_add(1);
                findings.extend(difference(tile, hashes, &stored));
            }
        }
        Ok(())
    }
}

/// The first hash of a stored tile that is not what the leaves give. A stored tile may be wider than what is audited.
fn difference(tile: Tile, hashes: &[Sha256], stored: &StoredTile) -> Option<Finding> {
    let shift = match tile.content {
        Content::Entries => 0,
        Content::Hashes(level) => u32::from(level).saturating_mul(u32::from(HEIGHT)),
    };
    // Where the leaves of the tile's n-th hash begin.
    let leaf = |place: usize| {
        let place = tile.index.saturating_mul(256).saturating_add(u64::try_from(place).unwrap_or(0));
        place.checked_shl(shift).unwrap_or(u64::MAX)
    };
    let finding =
        |place: usize, what: &str| Finding::new(leaf(place), Code::Tile, format!("{} {what}", stored.place));
    let Some(bytes) = &stored.bytes else { return Some(finding(0, "is not there")) };
    let found = match tile.content {
        Content::Entries => entries(bytes, FULL).map(|leaves| leaves.into_iter().map(leaf_hash).collect()),
        Content::Hashes(_) => decode_hashes(bytes),
    };
    let found: Vec<Sha256> = match found {
        Ok(found) => found,
        Err(error) => return Some(finding(0, &error.to_string())),
    };
    let width = stored.width.map(usize::from);
    if let Some(width) = width.filter(|width| *width != found.len()) {
        let place = found.len().min(width);
        return Some(finding(place, "has not the width that its name says").because(found.len(), width));
    }
    for (place, computed) in hashes.iter().enumerate().take(width.unwrap_or(usize::MAX)) {
        match found.get(place) {
            Some(stored) if stored == computed => {}
            Some(stored) => {
                return Some(finding(place, "is not what the leaves give").because(stored, computed));
            }
            None => return Some(finding(place, "ends too early").because(found.len(), hashes.len())),
        }
    }
    None
}
