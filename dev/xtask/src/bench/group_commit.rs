//! The ledger with and without group commit, 64 concurrent appends as signatures make them (performance G3).

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::measure::median;
use super::row::{Bar, Row};
use super::{Bench, text};
use crate::process;

/// Throughput, CPU and commits per append, with and without.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push((
            append(bench, &["64", "3", "--signatures"])?,
            append(bench, &["64", "3", "--signatures", "--no-group"])?,
        ));
    }
    let of = |name: &str| -> Result<(f64, f64, f64)> {
        let both: Vec<(f64, f64)> = pairs
            .iter()
            .map(|(with, without)| Some((with.get(name)?.as_f64()?, without.get(name)?.as_f64()?)))
            .collect::<Option<_>>()
            .with_context(|| format!("the example says no `{name}`"))?;
        let with = median(both.iter().map(|(with, _)| *with));
        let without = median(both.iter().map(|(_, without)| *without));
        Ok((with, without, median(both.iter().map(|(with, without)| with / without))))
    };
    let (with, without, ratio) = of("appends_per_second")?;
    let (cpu_with, cpu_without, cpu_ratio) = of("cpu_us_per_append")?;
    let commits = median(
        pairs
            .iter()
            .filter_map(|(with, _)| Some(with.get("commits")?.as_f64()? / with.get("appends")?.as_f64()?)),
    );
    Ok(vec![
        Row::compared(
            "appends with group commit : without, 64 concurrent",
            (with, without),
            "/s",
            ratio,
            Bar::AtLeast(4.0),
        ),
        Row::compared(
            "CPU per append with : without",
            (cpu_with, cpu_without),
            "µs",
            cpu_ratio,
            Bar::AtMost(0.55),
        ),
        Row::alone("commits per append, 64 concurrent", commits, "", Bar::None),
    ])
}

fn append(bench: &Bench, arguments: &[&str]) -> Result<Value> {
    let said = process::read(&mut process::command(text(&bench.example("append")), arguments))?;
    serde_json::from_str(said.trim()).context("the example `append` says no JSON")
}
