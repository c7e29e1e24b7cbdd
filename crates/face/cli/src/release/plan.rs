//! What will be signed, decided before anything is: which files, in which format, whether all variants are there, and what is
//! inside.

use std::path::{Path, PathBuf};

use chancery_core::format::FormatName;
use chancery_format::archive::Inside;
use chancery_verify::release::declaration::{Assigned, Declaration, MAX_DECLARATION};
use chancery_verify::release::finding::{Finding, Weight};
use chancery_verify::release::judge::{self, Strictness};
use chancery_verify::release::manifest::{Bytes, MAX_FILES};
use chancery_verify::release::path::ReleasePath;

use super::directory::{self, Item};
use crate::catalogue::Code;
use crate::evidence;
use crate::failure::Failure;
use crate::file::reader;
use crate::release::shown;
use crate::trust::read_bounded;

/// The declaration's name in the directory.
pub(crate) const DECLARATION: &str = "release.toml";

/// A file that is to be in the release.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The file.
    pub(crate) item: Item,
    /// How it is signed.
    pub(crate) format: FormatName,
    /// The file as it was found.
    pub(crate) found: Bytes,
    /// What is in it.
    pub(crate) inside: Option<Inside>,
}

/// A release that may be signed.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What was declared.
    pub(crate) declaration: Declaration,
    /// Every file, by path.
    pub(crate) files: Vec<Planned>,
    /// Files by variant.
    pub(crate) assigned: Assigned,
    /// What is told.
    pub(crate) notes: Vec<Finding>,
}

/// Reads a declaration: the one that is named, else the one in the directory, else none.
pub(crate) fn declaration(directory: &Path, named: Option<&PathBuf>) -> Result<Declaration, Failure> {
    let place = match named {
        Some(named) => named.clone(),
        None => {
            let own = directory.join(DECLARATION);
            if matches!(std::fs::symlink_metadata(&own), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
            {
                return Ok(Declaration::default());
            }
            own
        }
    };
    read(&place)
}

/// Reads a declaration from a file.
pub(crate) fn read(place: &Path) -> Result<Declaration, Failure> {
    let refused = |why: String| {
        Failure::new(Code::Declaration, format!("`{}` declares no release: {why}", place.display()))
    };
    let text = String::from_utf8(read_bounded(place, MAX_DECLARATION)?)
        .map_err(|error| refused(error.to_string()))?;
    Declaration::parse(&text).map_err(|error| refused(error.to_string()))
}

/// Plans the release of a directory. Errors before anything is signed.
pub(crate) fn plan(directory: &Path, named: Option<&PathBuf>) -> Result<Plan, Failure> {
    let declaration = declaration(directory, named)?;
    let items = directory::items(&directory::things(directory)?)?;
    if items.is_empty() || items.len() > MAX_FILES {
        return Err(Failure::new(Code::Release, format!("`{}` is no release", directory.display()))
            .because(format!("{} files", items.len()), format!("1 to {MAX_FILES} files")));
    }
    let paths: Vec<ReleasePath> = items.iter().map(|item| item.path.clone()).collect();
    let assigned = declaration.assign(&paths);
    check_variants(&declaration, &assigned)?;
    let mut files = Vec::with_capacity(items.len());
    let mut notes = Vec::new();
    let strictness = if declaration.strict { Strictness::Refused } else { Strictness::Told };
    for item in items {
        let (found, inside) = directory::look(&item.place)?;
        let format = if declaration.is_detached(&item.path) {
            FormatName::Sigstore
        } else {
            evidence::detect(&mut reader::open(&item.place)?, &item.place)?
        };
        notes.extend(inside.iter().flat_map(|inside| judge::inside(item.path.as_str(), inside, strictness)));
        files.push(Planned { item, format, found, inside });
    }
    check_inside(&notes)?;
    Ok(Plan { declaration, files, assigned, notes })
}

fn check_variants(declaration: &Declaration, assigned: &Assigned) -> Result<(), Failure> {
    let missing: Vec<&str> = assigned
        .variants
        .iter()
        .filter(|variant| variant.files.is_empty())
        .map(|variant| variant.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::new(Code::Variant, format!("variant {} has no file", missing.join(", ")))
            .because("no file", "a file of each declared variant")
            .hint("build it, or take it out of the declaration; nothing was signed"));
    }
    match assigned.loose.first() {
        Some(loose) if declaration.closed => {
            Err(Failure::new(Code::Variant, format!("`{loose}` is in no variant"))
                .because(format!("{} such files", assigned.loose.len()), "closed = true")
                .hint("declare a variant for it, or take it out; nothing was signed"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_inside(notes: &[Finding]) -> Result<(), Failure> {
    let Some(first) = notes.iter().find(|note| note.weight == Weight::Refused) else { return Ok(()) };
    Err(Failure::new(Code::Inside, format!("`{}` cannot be released", shown::place(first)))
        .because(first.actual.clone(), first.expected.clone())
        .hint("sign what is inside first, then pack it, then sign the release; nothing was signed"))
}
