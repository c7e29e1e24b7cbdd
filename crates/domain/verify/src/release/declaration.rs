//! `release.toml`: what a release must consist of, written by people.
//!
//! ```toml
//! name = "app"
//! version = "1.4.0"
//! closed = true                      # a file in no variant is refused
//! strict = true                      # so is a program without a signature in an archive, and what cannot be looked into
//! detached = ["vendor/**"]           # signed beside, whatever they are: programs that others signed stay as they are
//!
//! [[variants]]
//! name = "linux-arm64"
//! files = ["app-linux-arm64*"]
//! ```
//! `*` does not cross `/`, `**` does. Unknown members are errors.

use std::collections::BTreeSet;

use crate::pattern::Pattern;

use super::manifest::Variant;
use super::path::ReleasePath;

/// Largest declaration in bytes.
pub const MAX_DECLARATION: usize = 256 * 1024;
/// Most variants.
pub const MAX_VARIANTS: usize = 256;
/// Most patterns of one variant.
pub const MAX_PATTERNS: usize = 64;
/// Longest name and version in bytes.
pub const MAX_NAME: usize = 128;

/// A declaration that cannot be used as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeclaration {
    /// A name or version that is empty, too long, or not one line.
    #[error("`{0}` is not 1 to 128 printable characters")]
    Name(&'static str),
    /// A pattern of paths that is not one.
    #[error("`{0}` is not a pattern of paths below the release")]
    Pattern(String),
    /// Syntax, unknown member, wrong type.
    #[error("{0}")]
    Text(String),
    /// Two variants of one name.
    #[error("variant `{0}` is declared twice")]
    Twice(String),
    /// A variant without files could never be missed.
    #[error("variant `{0}` names no files")]
    Empty(String),
    /// Too much of something.
    #[error("more than {1} {0}")]
    Many(&'static str, usize),
}

/// What a release must consist of, parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the document")]
pub struct Declaration {
    /// What is released.
    pub name: Option<String>,
    /// Which version of it.
    pub version: Option<String>,
    /// Whether each file must be of a variant.
    pub closed: bool,
    /// Whether nothing unsigned may be inside of what is signed.
    pub strict: bool,
    /// Files that are signed beside, whatever they are.
    pub detached: Vec<Pattern>,
    /// The variants.
    pub variants: Vec<Declared>,
}

/// A variant as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Which files are of it.
    pub files: Vec<Pattern>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the document")]
struct Text {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    detached: Vec<String>,
    #[serde(default)]
    variants: Vec<VariantText>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantText {
    name: String,
    files: Vec<String>,
}

/// Files by variant, and those of none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Each declared variant with its files; one without is missing.
    pub variants: Vec<Variant>,
    /// Files that no variant names.
    pub loose: Vec<ReleasePath>,
}

impl Declaration {
    /// Reads a declaration.
    pub fn parse(text: &str) -> Result<Self, InvalidDeclaration> {
        if text.len() > MAX_DECLARATION {
            return Err(InvalidDeclaration::Many("bytes", MAX_DECLARATION));
        }
        let written: Text =
            toml::from_str(text).map_err(|error| InvalidDeclaration::Text(one_line(&error)))?;
        if written.variants.len() > MAX_VARIANTS {
            return Err(InvalidDeclaration::Many("variants", MAX_VARIANTS));
        }
        let mut names = BTreeSet::new();
        let mut variants = Vec::with_capacity(written.variants.len());
        for VariantText { name, files } in written.variants {
            check_name("name", Some(&name))?;
            if files.is_empty() {
                return Err(InvalidDeclaration::Empty(name));
            }
            if !names.insert(name.clone()) {
                return Err(InvalidDeclaration::Twice(name));
            }
            variants.push(Declared { name, files: patterns(&files)? });
        }
        check_name("name", written.name.as_ref())?;
        check_name("version", written.version.as_ref())?;
        Ok(Self {
            name: written.name,
            version: written.version,
            closed: written.closed,
            strict: written.strict,
            detached: patterns(&written.detached)?,
            variants,
        })
    }
    /// Which files are of which variant. A file may be of several.
    #[must_use]
    pub fn assign(&self, files: &[ReleasePath]) -> Assigned {
        let of = |declared: &Declared, path: &ReleasePath| matches(&declared.files, path);
        let variants = self.variants.iter().map(|declared| Variant {
            name: declared.name.clone(),
            files: files.iter().filter(|path| of(declared, path)).cloned().collect(),
        });
        let loose = files.iter().filter(|path| !self.variants.iter().any(|declared| of(declared, path)));
        Assigned { variants: variants.collect(), loose: loose.cloned().collect() }
    }
    /// Whether a file is to be signed beside.
    #[must_use]
    pub fn is_detached(&self, path: &ReleasePath) -> bool {
        matches(&self.detached, path)
    }
}

fn matches(patterns: &[Pattern], path: &ReleasePath) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path.as_str()))
}

