//! Images: signed by the service into a registry, and judged by what others verify them with.
//!
//! The registry is the strict one of the test kit, which lists referrers or does not, and Debian's `docker-registry`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test")]

#[path = "image/clients.rs"]
mod clients;
#[path = "image/envelopes.rs"]
mod envelopes;
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use chancery_testkit::distribution::{Demands, Distribution, Lists};
use serde_json::{Value, json};

use crate::world::{IDENTITY, ISSUER, Said, World};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An index of two images under tag `v1`: index, amd64, arm64.
fn multi_arch(registry: &Distribution, path: &str) -> [Value; 3] {
    let children = ["amd64", "arm64"].map(|platform| registry.image(path, platform));
    let index = registry.index(path, "v1", &children);
    let [amd64, arm64] = children;
    [index, amd64, arm64]
}

fn digest(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

fn sign(world: &World, reference: &str, more: &[&str]) -> Said {
    world.run(&[&["sign", reference, "--profile", "dev", "--json"], more].concat())
}

fn verify(world: &World, reference: &str) -> Said {
    world.run(&["verify", reference, "--policy", "dev", "--recursive", "--json"])
}

#[test]
fn an_index_and_what_it_names_are_signed_and_a_change_is_named() {
    let world = World::start();
    for lists in [Lists::Referrers, Lists::Nothing] {
        let registry = Distribution::start(lists, Demands::Nothing);
        let reference = format!("{}:v1", registry.repository("acme/app"));
        let [index, amd64, arm64] = multi_arch(&registry, "acme/app");
        assert_eq!(verify(&world, &reference).expect(10).json()["results"].as_array().unwrap().len(), 3);

        let signed = sign(&world, &reference, &[]).expect(0).json();
        let manifests = signed["results"][0]["manifests"].as_array().unwrap().clone();
        assert_eq!(manifests.len(), 3, "{signed}");
        assert!(manifests[0]["name"].as_str().unwrap().ends_with(&digest(&index)), "pinned: {signed}");
        for manifest in &manifests {
            let contents: Vec<&str> = manifest["signatures"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["content"].as_str().unwrap())
                .collect();
            assert_eq!(contents, ["provenance", "signature", "simple-signing"]);
        }
        foreign(&world, &reference);
        let all = verify(&world, &reference).expect(0).json();
        assert_eq!(all["results"].as_array().unwrap().len(), 3, "{all}");

        // The same wish again signs nothing and attaches nothing twice.
        let size = world.size();
        sign(&world, &reference, &[]).expect(0);
        assert_eq!(world.size(), size);
        let layers = registry.tagged("acme/app", &format!("sha256-{}.sig", &digest(&index)[7..])).unwrap();
        assert_eq!(layers["layers"].as_array().unwrap().len(), 1);

        // One child is replaced by an image that nobody signed: the index is another, and both are named.
        let evil = registry.image("acme/app", "arm64-evil");
        let other = registry.index("acme/app", "v1", &[amd64.clone(), evil.clone()]);
        let said = verify(&world, &reference).expect(10).json();
        let outcome = |descriptor: &Value| {
            let named = |one: &&Value| {
                one["subject"]["name"].as_str().unwrap_or_default().contains(&digest(descriptor))
            };
            said["results"].as_array().unwrap().iter().find(named).unwrap()["result"].clone()
        };
        assert_eq!([outcome(&other), outcome(&amd64), outcome(&evil)], ["unsigned", "verified", "unsigned"]);

        // The registry gives other bytes for a child of the signed index, or none.
        let pinned = format!("{}@{}", registry.repository("acme/app"), digest(&index));
        registry.exchange(&digest(&arm64), b"{}");
        let said = verify(&world, &pinned).expect(11);
        assert!(said.out.contains(&digest(&arm64)) && said.out.contains("exchanged"), "{}", said.out);
        registry.remove("acme/app", &digest(&arm64));
        let said = verify(&world, &pinned).expect(11);
        assert!(said.out.contains(&digest(&arm64)) && said.out.contains("missing"), "{}", said.out);
        assert!(said.out.contains("arm64"), "{}", said.out);

        // What does not answer is not unsigned.
        registry.fail(Some(("/referrers/", 503)));
        world.run(&["verify", &pinned, "--policy", "dev"]).expect(75);
        registry.fail(None);
    }
    audited(&world);
}

/// With somebody's trusted root alone, as with that of another Sigstore.
fn foreign(world: &World, reference: &str) {
    let root = world.data().join("trusted_root.json");
    let judge = |identity: &str, more: &[&str]| {
        let flags = ["verify", reference, "--recursive", "--trusted-root", root.to_str().unwrap()];
        let signer = ["--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER];
        let mut command = world.command(&[&flags[..], &signer, more].concat());
        Said::from(command.env_remove("CHANCERY_POLICY").output().unwrap())
    };
    judge(IDENTITY, &[]).expect(0);
    judge("https://github.com/acme/other", &[]).expect(12);
    judge(IDENTITY, &["--predicate", "https://slsa.dev/verification_summary/v1"]).expect(12);
}

/// Everything that was signed holds, from the data and from copies of it: also what no certificate stands behind.
fn audited(world: &World) {
    let data = world.data();
    world.run(&["audit", "--data-dir", data.to_str().unwrap()]).expect(0);
    world.run(&["ledger", "export", "--output", "copy"]).expect(0);
    world.run(&["evidence", "export", "--data-dir", data.to_str().unwrap(), "--to", "evidence"]).expect(0);
    world
        .run(&[
            "audit",
            "--ledger",
            "copy",
            "--evidence",
            "evidence",
            "--host",
            "dev.localhost",
            "--trust",
            "data/trust.json",
        ])
        .expect(0);
    let spki = world.run(&["key", "show", "dev-simple-signing", "--json"]).expect(0).json();
    let name = spki["spki_sha256"].as_str().unwrap().to_owned();
    let kept = world.path("evidence").join(&name[..2]).join(&name);
    let bytes = std::fs::read(&kept).unwrap();
    let other = world.run(&["key", "show", "dev-message", "--json"]).expect(0).json();
    let other =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, other["spki"].as_str().unwrap());
    std::fs::write(&kept, other.unwrap()).unwrap();
    world
        .run(&[
            "audit",
            "--ledger",
            "copy",
            "--evidence",
            "evidence",
            "--host",
            "dev.localhost",
            "--trust",
            "data/trust.json",
        ])
        .expect(11);
    std::fs::write(&kept, bytes).unwrap();
}

#[test]
fn what_a_registry_holds_is_not_believed() {
    let world = World::start();
    let registry = Distribution::start(Lists::Nothing, Demands::Nothing);
    let image = registry.image("acme/app", "amd64");
    let other = registry.image("acme/app", "other");
    let named = |descriptor: &Value| format!("{}@{}", registry.repository("acme/app"), digest(descriptor));
    sign(&world, &named(&image), &[]).expect(0);
    // The signatures of one image under the tag of another.
    let tag = |descriptor: &Value| format!("sha256-{}", &digest(descriptor)[7..]);
    let index = registry.tagged("acme/app", &tag(&image)).unwrap().to_string();
    let _moved = registry.put("acme/app", Some(&tag(&other)), INDEX, index.as_bytes());
    assert_eq!(verify(&world, &named(&other)).expect(11).json()["result"], "invalid");
    // A list that calls them something else, as other clients write it, hides nothing.
    let mut foreign: Value = serde_json::from_str(&index).unwrap();
    for entry in foreign["manifests"].as_array_mut().unwrap() {
        entry["artifactType"] = json!("application/vnd.oci.empty.v1+json");
        entry.as_object_mut().unwrap().remove("annotations");
    }
    let _written = registry.put("acme/app", Some(&tag(&image)), INDEX, foreign.to_string().as_bytes());
    verify(&world, &named(&image)).expect(0);
}

#[test]
fn the_service_reaches_only_what_its_configuration_names_and_jobs_may_attach_themselves() {
    let mut world = World::start();
    world.stop();
    let registry = Distribution::start(Lists::Referrers, Demands::Token);
    let image = registry.image("acme/app", "amd64");
    let named = format!("{}@{}", registry.repository("acme/app"), digest(&image));
    let config = world.data().join("chancery.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = "\n[[registries]]\nhost = \"registry.example\"\n";
    std::fs::write(&config, format!("{text}{section}")).unwrap();
    world.serve(&[]);
    let docker = world.path("docker");
    std::fs::create_dir(&docker).unwrap();
    let auth = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"dXNlcjpzZWNyZXQ=\"}}}}}}", registry.host());
    std::fs::write(docker.join("config.json"), auth).unwrap();
    let run = |arguments: &[&str]| -> Said {
        world.command(arguments).env("DOCKER_CONFIG", &docker).output().unwrap().into()
    };
    // Without a right to read, nothing is asked for.
    assert_eq!(sign(&world, &named, &[]).expect(2).json()["code"], "CH2030");
    let refused = run(&["sign", &named, "--profile", "dev", "--json"]).expect(2).json();
    assert_eq!(refused["code"], "CH2030", "{refused}");
    assert!(refused.to_string().contains("--attach client"), "{refused}");
    run(&["sign", &named, "--profile", "dev", "--attach", "client", "--json"]).expect(0);
    run(&["verify", &named, "--policy", "dev", "--json"]).expect(0);
}

#[test]
fn at_depth_artifact_the_service_fetches_what_it_signs() {
    let mut world = World::start();
    world.stop();
    let path = world.data().join("governance/profiles/dev.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let deep = text.replace("[formats.oci]\n", "[formats.oci]\ndepth = \"artifact\"\n");
    assert_ne!(deep, text);
    let mut deeper = World::cold();
    std::fs::create_dir_all(deeper.data().join("governance/profiles")).unwrap();
    std::fs::write(deeper.data().join("governance/profiles/dev.toml"), deep).unwrap();
    deeper.serve(&[]);
    let registry = Distribution::start(Lists::Referrers, Demands::Nothing);
    let image = registry.image("acme/app", "amd64");
    let named = format!("{}@{}", registry.repository("acme/app"), digest(&image));
    let signed = sign(&deeper, &named, &[]).expect(0).json();
    assert_eq!(signed["results"][0]["manifests"][0]["signatures"][0]["depth"], "artifact");
    // What the service cannot fetch it does not sign: the client sees the manifest, the service does not any more.
    let gone = registry.image("acme/app", "gone");
    let other = format!("{}@{}", registry.repository("acme/app"), digest(&gone));
    let before = registry.log().len();
    let dry = sign(&deeper, &other, &["--dry-run"]).expect(0).json();
    assert!(dry["results"][0]["rehearsals"].as_array().unwrap().len() == 3, "{dry}");
    let fetched = registry.log()[before..].iter().filter(|line| line.contains(&digest(&gone))).count();
    assert_eq!(fetched, 2, "by the client, and once by the service");
}
