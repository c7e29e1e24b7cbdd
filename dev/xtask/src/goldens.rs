//! Rewrites golden files: the tests that compare with one write it instead when `UPDATE_GOLDENS=1` is set.

use anyhow::Result;

use crate::process;

/// Runs the tests whose names say `golden`, with the permission to write.
///
/// # Errors
/// When a test fails for another reason than its golden file.
pub(crate) fn run() -> Result<()> {
    let mut command = process::cargo(&["test", "--workspace", "--no-fail-fast", "--", "golden"]);
    process::run(command.env("UPDATE_GOLDENS", "1"))?;
    let mut documents = process::cargo(&["xtask", "console"]);
    process::run(documents.env("UPDATE_GOLDENS", "1"))?;
    process::run(&mut process::command("git", &["status", "--short"]))
}
