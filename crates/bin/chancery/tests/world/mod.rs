//! A service in a temporary directory, as a user would start it, and the command line against it.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "shared by test programs"
)]

pub mod containers;
pub mod notation;
pub mod registry;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub const CHANCERY: &str = env!("CARGO_BIN_EXE_chancery");
/// What the development service's runner is.
pub const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
/// The development issuer.
pub const ISSUER: &str = "https://issuer.dev.localhost";
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `chancery serve --dev`.
pub struct World {
    pub directory: tempfile::TempDir,
    pub server: Option<Child>,
    pub env: BTreeMap<String, String>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}\n{}", self.out, self.err))
    }
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl World {
    /// A place for a development installation that is not started.
    pub fn cold() -> Self {
        let directory = tempfile::Builder::new().prefix("chancery-world-").tempdir().unwrap();
        Self { directory, server: None, env: BTreeMap::new() }
    }
    /// Starts a fresh development installation.
    pub fn start() -> Self {
        let mut world = Self::cold();
        world.serve(&[]);
        world
    }
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
    /// `chancery serve --dev` over this world's data.
    pub fn service(&self) -> Command {
        let mut command = Command::new(CHANCERY);
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data());
        command.env_remove("GITHUB_ACTIONS").stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
    /// Starts (or starts again) the service with further environment variables and waits until it is ready.
    pub fn serve(&mut self, variables: &[(&str, &str)]) {
        let mut command = self.service();
        command.envs(variables.iter().copied());
        self.serve_with(command);
    }
    pub fn serve_with(&mut self, mut command: Command) {
        let log = std::fs::File::options().create(true).append(true).open(self.path("server.log")).unwrap();
        let mut child = command.stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.server = Some(child);
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}\n{}", self.log()));
        assert_eq!(ready["schema"], "chancery.ready/1");
        self.env = read_env(Path::new(ready["env"].as_str().unwrap()));
    }
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }
    /// A client command with `client.env`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(CHANCERY);
        command.args(arguments).envs(&self.env).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }
    /// As another caller: the development issuer's request address with other claims, `("ref", "refs/heads/x")`.
    pub fn run_as(&self, claims: &[(&str, &str)], arguments: &[&str]) -> Said {
        let mut url = self.env["ACTIONS_ID_TOKEN_REQUEST_URL"].clone();
        for (name, value) in claims {
            url = format!("{url}&{name}={value}");
        }
        self.command(arguments).env("ACTIONS_ID_TOKEN_REQUEST_URL", url).output().unwrap().into()
    }
    /// As a job that was given this token and can ask for no other.
    pub fn run_with_token(&self, token: &str, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        for name in ["GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
            command.env_remove(name);
        }
        command.env("CHANCERY_ID_TOKEN", token).output().unwrap().into()
    }
    /// A token of the development issuer for this audience.
    pub fn token(&self, audience: &str) -> String {
        self.run(&["dev", "token", "--audience", audience]).expect(0).out.trim().to_owned()
    }
    /// The process of a role below this service's supervisor.
    pub fn role(&self, role: &str) -> Option<u32> {
        let parent = self.server.as_ref()?.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').nth(1) == Some(role)
        })
    }
    /// Entries in the ledger, from its checkpoint with all signatures checked.
    pub fn size(&self) -> u64 {
        self.run(&["ledger", "checkpoint", "--json"]).expect(0).json()["size"].as_u64().unwrap()
    }
    /// Leaves from an index on, oldest first, each proven to be in the ledger.
    pub fn leaves(&self, from: u64) -> Vec<Value> {
        let leaf = |index: u64| {
            self.run(&["ledger", "prove", &index.to_string(), "--json"]).expect(0).json()["leaf"].take()
        };
        (from..self.size()).map(leaf).collect()
    }
    /// As a power failure: the service and its processes, all at once.
    pub fn kill_server(&mut self) {
        let roles = ["gateway", "keyguard"].map(|role| self.role(role));
        if let Some(mut child) = self.server.take() {
            let _ended = child.kill().is_err();
            child.wait().unwrap();
        }
        for pid in roles.into_iter().flatten() {
            kill("-KILL", pid);
            until("a killed process is gone", || !lives(pid));
        }
    }
    /// Asks for an orderly end and waits for it.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.server.take().unwrap();
        kill("-TERM", child.id());
        until("the service ends", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_server();
    }
}

/// Sends a signal; a process that is gone already is as good.
pub fn kill(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.unwrap();
}

/// Whether a process exists and is more than an entry that its parent has not collected.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits for a condition of another process.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Leaves of one kind.
pub fn of_kind<'a>(leaves: &'a [Value], kind: &str) -> Vec<&'a Value> {
    leaves.iter().filter(|leaf| leaf["kind"] == kind).collect()
}

fn read_env(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').replace("'\\''", "'")))
        .collect()
}

/// A foreign tool below `CHANCERY_TOOLS` (`bin/cosign`, `venv/bin/python`, `node/node_modules`) or of the system; where
/// it is absent, the words that say that nothing was compared.
pub fn tool(name: &str) -> Option<PathBuf> {
    let places = std::env::var_os("CHANCERY_TOOLS").map(PathBuf::from);
    let system = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/sbin", "/usr/lib/softhsm"].map(PathBuf::from);
    let found = places.into_iter().chain(system).map(|place| place.join(name)).find(|path| path.exists());
    if found.is_none() {
        println!("not compared: {name} is absent");
    }
    found
}
