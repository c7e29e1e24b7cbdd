//! sigstore-rust as a program, built from `dev/setup/rust` with its own lock: its versions are none of the workspace's.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process;

const PROGRAM: &str = "sigstore-rust-verify";

/// Builds it, or brings it up to date when the lock changed.
pub(super) fn install(tools: &Path) -> Result<()> {
    let from = process::root().join("dev/setup/rust");
    let (lock, built) = (from.join("Cargo.lock"), tools.join("rust"));
    let wanted = std::fs::read(&lock)?;
    let (program, installed) = (tools.join("bin").join(PROGRAM), tools.join("rust.lock"));
    if program.exists() && std::fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut cargo = process::cargo(&["build", "--quiet", "--locked", "--manifest-path"]);
    cargo.arg(from.join("Cargo.toml")).arg("--target-dir").arg(&built);
    process::run(&mut cargo)?;
    let made = built.join("debug").join(PROGRAM);
    std::fs::copy(&made, &program).with_context(|| format!("no `{}`", made.display()))?;
    // A gigabyte of intermediate files is of no use any more.
    std::fs::remove_dir_all(&built)?;
    std::fs::write(installed, wanted)?;
    Ok(())
}

/// The version of sigstore-verify that the program was built with.
pub(super) fn version(tools: &Path) -> Option<String> {
    let lock = std::fs::read_to_string(tools.join("rust.lock")).ok()?;
    let after = lock.split_once("name = \"sigstore-verify\"\nversion = \"")?.1;
    after.split('"').next().map(str::to_owned)
}
