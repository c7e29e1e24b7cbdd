//! A registry of somebody else's, and what is pushed into it.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chancery_core::digest::Sha256;
use serde_json::json;

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

/// One exchange with a registry; answers with all that it said.
pub fn exchange(host: &str, line: &str, kind: &str, body: &[u8]) -> String {
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 20"), "{line}: {said}");
    said
}

/// An image without layers: all that a policy needs to look at. Answers with its name and its digest.
pub fn push_image(host: &str, path: &str, tag: &str) -> (String, String) {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Env": [format!("T={tag}")]},
        "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string().into_bytes();
    let digest = format!("sha256:{}", Sha256::of(&config));
    let begun = exchange(host, &format!("POST /v2/{path}/blobs/uploads/"), "text/plain", b"");
    let location = begun.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim();
    let place = location.split_once(host).map_or(location, |(_, rest)| rest);
    exchange(host, &format!("PUT {place}&digest={digest}"), "application/octet-stream", &config);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()}});
    let manifest = manifest.to_string();
    exchange(host, &format!("PUT /v2/{path}/manifests/{tag}"), kind, manifest.as_bytes());
    let digest = format!("sha256:{}", Sha256::of(manifest.as_bytes()));
    (format!("{host}/{path}:{tag}"), digest)
}

/// What a tag names, if it names something.
fn tagged(host: &str, path: &str, tag: &str) -> Option<Vec<u8>> {
    let mut command = Command::new("curl");
    let address = format!("http://{host}/v2/{path}/manifests/{tag}");
    // This registry says that an index is not there to whoever does not ask for one.
    for kind in ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"] {
        command.args(["--header", &format!("accept: {kind}")]);
    }
    let found = command.args(["-sS", "--fail", &address]).output().unwrap();
    found.status.success().then_some(found.stdout)
}

/// How many manifests the index under a tag lists.
pub fn listed(host: &str, path: &str, tag: &str) -> usize {
    let Some(index) = tagged(host, path, tag) else { return 0 };
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    index["manifests"].as_array().unwrap().len()
}

/// Puts what one tag names under another, as whoever may write to a repository can. Answers whether the one named
/// something.
pub fn copy_tag(host: &str, path: &str, (from, to): (&str, &str)) -> bool {
    let Some(found) = tagged(host, path, from) else { return false };
    let manifest: serde_json::Value = serde_json::from_slice(&found).unwrap();
    let kind = manifest["mediaType"].as_str().unwrap();
    exchange(host, &format!("PUT /v2/{path}/manifests/{to}"), kind, &found);
    true
}
