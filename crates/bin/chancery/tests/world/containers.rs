//! skopeo and podman with policies of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::World;

/// SubjectPublicKeyInfo of a key as PEM.
fn public_key(world: &World, name: &str) -> PathBuf {
    let spki =
        world.run(&["key", "show", name, "--json"]).expect(0).json()["spki"].as_str().unwrap().to_owned();
    let lines: Vec<&str> =
        spki.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    world.write(&format!("{name}.pub"), pem.as_bytes())
}

/// A policy that wants a signature of this key for a repository, and where such signatures lie.
pub fn signature_policy(world: &World, key: &str, repository: &str) -> PathBuf {
    let host = repository.split('/').next().unwrap();
    let places = world.path(".config/containers/registries.d");
    std::fs::create_dir_all(&places).unwrap();
    let text = format!("docker:\n  {host}:\n    use-sigstore-attachments: true\n");
    std::fs::write(places.join("default.yaml"), text).unwrap();
    let key_path = public_key(world, key);
    let identity = json!({"type": "matchRepository"});
    let signed = json!([{"type": "sigstoreSigned", "keyPath": key_path, "signedIdentity": identity}]);
    let policy = json!({"default": [{"type": "reject"}], "transports": {"docker": {repository: signed}}});
    world.write(&format!("{key}.json"), policy.to_string().as_bytes())
}

/// Whether skopeo copies an image to a directory under this policy.
pub fn skopeo_copies(world: &World, skopeo: &Path, policy: &Path, (image, to): (&str, &str)) -> bool {
    let mut command = Command::new(skopeo);
    command.args(["--tmpdir", world.directory.path().to_str().unwrap(), "--policy"]).arg(policy);
    command.arg("--registries.d").arg(world.path(".config/containers/registries.d"));
    command.args(["copy", "--src-tls-verify=false", &format!("docker://{image}")]);
    command.arg(format!("dir:{}", world.path(to).display())).env("HOME", world.directory.path());
    command.output().unwrap().status.success()
}

/// Whether podman pulls an image under this policy, and what it says.
pub fn podman_pulls(world: &World, podman: &Path, policy: &Path, image: &str) -> (bool, String) {
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\nrunroot = {:?}\ngraphroot = {:?}\n",
        world.path("run"),
        world.path("graph")
    );
    let storage = world.write("storage.conf", storage.as_bytes());
    let none = world.write("registries.conf", b"unqualified-search-registries = []\n");
    let mut command = Command::new(podman);
    command.args(["--cgroup-manager=cgroupfs", "--events-backend=none", "pull", "--tls-verify=false"]);
    command.arg("--signature-policy").arg(policy).arg(image);
    command.env("CONTAINERS_STORAGE_CONF", &storage).env("CONTAINERS_REGISTRIES_CONF", &none);
    command.env("HOME", world.directory.path()).env("XDG_RUNTIME_DIR", world.directory.path());
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
