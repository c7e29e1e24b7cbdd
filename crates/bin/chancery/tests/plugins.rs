//! Plugins of cosign and notation, as copies of this program under their names, driven by the unmodified tools against a
//! real service. A tool that is absent is reported and not compared.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[path = "plugins/statements.rs"]
mod statements;
#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_core::digest::Sha256;
use serde_json::{Value, json};
use world::{Said, World, notation, tool};

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A home with plugins, and the world's service in the environment.
struct Home<'a> {
    world: &'a World,
    home: PathBuf,
}

impl<'a> Home<'a> {
    fn new(world: &'a World) -> Self {
        let home = world.path("home");
        std::fs::create_dir_all(home.join("bin")).unwrap();
        Self { world, home }
    }
    fn with_home(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ours = [self.home.join("bin")];
        let paths = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", paths).env("HOME", &self.home).env("NOTATION_EXPERIMENTAL", "1");
        command
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_CACHE_HOME", self.home.join("cache"));
        command
    }
    fn chancery(&self, arguments: &[&str]) -> Said {
        self.with_home(self.world.command(arguments)).output().unwrap().into()
    }
    /// A foreign tool, or a plugin, with the service in its environment.
    fn foreign(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).envs(&self.world.env).current_dir(self.world.directory.path());
        command.stdin(Stdio::null());
        self.with_home(command)
    }
    fn run(&self, program: &Path, arguments: &[&str]) -> Said {
        self.foreign(program, arguments).output().unwrap().into()
    }
    /// As a job on a branch that no grant names.
    fn run_refused(&self, program: &Path, arguments: &[&str]) -> Said {
        let url = format!("{}&ref=refs/heads/feature", self.world.env["ACTIONS_ID_TOKEN_REQUEST_URL"]);
        let mut command = self.foreign(program, arguments);
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url).output().unwrap().into()
    }
    /// A plugin itself, with a message on stdin.
    fn plugin(&self, program: &Path, arguments: &[&str], message: &[u8]) -> Said {
        let mut command = self.foreign(program, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A plugin that refuses early does not read.
        drop(child.stdin.take().unwrap().write_all(message));
        child.wait_with_output().unwrap().into()
    }
    fn setup_notation(&self) -> (PathBuf, PathBuf) {
        self.chancery(&["setup", "notation", "--write"]).expect(0);
        let plugins = self.home.join("config/notation/plugins");
        (plugins.join("chancery/notation-chancery"), plugins.join("chancery-raw/notation-chancery-raw"))
    }
    fn setup_cosign(&self) -> PathBuf {
        let bin = self.home.join("bin");
        self.chancery(&["setup", "cosign", "--directory", bin.to_str().unwrap(), "--write"]).expect(0);
        bin.join("sigstore-kms-chancery")
    }
    /// An OCI layout with one image.
    fn layout(&self) -> String {
        let layout = self.world.path("layout");
        let blobs = layout.join("blobs/sha256");
        drop(std::fs::remove_dir_all(&layout));
        std::fs::create_dir_all(&blobs).unwrap();
        for blob in [MANIFEST, b"{}"] {
            std::fs::write(blobs.join(Sha256::of(blob).to_string()), blob).unwrap();
        }
        let digest = format!("sha256:{}", Sha256::of(MANIFEST));
        let named = json!({"mediaType": MANIFEST_TYPE, "digest": digest, "size": MANIFEST.len()});
        let index = json!({"schemaVersion": 2, "manifests": [named]}).to_string();
        std::fs::write(layout.join("index.json"), index).unwrap();
        std::fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
        format!("{}@{digest}", layout.display())
    }
    fn trust(&self, timestamps: &str) {
        notation::trust(self.world, &self.home.join("config/notation"), timestamps);
    }
}

