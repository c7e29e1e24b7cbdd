//! What cosign says about images and files is signed as the statement that it is: policy reads it, the keyguard rebuilds
//! it, and cosign verifies it.

use std::path::PathBuf;

use serde_json::Value;

use crate::Home;
use crate::world::registry::{Registry, push};
use crate::world::{self, Said, World, tool};

const BOM: &str =
    "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"score\":9.80,\"name\":\"<é & \\\"x\\\">\"}";
/// A key without certificate: nothing is logged under it.
const KEYED: [&str; 3] = ["--use-signing-config=false", "--tlog-upload=false", "--yes"];

/// A service, cosign with its plugin, and two images in a registry without the referrers API.
struct Place<'a> {
    home: Home<'a>,
    cosign: PathBuf,
    _registry: Registry,
    ours: String,
    other: String,
}

impl<'a> Place<'a> {
    fn new(world: &'a World) -> Option<Self> {
        let (cosign, oras) = (tool("bin/cosign")?, tool("bin/oras")?);
        let registry = Registry::start(world)?;
        let home = Home::new(world);
        home.setup_cosign();
        let repository = format!("{}/acme/app", registry.host);
        let [ours, other] =
            ["one", "two"].map(|text| push(world, &oras, &format!("{repository}:{text}"), text));
        world.write("sbom.json", BOM.as_bytes());
        let place = Self { home, cosign, _registry: registry, ours, other };
        for family in ["provenance-dsse", "claimed-dsse", "simple-signing"] {
            let public =
                place.run(&["public-key", "--key", &format!("chancery://dev/{family}")]).expect(0).out;
            world.write(&format!("{family}.pem"), public.as_bytes());
        }
        Some(place)
    }
    fn run(&self, arguments: &[&str]) -> Said {
        self.home.run(&self.cosign, arguments)
    }
    /// `cosign VERB --key chancery://dev/FAMILY …` with what a key in custody needs.
    fn keyed<'b>(verb: &'b str, key: &'b str, more: &[&'b str]) -> Vec<&'b str> {
        [&[verb, "--key", key][..], &KEYED, more].concat()
    }
    fn verifies(&self, verb: &str, family: &str, more: &[&str]) -> bool {
        let key = format!("{family}.pem");
        let words = [verb, "--key", &key, "--insecure-ignore-tlog", "--allow-insecure-registry"];
        self.run(&[&words[..], more].concat()).code == 0
    }
}

#[test]
fn cosign_signs_images_and_says_no_more_of_them_than_it_says() {
    let world = World::start();
    let Some(place) = Place::new(&world) else { return };
    let (image, claimed) = ("chancery://dev/provenance-dsse", "chancery://dev/claimed-dsse");
    let sign = Place::keyed("sign", image, &["--allow-insecure-registry", "-a", "build=7 & <8>"]);
    assert!(!place.verifies("verify", "provenance-dsse", &[&place.ours]), "not yet");
    place.run(&[&sign[..], &[&place.ours]].concat()).expect(0);
    let annotated = |value: &str| ["-a".to_owned(), format!("build={value}"), place.ours.clone()];
    for (value, accepted) in [("7 & <8>", true), ("7", false)] {
        let more = annotated(value);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        assert_eq!(place.verifies("verify", "provenance-dsse", &more), accepted, "annotation {value}");
    }
    assert!(!place.verifies("verify", "claimed-dsse", &[&place.ours]), "with another key");
    assert!(!place.verifies("verify", "provenance-dsse", &[&place.other]), "another image");
    // A key signs one family of bytes, whatever cosign wants of it.
    let said = place
        .run(&[&Place::keyed("sign", claimed, &["--allow-insecure-registry"])[..], &[&place.other]].concat());
    assert!(said.code != 0 && said.err.contains("chancery://dev/provenance-dsse"), "{}", said.err);
    // The old form: media type and size are fetched from the registry, the payload is the specification's.
    let old = ["--allow-insecure-registry", "--new-bundle-format=false"];
    let key = "chancery://dev/simple-signing";
    place.run(&[&Place::keyed("sign", key, &old)[..], &[&place.ours]].concat()).expect(0);
    let check =
        |image: &str| place.verifies("verify", "simple-signing", &["--new-bundle-format=false", image]);
    assert!(check(&place.ours) && !check(&place.other));
    let said = place.run(&[&Place::keyed("sign", key, &old)[..], &["-a", "x=y", &place.ours]].concat());
    assert!(said.code != 0 && said.err.contains("CH2060"), "{}", said.err);
    audited(&world, 2);
    println!("compared: cosign sign through its plugin");
}

