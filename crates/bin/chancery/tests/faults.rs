//! kill -9 at every step of a signature (DESIGN section 4): after the restart nothing that was acknowledged is missing,
//! no signature is without its intent, and nothing was made twice. A keyguard that dies or hangs is replaced.
#![cfg(feature = "faults")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chancery_core::port::step::Step;
use serde_json::Value;
use world::{Said, World, kill, lives, of_kind, until};

fn sign(world: &World, file: &str) -> Said {
    world.run(&["sign", file, "--json", "--replace", "--timeout", "30"])
}

/// Signs with the fault armed, then once more after the restart.
fn die_at(world: &mut World, step: Step) {
    let name = format!("{}.bin", step.name());
    world.write(&name, step.name().as_bytes());
    // Where the keyguard's sandbox lets it remove a file.
    let armed = world.data().join("keyguard/memory/armed");
    world.kill_server();
    world.serve(&[("CHANCERY_FAULT_STEP", step.name()), ("CHANCERY_FAULT_FILE", armed.to_str().unwrap())]);
    let before = world.size();
    std::fs::write(&armed, b"").unwrap();
    let first = sign(world, &name);
    assert!(!armed.exists(), "{}: the fault was not reached\n{}", step.name(), first.err);
    assert!(matches!(first.code, 0 | 75), "{}: exit {}\n{}{}", step.name(), first.code, first.out, first.err);
    let acknowledged = (first.code == 0).then(|| result(&first));
    let server = world.server.as_mut().unwrap();
    if !step.name().starts_with("keyguard") {
        until("the service ends with its gateway", || server.try_wait().unwrap().is_some());
        world.serve(&[]);
    }
    let mut last = None;
    until("the service signs again", || {
        let said = sign(world, &name);
        assert!(matches!(said.code, 0 | 75), "{}: exit {}\n{}", step.name(), said.code, said.out);
        last = (said.code == 0).then(|| result(&said));
        last.is_some()
    });
    world.run(&["verify", &name, "--policy", "dev", "--offline"]).expect(0);
    if acknowledged.is_some() {
        assert_eq!(acknowledged, last, "{}: what was acknowledged is what stays", step.name());
    }
    until("every intent is closed", || {
        let leaves = world.leaves(before);
        of_kind(&leaves, "intent").len() == of_kind(&leaves, "result").len() + given_up(&leaves)
    });
    check(&world.leaves(before), step);
}

/// Intents that were closed without a result.
fn given_up(leaves: &[Value]) -> usize {
    of_kind(leaves, "abandoned").len() + of_kind(leaves, "withdrawn").len()
}

fn result(said: &Said) -> Value {
    said.json()["results"][0].take()
}

/// Every result has its intent before it, every intent is closed exactly once, one result is released.
fn check(leaves: &[Value], step: Step) {
    let story: Vec<&str> = leaves.iter().filter_map(|leaf| leaf["kind"].as_str()).collect();
    let (intents, results) = (of_kind(leaves, "intent"), of_kind(leaves, "result"));
    assert_eq!(results.len(), 1, "{}: {story:?} {results:?}", step.name());
    assert_eq!(intents.len(), results.len() + given_up(leaves), "{}: {story:?}", step.name());
    let place = |kind: &str| story.iter().position(|other| *other == kind);
    assert!(place("intent") < place("result"), "{}: {story:?}", step.name());
}

#[test]
fn every_step_survives_kill_nine() {
    let mut world = World::start();
    for step in Step::ALL {
        die_at(&mut world, step);
    }
}

/// Twenty clients, each with a file of its own.
fn twenty(world: &World, prefix: &str) -> Vec<(String, Child)> {
    let start = |n: u32| {
        let name = format!("{prefix}{n}.bin");
        world.write(&name, name.as_bytes());
        let mut command = world.command(&["sign", &name, "--json", "--timeout", "50"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        (name, command.spawn().unwrap())
    };
    (0..20).map(start).collect()
}

/// Whatever a client was told is true.
fn told_the_truth(world: &World, clients: Vec<(String, Child)>) {
    for (name, client) in clients {
        let said = Said::from(client.wait_with_output().unwrap());
        assert!(matches!(said.code, 0 | 75), "{name}: exit {}\n{}{}", said.code, said.out, said.err);
        let bundle = world.path(&format!("{name}.sigstore.json"));
        assert_eq!(bundle.exists(), said.code == 0, "{name}");
        if said.code == 0 {
            world.run(&["verify", &name, "--policy", "dev", "--offline"]).expect(0);
        }
    }
}

#[test]
fn a_killed_keyguard_is_replaced_while_signatures_are_under_way() {
    let world = World::start();
    let (gateway, keyguard) = (world.role("gateway").unwrap(), world.role("keyguard").unwrap());
    let before = world.size();
    let clients = twenty(&world, "killed");
    until("signatures are under way", || world.size() > before);
    kill("-KILL", keyguard);
    told_the_truth(&world, clients);
    world.write("after.bin", b"after");
    until("it signs again", || sign(&world, "after.bin").code == 0);
    assert_eq!(world.role("gateway"), Some(gateway), "the service was not restarted");
    assert_ne!(world.role("keyguard"), Some(keyguard));
    let leaves = world.leaves(before);
    assert!(of_kind(&leaves, "intent").len() >= of_kind(&leaves, "result").len());
}

#[test]
fn a_hanging_keyguard_is_replaced() {
    let world = World::start();
    let (gateway, keyguard) = (world.role("gateway").unwrap(), world.role("keyguard").unwrap());
    world.write("hung.bin", b"hung");
    let start = Instant::now();
    kill("-STOP", keyguard);
    let mut meanwhile = world.command(&["sign", "hung.bin", "--json", "--timeout", "30"]);
    let meanwhile = meanwhile.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the keyguard that hangs is killed", || !lives(keyguard));
    // 1.5 s + 3 times 2 s of silence, and some for a machine that is busy.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let meanwhile = Said::from(meanwhile.wait_with_output().unwrap());
    assert!(matches!(meanwhile.code, 0 | 75), "{}", meanwhile.out);
    until("it signs again", || sign(&world, "hung.bin").code == 0);
    world.run(&["verify", "hung.bin", "--policy", "dev", "--offline"]).expect(0);
    assert_eq!(world.role("gateway"), Some(gateway), "the service was not restarted");
}
