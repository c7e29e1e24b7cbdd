//! Runs every test of the workspace after the foreign tools are there, and counts them in the last line.

mod count;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Metadata;
use crate::{console, process, setup};
use count::Count;

/// What is run, in order. The first builds the binary as users get it; the last builds one that can be told to die.
const KINDS: [&[&str]; 3] = [
    &["--workspace", "--all-targets"],
    &["--workspace", "--doc"],
    &["--package", "chancery", "--features", "faults", "--test", "faults"],
];

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
    let mut broken = Vec::new();
    let kinds: &[&[&str]] = if arguments.is_empty() { &KINDS } else { &[&[]] };
    for (number, kind) in kinds.iter().enumerate() {
        if number == 1 {
            broken.extend(documents(&mut count).err());
        }
        let mut command = process::cargo(&["test", "--no-fail-fast"]);
        command.args(*kind).args(arguments);
        broken.extend(run_one(&mut command, &mut count).err());
    }
    report(&count, &broken)
}

/// Runs only the console blocks of the documents, with the program that is named or the one that is built.
///
/// # Errors
/// When the binary cannot be built or a line fails.
pub(crate) fn console(arguments: &[String]) -> Result<()> {
    if let Some(program) = arguments.first() {
        return console::run(&std::fs::canonicalize(program)?);
    }
    process::run(&mut process::cargo(&["build", "--package", "chancery"]))?;
    console::run(&Metadata::load()?.program("debug"))
}

fn documents(count: &mut Count) -> Result<()> {
    let program = Metadata::load()?.program("debug");
    let outcome = console::run_all(&program).context("console blocks of the documents")?;
    count.add(outcome.passed, outcome.failures);
    Ok(())
}

fn report(count: &Count, broken: &[anyhow::Error]) -> Result<()> {
    for line in count.failures() {
        println!("failed: {line}");
    }
    for error in broken {
        println!("error: {error:#}");
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
