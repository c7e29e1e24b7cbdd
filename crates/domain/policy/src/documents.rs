//! The governance directory as text, its canonical form and its version.
//!
//! ```text
//! {"files":{"issuers.toml":"…","profiles/dev.toml":"…"},"schema":"chancery.policy/1"}
//! ```
//! The version is the SHA-256 of exactly these bytes (RFC 8785), so it is the same on every machine.

use std::collections::BTreeMap;

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;

/// At most this many files.
pub const MAX_FILES: usize = 2000;
/// Largest file in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// Largest sum of all files in bytes.
pub const MAX_TOTAL: usize = 16 << 20;
/// Longest path in bytes.
pub const MAX_PATH: usize = 255;

const SCHEMA: &str = "chancery.policy/1";
/// Largest canonical text: JSON escapes make a byte at most six (`\u00xx`).
const MAX_CANONICAL: usize = 6 * MAX_TOTAL + MAX_FILES * (MAX_PATH + 8) + 64;

/// Documents that cannot be a policy version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocuments {
    /// Too many files.
    #[error("{0} files; expected at most 2000")]
    Count(usize),
    /// A file that is too large.
    #[error("file `{path}` has {size} bytes; expected at most 1048576")]
    FileSize {
        /// Which one.
        path: String,
        /// Its size in bytes.
        size: usize,
    },
    /// No canonical form.
    #[error("documents have no canonical form")]
    NotCanonical(#[source] NotCanonical),
    /// A path that is absolute, climbs, or has a second spelling.
    #[error("path `{0}` is not a relative path of a-z A-Z 0-9 . _ - and single `/`")]
    Path(String),
    /// Text of another schema.
    #[error("schema is not `chancery.policy/1`")]
    Schema,
    /// All files together are too large.
    #[error("files have {0} bytes together; expected at most 16777216")]
    TotalSize(usize),
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Canonical {
    files: BTreeMap<String, String>,
    schema: String,
}

/// Well-formed documents: bounded, with one spelling of every path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    files: BTreeMap<String, String>,
    canonical: String,
    version: PolicyVersion,
}

impl Documents {
    /// Takes path → text; a leading `./` is dropped, everything else must be spelled right.
    pub fn new(files: BTreeMap<String, String>) -> Result<Self, InvalidDocuments> {
        let count = files.len();
        let mut normalised = BTreeMap::new();
        for (path, text) in files {
            let short = path.strip_prefix("./").unwrap_or(&path);
            normalised.insert(short.to_owned(), text);
        }
        if normalised.len() != count {
            return Err(InvalidDocuments::Path("./".to_owned()));
        }
        Self::from_normalised(normalised)
    }

    /// Parses the canonical form, strictly: any other spelling of the same documents is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidDocuments> {
        if text.len() > MAX_CANONICAL {
            return Err(InvalidDocuments::TotalSize(text.len()));
        }
        let canonical: Canonical = canonical::decode(text).map_err(InvalidDocuments::NotCanonical)?;
        if canonical.schema != SCHEMA {
            return Err(InvalidDocuments::Schema);
        }
        Self::from_normalised(canonical.files)
    }

    fn from_normalised(files: BTreeMap<String, String>) -> Result<Self, InvalidDocuments> {
        if files.len() > MAX_FILES {
            return Err(InvalidDocuments::Count(files.len()));
        }
        let mut total = 0usize;
        for (path, text) in &files {
            check_path(path)?;
            if text.len() > MAX_FILE {
                return Err(InvalidDocuments::FileSize { path: path.clone(), size: text.len() });
            }
            total = total.saturating_add(text.len());
        }
        if total > MAX_TOTAL {
            return Err(InvalidDocuments::TotalSize(total));
        }
        let document = Canonical { files, schema: SCHEMA.to_owned() };
        let canonical = canonical::encode(&document).map_err(InvalidDocuments::NotCanonical)?;
        let version = PolicyVersion::new(Sha256::of(canonical.as_bytes()));
        Ok(Self { files: document.files, canonical, version })
    }

    /// The files by path, sorted.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }
    /// The text of one file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
    /// The RFC 8785 text that is hashed, signed and kept.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
    /// SHA-256 of the canonical form.
    #[must_use]
    pub const fn version(&self) -> PolicyVersion {
        self.version
    }
    /// The files directly in `folder` whose names end in `.extension`, as (stem, path, text).
    pub(crate) fn in_folder<'a>(
        &'a self,
        folder: &'a str,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            let stem = name.strip_suffix(extension)?.strip_suffix('.')?;
            (!stem.is_empty() && !stem.contains('/')).then_some((stem, path.as_str(), text.as_str()))
        })
    }
}

