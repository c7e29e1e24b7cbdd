//! What a Sigstore client waits for: certificate and entry, one after the other.
//!
//! Rekor v2 answers only under a checkpoint, which it publishes every ten seconds: clients have to wait for at least 20 s
//! (rekor-tiles, `CLIENTS.md`, "Handling Longer Requests"), and cosign tells its users of "up to 10 seconds" (cosign #4402).

use anyhow::{Result, bail};

use super::measure::median;
use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, text, tool};
use crate::process;

const PAIRS: usize = 300;
/// What others tell their users, in milliseconds.
const REKOR: f64 = 10_000.0;
const PROFILE: &str = r#"environment = "development"
owner = "platform@acme.example"
purpose = "jobs that run cosign by themselves"
[facade]
[[limits]]
count = 1000000
window = "1h"
[[grants]]
name = "main"
issuer = "dev"
[grants.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/main"
"#;

/// Median and 99 % of one client's wait.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let [half, worst] = [
        "certificate and entry for a Sigstore client, median",
        "certificate and entry for a Sigstore client, 10 s of Rekor v2 : ours at 99 %",
    ];
    let Some(python) = tool("venv/bin/python") else {
        return Ok(vec![
            Row::not_compared(half, "sigstore-python"),
            Row::not_compared(worst, "sigstore-python"),
        ]);
    };
    let directory = bench.directory("facade")?;
    let profiles = directory.join("data/governance/profiles");
    std::fs::create_dir_all(&profiles)?;
    std::fs::write(profiles.join("cosign.toml"), PROFILE)?;
    let service = Measured::with_grants(bench, &directory.join("data"), &[], 0)?;
    let script = process::root().join("dev/testkit/foreign/facade_latency.py");
    let mut command = process::command(text(&python), &[]);
    command.arg(script).arg(PAIRS.to_string());
    command.envs(service.variables.iter().map(|(name, value)| (name, value)));
    let said = process::read(&mut command)?;
    let mut times: Vec<f64> = said.lines().filter_map(|line| line.parse().ok()).collect();
    if times.len() != PAIRS {
        bail!("{} times instead of {PAIRS}", times.len());
    }
    times.sort_by(f64::total_cmp);
    let late = times.get(PAIRS * 99 / 100).copied().unwrap_or(f64::NAN);
    Ok(vec![
        Row::alone(half, median(times), "ms", Bar::None),
        Row::compared(worst, (late, REKOR), "ms", REKOR / late, Bar::AtLeast(100.0)),
    ])
}
