//! Names of files in a release: relative, readable in one way on every system.

use std::fmt;

/// Longest path in bytes.
pub const MAX_PATH: usize = 1024;
/// Deepest path in parts.
pub const MAX_PARTS: usize = 32;

/// A path such as `linux/app-arm64.tar.gz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleasePath(String);

/// A name that programs or people would read differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPath(&'static str);

impl ReleasePath {
    /// Takes a path with `/` between its parts.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.is_empty() || text.len() > MAX_PATH {
            return Err(InvalidPath("a path is 1 to 1024 bytes long"));
        }
        if text.chars().any(|c| c.is_control() || hides(c)) {
            return Err(InvalidPath("a path has no control characters and none that hide or turn others"));
        }
        if text.contains('\\') {
            return Err(InvalidPath("a path has no `\\`, which other systems read as `/`"));
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidPath("a path is relative, without empty parts, `.` and `..`"));
        }
        if text.split('/').count() > MAX_PARTS {
            return Err(InvalidPath("a path has at most 32 parts"));
        }
        Ok(Self(text.to_owned()))
    }
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that are not seen, or that turn the direction of what follows.
const fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl TryFrom<String> for ReleasePath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<ReleasePath> for String {
    fn from(path: ReleasePath) -> Self {
        path.0
    }
}

impl fmt::Display for ReleasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_in_one_way() {
        for good in ["a", "a/b.tar.gz", ".hidden", "a b", "ä/…", "a..b", "...", &"a/".repeat(31).add("a")]
        {
            assert_eq!(ReleasePath::parse(good).unwrap().as_str(), good);
        }
        let deep = "a/".repeat(32).add("a");
        let long = "a".repeat(MAX_PATH + 1);
        for bad in
            ["", "/a", "a/", "a//b", "../a", "a/..", "./a", "a\\b", "a\nb", "a\u{202e}b", "a\0", &deep, &long]
        {
            assert!(ReleasePath::parse(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<ReleasePath>(serde_json::json!(bad)).is_err(), "{bad:?}");
        }
    }

    trait Add {
        fn add(self, more: &str) -> String;
    }
    impl Add for String {
        fn add(mut self, more: &str) -> String {
            self.push_str(more);
            self
        }
    }
}
