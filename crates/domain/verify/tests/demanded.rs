//! Demanded attestations: provenance by the level of its builder and by its materials, and what verifiers of other instances
//! concluded about artifacts and commits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test")]

mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::attested::{About, Attested, Found, Lack, Requirement};
use chancery_core::claims::Claims;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_testkit::keys::TestKey;
use chancery_verify::attested::{Bench, Shown, Subject};
use chancery_verify::gates::Gates;
use chancery_x509::certificate::write_pem;
use serde_json::{Value, json};
use world::{IDENTITY, ISSUER, Wish, World, claims, now};

const ARTIFACT: &[u8] = b"an artifact";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
const HEAD: &str = "environment = \"production\"\nformats = [\"sigstore\"]\n";

fn wanted(about: About) -> Requirement {
    Requirement { name: "r".to_owned(), policy: "p".to_owned(), about }
}

fn ours(rest: &str) -> String {
    format!("{HEAD}issuer = \"{ISSUER}\"\nidentity = \"{IDENTITY}\"\npredicate = \"{PROVENANCE}\"\n{rest}")
}

fn gates(policy: &str, further: &[(&str, &str)], about: About) -> Gates {
    let mut files = BTreeMap::from([("verification/p.toml".to_owned(), policy.to_owned())]);
    files.extend(further.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Gates::load(&files, &[wanted(about)]).unwrap()
}

fn judge(world: &World, gates: &Gates, bundles: &[String], caller: &Claims, about: About) -> Attested {
    let (trust, artifact) = (world.snapshot(), Sha256::of(ARTIFACT));
    let bench = Bench { gates, trust: &trust, at: now() };
    let subject = Subject { artifact, format: FormatName::Sigstore, caller };
    Shown::read(bundles).judge(&[wanted(about)], &subject, &bench)
}

/// Nothing lacks, or what.
fn lack(attested: &Attested) -> Option<Lack> {
    match attested.of("r") {
        Some(Found::Met(_)) => None,
        Some(Found::Unmet(unmet)) => Some(unmet.lack),
        None => panic!("it was not looked for"),
    }
}

fn provenance(builder: &str, materials: &Value) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": PROVENANCE,
        "subject": [{"name": "x", "digest": {"sha256": Sha256::of(ARTIFACT).to_string()}}],
        "predicate": {
            "buildDefinition": {"resolvedDependencies": materials},
            "runDetails": {"builder": {"id": builder}},
        },
    })
    .to_string()
    .into_bytes()
}

fn bundle(world: &World, payload: &[u8], wish: &Wish) -> String {
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    world.sign_payload(payload, &key, wish).to_json()
}

#[test]
fn the_same_provenance_meets_level_2_and_not_level_3() {
    let world = World::new();
    let rules = "[[builders]]\nid = \"https://github.com/acme/**\"\nrunner_environment = \"github-hosted\"\n\
                 level = 2\n[[builders]]\nid = \"https://github.com/acme/**\"\nlevel = 1\n";
    let built = bundle(&world, &provenance(IDENTITY, &json!([])), &Wish::default());
    let mut own = Wish::default();
    own.claims.runner_environment = Some("self-hosted".to_owned());
    let on_own = bundle(&world, &provenance(IDENTITY, &json!([])), &own);
    let elsewhere = bundle(&world, &provenance("https://builds.example/x", &json!([])), &Wish::default());
    for (level, bundle, expected) in [
        (1, &built, None),
        (2, &built, None),
        (3, &built, Some(Lack::Insufficient)),
        (1, &on_own, None),
        (2, &on_own, Some(Lack::Insufficient)),
        (1, &elsewhere, Some(Lack::Insufficient)),
    ] {
        let gates = gates(&ours(&format!("level = {level}\n")), &[("builders.toml", rules)], About::Artifact);
        let found = judge(&world, &gates, std::slice::from_ref(bundle), &claims(), About::Artifact);
        assert_eq!(lack(&found), expected, "{level} {found:?}");
    }
}

