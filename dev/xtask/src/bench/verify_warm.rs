//! Verifying many bundles: one command of ours, one process of sigstore-python, and cosign, which has a process for each.

use std::path::Path;

use anyhow::{Result, bail};

use super::measure::{Side, compare};
use super::row::{Bar, Row};
use super::service::Measured;
use super::verify_cold::{IDENTITY, ISSUER, cosign};
use super::{Bench, text, tool};
use crate::process;

const FILES: u32 = 200;
/// As many as cosign gets, which takes a tenth of a second for each.
const FEW: u32 = 20;

/// Wall time of one bundle among many.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("verify-warm")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    let names: Vec<String> = (0..FILES).map(|number| format!("file-{number:03}")).collect();
    for name in &names {
        std::fs::write(directory.join(name), name)?;
    }
    let sign: Vec<&str> = std::iter::once("sign").chain(names.iter().map(String::as_str)).collect();
    let signed = service.client(bench, &sign).current_dir(&directory).output()?;
    if !signed.status.success() {
        bail!("cannot sign: {}", String::from_utf8_lossy(&signed.stderr));
    }
    let ours = format!("{} verify --offline {}", text(&bench.chancery()), names.join(" "));
    let python = against(&service, &directory, &ours, python(&names))?;
    let few = names.iter().take(usize::try_from(FEW)?).map(|name| cosign(name));
    let line = few.collect::<Option<Vec<_>>>().map(|each| (each.join(" && "), FEW));
    Ok(vec![python, against(&service, &directory, &ours, ("cosign", line))?])
}

/// sigstore-python over all of them, in one process.
fn python(names: &[String]) -> (&'static str, Option<(String, u32)>) {
    let script = process::root().join("dev/testkit/foreign/verify_many_python.py");
    let line = tool("venv/bin/python").map(|python| {
        let root = "data/trusted_root.json";
        format!("{} {} {root} {IDENTITY} {ISSUER} {}", text(&python), text(&script), names.join(" "))
    });
    ("sigstore-python", line.map(|line| (line, FILES)))
}

/// Our command over all files against somebody's line over some of them, each by bundle.
fn against(
    service: &Measured,
    directory: &Path,
    ours: &str,
    (name, other): (&str, Option<(String, u32)>),
) -> Result<Row> {
    let what = format!("verify {FILES} bundles, {name} : ours, wall of each");
    let Some((line, count)) = other else { return Ok(Row::not_compared(&what, name)) };
    let side = |line: &str| Side { line: line.to_owned(), variables: &service.variables, repeat: 1 };
    let found = compare(&side(ours), &side(&line), 5, directory)?;
    let each = (found.first.wall / f64::from(FILES), found.second.wall / f64::from(count));
    let ratio = f64::from(FILES) / f64::from(count) / found.wall_ratio;
    Ok(Row::compared(&what, (each.0 * 1e3, each.1 * 1e3), "ms", ratio, Bar::AtLeast(10.0)))
}
