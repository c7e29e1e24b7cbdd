//! Many clients at once: each a process of its own, as pipelines are.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

use super::Bench;
use super::service::Measured;

/// Signs `count` files with at most `at_once` clients; answers when all are done.
pub(super) fn sign(
    service: &Measured,
    bench: &Bench,
    directory: &Path,
    count: u32,
    at_once: u32,
) -> Result<()> {
    let round = std::fs::read_dir(directory)?.count();
    let next = AtomicU32::new(0);
    let worker = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            let name = format!("{round}-{number}");
            std::fs::write(directory.join(&name), &name)?;
            let output =
                service.client(bench, &["sign", &name, "--quiet"]).current_dir(directory).output()?;
            if !output.status.success() {
                bail!("cannot sign: {}", String::from_utf8_lossy(&output.stderr).trim());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a client's thread panicked")))
    })
}
