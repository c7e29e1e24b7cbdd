//! What a Rust file must and must not say, line by line.

use super::Finding;
use super::files::Files;

/// Features are read where the program is put together, so that a build can be understood from it: the wiring, the
/// `mod` lines of the program, and the tests of a feature.
const FEATURES: [&str; 3] =
    ["crates/bin/chancery/src/wiring.rs", "crates/bin/chancery/src/main.rs", "crates/bin/chancery/tests/"];

/// Checks headers and words.
pub(crate) fn check(files: &Files) -> Vec<Finding> {
    files.rust().flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let finding = |rule, what: String| Finding { rule, path: path.to_owned(), what };
    let mut findings = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if first.strip_prefix("//!").is_none_or(|rest| rest.trim().len() < 10) {
        findings.push(finding("header", "must start with `//!` and say what lives here".to_owned()));
    }
    for (number, line) in text.lines().enumerate() {
        let at = number.saturating_add(1);
        for (rule, what) in in_line(path, line) {
            findings.push(finding(rule, format!("line {at} {what}")));
        }
    }
    findings
}

fn in_line(path: &str, line: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let code = line.trim_start();
    if ["#[allow", "#![allow"].iter().any(|word| code.starts_with(word)) {
        found.push((
            "expect",
            "allows a lint: use `#[expect(lint, reason = \"…\")]`, which ends with its reason",
        ));
    }
    if reads_a_feature(code) && !FEATURES.iter().any(|place| path.starts_with(place)) {
        found.push(("features", "reads a feature: only the wiring does"));
    }
    let comment = line.split_once("//").map_or("", |(_, comment)| comment);
    if is_open(comment) {
        found.push(("todo", "leaves work without a number: write `TODO(#123)` or do it"));
    }
    found
}

fn reads_a_feature(code: &str) -> bool {
    code.starts_with("#") && code.contains("cfg") && code.contains(concat!("feature", " ="))
        || code.contains(concat!("cfg!", "(feature"))
}

fn is_open(comment: &str) -> bool {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let is_bare = |word: &str| {
        let after = comment.split_once(word).map(|(_, after)| after);
        after.is_some_and(|after| !after.starts_with("(#"))
    };
    words.into_iter().any(is_bare)
}

#[cfg(test)]
mod tests {
    use super::in_file;

    fn rules(text: &str) -> Vec<&'static str> {
        in_file("a.rs", text).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn finds_each() {
        let header = "//! What lives here.\n";
        let with = |line: &str| rules(&format!("{header}{line}\n"));
        assert_eq!(rules("fn main() {}"), ["header"]);
        assert_eq!(rules("//!\n"), ["header"]);
        assert!(rules(header).is_empty());
        assert_eq!(with("#[allow(dead_code)]"), ["expect"]);
        assert_eq!(with("#[cfg(feature = \"aws\")]"), ["features"]);
        assert_eq!(with(&format!("let x = 1; // {}: later", concat!("TO", "DO"))), ["todo"]);
        assert!(with(&format!("// {}(#12): later", concat!("TO", "DO"))).is_empty());
        assert!(with("// an allowance").is_empty());
    }
}
