//! The TUF repository: unmodified clients are initialised once, then need no further flag.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use world::{IDENTITY, ISSUER, Said, World, tool, until};

/// A client with a home of its own, which knows the service's TLS certificate and nothing else of it.
fn client(world: &World, program: &Path) -> Command {
    let mut command = Command::new(program);
    let home = world.path("home");
    std::fs::create_dir_all(&home).unwrap();
    command.env("HOME", &home).current_dir(world.directory.path());
    for name in ["XDG_DATA_HOME", "XDG_CACHE_HOME", "TUF_ROOT"] {
        command.env_remove(name);
    }
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
        command.env(name, world.data().join("tls-ca.pem"));
    }
    command
}

fn said(mut command: Command) -> Said {
    command.output().unwrap().into()
}

fn mirror(world: &World) -> String {
    format!("{}/tuf", world.env["CHANCERY_SERVER"])
}

fn initialise_cosign(world: &World) -> bool {
    let Some(cosign) = tool("bin/cosign") else { return false };
    let mut command = client(world, &cosign);
    let mirror = mirror(world);
    command.args(["initialize", "--mirror", &mirror, "--root", &format!("{mirror}/root.json")]);
    said(command).expect(0);
    true
}

fn cosign(world: &World, file: &str, bundle: &str) -> Said {
    let mut command = client(world, &tool("bin/cosign").unwrap());
    command.args(["verify-blob", "--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]);
    command.args(["--bundle", bundle, file]);
    said(command)
}

fn initialise_python(world: &World) -> bool {
    let Some(python) = tool("venv/bin/sigstore") else { return false };
    let mut fetch = client(world, Path::new("curl"));
    fetch.args(["-sS", "--fail", "-o", "root.json", &format!("{}/root.json", mirror(world))]);
    fetch.arg("--cacert").arg(world.data().join("tls-ca.pem"));
    said(fetch).expect(0);
    let mut command = client(world, &python);
    command.args(["--instance", &mirror(world), "trust-instance", "root.json"]);
    said(command).expect(0);
    true
}

fn python(world: &World, file: &str, bundle: &str) -> Said {
    let mut command = client(world, &tool("venv/bin/sigstore").unwrap());
    command.args(["--instance", &mirror(world), "verify", "identity", "--bundle", bundle]);
    command.args(["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER, file]);
    said(command)
}

/// Signs a file; its bundle lies beside it.
fn sign(world: &World, name: &str) -> String {
    world.write(name, name.as_bytes());
    world.run(&["sign", name, "--message"]).expect(0);
    format!("{name}.sigstore.json")
}

#[test]
fn clients_that_were_initialised_once_need_no_further_flag() {
    let world = World::start();
    let one = sign(&world, "one.bin");
    world.write("changed.bin", b"onf.bin");
    if initialise_cosign(&world) {
        cosign(&world, "one.bin", &one).expect(0);
        assert_ne!(cosign(&world, "changed.bin", &one).code, 0);
    }
    if initialise_python(&world) {
        python(&world, "one.bin", &one).expect(0);
        assert_ne!(python(&world, "changed.bin", &one).code, 0);
    }
}

/// The development root's key signs for its people.
fn rotate(world: &World, kind: &str, more: &[&str]) -> Said {
    let mut arguments = vec!["trust", "rotate", kind, "--reason", "test", "--key", "data/dev-root.key"];
    arguments.extend_from_slice(more);
    world.run(&arguments)
}

/// Waits until what people signed is used: gateway and keyguard change over at one moment, a few seconds later.
fn change_over(world: &World) {
    let used = |world: &World| {
        let told = world.run(&["trust", "show", "--json"]).expect(0).json();
        let listed = told["list"]["instances"].as_array().unwrap().clone();
        told["used"]
            .as_array()
            .unwrap()
            .iter()
            .all(|used| listed.iter().any(|one| one["id"] == used["id"] && one["end"].is_null()))
    };
    until("what was listed is used", || used(world));
    let listed = world.run(&["trust", "show", "--json"]).expect(0).json()["act"].take();
    // The service writes its trust material anew within a second; the client's own check needs it.
    until("trust.json has the successors", || {
        let told = world.run(&["trust", "show", "--json"]).expect(0).json();
        let text = std::fs::read_to_string(world.data().join("trusted_root.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let count = |name: &str| document[name].as_array().unwrap().len();
        let all = count("certificateAuthorities")
            + count("ctlogs")
            + count("tlogs")
            + count("timestampAuthorities");
        told["act"] == listed && all == told["list"]["instances"].as_array().unwrap().len()
    });
}

/// Every client that is here, with its name.
type Verify = fn(&World, &str, &str) -> Said;

fn clients(world: &World) -> Vec<(&'static str, Verify)> {
    let mut clients: Vec<(&'static str, Verify)> = vec![("chancery", ours)];
    if initialise_cosign(world) {
        clients.push(("cosign", cosign));
    }
    if initialise_python(world) {
        clients.push(("sigstore-python", python));
    }
    clients
}

fn ours(world: &World, file: &str, _: &str) -> Said {
    world.run(&["verify", file, "--policy", "dev", "--offline"])
}

#[test]
fn authorities_take_over_while_clients_stay_as_they_are() {
    let mut world = World::start();
    let first = sign(&world, "first.bin");
    let clients = clients(&world);
    let before = world.run(&["trust", "show", "--json"]).expect(0).json()["list"]["instances"].take();
    for kind in ["tsa", "ca", "ct", "ledger"] {
        rotate(&world, kind, &["--begin", "now"]).expect(0);
    }
    change_over(&world);
    let second = sign(&world, "second.bin");
    for (name, verify) in &clients {
        assert_eq!(verify(&world, "first.bin", &first).code, 0, "{name}: what was signed before");
        let said = verify(&world, "second.bin", &second);
        assert_eq!(said.code, 0, "{name}: what was signed after: {}{}", said.out, said.err);
    }
    // Other keys really signed: certificate, its timestamp, and the timestamp of the signature are of the successors.
    let after = world.run(&["trust", "show", "--json"]).expect(0).json();
    for kind in ["tsa", "ca", "ct", "ledger"] {
        let id = |list: &Value| {
            let of_kind = list.as_array().unwrap().iter().filter(|one| one["kind"] == kind);
            of_kind.map(|one| one["id"].clone()).next_back().unwrap()
        };
        assert_ne!(id(&before), id(&after["used"]), "{kind}");
    }
    // A restart forgets nothing, and the audit accepts every generation.
    world.stop();
    world.serve(&[]);
    let third = sign(&world, "third.bin");
    for (name, verify) in &clients {
        if *name == "chancery" {
            verify(&world, "third.bin", &third).expect(0);
        }
    }
    world
        .run(&["audit", "--data-dir", "data", "--trust", "data/trust.json", "--host", "dev.localhost"])
        .expect(0);
}

#[test]
fn what_a_stolen_key_signed_before_the_theft_still_counts_and_nothing_after() {
    for (kind, refusing) in [
        ("tsa", &["chancery", "cosign", "sigstore-python"][..]),
        ("ca", &["chancery", "cosign"][..]),
        // Entries of Rekor v2 carry no time, so other clients have nothing to compare the window with.
        ("ledger", &["chancery"][..]),
    ] {
        let world = World::start();
        let clients = clients(&world);
        let before = sign(&world, "before.bin");
        let signed = now();
        until("the second of the theft is over", || now() >= signed + 2);
        let theft = chancery_core::time::Time::from_seconds(signed + 1).to_string();
        let after = sign(&world, "after.bin");
        rotate(&world, kind, &["--compromised-since", &theft]).expect(0);
        change_over(&world);
        let successor = sign(&world, "successor.bin");
        for (name, verify) in &clients {
            assert_eq!(verify(&world, "before.bin", &before).code, 0, "{name} {kind}: before the theft");
            let said = verify(&world, "successor.bin", &successor);
            assert_eq!(said.code, 0, "{name} {kind}: by the successor: {}{}", said.out, said.err);
            let is_refused = verify(&world, "after.bin", &after).code != 0;
            assert_eq!(is_refused, refusing.contains(name), "{name} {kind}: after the theft");
        }
        // The same wish again: what lost its trust is not given out once more, but signed anew.
        world.run(&["sign", "after.bin", "--message", "--replace"]).expect(0);
        ours(&world, "after.bin", &after).expect(0);
        // The checkpoint is published a moment after it was cosigned.
        until("the audit holds", || world.run(&["audit", "--data-dir", "data"]).code == 0);
    }
}

/// The repository as it is now, in a directory.
fn copy(world: &World, name: &str) -> PathBuf {
    let directory = world.path(name);
    std::fs::create_dir_all(directory.join("targets")).unwrap();
    let get = |path: &str| -> Option<Value> {
        let mut fetch = client(world, Path::new("curl"));
        fetch.args(["-sS", "--fail", &format!("{}/{path}", mirror(world)), "-o"]).arg(directory.join(path));
        fetch.arg("--cacert").arg(world.data().join("tls-ca.pem"));
        (said(fetch).code == 0)
            .then(|| serde_json::from_slice(&std::fs::read(directory.join(path)).unwrap()).unwrap())
    };
    get("root.json").unwrap();
    let version = |value: &Value, name: &str| value["signed"]["meta"][name]["version"].as_u64().unwrap();
    let timestamp = get("timestamp.json").unwrap();
    let snapshot = get(&format!("{}.snapshot.json", version(&timestamp, "snapshot.json"))).unwrap();
    let targets = get(&format!("{}.targets.json", version(&snapshot, "targets.json"))).unwrap();
    for (name, file) in targets["signed"]["targets"].as_object().unwrap() {
        get(&format!("targets/{}.{name}", file["hashes"]["sha256"].as_str().unwrap())).unwrap();
    }
    directory
}

/// Copies a copy, so that it can be damaged.
fn damaged(world: &World, of: &Path, name: &str) -> PathBuf {
    let to = world.path(name);
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(of).arg(&to);
    said(copy).expect(0);
    to
}

fn only(directory: &Path, end: &str) -> PathBuf {
    let mut found = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.to_str().unwrap().ends_with(end)).unwrap()
}

fn flip(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let changed =
        if text.contains("2026") { text.replacen("2026", "2027", 1) } else { text.replacen('1', "2", 1) };
    assert_ne!(text, changed);
    std::fs::write(path, changed).unwrap();
}

/// A TUF client over a directory; its state is kept under its name.
type Follow = fn(&World, &Path) -> Option<Said>;

fn follow_python(world: &World, mirror: &Path) -> Option<Said> {
    let mut command = client(world, &tool("venv/bin/python")?);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/testkit/foreign/tuf_python.py");
    command.arg(script).arg(mirror).arg(world.path("python-state")).arg("trusted_root.json");
    Some(said(command))
}

fn follow_ours(world: &World, mirror: &Path) -> Option<Said> {
    let mirror = mirror.to_str().unwrap();
    let mut command =
        world.command(&["trust", "refresh", "--name", "copies", "--mirror", mirror, "--root", "begin.json"]);
    command.env("XDG_DATA_HOME", world.path("ours-state"));
    Some(said(command))
}

#[test]
fn tuf_clients_follow_rotations_and_refuse_what_a_mirror_makes_up() {
    let world = World::start();
    let first = copy(&world, "first");
    std::fs::copy(first.join("root.json"), world.path("begin.json")).unwrap();
    std::fs::create_dir_all(world.path("python-state")).unwrap();
    std::fs::copy(first.join("root.json"), world.path("python-state/root.json")).unwrap();
    rotate(&world, "tsa", &["--begin", "now"]).expect(0);
    let second = copy(&world, "second");
    rotate(&world, "ct", &["--begin", "now"]).expect(0);
    let third = copy(&world, "third");
    let clients: [(&str, Follow); 2] = [("python-tuf", follow_python), ("chancery", follow_ours)];
    for (name, follow) in clients {
        for mirror in [&first, &second, &second] {
            let Some(said) = follow(&world, mirror) else { break };
            assert_eq!(said.code, 0, "{name}: {}", said.err);
        }
        let refuse = |what: &str, mirror: &Path| {
            let Some(said) = follow(&world, mirror) else { return };
            assert_ne!(said.code, 0, "{name} took {what}");
        };
        refuse("an older repository", &first);
        let mixed = damaged(&world, &third, &format!("mixed-{name}"));
        std::fs::copy(only(&second, ".snapshot.json"), only(&mixed, ".snapshot.json")).unwrap();
        refuse("an older snapshot under a newer timestamp", &mixed);
        for file in ["timestamp.json", ".snapshot.json", ".targets.json"] {
            let changed = damaged(&world, &third, &format!("changed-{name}-{file}"));
            flip(&only(&changed, file));
            refuse(file, &changed);
        }
        let other = damaged(&world, &third, &format!("target-{name}"));
        flip(&only(&other.join("targets"), ".trusted_root.json"));
        // What is kept already is not fetched again: a client that has nothing yet is asked.
        for state in ["python-state/targets", "ours-state/chancery/trust/copies/trusted_root.json"] {
            let kept = world.path(state);
            let _gone =
                if kept.is_dir() { std::fs::remove_dir_all(&kept) } else { std::fs::remove_file(&kept) };
        }
        refuse("another file than was named", &other);
        let Some(said) = follow(&world, &third) else { continue };
        assert_eq!(said.code, 0, "{name}: nothing of that was kept: {}", said.err);
        refuse("a repository that is older than the newest", &second);
    }
    let mut later = match tool("venv/bin/python") {
        Some(python) => client(&world, &python),
        None => return,
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/testkit/foreign/tuf_python.py");
    later.arg(script).arg(&third).arg(world.path("python-state")).args(["trusted_root.json", "4"]);
    let said = said(later);
    assert!(said.code != 0 && said.err.contains("Expired"), "{}", said.err);
}

#[test]
fn kept_trust_verifies_without_network_and_follows_rotations() {
    let world = World::start();
    let first = sign(&world, "first.bin");
    let begin = copy(&world, "begin").join("root.json");
    let trust = |arguments: &[&str]| {
        let mut command = world.command(&[&["trust"], arguments].concat());
        command.env("XDG_DATA_HOME", world.path("kept"));
        Said::from(command.output().unwrap())
    };
    let verify = |file: &str| {
        let mut command =
            world.command(&["verify", file, "--trusted-root", "sigstore:mine", "--certificate-identity"]);
        command
            .args([IDENTITY, "--certificate-oidc-issuer", ISSUER])
            .env("XDG_DATA_HOME", world.path("kept"));
        for name in ["CHANCERY_POLICY", "CHANCERY_SERVER", "CHANCERY_TRUST"] {
            command.env_remove(name);
        }
        Said::from(command.output().unwrap())
    };
    assert_ne!(verify("first.bin").code, 0, "nothing is kept yet");
    let mirror = mirror(&world);
    trust(&["init", "--mirror", &mirror, "--root", begin.to_str().unwrap(), "--name", "mine"]).expect(0);
    trust(&["init", "--mirror", &mirror, "--root", begin.to_str().unwrap(), "--name", "mine"]).expect(2);
    verify("first.bin").expect(0);
    std::fs::write(world.path("first.bin"), b"another").unwrap();
    assert_ne!(verify("first.bin").code, 0);
    drop(first);
    for kind in ["tsa", "ca", "ct", "ledger"] {
        rotate(&world, kind, &["--begin", "now"]).expect(0);
    }
    change_over(&world);
    sign(&world, "second.bin");
    assert_ne!(verify("second.bin").code, 0, "nobody has told it yet");
    let told = trust(&["refresh", "--name", "mine", "--json"]).expect(0).json();
    assert_eq!(told["changed"], serde_json::json!(["trusted_root.json"]));
    verify("second.bin").expect(0);
}

fn now() -> i64 {
    let text = String::from_utf8(Command::new("date").arg("+%s").output().unwrap().stdout).unwrap();
    text.trim().parse().unwrap()
}
