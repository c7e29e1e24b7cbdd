//! notation 1.3, unmodified, with trust policy `strict` and `verifyTimestamp: always`: it accepts ours and refuses what
//! was tampered with; and what it signs, we accept.
//!
//! `CHANCERY_TOOLS` names a directory with `bin/notation`. Where it is absent, that is reported and not compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::verdict::Outcome;
use chancery_format::notary::envelope::{Envelope, Kind};
use chancery_verify::verify::Context;
use chancery_x509::certificate::write_pem;
use serde_json::json;

use crate::layout;
use crate::maker::{MANIFEST, Maker, Wish, judge, policy};
use crate::stamper;
use crate::world::signing_time;

pub(crate) fn tool() -> Option<PathBuf> {
    let found = std::env::var_os("CHANCERY_TOOLS").map(|tools| PathBuf::from(tools).join("bin/notation"));
    let found = found.filter(|program| program.exists());
    if found.is_none() {
        println!("not compared: notation is absent");
    }
    found
}

/// notation with a home of its own.
pub(crate) struct Notation {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Notation {
    /// Trusts the maker's authorities, and one identity.
    pub(crate) fn new(program: PathBuf, maker: &Maker, identity: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("notation");
        let stores = [("ca", &maker.world.root.certificate), ("tsa", &maker.world.tsa_root.certificate)];
        for (kind, certificate) in stores {
            let store = config.join("truststore/x509").join(kind).join("acme");
            std::fs::create_dir_all(&store).unwrap();
            std::fs::write(store.join("root.crt"), certificate.to_pem()).unwrap();
        }
        let policy = json!({"version": "1.0", "trustPolicies": [{
            "name": "acme",
            "registryScopes": ["*"],
            "signatureVerification": {"level": "strict", "verifyTimestamp": "always"},
            "trustStores": ["ca:acme", "tsa:acme"],
            "trustedIdentities": [identity],
        }]});
        std::fs::write(config.join("trustpolicy.json"), policy.to_string()).unwrap();
        Self { program, home }
    }
    fn layout(&self) -> PathBuf {
        self.home.path().join("layout")
    }
    fn run(&self, verb: &str, arguments: &[&str]) -> Output {
        let reference = format!("{}@sha256:{}", self.layout().display(), Sha256::of(MANIFEST));
        let mut command = Command::new(&self.program);
        command.args([verb, "--oci-layout", &reference]).args(arguments);
        command.env("NOTATION_EXPERIMENTAL", "1").env("HOME", self.home.path());
        command
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path())
            .output()
            .unwrap()
    }
    /// What it says about one envelope over the image.
    pub(crate) fn verify(&self, envelope: &[u8]) -> Result<(), String> {
        layout::write(&self.layout(), &[envelope]);
        let output = self.run("verify", &["--scope", "local/acme", "--verbose"]);
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

pub(crate) const IDENTITY: &str = "x509.subject: C=DE, ST=Berlin, O=Acme";

#[test]
fn notation_accepts_ours_and_refuses_the_same_tampered_with() {
    let Some(program) = tool() else { return };
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let maker = Maker::new(algorithm);
        let notation = Notation::new(program.clone(), &maker, IDENTITY);
        for kind in ["jws", "cose"] {
            let wish =
                Wish::image(kind).with("annotation.build", "a&b<7>").with("expiry_seconds", "316000000");
            let good = maker.sign(MANIFEST, &wish);
            assert_eq!(notation.verify(&good), Ok(()), "{algorithm} {kind}");
            // In signature, payload and timestamp.
            let parsed = Envelope::parse(&good).unwrap();
            for part in [&parsed.signature, &parsed.signed[parsed.signed.len() - 20..].to_vec()] {
                let at = place(&good, part).unwrap();
                let mut bad = good.clone();
                bad[at + 8] ^= 1;
                assert!(notation.verify_raw(&bad, &good).is_err(), "{algorithm} {kind}: byte {at}");
            }
            let unstamped = maker.sign(MANIFEST, &Wish { stamped_at: None, ..wish.clone() });
            assert!(notation.verify(&unstamped).is_err(), "{algorithm} {kind}: no timestamp");
            let expired = maker.sign(MANIFEST, &Wish::image(kind).with("expiry_seconds", "1"));
            assert!(notation.verify(&expired).is_err(), "{algorithm} {kind}: expired");
            let other = Notation::new(program.clone(), &maker, "x509.subject: C=DE, ST=Berlin, O=Other");
            assert!(other.verify(&good).is_err(), "{algorithm} {kind}: other identity");
        }
    }
    println!("compared: notation verify");
}

impl Notation {
    /// As [`Self::verify`], for bytes that our own reader may refuse: the manifest is that of the good envelope.
    fn verify_raw(&self, bad: &[u8], good: &[u8]) -> Result<(), String> {
        layout::write(&self.layout(), &[good]);
        let layout = self.layout();
        let name = |bytes: &[u8]| layout.join("blobs/sha256").join(Sha256::of(bytes).to_string());
        // The layer is exchanged in manifest and index, so that only the envelope itself is wrong.
        let made = chancery_format::notary::manifest::referrer(good).unwrap().manifest;
        let changed = String::from_utf8(made.clone()).unwrap();
        let changed = changed.replace(&Sha256::of(good).to_string(), &Sha256::of(bad).to_string());
        std::fs::write(name(bad), bad).unwrap();
        std::fs::write(name(changed.as_bytes()), &changed).unwrap();
        let index = std::fs::read_to_string(layout.join("index.json")).unwrap();
        let index =
            index.replace(&Sha256::of(&made).to_string(), &Sha256::of(changed.as_bytes()).to_string());
        std::fs::write(layout.join("index.json"), index).unwrap();
        let output = self.run("verify", &["--scope", "local/acme"]);
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// Where a part lies in an envelope, as bytes or in base64url.
fn place(envelope: &[u8], part: &[u8]) -> Option<usize> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part);
    let find = |wanted: &[u8]| envelope.windows(wanted.len()).position(|window| window == wanted);
    find(part).or_else(|| find(text.as_bytes()))
}

fn configure_key(home: &Path, maker: &Maker) {
    let config = home.join("notation");
    std::fs::write(config.join("key.pem"), write_pem("PRIVATE KEY", &maker.key.pkcs8())).unwrap();
    let chain = [&maker.leaf, &maker.world.issuing.certificate, &maker.world.root.certificate];
    let pem: String = chain.map(|certificate| certificate.to_pem()).concat();
    std::fs::write(config.join("chain.pem"), pem).unwrap();
    let (key, chain) = (config.join("key.pem"), config.join("chain.pem"));
    let keys = json!({"default": "acme", "keys": [{"name": "acme", "keyPath": key, "certPath": chain}]});
    std::fs::write(config.join("signingkeys.json"), keys.to_string()).unwrap();
}

#[test]
fn ours_accepts_what_notation_signs() {
    let Some(program) = tool() else { return };
    for (algorithm, expected) in [
        (KeyAlgorithm::EcdsaP256, "ES256"),
        (KeyAlgorithm::EcdsaP384, "ES384"),
        (KeyAlgorithm::Rsa3072, "PS384"),
    ] {
        let maker = Maker::new(algorithm);
        let notation = Notation::new(program.clone(), &maker, IDENTITY);
        configure_key(notation.home.path(), &maker);
        for kind in [Kind::Jws, Kind::Cose] {
            layout::write(&notation.layout(), &[]);
            let tsa_root = notation.home.path().join("notation/truststore/x509/tsa/acme/root.crt");
            let output = std::thread::scope(|scope| {
                let url = stamper::serve(scope, &maker.world, 1);
                let arguments = [
                    "--signature-format",
                    kind.name(),
                    "--timestamp-url",
                    &url,
                    "--timestamp-root-cert",
                    tsa_root.to_str().unwrap(),
                    "--user-metadata",
                    "build=a&b<7>",
                    "--expiry",
                    "24h",
                ];
                notation.run("sign", &arguments)
            });
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let envelope = layout::envelopes(&notation.layout()).pop().unwrap();
            let parsed = Envelope::parse(&envelope).unwrap();
            assert_eq!((parsed.kind, parsed.header.algorithm.jws()), (kind, expected));
            assert_eq!(parsed.target.annotations["build"], "a&b<7>");
            same_bytes(&parsed);
            let now = stamper::clock();
            let mut trust = maker.snapshot();
            (trust.taken_at, trust.expires) = (now, now.plus_seconds(3600));
            let context = Context { trust: &trust, policy: &policy(), at: now };
            let verdict = judge(MANIFEST, &envelope, &context);
            assert_eq!(verdict.outcome(), Outcome::Verified, "{algorithm} {kind:?} {verdict:#?}");
            assert_ne!(judge(b"other", &envelope, &context).outcome(), Outcome::Verified);
            let at = place(&envelope, &parsed.signature).unwrap();
            let mut bad = envelope.clone();
            bad[at + 9] ^= 1;
            assert_ne!(judge(MANIFEST, &bad, &context).outcome(), Outcome::Verified);
        }
    }
    println!("compared: notation sign");
}

/// The bytes that notation signed are those that we would rebuild from what they say.
fn same_bytes(parsed: &Envelope) {
    use chancery_format::notary::header::Written;
    use chancery_format::notary::{cose, jws};
    let life = parsed.header.expiry.unwrap().seconds_since(parsed.header.signing_time);
    let written = Written::new(
        parsed.header.algorithm,
        parsed.header.signing_time.to_string(),
        Some(u64::try_from(life).unwrap()),
    );
    let (written, payload) = (written.unwrap(), parsed.target.encode(parsed.kind).unwrap());
    let signed = match parsed.kind {
        Kind::Jws => jws::signed(&jws::protected(&written).unwrap(), &payload),
        Kind::Cose => cose::signed(&cose::protected(&written).unwrap(), &payload),
    };
    assert_eq!(String::from_utf8_lossy(&parsed.signed), String::from_utf8_lossy(&signed));
    assert!(parsed.header.signing_time > signing_time());
}
