//! Deciding with 1,000 grants against deciding with 10 (performance G11). Loading is taken out by two run lengths.

use anyhow::Result;

use super::measure::{Side, median, sample};
use super::row::{Bar, Row};
use super::{Bench, text};

const SHORT: u32 = 1_000;
const LONG: u32 = 21_000;

/// Microseconds of CPU per decision at both sizes.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("policy")?;
    let cost = |grants: u32, decisions: u32| {
        let line = format!("{} {grants} {decisions}", text(&bench.example("decide")));
        Ok::<f64, anyhow::Error>(sample(&Side { line, variables: &[], repeat: 1 }, &directory)?.cpu)
    };
    let decision = |grants| {
        let difference = cost(grants, LONG)? - cost(grants, SHORT)?;
        Ok::<f64, anyhow::Error>(difference / f64::from(LONG - SHORT) * 1e6)
    };
    let mut pairs = Vec::new();
    for _ in 0..5 {
        pairs.push((decision(1_000)?, decision(10)?));
    }
    let many = median(pairs.iter().map(|(many, _)| *many));
    let few = median(pairs.iter().map(|(_, few)| *few));
    let ratio = median(pairs.iter().map(|(many, few)| many / few));
    Ok(vec![
        Row::compared("decision, 1,000 grants : 10 grants, CPU", (many, few), "µs", ratio, Bar::AtMost(1.5)),
        Row::alone("decision with 1,000 grants, CPU", many, "µs", Bar::AtMost(30.0)),
    ])
}
