//! How often the disk is waited for, per signature, both processes together (performance G3).

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::Bench;
use super::load::Load;
use super::row::{Bar, Row};
use super::service::Measured;
use crate::process;

const COUNT: u32 = 1_024;

/// `fsync` and `fdatasync` of 1,024 signatures of 64 clients at once, counted by strace.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = "fsync per signature, 64 clients at once, all processes";
    if !process::is_installed("strace") {
        return Ok(vec![Row::not_compared(what, "strace")]);
    }
    let directory = bench.directory("fsyncs")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    let load =
        Load { profile: "dev", format: "sigstore", requests: COUNT, statements: 1, at_once: 64, rate: None };
    let ready = load.prepare(&service, bench)?;
    let log = directory.join("strace.log");
    let mut tracer = trace(&service, &log)?;
    ready.go()?;
    let asked = Command::new("kill").args(["-INT", &tracer.id().to_string()]).status()?;
    anyhow::ensure!(asked.success(), "strace does not end");
    let _ended = tracer.wait()?;
    let text = std::fs::read_to_string(log).context("strace wrote nothing")?;
    let calls = text.lines().filter(|line| line.contains("sync(") && !line.contains("resumed")).count();
    let each = f64::from(u32::try_from(calls)?) / f64::from(COUNT);
    Ok(vec![Row::alone(what, each, "", Bar::AtMost(0.1))])
}

/// Attaches strace to all processes and waits until it has.
fn trace(service: &Measured, log: &Path) -> Result<std::process::Child> {
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range,syncfs", "-o"]).arg(log);
    let processes = service.processes()?;
    for id in &processes {
        command.args(["-p", &id.to_string()]);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let is_traced = |id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    };
    for _ in 0..1_000 {
        if processes.iter().all(is_traced) {
            return Ok(child);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    anyhow::bail!("strace could not attach to all processes (ptrace is not allowed)")
}
