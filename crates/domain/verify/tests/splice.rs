//! Parts of bundles put together crosswise: a log entry, promise, proof, checkpoint, timestamp, certificate, signature or
//! payload of another bundle never makes one that is accepted (T1), by neither verifier.
//!
//! Every single part of every bundle goes into every other; then `CHANCERY_SPLICE_COUNT` bundles (400) are made of parts
//! drawn from all of them. `CHANCERY_SPLICE_SEED` repeats a draw; `cargo xtask faults splice` draws 10,000.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test")]

mod world;

use std::path::PathBuf;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::time::Time;
use chancery_core::verdict::Outcome;
use chancery_testkit::keys::TestKey;
use chancery_verify::foreign::{self, Digests, Expected, Instance, Signer};
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::verify::{self, Context, Evidence};
use serde_json::{Map, Value};
use world::{ISSUER, Wish, World};

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// What can be taken out of one bundle and put into another: members of the object at a place.
const PARTS: [(&str, &str, &[&str]); 11] = [
    ("certificate", "/verificationMaterial", &["certificate", "x509CertificateChain"]),
    ("timestamp", "/verificationMaterial", &["timestampVerificationData"]),
    ("body", ENTRY, &["canonicalizedBody", "kindVersion"]),
    ("promise", ENTRY, &["inclusionPromise", "integratedTime", "logIndex"]),
    ("index", ENTRY, &["logIndex"]),
    ("log id", ENTRY, &["logId"]),
    (
        "path",
        "/verificationMaterial/tlogEntries/0/inclusionProof",
        &["logIndex", "rootHash", "treeSize", "hashes"],
    ),
    ("checkpoint", "/verificationMaterial/tlogEntries/0/inclusionProof", &["checkpoint"]),
    ("content", "", &["messageSignature", "dsseEnvelope"]),
    ("signature", "/dsseEnvelope/signatures/0", &["sig"]),
    ("message signature", "/messageSignature", &["signature"]),
];

/// A genuine bundle, and for what it is accepted.
struct Source {
    json: Value,
    artifact: Digests,
    expected: Expected,
    root: usize,
}

/// Whom to trust: an instance, and for our own bundles our own trust.
struct Root {
    instance: Instance,
    own: Option<TrustSnapshot>,
    at: Time,
}

struct Campaign {
    roots: Vec<Root>,
    sources: Vec<Source>,
    tried: u64,
}

fn read(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/foreign/sigstore");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// `{}` and `null` say the same as nothing.
fn tidy(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(tidy);
        members.retain(|name, member| {
            !member.is_null()
                && (name != "timestampVerificationData" || member.get("rfc3161Timestamps").is_some())
        });
    }
}

fn source(json: &str, artifact: Digests, (issuer, identity): (&str, &str), root: usize) -> Source {
    let mut json: Value = serde_json::from_str(json).unwrap();
    tidy(&mut json);
    let expected = Expected::of(Signer::Identity { issuer: issuer.into(), identity: identity.into() });
    Source { json, artifact, expected, root }
}

impl Campaign {
    /// Bundles of ours: the same file signed twice with the same key, other files, keys, identities and kinds; and what
    /// the public instance and its staging instance signed.
    fn new() -> Self {
        let world = World::new();
        let instance = Instance::parse(&world.roots().to_json()).unwrap();
        let mut roots = vec![Root { instance, own: Some(world.snapshot()), at: world::now() }];
        let keys = [TestKey::generate(KeyAlgorithm::EcdsaP256), TestKey::generate(KeyAlgorithm::EcdsaP256)];
        let other = "https://github.com/acme/other/.github/workflows/release.yml@refs/heads/main";
        let mut sources = Vec::new();
        let (a, b): (&[u8], &[u8]) = (b"one file", b"another file");
        for (number, (artifact, key, message, identity)) in [
            (a, 0, false, world::IDENTITY),
            (a, 0, false, world::IDENTITY),
            (a, 0, true, world::IDENTITY),
            (a, 0, true, world::IDENTITY),
            (b, 0, false, world::IDENTITY),
            (b, 0, true, world::IDENTITY),
            (a, 1, false, world::IDENTITY),
            (a, 1, true, world::IDENTITY),
            (a, 0, false, other),
            (b, 1, true, other),
        ]
        .into_iter()
        .enumerate()
        {
            let mut wish = if message { Wish::message() } else { Wish::default() };
            wish.identity = identity.to_owned();
            wish.index = u64::try_from(number).unwrap();
            let made = world.sign(artifact, &keys[key], &wish);
            sources.push(source(&made.json, Digests::of(artifact), (ISSUER, identity), 0));
        }
        let at = Time::parse_rfc3339("2026-11-21T09:00:00Z").unwrap();
        for name in ["public_root.json", "staging_root.json"] {
            roots.push(Root { instance: Instance::parse(&read(name)).unwrap(), own: None, at });
        }
        sources.extend(foreign_sources());
        Self { roots, sources, tried: 0 }
    }

