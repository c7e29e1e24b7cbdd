//! Memory of all processes of a service that has signed once and waits (performance G12).

use anyhow::{Result, bail};

use super::Bench;
use super::row::{Bar, Row};
use super::service::Measured;

/// Proportional set size, summed up: of an installation as it begins, and with 1,000 grants, for which nothing was promised.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = "idle memory, PSS of all processes";
    let large = format!("{what}, 1,000 grants");
    Ok(vec![
        Row::alone(what, idle(bench, 0)?, "MiB", Bar::AtMost(48.0)),
        Row::alone(&large, idle(bench, 998)?, "MiB", Bar::None),
    ])
}

fn idle(bench: &Bench, grants: u32) -> Result<f64> {
    let directory = bench.directory("idle")?;
    let service = Measured::with_grants(bench, &directory.join("data"), &[], grants)?;
    std::fs::write(directory.join("file"), "idle")?;
    let signed = service.client(bench, &["sign", "file"]).current_dir(&directory).output()?;
    if !signed.status.success() {
        bail!("cannot sign: {}", String::from_utf8_lossy(&signed.stderr));
    }
    Ok(service.memory()? / f64::from(1 << 20))
}
