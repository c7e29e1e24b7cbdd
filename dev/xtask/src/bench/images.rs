//! Images a second: pinned, signed three times each (signature, provenance, simple signing), attached and read back.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::row::{Bar, Row};
use super::service::Measured;
use super::{Bench, tool};
use crate::process;

const IMAGES: u32 = 40;
/// How long a registry may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// By one command over all of them, into Debian's registry, which lists no referrers.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let what = "images signed by one command, three signatures each, into docker-registry";
    let (Some(program), Some(oras)) = (tool("bin/docker-registry"), tool("bin/oras")) else {
        return Ok(vec![Row::not_compared(what, "docker-registry or oras")]);
    };
    let directory = bench.directory("images")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    let registry = Registry::start(&program, &directory)?;
    let images = (0..IMAGES).map(|number| push(&oras, &directory, &registry.host, number));
    let images = images.collect::<Result<Vec<String>>>()?;
    let sign: Vec<&str> = std::iter::once("sign").chain(images.iter().map(String::as_str)).collect();
    let begun = Instant::now();
    let signed = service.client(bench, &sign).current_dir(&directory).output()?;
    let wall = begun.elapsed().as_secs_f64();
    if !signed.status.success() {
        bail!("cannot sign: {}", String::from_utf8_lossy(&signed.stderr));
    }
    Ok(vec![Row::alone(what, f64::from(IMAGES) / wall, "/s", Bar::None)])
}

/// An artifact without layers of any size; answers with its name by digest.
fn push(oras: &Path, directory: &Path, host: &str, number: u32) -> Result<String> {
    let file = format!("layer-{number}");
    std::fs::write(directory.join(&file), &file)?;
    let name = format!("{host}/acme/app");
    let mut command = Command::new(oras);
    command.args([
        "push",
        "--plain-http",
        "--artifact-type",
        "application/x.bench",
        &format!("{name}:{file}"),
    ]);
    command.arg(format!("{file}:text/plain")).current_dir(directory).env("HOME", directory);
    let said = process::read(&mut command)?;
    let digest = said.lines().find_map(|line| line.strip_prefix("Digest: ")).context("no digest")?;
    Ok(format!("{name}@{digest}"))
}

/// Debian's registry, in memory.
struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    fn start(program: &Path, directory: &Path) -> Result<Self> {
        let host = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{inmemory: {{}}}}\nhttp: {{addr: \"{host}\"}}\n"
        );
        let file = directory.join("registry.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        command.arg("serve").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { child: command.spawn()?, host };
        let begun = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            if begun.elapsed() > PATIENCE {
                bail!("the registry does not listen");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ended = self.child.kill().is_err();
        let _collected = self.child.wait().is_err();
    }
}