#[test]
fn setup_says_what_it_would_do_does_it_and_takes_it_back() {
    let world = World::cold();
    let home = Home::new(&world);
    let plugins = home.home.join("config/notation/plugins");
    let said = home.chancery(&["setup", "notation"]).expect(0);
    assert!(said.out.contains("would copy") && said.err.contains("--write"), "{}{}", said.out, said.err);
    assert!(!plugins.exists());
    let (envelope, raw) = home.setup_notation();
    for plugin in [&envelope, &raw] {
        // notation takes no links.
        assert!(std::fs::symlink_metadata(plugin).unwrap().is_file());
    }
    let again = home.chancery(&["setup", "notation", "--write", "--json"]).expect(0).json();
    assert_eq!(again["files"][0]["change"], "keep");
    // A link, or another program, is replaced; what the link points to stays.
    let other = world.write("other", b"other");
    std::fs::remove_file(&envelope).unwrap();
    std::os::unix::fs::symlink(&other, &envelope).unwrap();
    std::fs::write(&raw, b"old").unwrap();
    home.setup_notation();
    assert_eq!(std::fs::read(&other).unwrap(), b"other");
    let said = home.plugin(&envelope, &["get-plugin-metadata"], b"{}").expect(0).json();
    assert_eq!(said["capabilities"], json!(["SIGNATURE_GENERATOR.ENVELOPE"]));
    let said = home.plugin(&raw, &["get-plugin-metadata"], b"{}").expect(0).json();
    assert_eq!(
        (said["name"].as_str(), &said["capabilities"]),
        (Some("chancery-raw"), &json!(["SIGNATURE_GENERATOR.RAW"]))
    );
    home.chancery(&["setup", "notation", "--remove"]).expect(0);
    assert!(envelope.exists());
    home.chancery(&["setup", "notation", "--remove", "--write"]).expect(0);
    assert!(!envelope.exists() && !raw.exists());
    home.chancery(&["setup", "pgp"]).expect(2);
}

#[test]
fn notation_signs_through_both_plugins_and_verifies_at_level_strict() {
    let Some(notation) = tool("bin/notation") else { return };
    let world = World::start();
    let home = Home::new(&world);
    home.setup_notation();
    for (plugin, name, timestamps) in [("chancery", "whole", "always"), ("chancery-raw", "raw", "")] {
        home.run(&notation, &["key", "add", "--plugin", plugin, "--id", "dev", name]).expect(0);
        home.trust(timestamps);
        for kind in ["jws", "cose"] {
            let image = home.layout();
            let verify = ["verify", "--oci-layout", &image, "--scope", "local/app"];
            home.run(&notation, &verify).expect(1);
            let sign = ["sign", "--oci-layout", &image, "--key", name, "--signature-format", kind];
            let options = ["--user-metadata", "build=a&b<7>", "--expiry", "24h"];
            home.run(&notation, &[&sign[..], &options].concat()).expect(0);
            let said = home.run(&notation, &verify).expect(0);
            assert!(said.out.contains("a&b<7>"), "{}", said.out);
            let refused = home.run_refused(&notation, &sign).expect(1);
            assert!(
                refused.err.contains("CH4012") && refused.err.contains("refs/heads/feature"),
                "{}",
                refused.err
            );
        }
    }
    home.run(&notation, &["key", "add", "--plugin", "chancery", "--id", "release", "people"]).expect(0);
    let image = home.layout();
    let said = home.run(&notation, &["sign", "--oci-layout", &image, "--key", "people"]);
    assert_ne!(said.code, 0);
    world.run(&["audit", "--data-dir", "data"]).expect(0);
    let leaves = world.leaves(0);
    let denied = world::of_kind(&leaves, "denied");
    assert_eq!(denied.len(), 4, "{denied:#?}");
    println!("compared: notation through plugins, {} entries audited", leaves.len());
}

#[test]
fn cosign_signs_files_with_a_key_that_it_never_sees() {
    let Some(cosign) = tool("bin/cosign") else { return };
    let world = World::start();
    let home = Home::new(&world);
    home.setup_cosign();
    world.write("app.bin", b"hello\n");
    world.write("other.bin", b"other\n");
    let key = "chancery://dev/message";
    let public = home.run(&cosign, &["public-key", "--key", key]).expect(0).out;
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    world.write("key.pem", public.as_bytes());
    let offline = ["--use-signing-config=false", "--tlog-upload=false"];
    let sign = |key: &str, bundle: &str| -> Vec<String> {
        let words = ["sign-blob", "--key", key, "--bundle", bundle, "app.bin"];
        words.into_iter().chain(offline).map(str::to_owned).collect()
    };
    let words = sign(key, "app.bundle");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    home.run(&cosign, &words).expect(0);
    let verify =
        |file| ["verify-blob", "--key", "key.pem", "--bundle", "app.bundle", "--insecure-ignore-tlog", file];
    home.run(&cosign, &verify("app.bin")).expect(0);
    assert_ne!(home.run(&cosign, &verify("other.bin")).code, 0);
    let refused = home.run_refused(&cosign, &words);
    assert!(refused.code != 0 && refused.err.contains("CH4012"), "{}", refused.err);
    for (key, expected) in [
        ("chancery://dev", "keys of several families"),
        ("chancery://dev/nothing", "no such key"),
        ("chancery://dev/provenance-dsse", "chancery://dev/message"),
        ("chancery://nowhere/message", "no such key"),
    ] {
        let words = sign(key, "wrong.bundle");
        let said = home.run(&cosign, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.code != 0 && said.err.contains(expected), "{key}: {}", said.err);
    }
    world.run(&["audit", "--data-dir", "data"]).expect(0);
    println!("compared: cosign through its plugin");
}

