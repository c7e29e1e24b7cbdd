//! Verifying a bundle offline from a cold start, against sigstore-python (performance G21) and cosign, and what it touches.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::measure::{Side, compare, peak_memory};
use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, text, tool};
use crate::process;

/// Who signs, as the development service certifies it.
pub(super) const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
/// The development issuer.
pub(super) const ISSUER: &str = "https://issuer.dev.localhost";

/// Wall time, memory and counters.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("verify")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    std::fs::write(directory.join("file"), "hello\n")?;
    let signed = service.client(bench, &["sign", "file", "--json"]).current_dir(&directory).output()?;
    if !signed.status.success() {
        bail!("cannot sign: {}", String::from_utf8_lossy(&signed.stderr));
    }
    let said: serde_json::Value = serde_json::from_slice(&signed.stdout)?;
    let identity = said.pointer("/results/0/certificate_identity").and_then(|text| text.as_str());
    let verify = ["verify", "file", "--offline"];
    let mut rows = Vec::new();
    let peak = peak_memory(service.client(bench, &verify).current_dir(&directory))?;
    rows.push(Row::alone(
        "verify a bundle, peak memory",
        peak / f64::from(1 << 20),
        "MiB",
        Bar::AtMost(16.0),
    ));
    rows.extend(counters(&service, bench, &directory)?);
    rows.extend(against_python(&service, bench, &directory, identity.unwrap_or(IDENTITY))?);
    rows.push(against_cosign(&service, bench, &directory)?);
    Ok(rows)
}

/// cosign's command over a file that lies beside its bundle.
pub(super) fn cosign(file: &str) -> Option<String> {
    let flags = "verify-blob-attestation --type slsaprovenance1 --trusted-root data/trusted_root.json";
    let signer = format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}");
    let program = tool("bin/cosign")?;
    Some(format!("{} {flags} {signer} --bundle {file}.sigstore.json {file}", text(&program)))
}

fn against_cosign(service: &Measured, bench: &Bench, directory: &Path) -> Result<Row> {
    let what = "verify a bundle, cold start, cosign : ours, wall";
    let Some(other) = cosign("file") else { return Ok(Row::not_compared(what, "cosign")) };
    let ours = format!("{} verify file --offline", text(&bench.chancery()));
    let side = |line: &str, repeat| Side { line: line.to_owned(), variables: &service.variables, repeat };
    let found = compare(&side(&ours, 20), &side(&other, 3), 5, directory)?;
    let figures = (found.first.wall * 1e3, found.second.wall * 1e3);
    Ok(Row::compared(what, figures, "ms", 1.0 / found.wall_ratio, Bar::AtLeast(10.0)))
}

fn against_python(service: &Measured, bench: &Bench, directory: &Path, identity: &str) -> Result<Vec<Row>> {
    let what = "verify a bundle, cold start, sigstore-python : ours, wall";
    let Some(python) = tool("venv/bin/python") else {
        return Ok(vec![Row::not_compared(what, "sigstore-python")]);
    };
    let script = process::root().join("dev/testkit/foreign/verify_python.py");
    let ours = format!("{} verify file --offline", text(&bench.chancery()));
    let other = format!(
        "{} {} data/trusted_root.json file.sigstore.json file {identity} {ISSUER}",
        text(&python),
        text(&script)
    );
    let side = |line: &str, repeat| Side { line: line.to_owned(), variables: &service.variables, repeat };
    let found = compare(&side(&ours, 20), &side(&other, 1), 5, directory)?;
    let figures = (found.first.wall * 1e3, found.second.wall * 1e3);
    Ok(vec![
        Row::compared(what, figures, "ms", 1.0 / found.wall_ratio, Bar::AtLeast(25.0)),
        Row::alone("verify a bundle, cold start, wall", found.first.wall * 1e3, "ms", Bar::AtMost(15.0)),
        Row::alone("verify a bundle, cold start, CPU", found.first.cpu * 1e3, "ms", Bar::AtMost(10.0)),
    ])
}

/// Random numbers drawn, sockets made: both must be none.
fn counters(service: &Measured, bench: &Bench, directory: &Path) -> Result<Vec<Row>> {
    let (random, network) = ("verify a bundle, random numbers drawn", "verify a bundle, sockets made");
    if !process::is_installed("strace") {
        return Ok(vec![Row::not_compared(random, "strace"), Row::not_compared(network, "strace")]);
    }
    let log = directory.join("strace.log");
    let status = Command::new("strace")
        .args(["-f", "-e", "trace=getrandom,socket,connect,openat", "-o"])
        .arg(&log)
        .arg(bench.chancery())
        .args(["verify", "file", "--offline"])
        .envs(service.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .output()?
        .status;
    if !status.success() {
        bail!("strace ended with {status}");
    }
    let text = std::fs::read_to_string(log)?;
    // The C library draws one word for its allocator before `main`; that is not ours.
    let is_ours = |line: &&str| line.contains("getrandom(") && !line.contains("GRND_NONBLOCK");
    let drawn = text.lines().filter(is_ours).count() + text.matches("/dev/urandom").count();
    let made = text.matches("socket(").count();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    Ok(vec![
        Row::alone(random, count(drawn), "", Bar::AtMost(0.0)),
        Row::alone(network, count(made), "", Bar::AtMost(0.0)),
    ])
}
