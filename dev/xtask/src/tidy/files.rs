//! The files of the repository: those that git tracks or would track.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::process;

/// Paths relative to the root, with their text where they are text that rules look at.
#[derive(Debug, Default)]
pub(crate) struct Files {
    texts: BTreeMap<String, String>,
}

const READ: [&str; 6] = [".rs", ".md", ".toml", ".cedar", "run", ".mjs"];

impl Files {
    /// Reads the repository.
    pub(crate) fn load() -> Result<Self> {
        let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = process::read(&mut process::command("git", &arguments))?;
        let mut texts = BTreeMap::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let full = process::root().join(path);
            let is_read = READ.iter().any(|end| path.ends_with(end));
            if !full.exists() {
                continue;
            }
            let text = if is_read { std::fs::read_to_string(full)? } else { String::new() };
            texts.insert(path.to_owned(), text);
        }
        Ok(Self { texts })
    }

    /// All Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending(".rs")
    }

    /// All files whose name ends so.
    pub(crate) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether a file, or a folder with files, is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.texts.contains_key(path)
            || self.texts.range(folder.clone()..).next().is_some_and(|(first, _)| first.starts_with(&folder))
    }

    /// All paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    pub(crate) fn count(&self) -> usize {
        self.texts.len()
    }

    #[cfg(test)]
    pub(crate) fn of(rows: &[(&str, &str)]) -> Self {
        Self { texts: rows.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }
}
