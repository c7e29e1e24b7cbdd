//! A development service in a directory of its own, started as a reader of the tutorial would, and stopped with us.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A running service.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    program: PathBuf,
    client_env: PathBuf,
}

impl Service {
    /// Starts one on a free port of the loopback and waits for its line that says it is ready.
    pub(crate) fn start(program: &Path, directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let log = directory.with_extension("log");
        let mut child = Command::new(program)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory)
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("`{}` did not start", program.display()))?;
        let stdout = child.stdout.take().context("the service has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let service = Self { child, program: program.to_owned(), client_env: directory.join("client.env") };
        if ready.get("schema").and_then(|schema| schema.as_str()) != Some("chancery.ready/1") {
            bail!("the service is not ready: {}", std::fs::read_to_string(log)?);
        }
        Ok(service)
    }

    /// The process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The binary.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The file that makes a shell its client.
    pub(crate) fn client_env(&self) -> &Path {
        &self.client_env
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A signal that it can answer: it ends its children too.
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ended = self.child.wait();
        }
    }
}
