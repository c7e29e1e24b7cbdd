//! Executes the console blocks of the documents against a development service, so that what they say works.
//!
//! ````text
//! ```console
//! $ chancery sign hello.txt
//! $ chancery verify changed.txt --offline   # exit 11
//! ```
//! ````
//!
//! A line that begins with `$ ` is run by bash in an empty directory that its document has to itself, with `client.env`
//! of the service; it must end with 0, or with the code that its comment names. In a block marked `console,golden` the
//! output must be exactly what stands below the command; `UPDATE_GOLDENS=1` rewrites it.

mod block;
pub(crate) mod service;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{process, setup};
use block::{Block, Line};
use service::Service;

/// How many lines were run, and how many of them failed.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) passed: u64,
    pub(crate) failures: Vec<String>,
}

/// Runs all documents.
///
/// # Errors
/// When a line failed, or the service did not start.
pub(crate) fn run(program: &Path) -> Result<()> {
    let outcome = run_all(program)?;
    println!("{} passed, {} failed", outcome.passed, outcome.failures.len());
    if !outcome.failures.is_empty() {
        bail!("console blocks failed: {}", outcome.failures.join(", "));
    }
    Ok(())
}

/// Runs all documents and says what became of each line, as tests do.
pub(crate) fn run_all(program: &Path) -> Result<Outcome> {
    let scratch = process::root().join("target/console");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).context("cannot clear `target/console`")?;
    }
    let service = Service::start(program, &scratch.join("service"))?;
    let mut outcome = Outcome::default();
    for (number, path) in documents()?.into_iter().enumerate() {
        let directory = scratch.join(number.to_string());
        std::fs::create_dir_all(&directory)?;
        let text = std::fs::read_to_string(process::root().join(&path))?;
        for block in block::find(&text) {
            run_block(&service, &directory, &path, &block, &mut outcome)?;
        }
    }
    Ok(outcome)
}

fn documents() -> Result<Vec<String>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "README.md", "docs/src"];
    let listed = process::read(&mut process::command("git", &arguments))?;
    Ok(listed.lines().filter(|path| path.ends_with(".md")).map(str::to_owned).collect())
}

fn run_block(
    service: &Service,
    directory: &Path,
    path: &str,
    block: &Block,
    outcome: &mut Outcome,
) -> Result<()> {
    for line in &block.lines {
        let name = format!("{path}:{}", line.number);
        let wrong = run_line(service, directory, line)?;
        match wrong {
            None => {
                println!("test {name} ... ok");
                outcome.passed += 1;
            }
            Some(Wrong::Output(output)) if std::env::var_os("UPDATE_GOLDENS").is_some() => {
                println!("test {name} ... rewritten");
                block::rewrite(&process::root().join(path), line, &output)?;
            }
            Some(wrong) => {
                println!("test {name} ... FAILED\n  $ {}\n  {wrong}", line.command);
                outcome.failures.push(name);
            }
        }
    }
    Ok(())
}

/// What was not as the document says.
enum Wrong {
    Exit(String),
    Output(String),
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(what) => f.write_str(what),
            Self::Output(output) => {
                write!(f, "the output is another (cargo xtask goldens rewrites it):\n{output}")
            }
        }
    }
}

fn run_line(service: &Service, directory: &Path, line: &Line) -> Result<Option<Wrong>> {
    let output = Command::new("bash")
        .args(["-euc", "set -a; . \"$CLIENT_ENV\"; set +a; eval \"$DOCUMENT_LINE\""])
        .env("CLIENT_ENV", service.client_env())
        .env("DOCUMENT_LINE", &line.command)
        .env("PATH", with_program(service.program())?)
        .env("NO_COLOR", "1")
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .context("bash did not start")?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.code() != Some(line.exit) {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let what = format!("{} instead of {}\n{stdout}{stderr}", output.status, line.exit);
        return Ok(Some(Wrong::Exit(what)));
    }
    Ok((line.is_golden && stdout.trim_end() != line.output.trim_end()).then_some(Wrong::Output(stdout)))
}

fn with_program(program: &Path) -> Result<std::ffi::OsString> {
    let directory = program.parent().context("the program has no directory")?.to_owned();
    let others = setup::path();
    Ok(std::env::join_paths(std::iter::once(directory).chain(std::env::split_paths(&others)))?)
}
