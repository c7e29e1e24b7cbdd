//! From the start of the program to the line that says it is ready (performance G13).

use std::time::Instant;

use anyhow::Result;

use super::Bench;
use super::measure::median;
use super::row::{Bar, Row};
use super::service::Measured;

/// Wall time, of a directory that has been used before.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("start-up")?;
    drop(Measured::start(bench, &directory, &[])?);
    let mut times = Vec::new();
    for _ in 0..7 {
        let started = Instant::now();
        let service = Measured::resume(bench, &directory)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        drop(service);
    }
    Ok(vec![Row::alone("start until ready, wall", median(times), "ms", Bar::AtMost(250.0))])
}
