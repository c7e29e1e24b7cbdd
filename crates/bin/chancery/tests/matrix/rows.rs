//! What is signed, and what becomes of it when somebody changes it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::registry::{Registry, copy_tag, push_image};
use crate::world::{World, tool};

/// A signature with its tampered counterparts.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) by: By,
    pub(crate) good: Shown,
    pub(crate) bad: Vec<(&'static str, Shown)>,
}

/// What clients have to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bundle over a file.
    Message,
    /// A bundle with a statement of this type about a file.
    Statement(&'static str),
    /// A bundle beside an image.
    Image,
    /// A bundle with a statement of this type beside an image.
    Attestation(&'static str),
    /// A Notary envelope beside an image.
    Envelope,
    /// The older shape beside an image.
    Simple,
}

/// Who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A certificate that names the job.
    Certificate,
    /// The key of this family in profile `dev`, whose public half lies in `FAMILY.pem`.
    Key(&'static str),
}

/// What a client is shown.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    File { bundle: String, file: String },
    Image(String),
}

/// A service with cosign's plugin, and a registry where there is one.
pub(crate) struct Place<'a> {
    pub(crate) world: &'a World,
    registry: Option<Registry>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        world.write("app.bin", b"app");
        world.write("other.bin", b"apq");
        world.write("sbom.json", b"{\"bomFormat\":\"CycloneDX\"}");
        let bin = world.path("bin");
        std::fs::create_dir(&bin).unwrap();
        world.run(&["setup", "cosign", "--directory", bin.to_str().unwrap(), "--write"]).expect(0);
        // Where keys sign there is no certificate to be had, and no entry: a time stamp is all that cosign fetches.
        let stamps = format!("{}/v1/timestamp", world.env["CHANCERY_SERVER"]);
        let stamps = json!({"url": stamps, "majorApiVersion": 1, "operator": "dev", "validFor": {"start": "2024-01-01T00:00:00Z"}});
        let signing = json!({"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "rekorTlogConfig": {}, "tsaUrls": [stamps], "tsaConfig": {"selector": "ANY"}});
        world.write("signing.json", signing.to_string().as_bytes());
        Self { world, registry: Registry::start(world) }
    }
    /// cosign with its plugin and the service; whether it succeeded.
    pub(crate) fn cosign(&self, program: &PathBuf, arguments: &[&str]) -> (bool, String) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ours = [self.world.path("bin")];
        let paths = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = std::process::Command::new(program);
        command.args(arguments).envs(&self.world.env).current_dir(self.world.directory.path());
        command.env("PATH", paths).env("HOME", self.world.directory.path());
        command.env("SSL_CERT_FILE", &self.world.env["CHANCERY_CA"]);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
    /// `cosign VERB` with a key in custody.
    fn keyed(&self, program: &PathBuf, family: &str, words: &[&str]) {
        let key = format!("chancery://dev/{family}");
        let (verb, rest) = words.split_first().unwrap();
        let flags = [verb, "--key", key.as_str(), "--yes", "--signing-config", "signing.json"];
        let said = self.cosign(program, &[&flags[..], rest].concat());
        assert!(said.0, "{}", said.1);
    }
}

/// Every row that can be made here.
pub(crate) fn all(place: &mut Place<'_>) -> Vec<Row> {
    let mut rows = files(place);
    let cosign = tool("bin/cosign");
    if let Some(cosign) = &cosign {
        rows.extend(keyed_files(place, cosign));
    }
    if place.registry.is_some() {
        rows.extend(images(place, cosign.as_ref()));
    }
    rows
}

fn file(bundle: &str, file: &str) -> Shown {
    Shown::File { bundle: bundle.to_owned(), file: file.to_owned() }
}

