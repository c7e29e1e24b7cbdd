//! What is promised about speed, measured beside other programs in one run. One bench a file.
//!
//! Runs alternate (A B A B …) and the median of the ratios counts; CPU time and counters decide. A program that is
//! absent is `not compared`, which is never `held`.

mod audit;
mod facade;
mod fsyncs;
mod group_commit;
mod idle_memory;
mod images;
mod large_file;
mod load;
mod measure;
mod pe_signing;
mod pkcs11_calls;
mod policy;
mod row;
mod service;
mod service_cpu;
mod start_up;
mod verify_cold;
mod verify_warm;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Metadata;
use crate::{process, setup};
use row::Row;

/// What a bench needs: the optimised programs and an empty directory.
#[derive(Debug)]
pub(crate) struct Bench {
    programs: PathBuf,
    pub(crate) scratch: PathBuf,
}

impl Bench {
    /// The binary under test.
    pub(crate) fn chancery(&self) -> PathBuf {
        self.programs.join("chancery")
    }
    /// One of the examples that do a piece of work without the rest.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.programs.join("examples").join(name)
    }
    /// An empty directory of this name.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

/// A bench and its name.
type Measure = (&'static str, fn(&Bench) -> Result<Vec<Row>>);

const ALL: [Measure; 14] = [
    ("policy", policy::run),
    ("group-commit", group_commit::run),
    ("pe-signing", pe_signing::run),
    ("start-up", start_up::run),
    ("idle-memory", idle_memory::run),
    ("verify-cold", verify_cold::run),
    ("verify-warm", verify_warm::run),
    ("large-file", large_file::run),
    ("fsyncs", fsyncs::run),
    ("pkcs11-calls", pkcs11_calls::run),
    ("service-cpu", service_cpu::run),
    ("audit", audit::run),
    ("images", images::run),
    ("facade", facade::run),
];

/// Builds what is measured and runs all benches, or those that are named.
///
/// # Errors
/// When a name is unknown or the programs cannot be built. A bar that is missed is printed, not an error.
pub(crate) fn run(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|(known, _)| known == name)) {
        bail!("no bench `{unknown}`; there are: {}", ALL.map(|(name, _)| name).join(", "));
    }
    let bench = build()?;
    println!("{}", row::HEADER);
    let (mut missed, mut absent) = (0, 0);
    for (name, measure) in ALL {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        match measure(&bench) {
            Ok(rows) => {
                rows.iter().for_each(|row| println!("{row}"));
                missed += rows.iter().filter(|row| row.is_missed()).count();
                absent += rows.iter().filter(|row| !row.is_compared()).count();
            }
            Err(error) => {
                println!("| {name} | could not be measured: {error:#} |");
                absent += 1;
            }
        }
    }
    println!("{missed} missed, {absent} not compared");
    Ok(())
}

fn build() -> Result<Bench> {
    let build = |arguments: &[&str]| {
        let mut command = process::cargo(&["build", "--release", "--quiet"]);
        command.args(arguments);
        process::run(&mut command)
    };
    build(&["--package", "chancery", "--bins"])?;
    build(&["--package", "chancery-policy", "--example", "decide"])?;
    build(&["--package", "chancery-store", "--example", "append"])?;
    build(&["--package", "chancery-format", "--example", "pe_sign"])?;
    build(&["--package", "chancery-x509", "--example", "primitives"])?;
    build(&["--package", "chancery-cli", "--example", "load"])?;
    let program = Metadata::load()?.program("release");
    let programs = program.parent().context("the program has no directory")?.to_owned();
    let scratch = process::root().join("target/bench");
    std::fs::create_dir_all(&scratch)?;
    println!("tool {}", process::version("openssl", "version").unwrap_or_default());
    println!("tool {}", process::version("osslsigncode", "--version").unwrap_or_default());
    Ok(Bench { programs, scratch })
}

/// A foreign tool in our own directory of tools.
pub(crate) fn tool(relative: &str) -> Option<PathBuf> {
    let path = setup::tools().join(relative);
    path.exists().then_some(path)
}

/// A path as text for a command line.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