fn patterns(written: &[String]) -> Result<Vec<Pattern>, InvalidDeclaration> {
    if written.len() > MAX_PATTERNS {
        return Err(InvalidDeclaration::Many("patterns", MAX_PATTERNS));
    }
    let parse = |text: &String| {
        // A name that no file can have would be a variant that nobody can complete.
        let sample = text.replace('*', "x");
        let parsed = ReleasePath::parse(&sample).ok().and_then(|_| Pattern::of_path(text).ok());
        parsed.ok_or_else(|| InvalidDeclaration::Pattern(one_line(text)))
    };
    written.iter().map(parse).collect()
}

pub(super) fn check_name(member: &'static str, name: Option<&String>) -> Result<(), InvalidDeclaration> {
    let is_bad =
        |name: &&String| name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control);
    if name.filter(is_bad).is_some() { Err(InvalidDeclaration::Name(member)) } else { Ok(()) }
}

fn one_line(text: &dyn std::fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"app\"\nversion = \"1.4.0\"\nclosed = true\n\n[[variants]]\nname = \"arm64\"\n\
        files = [\"*-arm64*\", \"arm64/**\"]\n\n[[variants]]\nname = \"docs\"\nfiles = [\"*.md\"]\n";

    #[test]
    fn files_are_of_variants_or_loose() {
        let declaration = Declaration::parse(GOOD).unwrap();
        let files = ["app-arm64.exe", "arm64/lib/x.so", "x/app-arm64", "README.md"];
        let files: Vec<ReleasePath> = files.iter().map(|path| ReleasePath::parse(path).unwrap()).collect();
        let assigned = declaration.assign(&files);
        assert_eq!(assigned.variants[0].files, files[..2]);
        assert_eq!(assigned.variants[1].files, files[3..]);
        assert_eq!(assigned.loose, files[2..3]);
        assert!(declaration.closed && !declaration.strict);
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let cases = [
            ("unknown member", GOOD.replace("closed", "close")),
            (
                "unknown member of a variant",
                GOOD.replace("files = [\"*.md\"]", "files = [\"*.md\"]\nos = \"x\""),
            ),
            ("a name twice", GOOD.replace("docs", "arm64")),
            ("no files", GOOD.replace("\"*.md\"", "")),
            ("an empty name", GOOD.replace("\"docs\"", "\"\"")),
            ("a name of two lines", GOOD.replace("\"docs\"", "\"a\\nb\"")),
            ("an empty pattern", GOOD.replace("*.md", "")),
            ("out of the release", GOOD.replace("*.md", "../*.md")),
            ("absolute", GOOD.replace("*.md", "/*.md")),
            ("three stars", GOOD.replace("*.md", "***")),
            ("syntax", GOOD.replace("[[", "[")),
        ];
        for (name, text) in cases {
            assert!(Declaration::parse(&text).is_err(), "{name}");
        }
        let many = "[[variants]]\nname = \"a\"\nfiles = [\"a\"]\n".repeat(MAX_VARIANTS + 1);
        assert!(Declaration::parse(&many).is_err());
        assert_eq!(Declaration::parse(""), Ok(Declaration::default()));
    }
}
