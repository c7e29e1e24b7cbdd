//! CPU of the service per signature, all processes, against a floor: the primitives that the profile cannot avoid, as
//! `openssl speed` makes them on this machine in the same minute (performance G1).
//!
//! The floor of profile `dev` for a Sigstore message, each primitive once where it is unavoidable:
//!
//! ```text
//! P-256 sign    artifact, certificate, SCT, timestamp                                        4
//! P-256 verify  token in gateway and keyguard, artifact, chain (2), SCT, timestamp and its
//!               chain (2), all but the token once, before anything is released                9
//! Ed25519       checkpoint and cosignature: one each per batch, left out                     0
//! ```
//!
//! A floor that leaves something out makes the ratio worse, never better.

use anyhow::{Context as _, Result};

use super::Bench;
use super::load;
use super::measure::median;
use super::row::{Bar, Row};
use super::service::Measured;
use crate::process::{self, command, read};

const SIGNATURES: f64 = 4.0;
const VERIFICATIONS: f64 = 9.0;
const COUNT: u32 = 200;

/// Milliseconds of CPU per signature, alternating with the floor.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = "service CPU per signature, ours : floor of its primitives";
    if !process::is_installed("openssl") {
        return Ok(vec![Row::not_compared(what, "openssl")]);
    }
    let directory = bench.directory("service-cpu")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    let files = directory.join("files");
    std::fs::create_dir(&files)?;
    load::sign(&service, bench, &files, 32, 8)?;
    let mut pairs = Vec::new();
    for _ in 0..5 {
        let before = service.cpu()?;
        load::sign(&service, bench, &files, COUNT, 16)?;
        let ours = (service.cpu()? - before) / f64::from(COUNT);
        pairs.push((ours * 1e3, floor()? * 1e3));
    }
    let figures =
        (median(pairs.iter().map(|(ours, _)| *ours)), median(pairs.iter().map(|(_, floor)| *floor)));
    let ratio = median(pairs.iter().map(|(ours, floor)| ours / floor));
    Ok(vec![Row::compared(what, figures, "ms", ratio, Bar::AtMost(1.8))])
}

/// Seconds of CPU for the primitives of one signature.
fn floor() -> Result<f64> {
    let said = read(&mut command("openssl", &["speed", "-mr", "-seconds", "1", "ecdsap256"]))?;
    // `+F4:<bits>:<curve>:<seconds per sign>:<seconds per verify>` (older: operations per second)
    let line = said.lines().find(|line| line.starts_with("+F4:")).context("openssl speed says no ECDSA")?;
    let fields: Vec<f64> = line.split(':').filter_map(|field| field.parse().ok()).collect();
    let (sign, verify) = match fields.as_slice() {
        [.., sign, verify] => (*sign, *verify),
        [] | [_] => anyhow::bail!("openssl speed is not understood: {line}"),
    };
    let seconds = |figure: f64| if figure > 1.0 { 1.0 / figure } else { figure };
    Ok(SIGNATURES * seconds(sign) + VERIFICATIONS * seconds(verify))
}
