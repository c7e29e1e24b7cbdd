//! Starting, stopping, starting again: what was made is kept, what is damaged is refused, and one place has one service.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::Path;
use std::process::Stdio;

use world::{Said, World, kill, lives, of_kind, until};

#[test]
fn the_end_waits_for_what_is_under_way() {
    let mut world = World::start();
    let before = world.size();
    let start = |n: u32| {
        let name = format!("f{n}.bin");
        world.write(&name, name.as_bytes());
        let mut command = world.command(&["sign", &name, "--json", "--timeout", "30"]);
        (name, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let clients: Vec<_> = (0..12).map(start).collect();
    until("signatures are under way", || world.size() > before);
    assert_eq!(world.stop(), 0, "{}", world.log());
    let mut signed = Vec::new();
    for (name, client) in clients {
        let said = Said::from(client.wait_with_output().unwrap());
        assert!(matches!(said.code, 0 | 75), "{name}: exit {}\n{}{}", said.code, said.out, said.err);
        assert_eq!(world.path(&format!("{name}.sigstore.json")).exists(), said.code == 0);
        if said.code == 0 {
            signed.push(name);
        }
    }
    assert!(!signed.is_empty(), "what was under way was finished");
    world.serve(&[]);
    for name in &signed {
        world.run(&["verify", name, "--policy", "dev", "--offline"]).expect(0);
    }
    let leaves = world.leaves(before);
    let (intents, results) = (of_kind(&leaves, "intent").len(), of_kind(&leaves, "result").len());
    assert_eq!(intents, results, "an orderly end leaves nothing open");
    assert!(results >= signed.len());
}

#[test]
fn a_second_start_keeps_everything() {
    let mut world = World::start();
    world.write("app.bin", b"app");
    let first = world.run(&["sign", "app.bin", "--json"]).expect(0).json();
    let leaves = world.leaves(0);
    let keys = world.run(&["key", "list", "--json"]).expect(0).json();
    assert_eq!(world.stop(), 0, "{}", world.log());
    world.serve(&[]);
    assert_eq!(world.run(&["key", "list", "--json"]).expect(0).json(), keys);
    assert_eq!(world.leaves(0).get(..leaves.len()).unwrap(), leaves);
    let size = world.size();
    let again = world.run(&["sign", "app.bin", "--json", "--replace"]).expect(0).json();
    assert_eq!(again, first);
    assert_eq!(world.size(), size);
    world.run(&["verify", "app.bin", "--policy", "dev", "--offline"]).expect(0);
}

/// Starts a service that must not become ready, and gives its words.
fn refused(world: &World, arguments: &[&str]) -> Said {
    let mut command = world.service();
    command.args(arguments);
    let said = Said::from(command.output().unwrap());
    assert!(!said.out.contains("chancery.ready"), "{}", said.out);
    assert!(matches!(said.code, 1 | 2), "exit {}: {}", said.code, said.err);
    said
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_refused_by_name() {
    let mut world = World::start();
    assert_eq!(world.stop(), 0);
    let files = [
        ("keyguard/memory/authorities.slots", "authorities.slots` is damaged"),
        ("keyguard/memory/ledger.slots", "ledger.slots` is damaged"),
        ("keyguard/memory/certificates.slots", "certificates.slots` is damaged"),
        ("keyguard/keys/chancery-issuing.key", "chancery-issuing.key` is not a key file"),
        ("gateway/ledger.key", "gateway/ledger.key`: ledger key file holds no Ed25519 key"),
        ("chancery.toml", "chancery.toml`: line 1, column "),
    ];
    for (file, words) in files {
        let path = world.data().join(file);
        let whole = std::fs::read(&path).unwrap();
        damage(&path);
        let said = refused(&world, &[]);
        assert!(said.err.contains(words), "{file}: {}", said.err);
        std::fs::write(&path, whole).unwrap();
    }
    // A ledger key that is gone is no reason to begin another ledger.
    let key = world.data().join("gateway/ledger.key");
    let aside = world.path("aside");
    std::fs::rename(&key, &aside).unwrap();
    refused(&world, &[]);
    std::fs::rename(&aside, &key).unwrap();
    world.serve(&[]);
}

#[test]
fn what_is_gone_is_no_fresh_start() {
    let mut world = World::start();
    world.write("app.bin", b"app");
    let first = world.run(&["sign", "app.bin", "--json"]).expect(0).json();
    assert_eq!(world.stop(), 0);
    let memory = world.data().join("keyguard/memory");
    for (file, beside) in [("authorities.slots", "keys exist"), ("ledger.slots", "the authorities exist")] {
        let (path, aside) = (memory.join(file), world.path("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let words = format!("{file}` is missing or empty, although {beside}");
        let said = refused(&world, &[]);
        assert!(said.err.contains(&words), "deleted: {}", said.err);
        assert!(said.err.contains("refuses to start"), "{}", said.err);
        std::fs::write(&path, b"").unwrap();
        let said = refused(&world, &[]);
        assert!(said.err.contains(&words), "emptied: {}", said.err);
        std::fs::rename(&aside, &path).unwrap();
    }
    world.serve(&[]);
    assert_eq!(world.run(&["sign", "app.bin", "--json", "--replace"]).expect(0).json(), first);
}

#[test]
fn a_development_service_stays_on_this_machine() {
    let world = World::cold();
    let mut command = std::process::Command::new(world::CHANCERY);
    command.args(["serve", "--dev", "--listen", "0.0.0.0:0", "--data-dir"]).arg(world.data());
    let said = Said::from(command.stdin(Stdio::null()).output().unwrap());
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("serves this machine only"), "{}", said.err);
    assert!(!world.data().exists(), "nothing is made for a command that is refused");
}

#[test]
fn one_place_has_one_service() {
    let world = World::start();
    let said = refused(&world, &[]);
    assert!(said.err.contains("in use by another process"), "{}", said.err);
    world.write("app.bin", b"app");
    world.run(&["sign", "app.bin", "--json"]).expect(0);
}

#[test]
fn nothing_outlives_the_supervisor() {
    let mut world = World::start();
    let roles = ["gateway", "keyguard"].map(|role| world.role(role).unwrap());
    let mut server = world.server.take().unwrap();
    kill("-KILL", server.id());
    server.wait().unwrap();
    until("gateway and keyguard end", || roles.iter().all(|pid| !lives(*pid)));
    world.serve(&[]);
}
