//! What others make of our images: cosign, skopeo and podman, with Debian's registry, which has no referrers API.

use std::path::Path;
use std::process::Command;

use chancery_testkit::distribution::{Demands, Distribution, Lists};
use serde_json::Value;

use crate::world::containers::{podman_pulls, signature_policy, skopeo_copies};
use crate::world::registry::{Registry, push, push_image};
use crate::world::{IDENTITY, ISSUER, Said, World, tool};
use crate::{digest, multi_arch, sign, verify};

fn cosign(world: &World, program: &Path, arguments: &[&str]) -> bool {
    let output = Command::new(program)
        .args(arguments)
        .env("HOME", world.directory.path())
        .env("TUF_ROOT", world.path("tuf"))
        .env("COSIGN_PASSWORD", "")
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn cosign_finds_the_signatures_that_a_registry_lists_by_itself() {
    let world = World::start();
    let Some(program) = tool("bin/cosign") else { return };
    let registry = Distribution::start(Lists::Referrers, Demands::Nothing);
    let [_, amd64, arm64] = multi_arch(&registry, "acme/app");
    let named = |descriptor: &Value| format!("{}@{}", registry.repository("acme/app"), digest(descriptor));
    sign(&world, &named(&amd64), &[]).expect(0);
    let root = world.data().join("trusted_root.json");
    let check = |identity: &str, image: &Value| {
        let flags = ["verify", "--allow-insecure-registry", "--use-signed-timestamps", "--trusted-root"];
        let signer =
            [root.to_str().unwrap(), "--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER];
        cosign(&world, &program, &[&flags[..], &signer, &[&named(image)]].concat())
    };
    assert!(check(IDENTITY, &amd64), "signed");
    assert!(!check("https://github.com/acme/other", &amd64), "by another");
    assert!(!check(IDENTITY, &arm64), "unsigned");
    let asked = registry.log();
    assert!(asked.iter().any(|line| line.contains("/referrers/")), "{asked:?}");
    println!("compared: cosign with a registry that lists referrers");
}

#[test]
fn cosign_accepts_images_of_a_registry_without_the_referrers_api() {
    let world = World::start();
    let (Some(registry), Some(oras), Some(program)) =
        (Registry::start(&world), tool("bin/oras"), tool("bin/cosign"))
    else {
        return;
    };
    let repository = format!("{}/acme/chart", registry.host);
    let [signed, unsigned] =
        ["one", "two"].map(|text| push(&world, &oras, &format!("{repository}:{text}"), text));
    sign(&world, &signed, &[]).expect(0);
    let root = world.data().join("trusted_root.json");
    let check = |verb: &[&str], identity: &str, name: &str| {
        let flags = [
            "--allow-insecure-registry",
            "--use-signed-timestamps",
            "--trusted-root",
            root.to_str().unwrap(),
        ];
        let signer = ["--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER, name];
        cosign(&world, &program, &[verb, &flags, &signer].concat())
    };
    for verb in [&["verify"][..], &["verify-attestation", "--type", "slsaprovenance1"]] {
        assert!(check(verb, IDENTITY, &signed), "{verb:?}");
        assert!(!check(verb, "https://github.com/acme/other", &signed), "{verb:?} by another");
        assert!(!check(verb, IDENTITY, &unsigned), "{verb:?} of an unsigned one");
    }
    // cosign's own signature joins ours, and ours stays; ours joins cosign's.
    let key = world.path("cosign");
    let made = Command::new(&program)
        .args(["generate-key-pair", "--output-key-prefix", key.to_str().unwrap()])
        .env("COSIGN_PASSWORD", "")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let private = format!("{}.key", key.display());
    let keyed = ["--key", &private, "--use-signing-config=false", "--tlog-upload=false", "--yes"];
    assert!(cosign(
        &world,
        &program,
        &[&["sign", "--allow-insecure-registry"], &keyed[..], &[&unsigned]].concat()
    ));
    sign(&world, &unsigned, &[]).expect(0);
    let public = format!("{}.pub", key.display());
    let keyed =
        ["verify", "--allow-insecure-registry", "--insecure-ignore-tlog", "--key", &public, &unsigned];
    assert!(cosign(&world, &program, &keyed), "what cosign wrote before us stays");
    assert!(
        check(&["verify"], IDENTITY, &unsigned) && verify(&world, &unsigned).code == 0,
        "and ours is there"
    );
    println!("compared: cosign with docker-registry");
}

/// Sixteen profiles that differ in their names alone, so that sixteen jobs may sign one image.
fn sixteen(world: &World) -> Vec<String> {
    let template = include_str!("../../../../../testdata/governance/dev/profiles/dev.toml");
    let folder = world.data().join("governance/profiles");
    std::fs::create_dir_all(&folder).unwrap();
    let names: Vec<String> = (0..16).map(|number| format!("dev-{number:02}")).collect();
    for name in &names {
        std::fs::write(folder.join(format!("{name}.toml")), template).unwrap();
    }
    names
}

#[test]
fn sixteen_jobs_at_once_leave_sixteen_signatures_on_a_registry_without_the_referrers_api() {
    let mut world = World::cold();
    let names = sixteen(&world);
    world.serve(&[]);
    let Some(registry) = Registry::start(&world) else { return };
    let Some(oras) = tool("bin/oras") else { return };
    let image = push(&world, &oras, &format!("{}/acme/app:one", registry.host), "one");
    let run = |name: &String| -> Said {
        world.command(&["sign", &image, "--profile", name, "--json"]).output().unwrap().into()
    };
    let run = &run;
    std::thread::scope(|scope| {
        let running: Vec<_> = names.iter().map(|name| scope.spawn(move || run(name))).collect();
        running.into_iter().for_each(|one| drop(one.join().unwrap().expect(0)));
    });
    verify(&world, &image).expect(0);
    let Some(program) = tool("bin/cosign") else { return };
    let root = world.data().join("trusted_root.json");
    let mut command = Command::new(&program);
    command
        .args(["verify", "--allow-insecure-registry", "--use-signed-timestamps", "--trusted-root"])
        .arg(root);
    command.args(["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER, &image]);
    let output = command.env("HOME", world.directory.path()).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |kind: &str| {
        let critical = |one: &&Value| one["critical"]["type"] == kind;
        found.as_array().unwrap().iter().filter(critical).count()
    };
    let counts = [of("https://sigstore.dev/cosign/sign/v1"), of("https://slsa.dev/provenance/v1")];
    assert_eq!(counts, [16, 16], "cosign finds all of them");
    println!("compared: cosign, sixteen signatures at once");
}

#[test]
fn skopeo_pulls_what_its_policy_finds_signed() {
    let world = World::start();
    let (Some(registry), Some(oras), Some(skopeo)) =
        (Registry::start(&world), tool("bin/oras"), tool("bin/skopeo"))
    else {
        return;
    };
    let repository = format!("{}/acme/app", registry.host);
    let [signed, unsigned] =
        ["one", "two"].map(|text| push(&world, &oras, &format!("{repository}:{text}"), text));
    sign(&world, &signed, &[]).expect(0);
    let right = signature_policy(&world, "dev-simple-signing", &repository);
    let wrong = signature_policy(&world, "dev-message", &repository);
    let copies = |policy: &Path, image: &str, to: &str| skopeo_copies(&world, &skopeo, policy, (image, to));
    assert!(copies(&right, &signed, "a"), "ours");
    assert!(!copies(&wrong, &signed, "b"), "another key");
    assert!(!copies(&right, &unsigned, "c"), "unsigned");
    println!("compared: skopeo");
}

#[test]
fn podman_pulls_what_its_policy_finds_signed() {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        println!("not compared: podman is absent for whoever is not root, without user namespaces");
        return;
    }
    let world = World::start();
    let (Some(registry), Some(podman)) = (Registry::start(&world), tool("bin/podman")) else { return };
    let repository = format!("{}/acme/app", registry.host);
    let [signed, unsigned] = ["one", "two"].map(|tag| push_image(&registry.host, "acme/app", tag).0);
    sign(&world, &signed, &[]).expect(0);
    let right = signature_policy(&world, "dev-simple-signing", &repository);
    let wrong = signature_policy(&world, "dev-message", &repository);
    let pulls = |policy: &Path, image: &str| podman_pulls(&world, &podman, policy, image);
    let ours = pulls(&right, &signed);
    assert!(ours.0, "ours: {}", ours.1);
    for (policy, image, what) in [(&wrong, &signed, "another key"), (&right, &unsigned, "unsigned")] {
        let refused = pulls(policy, image);
        // It is the signature that is wanting, and nothing else.
        assert!(!refused.0 && refused.1.contains("Source image rejected"), "{what}: {}", refused.1);
    }
    println!("compared: podman");
}
