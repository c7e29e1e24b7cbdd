//! cargo-deny: licences, bans and sources always; advisories when their database can be had.

use std::path::PathBuf;

use anyhow::Result;

use crate::{process, setup};

/// The version that the configuration was written for.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny once and runs it on all features.
pub(super) fn run() -> Result<()> {
    let program = program()?;
    let deny = |arguments: &[&str]| {
        let mut command = process::command(&program, &["--all-features", "--locked", "check"]);
        command.args(arguments);
        command
    };
    process::run(&mut deny(&["bans", "licenses", "sources"]))?;
    // `fetch` alone says whether the database can be had; what it then finds counts.
    match process::read(&mut process::command(&program, &["fetch", "db"])) {
        Ok(_) => process::run(&mut deny(&["advisories"])),
        Err(_) => {
            println!("not compared: advisory database is not reachable");
            Ok(())
        }
    }
}

fn program() -> Result<PathBuf> {
    if process::is_installed("cargo-deny") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let at = setup::tools().join("cargo");
    let program = at.join("bin/cargo-deny");
    if !program.is_file() {
        let mut install = process::cargo(&["install", "cargo-deny", "--version", VERSION, "--locked"]);
        install.args(["--debug", "--quiet", "--root"]).arg(&at);
        install.env("CARGO_TARGET_DIR", at.join("target"));
        process::run(&mut install)?;
        std::fs::remove_dir_all(at.join("target"))?;
    }
    Ok(program)
}
