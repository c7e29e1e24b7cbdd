//! Notary envelopes that the service puts beside images, as notation finds them: without a plugin and without copying.

use std::path::PathBuf;
use std::process::Command;

use chancery_testkit::distribution::{Demands, Distribution, Lists};

use crate::digest;
use crate::world::registry::{Registry, copy_tag, listed, push_image};
use crate::world::{Said, World, notation, tool};

const PATH: &str = "acme/app";

/// notation, with the development service's trust.
struct Notation {
    program: PathBuf,
    home: PathBuf,
}

impl Notation {
    fn new(world: &World) -> Option<Self> {
        let (program, home) = (tool("bin/notation")?, world.path("notation"));
        notation::trust(world, &home.join("notation"), "always");
        Some(Self { program, home })
    }
    fn run(&self, verb: &str, more: &[&str]) -> Said {
        let mut command = Command::new(&self.program);
        command.args([verb, "--insecure-registry"]).args(more).env("HOME", &self.home);
        command.env("XDG_CONFIG_HOME", &self.home).env("XDG_CACHE_HOME", self.home.join("cache"));
        command.output().unwrap().into()
    }
    fn verifies(&self, more: &[&str]) -> bool {
        self.run("verify", more).code == 0
    }
}

fn sign(world: &World, image: &str, options: &[&str]) -> Said {
    let mut words = vec!["sign", image, "--profile", "dev", "--format", "notary", "--json"];
    words.extend(options.iter().flat_map(|option| ["--option", option]));
    world.run(&words)
}

/// Two images: names by digest, and the tags under which their signatures are listed.
fn pair(registry: &Registry) -> [(String, String); 2] {
    ["one", "two"].map(|tag| {
        let (_, digest) = push_image(&registry.host, PATH, tag);
        (format!("{}/{PATH}@{digest}", registry.host), digest.replace(':', "-"))
    })
}

#[test]
fn notation_finds_what_the_service_attached_beside_everything_else() {
    let world = World::start();
    let (Some(registry), Some(notation)) = (Registry::start(&world), Notation::new(&world)) else { return };
    let [(ours, tag), (other, other_tag)] = pair(&registry);
    assert!(!notation.verifies(&[&ours]), "not yet");
    let refused = world.run_as(&[("ref", "refs/heads/x")], &["sign", &ours, "--format", "notary", "--json"]);
    assert_eq!(refused.expect(4).json()["code"], "CH4012");
    world.run(&["sign", &ours, "--profile", "dev"]).expect(0);
    for (count, kind) in [(3, "jws"), (4, "cose")] {
        let option = format!("envelope={kind}");
        let signed = sign(&world, &ours, &[&option, "annotation.build=7"]).expect(0).json();
        let signature = &signed["results"][0]["manifests"][0]["signatures"][0];
        assert_eq!(
            (signature["content"].as_str(), &signature["attached"]["tag"]),
            (Some("envelope"), &tag.clone().into())
        );
        assert_eq!(listed(&registry.host, PATH, &tag), count, "two bundles, and the envelopes");
    }
    assert!(notation.verifies(&["--user-metadata", "build=7", &ours]));
    assert!(!notation.verifies(&["--user-metadata", "build=8", &ours]));
    // The same wish again signs nothing and attaches nothing twice.
    let size = world.size();
    sign(&world, &ours, &["envelope=jws", "annotation.build=7"]).expect(0);
    assert_eq!((world.size(), listed(&registry.host, PATH, &tag)), (size, 4));
    // Whoever may write to the registry puts them beside another image.
    assert!(copy_tag(&registry.host, PATH, (&tag, &other_tag)));
    assert!(!notation.verifies(&[&other]), "another image");
    // Our own verifier comes to the same, and still finds what is beside them.
    let ourselves = |image: &str| world.run(&["verify", image, "--policy", "dev-notary", "--json"]);
    assert_eq!(ourselves(&ours).expect(0).json()["format"], "notary");
    ourselves(&other).expect(11);
    world.run(&["verify", &ours, "--policy", "dev"]).expect(0);
    for wrong in [&["media_type=a/b"][..], &["envelope=pgp"], &["family=message"]] {
        sign(&world, &ours, wrong).expect(2);
    }
    world.run(&["sign", &ours, "--format", "pe"]).expect(2);
    world.run(&["audit", "--data-dir", "data"]).expect(0);
    println!("compared: notation, without its plugin");
}

#[test]
fn notation_finds_what_a_registry_lists_by_itself() {
    let world = World::start();
    let Some(notation) = Notation::new(&world) else { return };
    let registry = Distribution::start(Lists::Referrers, Demands::Nothing);
    let [ours, other] = ["one", "two"].map(|name| {
        let image = registry.image(PATH, name);
        format!("{}@{}", registry.repository(PATH), digest(&image))
    });
    let signed = sign(&world, &ours, &["envelope=cose"]).expect(0).json();
    let attached = &signed["results"][0]["manifests"][0]["signatures"][0]["attached"];
    assert!(attached["tag"].is_null() && attached["manifest"].is_string(), "{attached}");
    notation.run("verify", &[&ours]).expect(0);
    assert!(!notation.verifies(&[&other]));
}

#[test]
fn eight_envelopes_at_once_survive_on_a_registry_without_the_referrers_api() {
    let world = World::start();
    let Some(registry) = Registry::start(&world) else { return };
    let [(image, tag), _] = pair(&registry);
    let run = |number: usize| sign(&world, &image, &[&format!("annotation.number={number}")]).expect(0);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn({
                    let run = &run;
                    move || drop(run(number))
                })
            })
            .collect();
        running.into_iter().for_each(|one| one.join().unwrap());
    });
    assert_eq!(listed(&registry.host, PATH, &tag), 8);
    let Some(notation) = Notation::new(&world) else { return };
    for number in 0..8 {
        assert!(notation.verifies(&["--user-metadata", &format!("number={number}"), &image]), "{number}");
    }
    println!("compared: notation, eight signatures at once");
}
