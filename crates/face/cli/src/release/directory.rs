//! Everything below a release's directory: every regular file, hidden ones too; no link is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use chancery_format::archive::{self, Inside, Limits};
use chancery_format::detached::SUFFIXES;
use chancery_format::sigstore::attach::SUFFIX;
use chancery_verify::release::manifest::{Bytes, FILE};
use chancery_verify::release::path::{MAX_PARTS, ReleasePath};
use chancery_verify::release::seen::{Found, Seen};

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::file::reader;
use crate::file::selection::PROOF_SUFFIX;

/// Most things below the directory: 1,000 files, each with what lies beside it, and folders.
const MAX_THINGS: usize = 20_000;

/// One thing, by its path with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    /// A regular file, and where it is.
    File(PathBuf),
    /// Something else; the text names it.
    Other(&'static str),
}

/// What lies in the directory, but the manifest and its signature.
pub(crate) type Things = BTreeMap<String, Thing>;

/// The manifest of a release.
pub(crate) fn manifest(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The manifest's signature.
pub(crate) fn manifest_signature(directory: &Path) -> PathBuf {
    directory.join(format!("{FILE}{SUFFIX}"))
}

/// Finds everything below a directory.
pub(crate) fn things(directory: &Path) -> Result<Things, Failure> {
    let mut things = Things::new();
    let mut folders = vec![(directory.to_owned(), String::new(), 0usize)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let unreadable = |error: std::io::Error| Failure::file("read", &folder, &error);
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            if things.len().saturating_add(folders.len()) >= MAX_THINGS {
                return Err(Failure::new(Code::Release, "the release holds too much")
                    .because("more", format!("at most {MAX_THINGS} files and folders")));
            }
            let thing = match other(kind) {
                _ if name.to_str().is_none() => Thing::Other("a name that is not UTF-8"),
                Some(what) => Thing::Other(what),
                None if kind.is_file() => Thing::File(entry.path()),
                None if depth >= MAX_PARTS => Thing::Other("a folder that is nested too deep"),
                None => {
                    folders.push((entry.path(), format!("{path}/"), depth.saturating_add(1)));
                    continue;
                }
            };
            things.insert(path, thing);
        }
    }
    let signature = format!("{FILE}{SUFFIX}");
    things.retain(|path, thing| !(matches!(thing, Thing::File(_)) && (path == FILE || *path == signature)));
    Ok(things)
}

fn other(kind: FileType) -> Option<&'static str> {
    if kind.is_symlink() {
        Some("a symbolic link")
    } else if kind.is_file() || kind.is_dir() {
        None
    } else {
        Some("a device, pipe or socket")
    }
}

/// A file to be released, and what lies beside it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its path in the release.
    pub(crate) path: ReleasePath,
    /// Where it is.
    pub(crate) place: PathBuf,
    /// What holds signatures, proofs and attestations about it; the signature that `sign` makes comes first.
    pub(crate) beside: Vec<(ReleasePath, PathBuf)>,
}

/// Sorts files from what belongs to them; refuses what a release cannot hold.
pub(crate) fn items(things: &Things) -> Result<Vec<Item>, Failure> {
    let mut all = BTreeMap::new();
    for (path, thing) in things {
        let parsed = ReleasePath::parse(path).map_err(|error| unfit(path, &error.to_string()))?;
        match thing {
            Thing::Other(what) => return Err(unfit(path, what)),
            Thing::File(_) if path.rsplit('/').next().is_some_and(|name| name.starts_with(".chancery-")) => {
                return Err(
                    unfit(path, "left over from a run that was ended").hint("remove it, and sign again")
                );
            }
            Thing::File(place) => drop(all.insert(parsed, place.clone())),
        }
    }
    let names: BTreeSet<&str> = all.keys().map(ReleasePath::as_str).collect();
    let mut items: BTreeMap<&str, Item> = BTreeMap::new();
    let mut beside = Vec::new();
    for (path, place) in &all {
        match owner(path.as_str(), &names) {
            Some(owner) => beside.push((owner, path.clone(), place.clone())),
            None => {
                let item = Item { path: path.clone(), place: place.clone(), beside: Vec::new() };
                items.insert(path.as_str(), item);
            }
        }
    }
    for (owner, path, place) in beside {
        if let Some(item) = items.get_mut(owner) {
            item.beside.push((path, place));
        }
    }
    let mut items: Vec<Item> = items.into_values().collect();
    for item in &mut items {
        let signature = format!("{}{SUFFIX}", item.path);
        item.beside.sort_by_key(|(path, _)| (path.as_str() != signature, path.clone()));
    }
    Ok(items)
}