#[test]
fn materials_are_judged_and_the_nearest_bundle_says_why() {
    let world = World::new();
    let rules =
        ours("[materials]\nallow = [\"pkg:npm/**\"]\ndeny = [\"pkg:npm/evil@**\"]\nmin_age = \"7d\"\n");
    let gates = gates(&rules, &[], About::Artifact);
    let material = |uri: &str, published: &str| {
        let digest = json!({"sha512": "ab"});
        json!({"uri": uri, "digest": digest, "annotations": {"published": published}})
    };
    let old = "2026-01-01T00:00:00Z";
    let of = |list: &Value| bundle(&world, &provenance(IDENTITY, list), &Wish::default());
    let good = of(&json!([material("pkg:npm/a@1", old)]));
    let denied = of(&json!([material("pkg:npm/a@1", old), material("pkg:npm/evil@1", old)]));
    let other = of(&json!([material("pkg:pypi/a@1", old)]));
    let young = of(&json!([material("pkg:npm/a@1", "2026-11-19T00:00:00Z")]));
    let bare = of(&json!([{"uri": "pkg:npm/a@1"}]));
    for (name, bundles, expected) in [
        ("good", vec![good.clone()], None),
        ("denied", vec![denied.clone()], Some(Lack::MaterialDenied)),
        ("not allowed", vec![other], Some(Lack::MaterialDenied)),
        ("young", vec![young.clone()], Some(Lack::MaterialYoung)),
        ("without digest", vec![bare.clone()], Some(Lack::MaterialUnknown)),
        ("the nearest of three", vec![bare, denied.clone(), young], Some(Lack::MaterialDenied)),
        ("one that is good", vec![denied, good], None),
        ("none", vec![], Some(Lack::Missing)),
    ] {
        let found = judge(&world, &gates, &bundles, &claims(), About::Artifact);
        assert_eq!(lack(&found), expected, "{name} {found:?}");
    }
}

/// What a verifier of another instance says about a commit.
fn summary(change: impl FnOnce(&mut Value)) -> Value {
    let mut value = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": SUMMARY,
        "subject": [{
            "digest": {"gitCommit": "5f3c2e1a"},
            "annotations": {"sourceRefs": ["refs/heads/main", "refs/heads/next"]},
        }],
        "predicate": {
            "verifier": {"id": "https://source.example/"}, "timeVerified": "2026-11-19T00:00:00Z",
            "resourceUri": "git+https://github.com/acme/app", "policy": {"uri": "https://source.example/policy"},
            "verificationResult": "PASSED", "verifiedLevels": ["SLSA_SOURCE_LEVEL_3", "ORG_SOURCE_REVIEWED"],
        },
    });
    change(&mut value);
    value
}

const SOURCE: &str = "[vsa]\nverifier = \"https://source.example/\"\nmax_age = \"30d\"\n\
                      levels = [\"SLSA_SOURCE_LEVEL_3\", \"ORG_SOURCE_REVIEWED\"]\n";

fn by_key(key: &TestKey) -> String {
    let pem = write_pem("PUBLIC KEY", &key.public_key().spki);
    format!("{HEAD}trusted_root = \"source\"\npublic_key = '''{pem}'''\npredicate = \"{SUMMARY}\"\n{SOURCE}")
}

const P256: (DigestAlgorithm, &str) = (DigestAlgorithm::Sha256, "PKIX_ECDSA_P256_SHA_256");

