//! A development service as a child process, which ends with its parent's value.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::catalogue::Code;
use crate::failure::Failure;
use crate::host::READY_SCHEMA;
use crate::trust::read_bounded;

/// Until the service must accept connections.
const READY: Duration = Duration::from_secs(30);
/// Until it must have ended after it was told to.
const END: Duration = Duration::from_secs(5);
/// Longest ready line in bytes.
const MAX_LINE: u64 = 4096;
/// Longest environment file in bytes.
const MAX_ENVIRONMENT: usize = 64 * 1024;

/// A running service.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    /// What its environment file says.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Service {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Unexpected, format!("the service did not start: {error}"))
        };
        let mut command = Command::new(program);
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| failed(&error))?;
        let mut service = Self { child, environment: BTreeMap::new() };
        let out = service.child.stdout.take().ok_or_else(|| failed(&"no output"))?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(out);
            let mut line = String::new();
            let read = reader.by_ref().take(MAX_LINE).read_line(&mut line);
            drop(tell.send(read.map(|_| line)));
            // Whatever follows is read, so that the service never waits for its reader.
            drop(std::io::copy(&mut reader, &mut std::io::sink()));
        });
        let line = told
            .recv_timeout(READY)
            .map_err(|_| failed(&"it was not ready in time"))?
            .map_err(|error| failed(&error))?;
        let ready: Value =
            serde_json::from_str(&line).map_err(|_| failed(&"it ended before it was ready"))?;
        if ready.get("schema").and_then(Value::as_str) != Some(READY_SCHEMA) {
            return Err(failed(&"its ready line has another schema"));
        }
        let file = ready
            .get("env")
            .and_then(Value::as_str)
            .ok_or_else(|| failed(&"it names no environment file"))?;
        let text = read_bounded(Path::new(file), MAX_ENVIRONMENT)?;
        service.environment = environment(&String::from_utf8_lossy(&text));
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if stop(&mut self.child).is_err() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Asks it to end, so that its own children end with it.
fn stop(child: &mut Child) -> std::io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("no process id"))?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    let asked = Instant::now();
    while asked.elapsed() < END {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(std::io::Error::other("it did not end"))
}

/// `NAME='value'` lines as a shell reads them: no expansion, single quotes only, an `export ` before it is allowed.
fn environment(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim_matches(|c| c == '\'' || c == '"');
        Some((name.trim().to_owned(), value.to_owned()))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_shell_reads() {
        let read = environment("# made by serve\nexport A='b c'\nD=e=f\n\nG=\"h\"\nno line\n");
        let expected = [("A", "b c"), ("D", "e=f"), ("G", "h")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_program_that_is_no_service_is_a_failure() {
        let failure = Service::start(Path::new("/bin/true"), Path::new("/nonexistent")).unwrap_err();
        assert_eq!(failure.code, "CH1001");
    }
}