    /// Whether a bundle is accepted for one of the sources, by any verifier that knows the source's root.
    fn is_accepted(&self, json: &str, whose: &Source) -> bool {
        let Root { instance, own, at } = &self.roots[whose.root];
        let context = foreign::Context { instance, expected: &whose.expected, at: *at };
        let by_flags = verify::foreign(&whose.artifact, json.as_bytes(), &context).outcome();
        let by_trust = own.as_ref().map(|trust| {
            let Signer::Identity { issuer, identity } = &whose.expected.signer else { panic!("identities") };
            let policy = VerificationPolicy::exactly(
                trust.environment,
                chancery_core::format::FormatName::Sigstore,
                issuer,
                identity,
            );
            let evidence = Evidence::Sigstore { artifact: whose.artifact.sha256(), bundle: json.as_bytes() };
            verify::verify(&evidence, &Context { trust, policy: &policy, at: *at }).outcome()
        });
        by_flags == Outcome::Verified || by_trust == Some(Outcome::Verified)
    }

    /// A bundle whose parts are of these sources, the rest of it of the first; `None` where it is a genuine one.
    fn spliced(&self, base: usize, parts: &[(usize, usize)]) -> Option<String> {
        let mut json = self.sources[base].json.clone();
        for (part, from) in parts {
            let (name, place, members) = &PARTS[*part];
            let taken: Vec<(&str, Value)> = members
                .iter()
                .filter_map(|name| {
                    Some((*name, self.sources[*from].json.pointer(place)?.get(*name)?.clone()))
                })
                .collect();
            let target: Option<&mut Map<String, Value>> =
                json.pointer_mut(place).and_then(Value::as_object_mut);
            // A promise that is taken away is no part of another bundle: what is left must hold without it.
            let is_there = match *name {
                "promise" => taken.iter().any(|(name, _)| *name == "inclusionPromise"),
                _ => !taken.is_empty(),
            };
            let (Some(target), true) = (target, is_there) else { continue };
            members.iter().for_each(|name| drop(target.remove(*name)));
            target.extend(taken.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let genuine = self.sources.iter().any(|source| source.json == json);
        (!genuine).then(|| json.to_string())
    }

    fn check(&mut self, base: usize, parts: &[(usize, usize)]) {
        let Some(json) = self.spliced(base, parts) else { return };
        self.tried += 1;
        let involved = std::iter::once(base).chain(parts.iter().map(|(_, from)| *from));
        for index in involved {
            let named: Vec<_> = parts.iter().map(|(part, from)| (PARTS[*part].0, *from)).collect();
            assert!(
                !self.is_accepted(&json, &self.sources[index]),
                "{base} with {named:?} accepted as {index}"
            );
        }
    }
}

fn foreign_sources() -> Vec<Source> {
    let github = "https://token.actions.githubusercontent.com";
    let digest = |hex: &str| Digests::only(Sha256::parse_hex(hex).unwrap());
    let npm = "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1\
               e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
    let npm = Digests::only(Sha256::of(b"x")).with(DigestAlgorithm::Sha512, hex::decode(npm).unwrap());
    vec![
        source(
            &read("cosign-v3-blob.sigstore.json"),
            Digests::of(read("cosign-v3-blob.txt").as_bytes()),
            ("https://github.com/login/oauth", "w.vollprecht@gmail.com"),
            1,
        ),
        source(
            &read("v3_github.sigstore.json"),
            digest("c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201"),
            (
                github,
                "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
            ),
            1,
        ),
        source(
            &read("npm-sigstore-2.0.0.sigstore.json"),
            npm,
            (github, "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"),
            1,
        ),
        source(
            &read("staging_two_intermediates.sigstore.json"),
            Digests::of(b""),
            (
                github,
                "https://github.com/sigstore/root-signing-staging/.github/workflows/custom-test.yml@refs/heads/main",
            ),
            2,
        ),
    ]
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Knuth's multiplicative generator: draws that a seed repeats.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(bound).unwrap()).unwrap()
    }
}

#[test]
fn no_part_of_another_bundle_is_accepted() {
    let mut campaign = Campaign::new();
    let count = campaign.sources.len();
    for source in &campaign.sources {
        assert!(campaign.is_accepted(&source.json.to_string(), source), "a genuine bundle: {}", source.json);
    }
    for base in 0..count {
        for from in (0..count).filter(|from| *from != base) {
            (0..PARTS.len()).for_each(|part| campaign.check(base, &[(part, from)]));
        }
    }
    let single = campaign.tried;
    assert!(single > 1_000, "{single}");
    let (wanted, seed) = (number("CHANCERY_SPLICE_COUNT", 400), number("CHANCERY_SPLICE_SEED", 1));
    let mut draws = Draws(seed);
    while campaign.tried < single + wanted {
        let base = draws.below(count);
        let mut parts = Vec::new();
        for part in 0..PARTS.len() {
            if draws.below(2) == 0 {
                parts.push((part, draws.below(count)));
            }
        }
        campaign.check(base, &parts);
    }
    println!("spliced: {single} of one part, {wanted} of many with seed {seed}; 0 accepted");
}
