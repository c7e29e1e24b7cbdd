//! The audit of a ledger: signatures a second with one thread and with all, on a copy that a real service made.
//!
//! `CHANCERY_AUDIT_SIGNATURES=100000` makes the ledger as large as the promise names; 2,000 otherwise.

use anyhow::{Context as _, Result};

use super::load::Load;
use super::measure::{Cost, Side, sample};
use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, text};

/// Statements of one request, which share a token.
const STATEMENTS: u32 = 10;

/// Signs, stops the service, audits its data.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let wanted = std::env::var("CHANCERY_AUDIT_SIGNATURES").ok();
    let wanted: u32 = wanted.map_or(Ok(2_000), |text| text.parse()).context("CHANCERY_AUDIT_SIGNATURES")?;
    let directory = bench.directory("audit")?;
    let service = Measured::start(bench, &directory, &[])?;
    let requests = wanted.div_ceil(STATEMENTS).max(1);
    let mut left = requests;
    while left > 0 {
        // Tokens live for minutes: they are fetched for as many requests as are signed soon after.
        let requests = left.min(500);
        let load = Load {
            profile: "dev",
            format: "sigstore",
            requests,
            statements: STATEMENTS,
            at_once: 16,
            rate: None,
        };
        load.run(&service, bench)?;
        left -= requests;
    }
    drop(service);
    let signatures = f64::from(requests) * f64::from(STATEMENTS);
    let one = audit(bench, &directory, "--jobs 1")?;
    let all = audit(bench, &directory, "")?;
    let what = |threads: &str| format!("audit of {signatures} signatures, {threads}");
    Ok(vec![
        Row::alone(&what("one thread"), signatures / one.wall, "signatures/s", Bar::None),
        Row::alone(&what("all processors"), signatures / all.wall, "signatures/s", Bar::None),
        Row::alone(&what("CPU each"), one.cpu / signatures * 1e6, "µs", Bar::None),
    ])
}

/// One audit; one that finds something is an error.
fn audit(bench: &Bench, directory: &std::path::Path, threads: &str) -> Result<Cost> {
    let program = text(&bench.chancery());
    let data = text(directory);
    let line = format!("{program} audit --quiet --host dev.localhost --data-dir {data} {threads}");
    sample(&Side { line, variables: &[], repeat: 1 }, directory)
}
