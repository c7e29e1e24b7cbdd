//! A file or crate is named by what it is about. Drawers have no subject, so everything ends up in them.

use super::Finding;
use super::files::Files;

const DRAWERS: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "shared", "stuff"];

/// Finds files and folders with the name of a drawer, also as a part of a longer name.
pub(crate) fn check(files: &Files) -> Vec<Finding> {
    let is_drawer = |part: &str| DRAWERS.contains(&part);
    let is_named = |path: &str| {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        stem.split(['/', '_', '-', '.']).any(is_drawer)
    };
    let finding = |(path, _): (&str, &str)| Finding {
        rule: "names",
        path: path.to_owned(),
        what: "is named like a drawer: find the word of the concept (DESIGN vocabulary)".to_owned(),
    };
    files.rust().filter(|(path, _)| is_named(path)).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::files::Files;

    #[test]
    fn finds_drawers() {
        let names = ["a/util.rs", "a/jar_utils.rs", "helpers/x.rs", "a/utility_token.rs", "a/miscreant.rs"];
        let files = Files::of(&names.map(|name| (name, "")));
        let found: Vec<String> = check(&files).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["a/jar_utils.rs", "a/util.rs", "helpers/x.rs"]);
    }
}
