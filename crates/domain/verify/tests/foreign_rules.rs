//! The rules for other people's Sigstore, one by one, on bundles that are made for it: keys, windows, thresholds, times.
#![expect(clippy::unwrap_used, reason = "test")]

mod world;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Verdict};
use chancery_testkit::keys::TestKey;
use chancery_verify::foreign::{Context, Digests, Expected, Instance, Signer};
use chancery_verify::snapshot::Stage;
use chancery_verify::verify;
use chancery_x509::key::VerifyingKey;
use chancery_x509::profile::authority::Standing;
use chancery_x509::tsp::response;
use serde_json::{Value, json};
use world::{IDENTITY, ISSUER, Wish, World, now, signing_time};

const ARTIFACT: &[u8] = b"an artifact";

fn root(world: &World) -> Value {
    serde_json::from_str(&world.roots().to_json()).unwrap()
}

fn identity() -> Expected {
    Expected::of(Signer::Identity { issuer: ISSUER.into(), identity: IDENTITY.into() })
}

fn key_of(key: &TestKey) -> Expected {
    Expected::of(Signer::Key(VerifyingKey::parse(&key.public_key().spki).unwrap()))
}

fn judge_at(bundle: &Value, root: &Value, expected: &Expected, at: Time) -> Verdict {
    let instance = Instance::parse(&root.to_string()).unwrap();
    let context = Context { instance: &instance, expected, at };
    verify::foreign(&Digests::of(ARTIFACT), bundle.to_string().as_bytes(), &context)
}

fn judge(bundle: &Value, root: &Value, expected: &Expected) -> Verdict {
    judge_at(bundle, root, expected, now())
}

fn failed(verdict: &Verdict) -> Vec<CheckName> {
    let failed = verdict.checks.iter().filter(|check| matches!(check.result, CheckResult::Failed { .. }));
    failed.map(|check| check.name).collect()
}

fn signed(world: &World, wish: &Wish) -> Value {
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    serde_json::from_str(&world.sign(ARTIFACT, &key, wish).json).unwrap()
}

/// A provenance by a key that no certificate names.
fn keyed(world: &World, key: &TestKey, kind: (DigestAlgorithm, &str)) -> Value {
    let digest = Sha256::of(ARTIFACT).to_string();
    let payload = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    });
    world.sign_by_key(payload.to_string().as_bytes(), key, kind)
}

#[test]
fn our_own_bundles_are_accepted_by_flags_too() {
    for (standing, stage) in [(Standing::Regular, Stage::Real), (Standing::Dev, Stage::Development)] {
        let world = World::standing(standing);
        let root = root(&world);
        assert_eq!(Instance::parse(&root.to_string()).unwrap().stage(), stage);
        for wish in [Wish::default(), Wish::message()] {
            let verdict = judge(&signed(&world, &wish), &root, &identity());
            assert_eq!(verdict.outcome(), Outcome::Verified, "{:#?}", verdict.checks);
        }
        let without = Wish { with_sct: false, ..Wish::default() };
        assert_eq!(failed(&judge(&signed(&world, &without), &root, &identity())), [CheckName::Chain]);
    }
    let (real, dev) = (root(&World::new()), root(&World::standing(Standing::Dev)));
    let mut mixed = real;
    mixed["timestampAuthorities"] = dev["timestampAuthorities"].clone();
    assert!(Instance::parse(&mixed.to_string()).is_err(), "development and other authorities in one root");
}

