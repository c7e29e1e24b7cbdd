//! A copy of the ledger in a directory, laid out as C2SP tlog-tiles: any monitor can read it, and so can we again.
//!
//! ```text
//! DIR/tile/entries/000.p/17   what is fetched: entries, the only thing that cannot be computed
//! DIR/tile/0/000.p/17         what is computed from them: hashes, so no tile has to be believed
//! DIR/checkpoint              written last
//! DIR/.incoming/…             the same tree while it is fetched
//! ```
//! INVARIANT: what is outside of `.incoming` led to the root of a checkpoint that was checked, so a service that shows
//! another history cannot spoil the copy that proves it. Running again takes up what a run before left in `.incoming`.

use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::verdict::Reason;
use chancery_ledger::merkle::{Edge, Head, leaf_hash};
use chancery_ledger::tile::{self, Content, HEIGHT, Tile, WIDTH};

use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::trust::read_bounded;

/// Largest bundle in bytes: 256 entries of 65,535 bytes, each after its length.
const MAX_BUNDLE: usize = 256 * (2 + 65_535);
/// Where the copy is while it is not checked.
const INCOMING: &str = ".incoming";
/// Most entries of a bundle.
const MOST: usize = 256;

/// What became of the copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Bundles of entries that the service was asked for.
    pub(crate) fetched: u64,
    /// Bundles that were there and still hold.
    pub(crate) kept: u64,
}

/// Where a copy goes, and what it holds so far.
struct Copy<'a> {
    directory: &'a Path,
    incoming: PathBuf,
    edge: Edge,
    /// Hashes of the unfinished tile of each tile level.
    rows: Vec<Vec<Sha256>>,
}

/// Copies everything below `new`, which the caller checked; `old` is the checkpoint that is in the directory, checked
/// likewise. Errors when the entries do not lead to either root: a ledger never changes what it once held.
pub(crate) fn copy(
    server: &Server,
    directory: &Path,
    (old, new): (Option<Head>, Head),
) -> Result<Copied, Failure> {
    if let Some(old) = old.filter(|old| old.size > new.size) {
        return Err(forked("the ledger is shorter than its copy")
            .because(new.size.to_string(), format!("{} or more entries", old.size)));
    }
    let incoming = directory.join(INCOMING);
    let mut copy = Copy { directory, incoming, edge: Edge::default(), rows: Vec::new() };
    let mut copied = Copied::default();
    for index in 0..new.size.div_ceil(WIDTH) {
        let width = WIDTH.min(new.size.saturating_sub(index.saturating_mul(WIDTH)));
        let bundle =
            Tile { content: Content::Entries, index, width: u16::try_from(width).unwrap_or(u16::MAX) };
        let (bytes, leaves) = match copy.kept(bundle) {
            Some(kept) => {
                copied.kept = copied.kept.saturating_add(1);
                kept
            }
            None => {
                copied.fetched = copied.fetched.saturating_add(1);
                fetch(server, bundle)?
            }
        };
        copy.put(bundle, &bytes)?;
        for leaf in leaves {
            copy.append(leaf)?;
            if let Some(old) = old.filter(|old| old.size == copy.edge.size()) {
                copy.check(&old, "the ledger is not the one that was copied before")?;
            }
        }
    }
    copy.check(&new, "the entries are not those of the checkpoint")?;
    copy.put_edge(&new)?;
    settle(&copy.incoming, directory, 0).map_err(|error| Failure::file("write", directory, &error))?;
    Ok(copied)
}