#[test]
fn a_commit_is_vouched_for_by_a_verifier_of_another_instance() {
    let (world, theirs) = (World::new(), World::new());
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let root = theirs.roots().to_json();
    let gates = gates(&by_key(&key), &[("trust/source.json", &root)], About::Source);
    let signed = |value: &Value| theirs.sign_by_key(value.to_string().as_bytes(), &key, P256).to_string();
    let say =
        |bundle: String, caller: &Claims| lack(&judge(&world, &gates, &[bundle], caller, About::Source));
    let good = signed(&summary(|_| {}));
    assert_eq!(say(good.clone(), &claims()), None);
    type Change = fn(&mut Value);
    let cases: [(&str, Change, Lack); 8] = [
        ("another commit", |v| v["subject"][0]["digest"]["gitCommit"] = json!("ffff"), Lack::Missing),
        ("an artifact", |v| v["subject"][0]["digest"] = json!({"sha256": "5f3c2e1a"}), Lack::Missing),
        (
            "another ref",
            |v| v["subject"][0]["annotations"]["sourceRefs"] = json!(["refs/heads/x"]),
            Lack::Insufficient,
        ),
        (
            "a fork",
            |v| v["predicate"]["resourceUri"] = json!("git+https://github.com/evil/app"),
            Lack::Insufficient,
        ),
        (
            "a lower level",
            |v| v["predicate"]["verifiedLevels"][0] = json!("SLSA_SOURCE_LEVEL_2"),
            Lack::Insufficient,
        ),
        ("failed", |v| v["predicate"]["verificationResult"] = json!("FAILED"), Lack::Insufficient),
        ("another verifier", |v| v["predicate"]["verifier"]["id"] = json!("https://x/"), Lack::Insufficient),
        ("long ago", |v| v["predicate"]["timeVerified"] = json!("2026-01-01T00:00:00Z"), Lack::Stale),
    ];
    for (name, change, expected) in cases {
        assert_eq!(say(signed(&summary(change)), &claims()), Some(expected), "{name}");
    }
    let other = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let payload = summary(|_| {}).to_string();
    let by_other = theirs.sign_by_key(payload.as_bytes(), &other, P256).to_string();
    assert_eq!(say(by_other, &claims()), Some(Lack::Untrusted), "another key");
    let elsewhere = world.sign_by_key(payload.as_bytes(), &key, P256).to_string();
    assert_eq!(say(elsewhere, &claims()), Some(Lack::Untrusted), "another log");
    for (name, change) in [
        ("no commit", (|claims: &mut Claims| claims.source_repository_digest = None) as fn(&mut Claims)),
        ("an empty commit", |claims| claims.source_repository_digest = Some(String::new())),
        ("another commit", |claims| claims.source_repository_digest = Some("5f3c2e1b".to_owned())),
        ("no ref", |claims| claims.source_repository_ref = None),
        ("another repository", |claims| claims.source_repository_uri = Some("https://github.com/x/y".into())),
        ("no repository", |claims| claims.source_repository_uri = None),
    ] {
        let mut caller = claims();
        change(&mut caller);
        assert!(say(good.clone(), &caller).is_some(), "{name}");
    }
}

