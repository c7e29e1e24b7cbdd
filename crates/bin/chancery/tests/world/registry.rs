//! A registry of somebody else's, and what is pushed into it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{World, tool, until};

/// Debian's registry, which has no referrers API.
pub struct Registry {
    child: Child,
    pub host: String,
}

impl Registry {
    pub fn start(world: &World) -> Option<Self> {
        let program = tool("bin/docker-registry")?;
        // A free port, given back just before.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{inmemory: {{}}}}\nhttp: {{addr: \"{host}\"}}\n"
        );
        let config = world.write("registry.yml", config.as_bytes());
        let log = std::fs::File::create(world.path("registry.log")).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(config).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        until("the registry listens", || std::net::TcpStream::connect(&host).is_ok());
        Some(Self { child, host })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ended = self.child.kill().is_err();
        let _collected = self.child.wait().is_err();
    }
}

/// Pushes a file as an artifact of its own type, as a Helm chart is.
pub fn push(world: &World, oras: &Path, name: &str, text: &str) -> String {
    world.write(&format!("{text}.tgz"), text.as_bytes());
    let mut command = Command::new(oras);
    command.current_dir(world.directory.path()).env("HOME", world.directory.path());
    command.args([
        "push",
        "--plain-http",
        "--artifact-type",
        "application/vnd.cncf.helm.config.v1+json",
        name,
    ]);
    command.arg(format!("{text}.tgz:application/vnd.cncf.helm.chart.content.v1.tar+gzip"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8(output.stdout).unwrap();
    let digest = out.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
    format!("{}@{digest}", name.rsplit_once(':').unwrap().0)
}
