//! ARCHITECTURE.md is complete both ways: what is there is on the map, and what is on the map is there.

use std::collections::BTreeSet;

use super::Finding;
use super::files::Files;
use crate::workspace::Metadata;

const MAP: &str = "ARCHITECTURE.md";
/// A path in backticks that starts with one of these must exist.
const PLACES: [&str; 8] =
    ["crates/", "dev/", "docs/", "fuzz/", "testdata/", ".ci/", "integrations/", "deploy/"];

/// Checks crates and top-level entries against the map, and every path that a document names.
pub(crate) fn check(files: &Files, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    let map = files.text(MAP).unwrap_or_default();
    let top: BTreeSet<&str> = files.paths().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    let folders = top.into_iter().filter(|name| *name != ".cargo").map(|name| format!("{name}/"));
    let crates = metadata.members().into_keys();
    for wanted in crates.chain(folders) {
        if !map.contains(&format!("`{wanted}`")) {
            findings.push(finding(MAP, format!("does not say what `{wanted}` is")));
        }
    }
    for (path, text) in files.ending(".md") {
        findings.extend(missing(files, path, text));
    }
    findings
}

fn missing(files: &Files, path: &str, text: &str) -> Vec<Finding> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_place = |word: &&str| {
        PLACES.iter().any(|place| word.starts_with(place))
            && !word.contains(|c: char| c.is_whitespace() || "*{<…$".contains(c))
    };
    let is_absent = |word: &&str| !files.has(word.split(['#', ':']).next().unwrap_or(word));
    quoted
        .filter(is_place)
        .filter(is_absent)
        .map(|word| finding(path, format!("names `{word}`, which is not there")))
        .collect()
}

fn finding(path: &str, what: String) -> Finding {
    Finding { rule: "map", path: path.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::missing;
    use crate::tidy::files::Files;

    #[test]
    fn names_what_is_not_there() {
        let files = Files::of(&[("crates/domain/core/src/id.rs", "")]);
        let text =
            "see `crates/domain/core`, `crates/domain/core/src/id.rs`, `crates/domain/*` and `crates/x`";
        let found: Vec<String> = missing(&files, "a.md", text).into_iter().map(|f| f.what).collect();
        assert_eq!(found, ["names `crates/x`, which is not there"]);
    }
}
