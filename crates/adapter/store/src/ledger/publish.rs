//! Tiles as files, for static mirrors and for serving full tiles: `ledger/tile/…`, then `ledger/checkpoint`.
//!
//! Beside the append path and at most a few times a second: the HTTP face reads through [`Reader::resource`], which
//! never waits for files. Full tiles are synced once; everything can be rebuilt from the database.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chancery_ledger::merkle::{Edge, leaf_hash};
use chancery_ledger::tile::{Content, HEIGHT, Tile, WIDTH, decode_hashes, entries};

use super::read::Reader;
use super::row;
use super::view::{self, View};
use crate::database::StoreError;

const PAUSE: Duration = Duration::from_millis(250);

/// Publishes each new view until the writer is gone. Holds the lock of the data directory.
pub(crate) async fn run(reader: Reader, lock: File) {
    let mut views = reader.view.clone();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        if !view.checkpoint.is_empty()
            && let Err(error) = publish(&reader, &view).await
        {
            tracing::warn!(%error, size = view.size, "tiles were not published as files");
        }
        if views.changed().await.is_err() {
            break;
        }
        // Pauses unless the writer ended meanwhile.
        let mut ended = views.clone();
        let gone = async { while ended.changed().await.is_ok() {} };
        let _either = tokio::time::timeout(PAUSE, gone).await;
    }
    drop(lock);
}

/// Writes full tiles that are not published yet, the partial ones of this size, and last the checkpoint.
async fn publish(reader: &Reader, view: &Arc<View>) -> Result<(), StoreError> {
    let root = reader.shared.directory.join("ledger");
    let published = reader.shared.published.load(Ordering::Acquire);
    // Directories are synced once for all the tiles that came into them.
    let mut directories = BTreeSet::new();
    for content in std::iter::once(Content::Entries).chain((0..8).map(Content::Hashes)) {
        for index in full(content, published)..full(content, view.size) {
            let tile = Tile::full(content, index);
            let path = root.join(tile.to_string());
            let bytes = reader.tile_bytes(view, tile).await?;
            compare(reader, view, (tile, &bytes)).await?;
            directories.extend(place(path.clone(), bytes, Sync::Durably).await?);
            reader.shared.counters.file_syncs.fetch_add(1, Ordering::Relaxed);
            // Partial tiles may go once the full one is there; that they never were is fine.
            let _absent = std::fs::remove_dir_all(path.with_added_extension("p"));
        }
    }
    for directory in directories {
        sync(directory).await?;
        reader.shared.counters.file_syncs.fetch_add(1, Ordering::Relaxed);
    }
    let whole = view.size / WIDTH * WIDTH;
    reader.shared.published.store(whole, Ordering::Release);
    for tile in Tile::edge(view.size).into_iter().filter(|tile| !tile.is_full()) {
        let path = root.join(tile.to_string());
        if !path.exists() {
            place(path, reader.tile_bytes(view, tile).await?, Sync::Never).await?;
        }
    }
    place(root.join("checkpoint"), view.checkpoint.clone().into_bytes(), Sync::Never).await?;
    Ok(())
}

/// Full tiles are published once and for ever, perhaps over a good file after a crash: they must be what the tile above
/// says, and that chain ends at the right edge, which was checked.
async fn compare(reader: &Reader, view: &View, (tile, bytes): (Tile, &[u8])) -> Result<(), StoreError> {
    let (above, hashes) = match tile.content {
        Content::Entries => {
            let leaves = entries(bytes, usize::from(tile.width)).map_err(row::corrupt)?;
            (1, leaves.into_iter().map(leaf_hash).collect())
        }
        Content::Hashes(level) => (level.saturating_add(1), decode_hashes(bytes).map_err(row::corrupt)?),
    };
    let mut computed = Edge::default();
    for hash in hashes {
        computed.append(hash, |_| {}).map_err(row::corrupt)?;
    }
    let parent = view::hashes(&reader.shared.shelf, view, (above, tile.index / WIDTH)).await?;
    let place = usize::try_from(tile.index % WIDTH).ok();
    let said = place.and_then(|place| parent.as_ref()?.get(place).copied());
    if said == Some(computed.root()) {
        Ok(())
    } else {
        Err(row::corrupt(format!("{tile} is not what the tree says")))
    }
}

/// How many full tiles of a level a tree of `size` has.
fn full(content: Content, size: u64) -> u64 {
    let level = match content {
        Content::Entries => 0,
        Content::Hashes(level) => level,
    };
    let shift = u32::from(level).saturating_add(1).saturating_mul(u32::from(HEIGHT));
    size.checked_shr(shift).unwrap_or(0)
}

/// Whether a file must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Durably,
    Never,
}

/// Puts a file in place atomically, on a thread that may wait for the disk; tells which directories have to be synced
/// for it to stay.
async fn place(path: PathBuf, bytes: Vec<u8>, sync: Sync) -> Result<Vec<PathBuf>, StoreError> {
    beside(move || {
        let failed = || StoreError::file(format!("publish `{}`", path.display()));
        let directory = path.parent().ok_or_else(|| StoreError::Value("tile path has no parent".into()))?;
        let mut changed = vec![directory.to_owned()];
        // A directory that is made now is an entry in the one above it.
        let made = directory.ancestors().take_while(|directory| !directory.exists());
        changed.extend(made.filter_map(Path::parent).map(Path::to_owned));
        std::fs::create_dir_all(directory).map_err(failed())?;
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh).map_err(failed())?;
        file.write_all(&bytes).map_err(failed())?;
        if sync == Sync::Durably {
            file.sync_all().map_err(failed())?;
        }
        std::fs::rename(&fresh, &path).map_err(failed())?;
        Ok(changed)
    })
    .await
}

async fn sync(directory: PathBuf) -> Result<(), StoreError> {
    let failed = StoreError::file(format!("sync `{}`", directory.display()));
    beside(move || File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)).await
}

async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let interrupted = |_| StoreError::Value("publishing was interrupted".into());
    tokio::task::spawn_blocking(work).await.map_err(interrupted)?
}