fn check_path(path: &str) -> Result<(), InvalidDocuments> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good_segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(legal)
    };
    if path.len() > MAX_PATH || !path.split('/').all(good_segment) {
        return Err(InvalidDocuments::Path(path.chars().filter(|c| !c.is_control()).take(80).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(files: &[(&str, &str)]) -> Result<Documents, InvalidDocuments> {
        Documents::new(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn the_version_is_the_hash_of_the_canonical_text() {
        let one = documents(&[("b.toml", "x = 1\n"), ("./a/c.toml", "\u{1f600}\r\n\"")]).unwrap();
        let two = documents(&[("a/c.toml", "\u{1f600}\r\n\""), ("b.toml", "x = 1\n")]).unwrap();
        assert_eq!(one, two);
        assert_eq!(
            one.canonical(),
            "{\"files\":{\"a/c.toml\":\"\u{1f600}\\r\\n\\\"\",\"b.toml\":\"x = 1\\n\"},\"schema\":\"chancery.policy/1\"}"
        );
        assert_eq!(one.version().digest(), Sha256::of(one.canonical().as_bytes()));
        assert_eq!(Documents::parse(one.canonical()).unwrap(), one);
        let other = documents(&[("b.toml", "x = 1 \n"), ("a/c.toml", "\u{1f600}\r\n\"")]).unwrap();
        assert_ne!(one.version(), other.version());
    }

    #[test]
    fn every_change_of_the_canonical_text_is_another_version_or_refused() {
        let good = documents(&[("profiles/dev.toml", "owner = \"me\"\n")]).unwrap();
        let bytes = good.canonical().as_bytes();
        for at in 0..bytes.len() {
            for bit in [0x01u8, 0x20] {
                let mut changed = bytes.to_vec();
                changed[at] ^= bit;
                let Ok(text) = String::from_utf8(changed) else { continue };
                if let Ok(parsed) = Documents::parse(&text) {
                    assert_ne!(parsed.version(), good.version(), "{text}");
                }
            }
            assert!(Documents::parse(std::str::from_utf8(&bytes[..at]).unwrap()).is_err());
        }
        for appended in [" ", "\n", "{}", "\0"] {
            assert!(Documents::parse(&format!("{}{appended}", good.canonical())).is_err());
        }
    }

    #[test]
    fn refuses_paths_with_a_second_reading_and_what_is_too_large() {
        for bad in
            ["", "/a", "../a", "a/../b", "a//b", "a/", "a/./b", "a\\b", "a b", "\u{e4}", "a\0", "./../a"]
        {
            assert!(matches!(documents(&[(bad, "")]), Err(InvalidDocuments::Path(_))), "{bad:?}");
        }
        assert!(documents(&[("./a", "1"), ("a", "2")]).is_err());
        let large = "x".repeat(MAX_FILE + 1);
        assert!(matches!(documents(&[("a", &large)]), Err(InvalidDocuments::FileSize { .. })));
        let many = (0..=MAX_FILES).map(|n| (format!("f{n}"), String::new())).collect();
        assert_eq!(Documents::new(many), Err(InvalidDocuments::Count(MAX_FILES + 1)));
        let heavy = (0..17).map(|n| (format!("f{n}"), "x".repeat(MAX_FILE))).collect();
        assert!(matches!(Documents::new(heavy), Err(InvalidDocuments::TotalSize(_))));
    }
}
