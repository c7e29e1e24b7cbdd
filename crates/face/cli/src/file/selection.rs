//! Which files are meant: names as they are, and patterns (`dist/*.exe`) where the shell did not expand them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chancery_format::detached::SUFFIXES;

use super::replacement::directory;
use crate::catalogue::Code;
use crate::failure::Failure;

/// Appended to the name of an artifact for its ledger proof.
pub(crate) const PROOF_SUFFIX: &str = ".tlog-proof";

/// The files, each once, in the order in which they were named. A pattern stands for files in one directory; what we
/// put beside artifacts ourselves is not among them.
pub(crate) fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let (mut seen, mut files) = (BTreeSet::new(), Vec::new());
    for path in named {
        let found = if is_pattern(path) { matching(path)? } else { vec![path.clone()] };
        for path in found {
            if seen.insert(path.clone()) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// A name that exists is never a pattern.
fn is_pattern(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.contains(['*', '?']) && !path.exists()
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = directory(pattern);
    let unreadable = |error: std::io::Error| Failure::file("read", folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let file_name = entry.file_name();
        let Some(text) = file_name.to_str() else { continue };
        let is_ours =
            text.ends_with(PROOF_SUFFIX) || SUFFIXES.iter().any(|(suffix, _)| text.ends_with(suffix));
        let is_hidden = text.starts_with('.') && !name.starts_with('.');
        if !is_ours && !is_hidden && matches(name, text) && entry.path().is_file() {
            found.push(pattern.with_file_name(text));
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::new(Code::File, format!("`{}` matches no file", pattern.display())));
    }
    Ok(found)
}

/// `*` stands for any text, `?` for one character. Linear: only the last `*` is ever retried.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0usize, 0usize);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p = p.saturating_add(1);
            }
            Some(wanted) if *wanted == '?' || wanted == c => {
                p = p.saturating_add(1);
                t = t.saturating_add(1);
            }
            Some(_) | None => {
                let Some((star, from)) = retry else { return false };
                t = from.saturating_add(1);
                p = star.saturating_add(1);
                retry = Some((star, t));
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (pattern, text, expected) in [
            ("*.exe", "a.exe", true),
            ("*.exe", "a.exe.bak", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab ab c", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let hostile = format!("{}b", "*a".repeat(200));
        assert!(!matches(&hostile, &"a".repeat(5_000)));
    }

    #[test]
    fn what_we_wrote_is_not_signed_again() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.exe", "a.exe", "a.exe.sigstore.json", "a.exe.tlog-proof", ".hidden.exe"] {
            std::fs::write(directory.path().join(name), b"x").unwrap();
        }
        let all = files(&[directory.path().join("*"), directory.path().join("a.exe")]).unwrap();
        let names: Vec<_> = all.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.exe", "b.exe"]);
        assert!(files(&[directory.path().join("*.dll")]).is_err());
    }
}