#[test]
fn keys_of_every_kind_sign_statements() {
    let world = World::new();
    let root = root(&world);
    for (algorithm, digest, details) in [
        (KeyAlgorithm::EcdsaP256, DigestAlgorithm::Sha256, "PKIX_ECDSA_P256_SHA_256"),
        (KeyAlgorithm::EcdsaP384, DigestAlgorithm::Sha384, "PKIX_ECDSA_P384_SHA_384"),
        (KeyAlgorithm::Rsa3072, DigestAlgorithm::Sha256, "PKIX_RSA_PKCS1V15_3072_SHA256"),
        (KeyAlgorithm::Ed25519, DigestAlgorithm::Sha512, "PKIX_ED25519"),
    ] {
        let key = TestKey::generate(algorithm);
        let bundle = keyed(&world, &key, (digest, details));
        let verdict = judge(&bundle, &root, &key_of(&key));
        assert_eq!(verdict.outcome(), Outcome::Verified, "{algorithm}: {:#?}", verdict.checks);
        let other = judge(&bundle, &root, &key_of(&TestKey::generate(algorithm)));
        assert_eq!(failed(&other), [CheckName::Signature, CheckName::Ledger], "{algorithm}");
        let lying = keyed(&world, &key, (digest, "PKIX_RSA_PKCS1V15_2048_SHA256"));
        assert_eq!(failed(&judge(&lying, &root, &key_of(&key))), [CheckName::Ledger], "{algorithm}");
        // A key is no identity, and an identity is no key.
        assert_eq!(failed(&judge(&bundle, &root, &identity())), [CheckName::Identity]);
        let certified = signed(&world, &Wish::default());
        assert_eq!(failed(&judge(&certified, &root, &key_of(&key))), [CheckName::Identity]);
        let mut scan = key_of(&key);
        scan.predicate = Some("https://example.com/scan".into());
        assert_eq!(failed(&judge(&bundle, &root, &scan)), [CheckName::Identity]);
    }
}

#[test]
fn windows_are_closed_and_their_own() {
    let world = World::new();
    let bundle = signed(&world, &Wish::default());
    let exact = signing_time();
    let places = [
        ("/tlogs/0/publicKey/validFor", CheckName::Ledger),
        ("/timestampAuthorities/0/validFor", CheckName::Timestamp),
        ("/certificateAuthorities/0/validFor", CheckName::Chain),
    ];
    for (place, check) in places {
        let with = |start: Time, end: Time| {
            let mut root = root(&world);
            *root.pointer_mut(place).unwrap() = json!({"start": start.to_string(), "end": end.to_string()});
            judge(&bundle, &root, &identity())
        };
        assert_eq!(with(exact, exact).outcome(), Outcome::Verified, "{place}");
        for (start, end) in [(exact.plus_seconds(-9), exact.plus_seconds(-1)), (exact.plus_seconds(1), now())]
        {
            assert!(failed(&with(start, end)).contains(&check), "{place}");
        }
        for (validity, is_read) in [
            (json!({"start": exact.to_string(), "end": null}), true),
            (json!({"end": exact.to_string()}), false),
            (json!({}), false),
            (Value::Null, false),
        ] {
            let mut root = root(&world);
            *root.pointer_mut(place).unwrap() = validity;
            assert_eq!(Instance::parse(&root.to_string()).is_ok(), is_read, "{place}: {root}");
        }
    }
    // Another authority's window is not borrowed: a second one with the same name and another chain changes nothing.
    let other = World::new();
    let mut root = root(&world);
    root["timestampAuthorities"][0]["validFor"]["end"] = json!(exact.plus_seconds(-1).to_string());
    let more = self::root(&other)["timestampAuthorities"][0].clone();
    root["timestampAuthorities"].as_array_mut().unwrap().push(more);
    assert!(failed(&judge(&bundle, &root, &identity())).contains(&CheckName::Timestamp));
}

