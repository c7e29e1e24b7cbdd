//! Runs every test of the workspace after the foreign tools are there, and counts them in the last line.

mod count;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{process, setup};
use count::Count;

/// Sets up, runs all tests (or those that `arguments` name, as cargo would) and prints `N passed, N failed`.
///
/// `cargo test` and not a runner with a process per test: two test programs have their own `main`, because they are
/// also the child that they test.
///
/// # Errors
/// When a test failed, nothing was run, or a program could not be built.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::run()?;
    let mut count = Count::default();
    let mut kinds: Vec<&[&str]> = vec![&["--workspace", "--all-targets"], &["--workspace", "--doc"]];
    if !arguments.is_empty() {
        kinds = vec![&[]];
    }
    let mut broken = Vec::new();
    for kind in kinds {
        let mut command = process::cargo(&["test", "--no-fail-fast"]);
        command.args(kind).args(arguments);
        if let Err(error) = run_one(&mut command, &mut count) {
            broken.push(format!("{error:#}"));
        }
    }
    for line in count.failures() {
        println!("failed: {line}");
    }
    for line in &broken {
        println!("error: {line}");
    }
    println!("{count}");
    if !broken.is_empty() || count.failed() > 0 || count.passed() == 0 {
        bail!("tests failed");
    }
    Ok(())
}

fn run_one(command: &mut Command, count: &mut Count) -> Result<()> {
    command.env("PATH", setup::path()).env("CHANCERY_TOOLS", setup::tools()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cargo did not start")?;
    let stdout = child.stdout.take().context("no output of the tests")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let bytes = line?;
        let line = String::from_utf8_lossy(&bytes);
        println!("{line}");
        count.read(&line);
    }
    count.close();
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    Ok(())
}
