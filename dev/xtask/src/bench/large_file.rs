//! Signing one GiB against `openssl dgst -sha256` of it, and the client's memory (performance G17).

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use super::measure::{Side, compare, peak_memory};
use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, text};

/// CPU of the client, wall of everything.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("large")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    fill(&directory.join("big"))?;
    let ours = format!("rm -f big.sigstore.json; {} sign big", text(&bench.chancery()));
    let side = |line: &str| Side { line: line.to_owned(), variables: &service.variables, repeat: 1 };
    let found = compare(&side(&ours), &side("openssl dgst -sha256 big"), 5, &directory)?;
    std::fs::remove_file(directory.join("big.sigstore.json"))?;
    let peak = peak_memory(service.client(bench, &["sign", "big", "--replace"]).current_dir(&directory))?;
    std::fs::remove_file(directory.join("big"))?;
    let cpu = (found.first.cpu, found.second.cpu);
    let wall = (found.first.wall, found.second.wall);
    let openssl = "sign 1 GiB, ours : openssl dgst -sha256";
    Ok(vec![
        Row::compared(&format!("{openssl}, CPU of the client"), cpu, "s", found.cpu_ratio, Bar::AtMost(1.1)),
        Row::compared(&format!("{openssl}, wall"), wall, "s", found.wall_ratio, Bar::None),
        Row::alone(
            "sign 1 GiB, peak memory of the client",
            peak / f64::from(1 << 20),
            "MiB",
            Bar::AtMost(24.0),
        ),
    ])
}

fn fill(path: &Path) -> Result<()> {
    let mut file = std::fs::File::create(path)?;
    let block: Vec<u8> = (0..1 << 20).map(|at: u32| u8::try_from(at * 31 % 251).unwrap_or(0)).collect();
    for _ in 0..1024 {
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}
