//! `release.json`: every file of a release before and after it was signed, and the variants that were declared.
//!
//! ```json
//! {"files":[{"after":{"sha256":"9f3c…","size":10784},"before":{"sha256":"41ab…","size":8192},
//!            "beside":[{"path":"app-x64.exe.tlog-proof","sha256":"c2…","size":1423}],
//!            "format":"pe","inside":null,"path":"app-x64.exe","signature":"embedded"}],
//!  "name":"app","schema":"chancery.release/1",
//!  "variants":[{"files":["app-x64.exe"],"name":"windows-x64"}],"version":"1.4.0"}
//! ```
//! One line of canonical JSON (RFC 8785), so that it has one spelling. It is signed as the file that it is; its own signature is
//! `release.json.sigstore.json`.

use std::collections::BTreeSet;

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::request::MAX_STATEMENTS;
use chancery_format::archive::Inside;

use super::declaration::{MAX_NAME, MAX_VARIANTS};
use super::path::ReleasePath;

/// Its name in the directory.
pub const FILE: &str = "release.json";
/// `chancery.release/1`
pub const SCHEMA: &str = "chancery.release/1";
/// Largest manifest in bytes.
pub const MAX_MANIFEST: usize = 16 << 20;
/// Most files: those of one request.
pub const MAX_FILES: usize = MAX_STATEMENTS;

/// Text that is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Not canonical JSON, an unknown member, a wrong type.
    #[error("not canonical json of a release: {0}")]
    Text(#[from] NotCanonical),
    /// Another schema.
    #[error("its schema is not `chancery.release/1`")]
    Schema,
    /// No files, too many, or not in the order of their paths, each once.
    #[error("its files are not 1 to 1000, each once, in the order of their paths")]
    Files,
    /// A variant names no file, or one that is not listed; or two have one name.
    #[error("its variants do not name files that it lists")]
    Variants,
    /// A name or version that is not one line.
    #[error("its name or version is not 1 to 128 printable characters")]
    Name,
}

/// A release as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Every file but those that hold signatures, by path.
    pub files: Vec<Entry>,
    /// What is released, where it was declared.
    pub name: Option<String>,
    /// `chancery.release/1`
    pub schema: String,
    /// The declared variants, complete.
    pub variants: Vec<Variant>,
    /// Which version of it, where it was declared.
    pub version: Option<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file as it is released.
    pub after: Bytes,
    /// The file as it was built; absent where it was signed before and nobody knows any more.
    pub before: Option<Bytes>,
    /// What lies beside it: a bundle, a ledger proof.
    pub beside: Vec<Beside>,
    /// The format of its signature.
    pub format: FormatName,
    /// What is in it, where it is an archive.
    pub inside: Option<Inside>,
    /// Where it is.
    pub path: ReleasePath,
    /// Where its signature is.
    pub signature: Place,
}

/// Some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// SHA-256 of all.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
}

/// A file that belongs to another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Where it is.
    pub path: ReleasePath,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
}

/// Where the signature of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a file of its own, the first of those beside.
    Beside,
    /// In the file.
    Embedded,
}

/// A variant: operating system, architecture, flavour.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its files.
    pub files: Vec<ReleasePath>,
    /// Its name.
    pub name: String,
}

