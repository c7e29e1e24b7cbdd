//! A service whose profiles demand attestations: what a pipeline brings with `--attestation`, what it is told when it does not,
//! and an audit that finds the same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::path::PathBuf;

use serde_json::Value;
use world::{Said, World, of_kind};

const TESTS: &str = "predicate = \"https://in-toto.io/attestation/test-result/v0.1\"\n";
const PROVENANCE: &str = "predicate = \"https://slsa.dev/provenance/v1\"\n";
const BUILDERS: &str = "[[builders]]\nid = \"https://github.com/acme/app/.github/workflows/**\"\n\
    runner_environment = \"github-hosted\"\nlevel = 2\n";

/// Governance in which `dev` signs as before, and further profiles demand what their names say.
fn govern(world: &World, further: &[(&str, String)]) {
    let governance = world.data().join("governance");
    let of = |name: &str| std::fs::read_to_string(governance.join(name)).unwrap();
    let (profile, policy) = (of("profiles/dev.toml"), of("verification/dev.toml"));
    let write = |name: &str, text: &str| {
        let path: PathBuf = governance.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let demand =
        |policy: &str| format!("{profile}[[attestations]]\nname = \"{policy}\"\npolicy = \"{policy}\"\n");
    write("builders.toml", BUILDERS);
    for (name, text) in further {
        write(name, text);
    }
    for (name, text) in [
        ("tested", format!("{TESTS}{policy}")),
        ("built2", format!("level = 2\n{PROVENANCE}{policy}")),
        ("built3", format!("level = 3\n{PROVENANCE}{policy}")),
        (
            "sourced",
            format!("{PROVENANCE}{policy}[materials]\nallow = [\"git+https://github.com/acme/**\"]\n"),
        ),
        ("denied", format!("{PROVENANCE}{policy}[materials]\ndeny = [\"git+https://github.com/acme/**\"]\n")),
        ("dated", format!("{PROVENANCE}{policy}[materials]\nmin_age = \"7d\"\n")),
    ] {
        write(&format!("verification/{name}.toml"), &text);
        write(&format!("profiles/{name}.toml"), &demand(name));
    }
    for (name, _) in further {
        if let Some(name) = name.strip_prefix("verification/").and_then(|name| name.strip_suffix(".toml")) {
            write(&format!("profiles/{name}.toml"), &demand(name));
        }
    }
    world.run(&["policy", "apply", "data/governance", "--key", "data/dev-root.key"]).expect(0);
}

fn attest(world: &World, file: &str, result: &str) -> String {
    world.write("result.json", format!("{{\"result\":\"{result}\"}}").as_bytes());
    let claim = ["attest", file, "--type", "test-result", "--predicate", "result.json", "--profile", "dev"];
    world.run(&claim).expect(0);
    format!("{file}.test-result.sigstore.json")
}

fn sign(world: &World, profile: &str, brought: &[&str]) -> Said {
    let out = format!("out-{profile}");
    let mut arguments = vec!["sign", "app.bin", "--profile", profile, "--output", &out, "--json"];
    for file in brought {
        arguments.extend(["--attestation", file]);
    }
    world.run(&arguments)
}

/// By the policies that the service has now, not those of the document that it wrote when it began.
fn verify(world: &World, policy: &str) -> Said {
    let arguments = ["verify", "app.bin", "--bundle", "app.bin.sigstore.json", "--policy", policy];
    world.command(&arguments).env_remove("CHANCERY_TRUST").output().unwrap().into()
}

fn refused(said: Said, code: &str) {
    let said = said.expect(4);
    assert_eq!(said.json()["code"], code, "{}", said.out);
}

#[test]
fn what_a_profile_demands_is_brought_along_or_nothing_is_signed() {
    let mut world = World::start();
    world.write("app.bin", b"app");
    world.write("other.bin", b"other");
    govern(&world, &[]);
    let unused = world.data().join("governance/trust/nobody.json");
    std::fs::create_dir_all(unused.parent().unwrap()).unwrap();
    std::fs::copy(world.data().join("trusted_root.json"), &unused).unwrap();
    let checked = world.run(&["policy", "check", "data/governance"]).expect(0);
    assert!(checked.out.contains("trust/nobody.json: is the `trusted_root` of no policy"), "{}", checked.out);
    std::fs::remove_file(&unused).unwrap();
    let tests = attest(&world, "app.bin", "PASSED");
    let others = attest(&world, "other.bin", "PASSED");
    world.write("failing.bin", b"app");
    let failed = attest(&world, "failing.bin", "FAILED");
    world.run(&["sign", "app.bin", "--profile", "dev"]).expect(0);
    let provenance = "app.bin.sigstore.json";

    let before = world.size();
    refused(sign(&world, "tested", &[]), "CH4044");
    let leaves = world.leaves(before);
    assert_eq!(of_kind(&leaves, "denied")[0]["code"], "CH4044", "{leaves:?}");
    refused(sign(&world, "tested", &[&others]), "CH4044");
    refused(sign(&world, "tested", &[provenance]), "CH4044");
    refused(sign(&world, "tested", &[&failed]), "CH4046");
    let text = std::fs::read_to_string(world.path(&tests)).unwrap();
    let mut bent: Value = serde_json::from_str(&text).unwrap();
    let signature = bent["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap().to_owned();
    let of_other = std::fs::read_to_string(world.path(&others)).unwrap();
    let of_other: Value = serde_json::from_str(&of_other).unwrap();
    let spliced = of_other["dsseEnvelope"]["signatures"][0]["sig"].clone();
    assert_ne!(spliced, signature);
    bent["dsseEnvelope"]["signatures"][0]["sig"] = spliced;
    world.write("bent.json", bent.to_string().as_bytes());
    refused(sign(&world, "tested", &["bent.json"]), "CH4045");
    // Said as people read it: which attestation, what came, what was expected, what to do.
    let told = world.run(&["sign", "app.bin", "--profile", "tested", "--attestation", &others]).expect(4);
    for word in ["CH4044", "`tested`", "test-result", "--attestation"] {
        assert!(told.err.contains(word), "{word}: {}", told.err);
    }
    let rehearsal =
        ["sign", "app.bin", "--profile", "tested", "--dry-run", "--json", "--attestation", &tests];
    let trace = world.run(&rehearsal).expect(0).json();
    let trace = trace["results"][0]["rehearsal"]["trace"].as_array().unwrap().clone();
    assert!(trace.iter().any(|line| line["rule"] == "attestation" && line["ok"] == true), "{trace:?}");
    sign(&world, "tested", &[&others, &tests]).expect(0);

    // The same provenance: level 2 by builders.toml, and no more.
    sign(&world, "built2", &[provenance]).expect(0);
    refused(sign(&world, "built3", &[provenance]), "CH4046");
    sign(&world, "sourced", &[provenance]).expect(0);
    refused(sign(&world, "denied", &[provenance]), "CH4048");
    refused(sign(&world, "dated", &[provenance]), "CH4050");

    // The conditions of a policy hold for whoever verifies by it, too.
    let by = |policy: &str| verify(&world, policy).code;
    assert_eq!((by("built2"), by("built3"), by("denied")), (0, 12, 12));

    let simulated = ["policy", "simulate", "data/governance", "--data-dir", "data", "--json"];
    let simulated = world.run(&simulated).expect(0).json();
    assert_eq!(simulated["different"].as_array().unwrap().len(), 0, "{simulated}");
    world.stop();
    world.run(&["audit", "--data-dir", "data"]).expect(0);
}

#[test]
fn another_instance_is_believed_by_its_trusted_root_alone() {
    let (world, theirs) = (World::start(), World::start());
    for one in [&world, &theirs] {
        one.write("app.bin", b"app");
    }
    theirs.run(&["sign", "app.bin", "--profile", "dev"]).expect(0);
    let made = std::fs::read(theirs.path("app.bin.sigstore.json")).unwrap();
    world.write("theirs.json", &made);
    let root = std::fs::read_to_string(theirs.data().join("trusted_root.json")).unwrap();
    let policy = format!(
        "environment = \"development\"\nformats = [\"sigstore\"]\nissuer = \"{}\"\ntrusted_root = \"theirs\"\n\
         identity = \"https://github.com/acme/app/.github/workflows/**\"\n{PROVENANCE}",
        world::ISSUER
    );
    govern(&world, &[("trust/theirs.json", root), ("verification/foreign.toml", policy)]);
    sign(&world, "foreign", &["theirs.json"]).expect(0);
    refused(sign(&world, "built2", &["theirs.json"]), "CH4045");
    world.run(&["sign", "app.bin", "--profile", "dev"]).expect(0);
    refused(sign(&world, "foreign", &["app.bin.sigstore.json"]), "CH4045");
    // A policy about another instance accepts nothing of this one, whoever verifies.
    assert_eq!(verify(&world, "foreign").code, 12);
}