#[test]
fn cosign_attests_what_callers_may_say_and_nothing_else() {
    let world = World::start();
    let Some(place) = Place::new(&world) else { return };
    let claimed = "chancery://dev/claimed-dsse";
    let predicate = ["--predicate", "sbom.json", "--type"];
    let attest = Place::keyed("attest", claimed, &["--allow-insecure-registry"]);
    let attest = [&attest[..], &predicate].concat();
    place.run(&[&attest[..], &["cyclonedx", &place.ours]].concat()).expect(0);
    for (family, kind, image, accepted) in [
        ("claimed-dsse", "cyclonedx", &place.ours, true),
        ("claimed-dsse", "spdxjson", &place.ours, false),
        ("provenance-dsse", "cyclonedx", &place.ours, false),
        ("claimed-dsse", "cyclonedx", &place.other, false),
    ] {
        let found = place.verifies("verify-attestation", family, &["--type", kind, image]);
        assert_eq!(found, accepted, "{family} {kind} {image}");
    }
    world.write("app.bin", b"app");
    world.write("other.bin", b"other");
    let blob = Place::keyed("attest-blob", claimed, &["--bundle", "app.json"]);
    let blob = [&blob[..], &predicate].concat();
    place.run(&[&blob[..], &["https://x.example/scan/v1", "app.bin"]].concat()).expect(0);
    let check = |file: &str| {
        let words =
            ["verify-blob-attestation", "--key", "claimed-dsse.pem", "--insecure-ignore-tlog", "--bundle"];
        let more = ["app.json", "--type", "https://x.example/scan/v1", file];
        place.run(&[&words[..], &more].concat()).code == 0
    };
    assert!(check("app.bin") && !check("other.bin"));
    let bundle = std::fs::read_to_string(world.path("app.json")).unwrap();
    world.write("app.json", tampered(&bundle).as_bytes());
    assert!(!check("app.bin"), "another score");
    // What the service says itself, and what cannot be rebuilt.
    let size = world.size();
    for kind in ["slsaprovenance1", "https://slsa.dev/verification_summary/v1", "spdx"] {
        let said = place.run(&[&attest[..], &[kind, &place.ours]].concat());
        assert!(said.code != 0 && said.err.contains("CH2060"), "{kind}: {}", said.err);
    }
    assert_eq!(world.size(), size, "nothing reaches the service");
    audited(&world, 2);
    println!("compared: cosign attest through its plugin");
}

#[test]
fn a_job_that_policy_refuses_reads_why_in_cosigns_own_words() {
    let world = World::start();
    let Some(place) = Place::new(&world) else { return };
    world.write("app.bin", b"app");
    let (image, claimed) = ("chancery://dev/provenance-dsse", "chancery://dev/claimed-dsse");
    let insecure = ["--allow-insecure-registry"];
    let predicate = ["--predicate", "sbom.json", "--type", "cyclonedx"];
    let wishes = [
        [&Place::keyed("sign", image, &insecure)[..], &[&place.ours]].concat(),
        [&Place::keyed("attest", claimed, &insecure)[..], &predicate, &[&place.ours]].concat(),
        [&Place::keyed("attest-blob", claimed, &["--bundle", "no.json"])[..], &predicate, &["app.bin"]]
            .concat(),
    ];
    let size = world.size();
    for wish in &wishes {
        let said = place.home.run_refused(&place.cosign, wish);
        assert_ne!(said.code, 0, "{wish:?}");
        for words in ["error[CH4012]", "refs/heads/feature", "refs/heads/main"] {
            assert!(said.err.contains(words), "{wish:?}: {}", said.err);
        }
    }
    let leaves = world.leaves(size);
    let denied = world::of_kind(&leaves, "denied");
    assert_eq!(denied.len(), wishes.len(), "{leaves:?}");
    assert!(denied.iter().all(|leaf| leaf["code"] == "CH4012"), "{denied:?}");
    assert!(world::of_kind(&leaves, "intent").is_empty() && !world.path("no.json").exists());
    // What waits for people says how they approve it.
    let waits = Place::keyed("sign", "chancery://release/provenance-dsse", &insecure);
    let said = place.run(&[&waits[..], &[&place.ours]].concat());
    assert!(said.code != 0 && said.err.contains("error[CH4020]"), "{}", said.err);
    let id = said.err.split("chancery request approve ").nth(1).unwrap().split(';').next().unwrap();
    for person in ["alice", "bob"] {
        let key = format!("data/people/{person}.key");
        world.run(&["request", "approve", id, "--key", &key]).expect(0);
    }
    place.run(&[&waits[..], &[&place.ours]].concat()).expect(0);
}