impl Manifest {
    /// Puts a manifest together.
    pub fn new(
        (name, version): (Option<String>, Option<String>),
        mut files: Vec<Entry>,
        variants: Vec<Variant>,
    ) -> Result<Self, InvalidManifest> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let made = Self { files, name, schema: SCHEMA.to_owned(), variants, version };
        made.check()?;
        Ok(made)
    }
    /// Reads `release.json`.
    pub fn parse(text: &str) -> Result<Self, InvalidManifest> {
        let read: Self = canonical::decode(text)?;
        read.check()?;
        Ok(read)
    }
    /// Its one spelling.
    pub fn text(&self) -> Result<String, InvalidManifest> {
        Ok(canonical::encode(self)?)
    }
    /// The entry of a path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.path.as_str() == path)
    }

    fn check(&self) -> Result<(), InvalidManifest> {
        if self.schema != SCHEMA {
            return Err(InvalidManifest::Schema);
        }
        let is_name =
            |name: &String| !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
        let variants: BTreeSet<&String> = self.variants.iter().map(|variant| &variant.name).collect();
        let mut names = self.name.iter().chain(&self.version).chain(variants.iter().copied());
        if !names.all(is_name) {
            return Err(InvalidManifest::Name);
        }
        let count = self.files.len();
        if count == 0 || count > MAX_FILES || !self.has_each_path_once() {
            return Err(InvalidManifest::Files);
        }
        let listed: BTreeSet<&ReleasePath> = self.files.iter().map(|entry| &entry.path).collect();
        let is_whole = |variant: &Variant| {
            !variant.files.is_empty() && variant.files.iter().all(|path| listed.contains(path))
        };
        if variants.len() != self.variants.len()
            || variants.len() > MAX_VARIANTS
            || !self.variants.iter().all(is_whole)
        {
            return Err(InvalidManifest::Variants);
        }
        Ok(())
    }
    /// Files in order, and no path twice, those beside included: each file in the directory is one thing.
    fn has_each_path_once(&self) -> bool {
        let mut seen = BTreeSet::from([FILE]);
        let paths = self.files.iter().flat_map(|entry| {
            [&entry.path].into_iter().chain(entry.beside.iter().map(|beside| &beside.path))
        });
        let are_distinct = paths.map(ReleasePath::as_str).all(|path| seen.insert(path));
        let needs = |entry: &Entry| entry.signature == Place::Embedded || !entry.beside.is_empty();
        are_distinct && self.files.is_sorted_by(|a, b| a.path < b.path) && self.files.iter().all(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sample() -> Value {
        let hash = "0".repeat(64);
        let bytes = json!({"sha256": hash, "size": 3});
        json!({
            "schema": SCHEMA, "name": "app", "version": null,
            "variants": [{"name": "x64", "files": ["a/app.exe"]}],
            "files": [
                {"path": "a/app.exe", "format": "pe", "signature": "embedded", "before": bytes, "after": bytes,
                 "beside": [], "inside": null},
                {"path": "b.zip", "format": "sigstore", "signature": "beside", "before": null, "after": bytes,
                 "beside": [{"path": "b.zip.sigstore.json", "sha256": hash, "size": 9}],
                 "inside": {"layers": [{"at": ["x.dll"], "kind": "pe", "sha256": hash, "signature": "none", "size": 2}],
                            "unread": [{"at": ["y.7z"], "why": "opaque"}]}},
            ],
        })
    }

    #[test]
    fn a_manifest_has_one_spelling() {
        let text = canonical::to_string(&sample()).unwrap();
        let read = Manifest::parse(&text).unwrap();
        assert_eq!(read.text().unwrap(), text);
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            assert!(Manifest::parse(before).is_err());
            assert!(
                Manifest::parse(&format!("{before} {after}")).map(|other| other != read).unwrap_or(true),
                "{at}"
            );
        }
        assert!(Manifest::parse(&format!("{text}\n")).is_err());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let cases: [(&str, Value); 12] = [
            ("/schema", json!("chancery.release/2")),
            ("/name", json!("a\nb")),
            ("/version", json!("")),
            ("/files", json!([])),
            ("/files/0/path", json!("../app.exe")),
            ("/files/0/path", json!("c")),
            ("/files/0/path", json!("b.zip")),
            ("/files/0/path", json!("release.json")),
            ("/files/1/beside", json!([])),
            ("/files/1/beside/0/path", json!("a/app.exe")),
            ("/variants/0/files", json!([])),
            ("/variants/0/files", json!(["elsewhere"])),
        ];
        for (place, value) in cases {
            let mut changed = sample();
            *changed.pointer_mut(place).unwrap() = value;
            assert!(Manifest::parse(&canonical::to_string(&changed).unwrap()).is_err(), "{place}");
        }
        let mut more = sample();
        more["more"] = json!(1);
        assert!(Manifest::parse(&canonical::to_string(&more).unwrap()).is_err());
    }
}
