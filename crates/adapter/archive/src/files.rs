//! Files of the tlog-tiles layout below a directory.

use std::io::ErrorKind;
use std::path::Path;

use chancery_audit::source::{StoredTile, Unreadable};
use chancery_ledger::tile::{Content, Tile};

/// Reads a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Unreadable> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Unreadable::new(format!("`{}`", path.display()), error)),
    }
}

/// The file of a full tile.
pub(crate) fn full(root: &Path, tile: Tile) -> Result<StoredTile, Unreadable> {
    let path = Tile::full(tile.content, tile.index).to_string();
    let bytes = read(&root.join(&path))?;
    Ok(StoredTile { place: format!("file `{path}`"), width: Some(256), bytes })
}

/// The files of a tile's narrower forms, in order of width.
pub(crate) fn partial(root: &Path, content: Content, index: u64) -> Result<Vec<StoredTile>, Unreadable> {
    let path = format!("{}.p", Tile::full(content, index));
    let directory = root.join(&path);
    let listed = match std::fs::read_dir(&directory) {
        Ok(listed) => listed,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Unreadable::new(format!("`{}`", directory.display()), error)),
    };
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut widths: Vec<u16> = names
        .filter_map(|name| name.parse().ok().filter(|width: &u16| width.to_string() == name))
        .filter(|width| (1..256).contains(width))
        .collect();
    widths.sort_unstable();
    let one = |width: u16| {
        let place = format!("file `{path}/{width}`");
        Ok(StoredTile { place, width: Some(width), bytes: read(&directory.join(width.to_string()))? })
    };
    widths.into_iter().map(one).collect()
}