const GUARDRAIL: &str = r#"@id("no-boms")
@reason("bills of materials are attested by another job")
forbid (principal, action == Action::"sign", resource)
when { context has predicate && context.predicate == "https://cyclonedx.org/bom" };
"#;
const CASES: &str = r#"[[case]]
name = "a bill of materials is refused"
profile = "dev"
issuer = "dev"
format = "sigstore"
family = "claimed-dsse"
predicate = "https://cyclonedx.org/bom"
expect = "CH4013"
[case.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/main"
[[case]]
name = "a scan is not"
profile = "dev"
issuer = "dev"
format = "sigstore"
family = "claimed-dsse"
predicate = "https://x.example/scan/v1"
expect = "allowed"
[case.claims]
source_repository_identifier = "42"
source_repository_ref = "refs/heads/main"
"#;

#[test]
fn guardrails_read_what_an_attestation_says_it_is() {
    let world = World::start();
    let Some(place) = Place::new(&world) else { return };
    let governance = world.data().join("governance");
    std::fs::write(governance.join("guardrails/claims.cedar"), GUARDRAIL).unwrap();
    std::fs::write(governance.join("tests/claims.toml"), CASES).unwrap();
    // The development service has a profile more than its own test cases know of.
    std::fs::remove_file(governance.join("tests/dev.toml")).unwrap();
    world.run(&["policy", "test", "data/governance"]).expect(0);
    world.run(&["policy", "apply", "data/governance", "--key", "data/dev-root.key"]).expect(0);
    let attest = Place::keyed("attest", "chancery://dev/claimed-dsse", &["--allow-insecure-registry"]);
    let attest = [&attest[..], &["--predicate", "sbom.json", "--type"]].concat();
    let said = place.run(&[&attest[..], &["cyclonedx", &place.ours]].concat());
    assert!(
        said.code != 0 && said.err.contains("bills of materials are attested by another job"),
        "{}",
        said.err
    );
    place.run(&[&attest[..], &["https://x.example/scan/v1", &place.ours]].concat()).expect(0);
    // Our own commands are told the same.
    world.write("app.bin", b"app");
    let own = ["attest", "app.bin", "--predicate", "sbom.json", "--profile", "dev", "--type"];
    world.run(&[&own[..], &["cyclonedx"]].concat()).expect(4);
    world.run(&[&own[..], &["https://x.example/scan/v1"]].concat()).expect(0);
    audited(&world, 2);
}

/// The bundle with one other digit in what it says.
fn tampered(bundle: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let text = String::from_utf8(STANDARD.decode(payload).unwrap()).unwrap();
    assert!(text.contains("9.8"), "{text}");
    bundle["dsseEnvelope"]["payload"] = Value::String(STANDARD.encode(text.replace("9.8", "9.7")));
    bundle.to_string()
}

/// Every signature is checked again from the ledger, and there are as many as were made.
fn audited(world: &World, signatures: u64) {
    let report = world.run(&["audit", "--json", "--data-dir", "data"]).expect(0).json();
    assert_eq!(report["counts"]["signatures"], signatures, "{report}");
}