#[test]
fn every_flipped_bit_of_what_a_verifier_signed_is_noticed() {
    let (world, theirs) = (World::new(), World::new());
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let root = theirs.roots().to_json();
    let gates = gates(&by_key(&key), &[("trust/source.json", &root)], About::Source);
    let good = theirs.sign_by_key(summary(|_| {}).to_string().as_bytes(), &key, P256);
    let say = |bundle: &Value| lack(&judge(&world, &gates, &[bundle.to_string()], &claims(), About::Source));
    assert_eq!(say(&good), None);
    let mut tried = 0;
    for pointer in ["/dsseEnvelope/payload", "/dsseEnvelope/signatures/0/sig"] {
        let bytes = STANDARD.decode(good.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let (mut bent, mut flipped) = (good.clone(), bytes.clone());
            flipped[at] ^= 1;
            *bent.pointer_mut(pointer).unwrap() = json!(STANDARD.encode(flipped));
            assert!(say(&bent).is_some(), "{pointer} byte {at}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn another_instance_counts_by_issuer_and_identity_too() {
    let (world, theirs) = (World::new(), World::new());
    let root = theirs.roots().to_json();
    let policy = |identity: &str| {
        format!(
            "{HEAD}trusted_root = \"theirs\"\nissuer = \"{ISSUER}\"\nidentity = \"{identity}\"\n\
             predicate = \"{PROVENANCE}\"\n[claims]\nsource_repository_identifier = \"42\"\n"
        )
    };
    let built = bundle(&theirs, &provenance(IDENTITY, &json!([])), &Wish::default());
    let mut strange = Wish::default();
    strange.claims.source_repository_identifier = Some("43".to_owned());
    let strange = bundle(&theirs, &provenance(IDENTITY, &json!([])), &strange);
    let our_own = bundle(&world, &provenance(IDENTITY, &json!([])), &Wish::default());
    for (name, identity, bundle, expected) in [
        ("by pattern", "https://github.com/acme/**", &built, None),
        ("another identity", "https://github.com/acme/app/x", &built, Some(Lack::Untrusted)),
        ("another repository", "https://github.com/acme/**", &strange, Some(Lack::Untrusted)),
        ("our own", "https://github.com/acme/**", &our_own, Some(Lack::Untrusted)),
    ] {
        let gates = gates(&policy(identity), &[("trust/theirs.json", &root)], About::Artifact);
        let found = judge(&world, &gates, std::slice::from_ref(bundle), &claims(), About::Artifact);
        assert_eq!(lack(&found), expected, "{name} {found:?}");
    }
    // What another instance made is nothing under a policy of our own.
    let gates = gates(&ours(""), &[], About::Artifact);
    let found = judge(&world, &gates, std::slice::from_ref(&built), &claims(), About::Artifact);
    assert_eq!(lack(&found), Some(Lack::Untrusted));
    let started = Instant::now();
    let many = 50;
    for _ in 0..many {
        assert_eq!(
            lack(&judge(&world, &gates, std::slice::from_ref(&our_own), &claims(), About::Artifact)),
            None
        );
    }
    println!("one attestation judged in {:?}", started.elapsed() / many);
}

/// As found in the world: a bundle by a job of GitHub, witnessed by the public instance.
#[test]
fn what_the_public_instance_witnessed_can_be_demanded() {
    let read = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../testdata/foreign/sigstore/");
        std::fs::read(format!("{folder}{name}")).unwrap()
    };
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let world = World::new();
    let (trust, root) = (world.snapshot(), text("public_root.json"));
    let bundles = [text("conda-attestation.sigstore.json")];
    let policy = |identity: &str| {
        format!(
            "{HEAD}trusted_root = \"public\"\nissuer = \"https://token.actions.githubusercontent.com\"\n\
             identity = \"{identity}\"\n\
             predicate = \"https://schemas.conda.org/attestations-publish-1.schema.json\"\n"
        )
    };
    let genuine = Sha256::of(&read("signed-package.conda"));
    for (name, identity, artifact, expected) in [
        ("genuine", "https://github.com/prefix-dev/sigstore-example/.github/workflows/**", genuine, None),
        ("by another", "https://github.com/prefix-dev/other/**", genuine, Some(Lack::Untrusted)),
        ("another file", "https://github.com/prefix-dev/**", Sha256::of(b"x"), Some(Lack::Missing)),
    ] {
        let gates = gates(&policy(identity), &[("trust/public.json", &root)], About::Artifact);
        let at = Time::parse_rfc3339("2026-11-21T09:00:00Z").unwrap();
        let bench = Bench { gates: &gates, trust: &trust, at };
        let subject = Subject { artifact, format: FormatName::Sigstore, caller: &claims() };
        let found = Shown::read(&bundles).judge(&[wanted(About::Artifact)], &subject, &bench);
        assert_eq!(lack(&found), expected, "{name} {found:?}");
    }
}

/// It is verified once, and that never makes it count for a file that it does not name.
#[test]
fn one_bundle_about_many_files_counts_for_each_of_them_and_no_other() {
    let world = World::new();
    let gates = gates(&ours(""), &[], About::Artifact);
    let digest = |n: usize| Sha256::of(n.to_string().as_bytes());
    let subjects: Vec<Value> =
        (0..64).map(|n| json!({"name": "x", "digest": {"sha256": digest(n).to_string()}})).collect();
    let payload = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": PROVENANCE, "subject": subjects,
        "predicate": {},
    });
    let bundles = [bundle(&world, payload.to_string().as_bytes(), &Wish::default())];
    let (trust, shown, caller) = (world.snapshot(), Shown::read(&bundles), claims());
    let judge = |n: usize| {
        let bench = Bench { gates: &gates, trust: &trust, at: now() };
        let subject = Subject { artifact: digest(n), format: FormatName::Sigstore, caller: &caller };
        lack(&shown.judge(&[wanted(About::Artifact)], &subject, &bench))
    };
    let started = Instant::now();
    assert_eq!(judge(0), None);
    let first = started.elapsed();
    for n in 1..64 {
        assert_eq!(judge(n), None, "{n}");
        assert_eq!(judge(n + 64), Some(Lack::Missing), "{n}");
    }
    println!("one bundle about 64 files: the first in {first:?}, all in {:?}", started.elapsed());
}
