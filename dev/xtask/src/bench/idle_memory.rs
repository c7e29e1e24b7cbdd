//! Memory of all processes of a service that has signed once and waits (performance G12).

use anyhow::{Result, bail};

use super::Bench;
use super::row::{Bar, Row};
use super::service::Measured;

/// Proportional set size, summed up.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("idle")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    std::fs::write(directory.join("file"), "idle")?;
    let signed = service.client(bench, &["sign", "file"]).current_dir(&directory).output()?;
    if !signed.status.success() {
        bail!("cannot sign: {}", String::from_utf8_lossy(&signed.stderr));
    }
    let mebibytes = service.memory()? / f64::from(1 << 20);
    Ok(vec![Row::alone("idle memory, PSS of all processes", mebibytes, "MiB", Bar::AtMost(48.0))])
}