impl Copy<'_> {
    /// A full bundle that is there and has the hashes of the tile above it; anything else is fetched again.
    fn kept(&self, bundle: Tile) -> Option<(Vec<u8>, Vec<Sha256>)> {
        let places = [self.directory, self.incoming.as_path()];
        places.into_iter().filter(|_| bundle.is_full()).find_map(|place| Self::kept_in(place, bundle))
    }
    fn kept_in(place: &Path, bundle: Tile) -> Option<(Vec<u8>, Vec<Sha256>)> {
        let read = |tile: Tile| read_bounded(&place.join(tile.to_string()), MAX_BUNDLE).ok();
        let bytes = read(bundle)?;
        let leaves = hashes(&bytes, bundle)?;
        let above = read(Tile::full(Content::Hashes(0), bundle.index))?;
        (tile::encode_hashes(&leaves) == above).then_some((bytes, leaves))
    }
    fn append(&mut self, leaf: Sha256) -> Result<(), Failure> {
        let mut done = Vec::new();
        let rows = &mut self.rows;
        let appended = self.edge.append(leaf, |node| {
            if node.level % HEIGHT != 0 {
                return;
            }
            let level = node.level / HEIGHT;
            let place = usize::from(level);
            if rows.len() <= place {
                rows.resize(place.saturating_add(1), Vec::new());
            }
            let Some(row) = rows.get_mut(place) else { return };
            row.push(node.hash);
            if row.len() == MOST {
                done.push((Tile::full(Content::Hashes(level), node.index / WIDTH), std::mem::take(row)));
            }
        });
        appended.map_err(|error| Failure::error(error.to_string()))?;
        done.iter().try_for_each(|(tile, hashes)| self.put(*tile, &tile::encode_hashes(hashes)))
    }
    fn put_edge(&self, new: &Head) -> Result<(), Failure> {
        for (tile, row) in Tile::edge(new.size).iter().filter_map(|tile| Some((tile, self.row(tile)?))) {
            self.put(*tile, &tile::encode_hashes(row))?;
        }
        Ok(())
    }
    /// The hashes of an unfinished tile.
    fn row(&self, tile: &Tile) -> Option<&Vec<Sha256>> {
        match tile.content {
            Content::Hashes(level) if !tile.is_full() => self.rows.get(usize::from(level)),
            Content::Hashes(_) | Content::Entries => None,
        }
    }
    fn check(&self, head: &Head, what: &str) -> Result<(), Failure> {
        let root = self.edge.root();
        if self.edge.size() == head.size && root == head.root {
            return Ok(());
        }
        // What came in leads nowhere; the next run must not take it up.
        drop(std::fs::remove_dir_all(&self.incoming));
        Err(forked(what)
            .because(format!("root {root} of {} entries", self.edge.size()), format!("root {}", head.root)))
    }
    /// Leaves alone what is there and right: a copy that is up to date is not written to.
    fn put(&self, tile: Tile, bytes: &[u8]) -> Result<(), Failure> {
        let name = tile.to_string();
        let is_there = |path: &Path| read_bounded(path, MAX_BUNDLE).is_ok_and(|there| there == bytes);
        let path = self.incoming.join(&name);
        if is_there(&self.directory.join(&name)) || is_there(&path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Failure::file("write", parent, &error))?;
        }
        Replacement::whole(&path, bytes)
    }
}

/// Moves what came in to its place.
fn settle(from: &Path, to: &Path, depth: u8) -> std::io::Result<()> {
    // `tile/entries/x000/x000/x000/x000/x000/x000/000.p/255` is the deepest.
    if !from.exists() || depth > 12 {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            settle(&entry.path(), &place, depth.saturating_add(1))?;
        } else {
            std::fs::rename(entry.path(), place)?;
        }
    }
    std::fs::remove_dir(from)
}

/// A partial bundle may have grown since the checkpoint was made: then the first entries of the full one are meant.
fn fetch(server: &Server, bundle: Tile) -> Result<(Vec<u8>, Vec<Sha256>), Failure> {
    let full = Tile::full(Content::Entries, bundle.index);
    let bytes = match server.get(&format!("/ledger/{bundle}")) {
        Ok(answer) => answer.body,
        Err(failure) if failure.code == Code::Unknown.code() && !bundle.is_full() => {
            let grown = server.get(&format!("/ledger/{full}")).map_err(|_| moved_on())?.body;
            first(&grown, usize::from(bundle.width)).ok_or_else(|| malformed(bundle))?
        }
        Err(failure) => return Err(failure),
    };
    let leaves = hashes(&bytes, bundle).ok_or_else(|| malformed(bundle))?;
    Ok((bytes, leaves))
}

fn moved_on() -> Failure {
    Failure::new(Code::Temporary, "the ledger grew while it was copied")
        .hint("export again: what is there is kept")
}

fn malformed(bundle: Tile) -> Failure {
    Failure::new(Code::Answer, format!("`{bundle}` is not {} well-formed entries", bundle.width))
}

fn first(bytes: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for leaf in tile::entries(bytes, MOST).ok()?.into_iter().take(count) {
        tile::push_entry(&mut kept, leaf).ok()?;
    }
    Some(kept)
}

/// The leaf hashes of a bundle that is as wide as it should be.
fn hashes(bytes: &[u8], bundle: Tile) -> Option<Vec<Sha256>> {
    let leaves = tile::entries(bytes, MOST).ok()?;
    (leaves.len() == usize::from(bundle.width)).then(|| leaves.into_iter().map(leaf_hash).collect())
}

fn forked(what: &str) -> Failure {
    let mut failure = Failure::new(Code::Answer, what).hint(
        "keep the copy and report it: a ledger never changes what it held; if the copy's files were damaged, export \
         into a new directory",
    );
    failure.code = Reason::NotLogged.code().to_owned();
    failure.exit = Exit::Unlogged;
    failure
}
