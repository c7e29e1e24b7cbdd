//! A manifest's bytes become a statement. The reader is the manifest, as the registry gave it.

use std::io::Read;

use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::port::registry::MAX_MANIFEST;
use serde_json::Value;

use super::manifest;
use super::reference::Repository;
use super::statement::{Content, Subject};
use crate::seam::{FormatError, Layout, Options, Prepared};

/// Reads a manifest. Options, all needed: `repository`, `media_type`, `content`.
pub fn prepare(reader: &mut dyn Read, options: &Options<'_>) -> Result<Prepared, FormatError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_MANIFEST).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut bytes)?;
    let wish = wish(options)?;
    let subject = read(&bytes, wish.0, wish.1)?;
    let statement = subject.statement(wish.2, Depth::Structured);
    Ok(Prepared {
        body: statement.body,
        family: statement.family,
        digest: subject.digest,
        size: subject.size,
        layout: Layout::Beside,
    })
}

/// What a manifest is, once it was found to be one.
pub fn read(bytes: &[u8], repository: Repository, media_type: &str) -> Result<Subject, FormatError> {
    manifest::parse(bytes, media_type)
        .map_err(|error| FormatError::Malformed { format: FormatName::Oci, what: error.to_string() })?;
    Ok(Subject {
        repository,
        digest: Sha256::of(bytes),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        media_type: media_type.to_owned(),
    })
}

fn wish<'a>(options: &Options<'a>) -> Result<(Repository, &'a str, Content), FormatError> {
    let refuse =
        |name: &str, expected| FormatError::Option { name: name.chars().take(80).collect(), expected };
    let (mut repository, mut media_type, mut content) = (None, None, None);
    for (name, value) in options.values {
        let text = value.as_str().ok_or_else(|| refuse(name, "expected text"))?;
        match name.as_str() {
            "repository" => repository = Repository::parse(text).ok(),
            "media_type" => media_type = Some(text),
            "content" => content = serde_json::from_value(Value::String(text.to_owned())).ok(),
            _ => return Err(refuse(name, "expected `repository`, `media_type` or `content`")),
        }
    }
    Ok((
        repository.ok_or_else(|| refuse("repository", "expected registry and path"))?,
        media_type.ok_or_else(|| refuse("media_type", "expected the media type of the manifest"))?,
        content.ok_or_else(|| refuse("content", "expected `signature`, `provenance` or `simple-signing`"))?,
    ))
}