#[test]
fn one_authority_counts_once() {
    const TOKENS: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let world = World::new();
    let root = root(&world);
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let made = world.sign(ARTIFACT, &key, &Wish::default());
    let bundle: Value = serde_json::from_str(&made.json).unwrap();
    // Another token of the same authority, another place in the same log.
    let mut twice = bundle.clone();
    let token = response::granted(&world.stamp(&made.signature, signing_time().plus_seconds(1)));
    let tokens = twice.pointer_mut(TOKENS).unwrap().as_array_mut().unwrap();
    tokens.push(json!({"signedTimestamp": STANDARD.encode(token)}));
    let body = bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"].as_str().unwrap();
    let receipt = world.log(&String::from_utf8(STANDARD.decode(body).unwrap()).unwrap(), 2, 7);
    let mut entry = bundle["verificationMaterial"]["tlogEntries"][0].clone();
    let hashes: Vec<String> = receipt.proof.iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect();
    entry["logIndex"] = json!("2");
    entry["inclusionProof"] = json!({
        "logIndex": "2", "treeSize": "7", "rootHash": receipt.checkpoint.lines().nth(2).unwrap(), "hashes": hashes,
        "checkpoint": {"envelope": receipt.checkpoint},
    });
    twice["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(entry);
    assert_eq!(judge(&twice, &root, &identity()).outcome(), Outcome::Verified);
    let two_times = Expected { times: 2, ..identity() };
    assert!(failed(&judge(&twice, &root, &two_times)).contains(&CheckName::Timestamp));
    let two_logs = Expected { logs: 2, ..identity() };
    assert_eq!(failed(&judge(&twice, &root, &two_logs)), [CheckName::Ledger]);
    // The same log under a second address is the same log.
    let mut renamed = root.clone();
    let log = renamed["tlogs"][0].clone();
    renamed["tlogs"].as_array_mut().unwrap().push(log);
    renamed["tlogs"][1]["baseUrl"] = json!("https://mirror.sign.example");
    assert_eq!(failed(&judge(&twice, &renamed, &two_logs)), [CheckName::Ledger]);
    // Every one of several must hold, not only the first.
    let other = signed(&world, &Wish::default());
    twice.pointer_mut(TOKENS).unwrap()[1] = other.pointer(TOKENS).unwrap()[0].clone();
    assert!(failed(&judge(&twice, &root, &identity())).contains(&CheckName::Timestamp));
    // What stands there twice is no second one.
    for place in [TOKENS, "/verificationMaterial/tlogEntries"] {
        let mut copied = bundle.clone();
        let list = copied.pointer_mut(place).unwrap().as_array_mut().unwrap();
        list.push(list[0].clone());
        assert_eq!(failed(&judge(&copied, &root, &identity())), [CheckName::Structure], "{place}");
    }
}

#[test]
fn times_come_from_who_may_tell_them() {
    let world = World::new();
    let root = root(&world);
    let bundle = signed(&world, &Wish::default());
    let before = judge_at(&bundle, &root, &identity(), signing_time().plus_seconds(-3600));
    assert!(failed(&before).contains(&CheckName::Timestamp), "signed in the future");
    let mut without = bundle.clone();
    without["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    assert!(failed(&judge(&without, &root, &identity())).contains(&CheckName::Timestamp));
    // A log of Rekor v2 promises nothing, so nobody vouches for its time.
    let mut claimed = without;
    claimed["verificationMaterial"]["tlogEntries"][0]["integratedTime"] =
        json!(signing_time().seconds().to_string());
    let verdict = judge(&claimed, &root, &identity());
    assert!(
        failed(&verdict).contains(&CheckName::Ledger) && failed(&verdict).contains(&CheckName::Timestamp)
    );
    let late = Wish { stamped_at: signing_time().plus_seconds(1800), ..Wish::default() };
    assert_eq!(failed(&judge(&signed(&world, &late), &root, &identity())), [CheckName::Chain]);
}

#[test]
fn what_cannot_be_used_is_left_out_and_named() {
    let world = World::new();
    let mut root = root(&world);
    let bundle = signed(&world, &Wish::default());
    let mut odd = root["ctlogs"][0].clone();
    odd["publicKey"]["rawBytes"] = json!("AQID");
    odd["baseUrl"] = json!("https://odd.example");
    root["ctlogs"].as_array_mut().unwrap().push(odd);
    let instance = Instance::parse(&root.to_string()).unwrap();
    assert_eq!(instance.unusable(), ["https://odd.example"]);
    assert_eq!(judge(&bundle, &root, &identity()).outcome(), Outcome::Verified);
    for (place, check) in [
        ("tlogs", CheckName::Ledger),
        ("ctlogs", CheckName::Chain),
        ("certificateAuthorities", CheckName::Chain),
        ("timestampAuthorities", CheckName::Timestamp),
    ] {
        let mut less = root.clone();
        less[place] = json!([]);
        assert!(failed(&judge(&bundle, &less, &identity())).contains(&check), "{place}");
    }
}