/// What no honest cosign sends.
#[test]
fn a_plugin_signs_only_what_it_was_shown() {
    let world = World::start();
    let home = Home::new(&world);
    let kms = home.setup_cosign();
    let (_, raw) = home.setup_notation();
    let digest = |message: &[u8]| STANDARD.encode(Sha256::of(message).as_bytes());
    let call = |digest: Option<String>, hash: u64, version: &str| {
        let options = json!({"messageOptions": {"digest": digest, "hashFunc": hash}});
        json!({"initOptions": {"protocolVersion": version, "keyResourceID": "dev/message", "hashFunc": 5},
               "methodName": "signMessage", "signMessage": {"signOptions": options}})
        .to_string()
    };
    let ask = |call: &str, message: &[u8]| home.plugin(&kms, &["v1", call], message).json();
    let good = ask(&call(Some(digest(b"app")), 5, "v1"), b"app");
    assert!(good["signMessage"]["signature"].is_string(), "{good}");
    assert_eq!(ask(&call(None, 5, "v1"), b"app"), good, "the same wish has the same signature");
    for (name, call, message) in [
        ("a bare hash", call(Some(digest(b"app")), 5, "v1"), &b""[..]),
        ("the hash of another message", call(Some(digest(b"other")), 5, "v1"), b"app"),
        ("another digest", call(None, 7, "v1"), b"app"),
        ("another protocol", call(None, 5, "v2"), b"app"),
        ("no statement", call(None, 5, "v1"), b"DSSEv1 28 application/vnd.in-toto+json 2 {}"),
        ("half of a statement", call(None, 5, "v1"), b"DSSEv1 28 application/vnd.in-toto+json 3 {}"),
        ("nothing", "{}".to_owned(), b"app"),
    ] {
        let said = ask(&call, message);
        assert!(said["errorMessage"].as_str().unwrap().starts_with("error[CH"), "{name}: {said}");
        assert!(said.get("signMessage").is_none(), "{name}");
    }
    let asked = |payload: &[u8], spec: &str| {
        json!({"contractVersion": "1.0", "keyId": "dev", "keySpec": spec, "hashAlgorithm": "SHA-256",
               "payload": STANDARD.encode(payload)})
        .to_string()
    };
    for (name, request) in [
        ("no header and payload", asked(b"hello", "EC-256")),
        ("another header", asked(b"eyJhbGciOiJFUzI1NiJ9.e30", "EC-256")),
        ("a COSE structure of another kind", asked(&[0x84, 0x60, 0x40, 0x40, 0x40], "EC-256")),
        ("no request", "[]".to_owned()),
        ("another contract", asked(b"", "EC-256").replace("1.0", "2.0")),
        (
            "a wish of the plugin's user",
            asked(b"", "EC-256").replacen('{', "{\"pluginConfig\":{\"x\":\"y\"},", 1),
        ),
    ] {
        let said = home.plugin(&raw, &["generate-signature"], request.as_bytes()).expect(1);
        let error: Value = serde_json::from_str(&said.err).unwrap_or_else(|_| panic!("{name}: {}", said.err));
        let expected =
            if name == "another contract" { "UNSUPPORTED_CONTRACT_VERSION" } else { "VALIDATION_ERROR" };
        assert_eq!(error["errorCode"], expected, "{name}: {error}");
        assert!(said.out.is_empty(), "{name}");
    }
    home.plugin(&raw, &["generate-envelope"], asked(b"", "EC-256").as_bytes()).expect(1);
    let described = home.plugin(&raw, &["describe-key"], asked(b"", "").as_bytes()).expect(0).json();
    assert_eq!(described, json!({"keyId": "dev", "keySpec": "EC-256"}));
}