/// A row over `app.bin`: another file, another signature, and another statement are refused.
fn over_file(world: &World, name: &'static str, kind: Kind, (by, bundle): (By, &str)) -> Row {
    let text = std::fs::read_to_string(world.path(bundle)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut bad = vec![("another file", file(bundle, "other.bin"))];
    let pointers = ["/messageSignature/signature", "/dsseEnvelope/signatures/0/sig", "/dsseEnvelope/payload"];
    for pointer in pointers {
        let mut changed = document.clone();
        let Some(value) = changed.pointer_mut(pointer) else { continue };
        let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        *value = json!(STANDARD.encode(bytes));
        let to = format!("{bundle}{}.json", pointer.replace('/', "-"));
        world.write(&to, changed.to_string().as_bytes());
        bad.push((pointer, file(&to, "app.bin")));
    }
    Row { name, kind, by, good: file(bundle, "app.bin"), bad }
}

const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

fn files(place: &Place<'_>) -> Vec<Row> {
    let world = place.world;
    let move_to = |name: &str, to: &str| std::fs::rename(world.path(name), world.path(to)).unwrap();
    world.run(&["sign", "app.bin", "--message"]).expect(0);
    move_to("app.bin.sigstore.json", "message.json");
    world.run(&["sign", "app.bin"]).expect(0);
    move_to("app.bin.sigstore.json", "provenance.json");
    world.run(&["attest", "app.bin", "--type", "cyclonedx", "--predicate", "sbom.json"]).expect(0);
    move_to("app.bin.cyclonedx.sigstore.json", "claimed.json");
    let row = |name, kind, bundle| over_file(world, name, kind, (By::Certificate, bundle));
    vec![
        row("file, certificate", Kind::Message, "message.json"),
        row("SLSA provenance, certificate", Kind::Statement(PROVENANCE), "provenance.json"),
        row("SBOM, certificate", Kind::Statement(CYCLONEDX), "claimed.json"),
    ]
}

fn keyed_files(place: &Place<'_>, cosign: &PathBuf) -> Vec<Row> {
    let world = place.world;
    for family in ["message", "claimed-dsse", "provenance-dsse", "simple-signing"] {
        let words = [
            "public-key",
            "--key",
            &format!("chancery://dev/{family}"),
            "--outfile",
            &format!("{family}.pem"),
        ];
        let said = place.cosign(cosign, &words);
        assert!(said.0, "{}", said.1);
    }
    place.keyed(cosign, "message", &["sign-blob", "--bundle", "keyed.json", "app.bin"]);
    let attest = [
        "attest-blob",
        "--type",
        "cyclonedx",
        "--predicate",
        "sbom.json",
        "--bundle",
        "said.json",
        "app.bin",
    ];
    place.keyed(cosign, "claimed-dsse", &attest);
    vec![
        over_file(world, "file, key by plugin", Kind::Message, (By::Key("message"), "keyed.json")),
        over_file(
            world,
            "SBOM, key by plugin",
            Kind::Statement(CYCLONEDX),
            (By::Key("claimed-dsse"), "said.json"),
        ),
    ]
}

/// Two images, of which one is signed; whoever may write to the registry puts its signatures beside the other.
fn pair(registry: &Registry, path: &str) -> [(String, String); 2] {
    ["one", "two"].map(|tag| {
        let (named, digest) = push_image(&registry.host, path, tag);
        (format!("{}@{digest}", named.rsplit_once(':').unwrap().0), digest.replace(':', "-"))
    })
}

fn images(place: &Place<'_>, cosign: Option<&PathBuf>) -> Vec<Row> {
    let registry = place.registry.as_ref().unwrap();
    let row = |name, path, (kind, by): (Kind, By), sign: &dyn Fn(&str)| {
        let [(ours, tag), (other, other_tag)] = pair(registry, path);
        sign(&ours);
        let copied = ["", ".sig"].map(|suffix| {
            copy_tag(&registry.host, path, (&format!("{tag}{suffix}"), &format!("{other_tag}{suffix}")))
        });
        assert!(copied.contains(&true), "{name}: the other image has no signatures to be refused");
        let bad = vec![("another image", Shown::Image(other))];
        Row { name, kind, by, good: Shown::Image(ours), bad }
    };
    let service = |image: &str| drop(place.world.run(&["sign", image, "--profile", "dev"]).expect(0));
    let mut rows = vec![
        row("image, certificate", "m/one", (Kind::Image, By::Certificate), &service),
        row(
            "provenance of an image, certificate",
            "m/two",
            (Kind::Attestation(PROVENANCE), By::Certificate),
            &service,
        ),
        row("image, simple signing by key", "m/three", (Kind::Simple, By::Key("simple-signing")), &service),
    ];
    for (kind, name, path) in
        [("jws", "image, Notary JWS", "m/jws"), ("cose", "image, Notary COSE", "m/cose")]
    {
        let option = format!("envelope={kind}");
        let sign = |image: &str| {
            let words = ["sign", image, "--profile", "dev", "--format", "notary", "--option", &option];
            drop(place.world.run(&words).expect(0));
        };
        rows.push(row(name, path, (Kind::Envelope, By::Certificate), &sign));
    }
    if let Some(cosign) = cosign {
        let insecure = "--allow-insecure-registry";
        let sign = |image: &str| place.keyed(cosign, "provenance-dsse", &["sign", insecure, image]);
        rows.push(row("image, key by plugin", "m/four", (Kind::Image, By::Key("provenance-dsse")), &sign));
        let attest = |image: &str| {
            let words = ["attest", insecure, "--type", "cyclonedx", "--predicate", "sbom.json", image];
            place.keyed(cosign, "claimed-dsse", &words);
        };
        let by = By::Key("claimed-dsse");
        rows.push(row(
            "SBOM of an image, key by plugin",
            "m/five",
            (Kind::Attestation(CYCLONEDX), by),
            &attest,
        ));
    }
    rows
}
