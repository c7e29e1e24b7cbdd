//! The house rules that no compiler knows. Each file here is one rule; each finding names its file and what to do.

mod exceptions;
mod files;
mod law;
mod links;
mod map;
mod names;
mod size;
mod table;
mod text;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::Metadata;
use exceptions::Exceptions;
use files::Files;

/// One thing that is against a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The rule's short name, as used in `dev/xtask/exceptions.toml`.
    pub(crate) rule: &'static str,
    /// The file, relative to the root.
    pub(crate) path: String,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.path, self.what, self.rule)
    }
}

/// Checks all rules.
///
/// # Errors
/// When something is against a rule, or an exception is no longer needed.
pub(crate) fn run() -> Result<()> {
    let files = Files::load()?;
    let metadata = Metadata::load()?;
    let mut findings = Vec::new();
    findings.extend(law::check(&metadata));
    findings.extend(size::check(&files));
    findings.extend(table::check(&files, &metadata));
    findings.extend(names::check(&files));
    findings.extend(text::check(&files));
    findings.extend(map::check(&files, &metadata));
    findings.extend(links::check(&files));
    let mut findings = Exceptions::load()?.apply(findings);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy found {} things", findings.len());
    }
    println!("tidy: {} files are in order", files.count());
    Ok(())
}
