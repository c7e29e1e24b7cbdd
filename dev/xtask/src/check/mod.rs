//! Everything that CI demands before tests. All steps run, so that one look shows all that is wrong.

mod deny;
mod docs;

use anyhow::{Result, bail};

use crate::process::{cargo, run as start};
use crate::tidy;

/// A step and what it is called.
type Step = (&'static str, fn() -> Result<()>);

/// Runs all steps and names those that failed.
///
/// # Errors
/// When at least one step failed.
pub(crate) fn run() -> Result<()> {
    let steps: [Step; 5] = [
        ("fmt", || start(&mut cargo(&["fmt", "--all", "--check"]))),
        ("tidy", tidy::run),
        ("deny", deny::run),
        ("clippy", clippy),
        ("docs", docs::run),
    ];
    let mut failed = Vec::new();
    for (name, step) in steps {
        println!("== {name}");
        if let Err(error) = step() {
            println!("{error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join(", "));
    }
    println!("check passed");
    Ok(())
}

fn clippy() -> Result<()> {
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--locked"]);
    start(clippy.args(["--keep-going", "--", "-D", "warnings"]))
}
