//! A service in a temporary directory, as a user would start it, and the command line against it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub const CHANCERY: &str = env!("CARGO_BIN_EXE_chancery");
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `chancery serve --dev`.
pub struct World {
    pub directory: tempfile::TempDir,
    pub server: Option<Child>,
    pub env: BTreeMap<String, String>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}\n{}", self.out, self.err))
    }
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl World {
    /// Starts a fresh development installation.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("chancery-world-").tempdir().unwrap();
        let mut world = Self { directory, server: None, env: BTreeMap::new() };
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
    /// Starts (or starts again) the service with further environment variables and waits until it is ready.
    pub fn serve(&mut self, variables: &[(&str, &str)]) {
        let log = std::fs::File::options().create(true).append(true).open(self.path("server.log")).unwrap();
        let mut child = Command::new(CHANCERY)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.data())
            .envs(variables.iter().copied())
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line but {line:?}\n{}", self.log()));
        assert_eq!(ready["schema"], "chancery.ready/1");
        self.env = read_env(Path::new(ready["env"].as_str().unwrap()));
        self.server = Some(child);
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
        said(self.command(arguments).output().unwrap())
    }
    /// As another caller: the development issuer's request address with other claims.
    pub fn run_as(&self, claims: &[&str], arguments: &[&str]) -> Said {
        let mut mint = vec!["dev", "token", "--request-url"];
        mint.extend_from_slice(claims);
        let url = self.run(&mint).expect(0).out.trim().to_owned();
        said(self.command(arguments).env("ACTIONS_ID_TOKEN_REQUEST_URL", url).output().unwrap())
    }
    /// Processes of a role below this service's supervisor.
    pub fn role(&self, role: &str) -> Option<u32> {
        let parent = self.server.as_ref()?.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').nth(1) == Some(role)
        })
    }
    /// All leaves of the ledger, oldest first.
    pub fn leaves(&self) -> Vec<serde_json::Value> {
        let said = self.run(&["ledger", "export", "--json"]).expect(0);
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
    pub fn kill_server(&mut self) {
        if let Some(mut child) = self.server.take() {
            let _gone = child.kill().is_err();
            child.wait().unwrap();
        }
    }
    /// Asks for an orderly end and waits for it.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.server.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        until("the service ends", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_server();
    }
}

/// Waits for a condition of another process.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::yield_now();
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_env(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').replace("'\\''", "'")))
        .collect()
}

/// A foreign tool, or the words that say that nothing was compared.
pub fn tool(name: &str) -> Option<PathBuf> {
    let places = std::env::var("CHANCERY_TOOLS").map(|tools| Path::new(&tools).join("bin"));
    let places = places.into_iter().chain(["/usr/bin", "/usr/local/bin", "/usr/sbin"].map(PathBuf::from));
    let found = places.map(|place| place.join(name)).find(|path| path.exists());
    if found.is_none() {
        println!("not compared: {name} is absent");
    }
    found
}
