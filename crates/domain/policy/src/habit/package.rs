//! What an artifact's name says: which package, and which version.
//!
//! ```text
//! app-1.4.2-x86_64.exe          package app-*-x#_#.exe       version 1.4.2
//! python3.11-app_v2.0.tar.gz    package python#.#-app_*.tar.gz   version 2.0.0
//! nightly-20261121.zip          package nightly-#.zip        no version
//! ```
//! The version is the first run of two or more numbers with dots between them that stands at the beginning or after
//! something that is neither a letter nor a digit, a `v` before it included; it becomes `*`. Of every other run of digits
//! a `#` is left. A single number is no version: it may as well be a date or a build number.

/// Longest name of a package in bytes.
pub const MAX_NAME: usize = 96;

/// A version: major, minor, patch. What is not there is 0, what does not fit is the largest number.
pub type Version = [u32; 3];

/// A package and its version, read from an artifact's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The name with `*` for the version and `#` for other numbers, at most [`MAX_NAME`] bytes.
    pub name: String,
    /// The version, where the name holds one.
    pub version: Option<Version>,
}

impl Package {
    /// Reads an artifact's name.
    #[must_use]
    pub fn of(artifact: &str) -> Self {
        let (mut name, mut version, mut rest, mut before) = (String::new(), None, artifact, None);
        while let Some(c) = rest.chars().next() {
            let starts = before.is_none_or(|b: char| !b.is_alphanumeric());
            if version.is_none()
                && starts
                && let Some((found, after)) = version_at(rest)
            {
                version = Some(found);
                name.push('*');
                (rest, before) = (after, Some('0'));
                continue;
            }
            before = Some(c);
            if c.is_ascii_digit() {
                name.push('#');
                rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            } else {
                name.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        Self { name: cut(name), version }
    }
}

/// A version at the beginning of a text, and what follows it.
fn version_at(text: &str) -> Option<(Version, &str)> {
    let numbers = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (mut version, mut count, mut rest) = (Version::default(), 0usize, numbers);
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).filter(|(number, _)| !number.is_empty())?;
        if let Some(slot) = version.get_mut(count) {
            *slot = number.parse().unwrap_or(u32::MAX);
        }
        count = count.saturating_add(1);
        match after.strip_prefix('.').filter(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
            Some(next) => rest = next,
            None => return (count >= 2).then_some((version, after)),
        }
    }
}

fn cut(mut name: String) -> String {
    while name.len() > MAX_NAME {
        name.pop();
    }
    name
}

/// A version as people write it.
#[must_use]
pub fn shown([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_versions_and_digits() {
        for (artifact, name, version) in [
            ("app-1.4.2-x86_64.exe", "app-*-x#_#.exe", Some([1, 4, 2])),
            ("python3.11-app_v2.0.tar.gz", "python#.#-app_*.tar.gz", Some([2, 0, 0])),
            ("nightly-20261121.zip", "nightly-#.zip", None),
            ("v1.2", "*", Some([1, 2, 0])),
            ("1.2.3.4-app", "*-app", Some([1, 2, 3])),
            ("app-1.2.3-rc.1.tgz", "app-*-rc.#.tgz", Some([1, 2, 3])),
            ("app-99999999999.0", "app-*", Some([u32::MAX, 0, 0])),
            ("app-1.", "app-#.", None),
            ("app.jar", "app.jar", None),
            ("\u{e4}-1.0\u{e4}", "\u{e4}-*\u{e4}", Some([1, 0, 0])),
            ("a1.2", "a#.#", None),
            ("x-1.2-3.4", "x-*-#.#", Some([1, 2, 0])),
            ("", "", None),
        ] {
            assert_eq!(Package::of(artifact), Package { name: name.to_owned(), version }, "{artifact}");
        }
        assert_eq!(Package::of(&"\u{e4}".repeat(200)).name.len(), MAX_NAME);
    }
}