/// The file that a signature, proof or attestation belongs to: `a.exe` for `a.exe.tlog-proof`, `a.zip` for
/// `a.zip.sigstore.json` and `a.zip.cyclonedx.sigstore.json`.
fn owner<'a>(path: &str, names: &BTreeSet<&'a str>) -> Option<&'a str> {
    let suffixes = SUFFIXES.iter().map(|(suffix, _)| *suffix).chain([PROOF_SUFFIX]);
    let mut stems = suffixes.filter_map(|suffix| path.strip_suffix(suffix));
    let stem = stems.next()?;
    let found = names.get(stem).or_else(|| names.get(stem.rsplit_once('.')?.0)).copied()?;
    // A signature of a signature belongs to nothing: it is a file like others.
    if owner(found, names).is_some() { None } else { Some(found) }
}

fn unfit(path: &str, what: &str) -> Failure {
    Failure::new(Code::Release, format!("`{path}` cannot be in a release"))
        .because(what, "regular files with names that read the same everywhere")
        .hint("take it out of the directory, and sign again")
}

/// Size and hash of a file, and what is in it where it is an archive.
pub(crate) fn look(place: &Path) -> Result<(Bytes, Option<Inside>), Failure> {
    let mut file = reader::open(place)?;
    let sha256 = reader::digest(&mut file, place)?;
    let unreadable = |error: std::io::Error| Failure::file("read", place, &error);
    let size = file.metadata().map_err(unreadable)?.len();
    file.rewind().map_err(unreadable)?;
    let inside = archive::look(&mut file, Limits::default()).map_err(unreadable)?;
    Ok((Bytes { sha256, size }, inside))
}

/// Size and hash of a file.
pub(crate) fn bytes(place: &Path) -> Result<Bytes, Failure> {
    let mut file = reader::open(place)?;
    let sha256 = reader::digest(&mut file, place)?;
    let size = file.metadata().map_err(|error| Failure::file("read", place, &error))?.len();
    Ok(Bytes { sha256, size })
}

/// Everything as it lies there, for a judgement.
pub(crate) fn seen(things: &Things) -> Result<Seen, Failure> {
    let mut seen = Seen::new();
    for (path, thing) in things {
        let found = match thing {
            Thing::Other(what) => Found::Other(what),
            Thing::File(place) => {
                let (bytes, inside) = look(place)?;
                Found::File { bytes, inside }
            }
        };
        seen.insert(path.clone(), found);
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_file_is_told_from_files() {
        let names = BTreeSet::from([
            "a.exe",
            "a.exe.tlog-proof",
            "b.zip",
            "b.zip.sigstore.json",
            "b.zip.sigstore.json.sigstore.json",
            "b.zip.cyclonedx.sigstore.json",
            "orphan.sigstore.json",
        ]);
        let owned: Vec<(&str, Option<&str>)> =
            names.iter().map(|name| (*name, owner(name, &names))).collect();
        assert_eq!(
            owned,
            [
                ("a.exe", None),
                ("a.exe.tlog-proof", Some("a.exe")),
                ("b.zip", None),
                ("b.zip.cyclonedx.sigstore.json", Some("b.zip")),
                ("b.zip.sigstore.json", Some("b.zip")),
                ("b.zip.sigstore.json.sigstore.json", None),
                ("orphan.sigstore.json", None),
            ]
        );
    }
}
