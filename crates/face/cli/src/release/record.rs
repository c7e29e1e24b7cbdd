//! The manifest of what was signed, made from the files as they lie there now.

use std::collections::BTreeMap;
use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_verify::release::manifest::{Beside, Bytes, Entry, MAX_MANIFEST, Manifest, Place};
use chancery_verify::release::path::ReleasePath;

use super::directory::{self, Item};
use super::plan::{Plan, Planned};
use crate::catalogue::Code;
use crate::failure::Failure;
use crate::sign::prepare::changed;
use crate::trust::read_bounded;

/// Makes the manifest. `kept` are the paths that were signed by an earlier run.
pub(crate) fn record(directory: &Path, plan: &Plan, kept: &[&ReleasePath]) -> Result<Manifest, Failure> {
    let earlier = earlier(directory);
    let items = directory::items(&directory::things(directory)?)?;
    let mut now: BTreeMap<ReleasePath, Item> =
        items.into_iter().map(|item| (item.path.clone(), item)).collect();
    let mut entries = Vec::with_capacity(plan.files.len());
    for file in &plan.files {
        let path = &file.item.path;
        let item = now.remove(path).ok_or_else(|| changed(&file.item.place))?;
        let origin = if kept.contains(&path) { Origin::Kept(&earlier) } else { Origin::Fresh };
        entries.push(entry(file, &item, origin)?);
    }
    if let Some(stranger) = now.into_values().next() {
        return Err(Failure::new(
            Code::Changed,
            format!("`{}` appeared while the release was signed", stranger.path),
        )
        .hint("let the build finish writing, then sign again"));
    }
    let named = (plan.declaration.name.clone(), plan.declaration.version.clone());
    Manifest::new(named, entries, plan.assigned.variants.clone())
        .map_err(|error| Failure::error(format!("the release cannot be recorded: {error}")))
}

/// When a file was signed.
enum Origin<'a> {
    /// Before, and there may be a manifest of it.
    Kept(&'a BTreeMap<(String, Sha256), Option<Bytes>>),
    /// Now.
    Fresh,
}

fn entry(file: &Planned, item: &Item, origin: Origin<'_>) -> Result<Entry, Failure> {
    let after = directory::bytes(&item.place)?;
    let is_beside = file.format.is_detached();
    if is_beside && after != file.found {
        return Err(changed(&item.place));
    }
    let before = match origin {
        _ if is_beside => Some(after),
        Origin::Fresh => Some(file.found),
        Origin::Kept(earlier) => earlier.get(&(item.path.to_string(), after.sha256)).copied().flatten(),
    };
    let beside = item.beside.iter().map(|(path, place)| {
        let Bytes { sha256, size } = directory::bytes(place)?;
        Ok(Beside { path: path.clone(), sha256, size })
    });
    Ok(Entry {
        after,
        before,
        beside: beside.collect::<Result<_, Failure>>()?,
        format: file.format,
        inside: file.inside.clone(),
        path: item.path.clone(),
        signature: if file.format == FormatName::Pe { Place::Embedded } else { Place::Beside },
    })
}

/// What an earlier manifest says of files before they were signed. It is believed as far as it names the same file, and no
/// further than any other note of this job: who signs now says it.
fn earlier(directory: &Path) -> BTreeMap<(String, Sha256), Option<Bytes>> {
    let read = read_bounded(&directory::manifest(directory), MAX_MANIFEST).ok();
    let text = read.and_then(|bytes| String::from_utf8(bytes).ok());
    let files = text.and_then(|text| Manifest::parse(&text).ok()).map(|manifest| manifest.files);
    let known = files.into_iter().flatten();
    known.map(|entry| ((entry.path.to_string(), entry.after.sha256), entry.before)).collect()
}
