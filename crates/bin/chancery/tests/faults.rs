//! kill -9 at every step of a signature (DESIGN section 4): after the restart nothing that was acknowledged is missing,
//! no signature is without its intent, and nothing was made twice.
#![cfg(feature = "faults")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test")]

mod world;

use chancery_core::port::step::Step;
use world::World;

/// Signs with the fault armed, then once more after the restart.
fn die_at(world: &mut World, step: Step) {
    let name = format!("{}.bin", step.name());
    let file = world.write(&name, step.name().as_bytes());
    let armed = world.write("armed", b"");
    world.kill_server();
    world.serve(&[("CHANCERY_FAULT_STEP", step.name()), ("CHANCERY_FAULT_FILE", armed.to_str().unwrap())]);
    let before = world.leaves().len();
    // The first attempt meets the fault: it may fail as temporary, or succeed where the client tried again by itself.
    let first = world.run(&["sign", file.to_str().unwrap(), "--profile", "dev", "--json"]);
    assert!(!armed.exists(), "{}: the fault was not reached\n{}", step.name(), first.err);
    assert!(matches!(first.code, 0 | 75 | 1), "{}: exit {}\n{}", step.name(), first.code, first.err);
    if world.server.as_mut().unwrap().try_wait().unwrap().is_some() {
        world.serve(&[]);
    }
    world::until("the service signs again", || {
        let said = world.run(&["sign", file.to_str().unwrap(), "--profile", "dev", "--json"]);
        assert!(matches!(said.code, 0 | 75 | 1), "{}: exit {}\n{}", step.name(), said.code, said.err);
        said.code == 0
    });
    world.run(&["verify", file.to_str().unwrap(), "--policy", "dev", "--offline"]).expect(0);
    check(&world.leaves()[before..], step);
}

/// Every result has its intent before it, every intent is closed exactly once, one result is released.
fn check(leaves: &[serde_json::Value], step: Step) {
    let of_kind = |kind: &str| leaves.iter().filter(|leaf| leaf["kind"] == kind).collect::<Vec<_>>();
    let (intents, results) = (of_kind("intent"), of_kind("result"));
    let abandoned = of_kind("abandoned");
    assert_eq!(results.len(), 1, "{}: {} results", step.name(), results.len());
    assert_eq!(
        intents.len(),
        results.len() + abandoned.len(),
        "{}: an intent is open or closed twice",
        step.name()
    );
}

#[test]
fn every_step_survives_kill_nine() {
    let mut world = World::start();
    for step in Step::ALL {
        die_at(&mut world, step);
    }
}
