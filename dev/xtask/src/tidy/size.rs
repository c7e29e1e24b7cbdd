//! Files have at most 500 lines. Functions of 60 lines and 5 arguments are clippy's part.

use super::Finding;
use super::files::Files;

const MOST: usize = 500;

/// Finds files that are too long.
pub(crate) fn check(files: &Files) -> Vec<Finding> {
    let long =
        files.rust().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > MOST);
    long.map(|(path, lines)| Finding {
        rule: "size",
        path: path.to_owned(),
        what: format!("has {lines} lines, {MOST} are the most: which second concept lives here?"),
    })
    .collect()
}
