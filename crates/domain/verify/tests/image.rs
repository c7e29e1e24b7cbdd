//! Signatures of images: bundles judged as such, and simple signing; every byte of the latter flipped.
#![expect(clippy::unwrap_used, reason = "test")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Reason, Verdict};
use chancery_format::oci::reference::Repository;
use chancery_format::oci::simple::{self, Signature, Stamp};
use chancery_testkit::keys::TestKey;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::revocation::{Revocation, Target};
use chancery_verify::verify::{Context, Evidence, verify};
use world::{Wish, World, now, policy};

fn manifest() -> Sha256 {
    Sha256::of(b"manifest")
}

fn signed(key: &TestKey) -> Signature {
    let repository = Repository::parse("registry.example/acme/app").unwrap();
    let payload = simple::payload(&repository, manifest());
    let signature = key.sign(&payload);
    Signature { payload, signature, timestamp: None }
}

/// The key alone is expected.
fn expecting(key: &TestKey) -> VerificationPolicy {
    let mut policy = VerificationPolicy::exactly(Environment::Production, FormatName::Oci, "", "");
    (policy.issuer, policy.identity) = (None, None);
    policy.key = Some(Sha256::of(&key.public_key().spki));
    policy
}

struct Bench {
    world: World,
    key: TestKey,
    policy: VerificationPolicy,
    revocations: Vec<Revocation>,
}

impl Bench {
    fn new() -> Self {
        let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
        let policy = expecting(&key);
        Self { world: World::new(), key, policy, revocations: Vec::new() }
    }
    fn judge(&self, artifact: Sha256, signature: &Signature) -> Verdict {
        let mut trust = self.world.snapshot();
        trust.revocations.clone_from(&self.revocations);
        let context = Context { trust: &trust, policy: &self.policy, at: now() };
        let key = self.key.public_key();
        verify(&Evidence::SimpleSigning { artifact, signature, key: &key }, &context)
    }
}

fn reasons(verdict: &Verdict) -> Vec<Reason> {
    verdict.reasons().collect()
}

#[test]
fn a_simple_signature_by_the_expected_key_is_accepted_and_nothing_else() {
    let mut bench = Bench::new();
    let good = signed(&bench.key);
    let verdict = bench.judge(manifest(), &good);
    assert_eq!(verdict.outcome(), Outcome::Verified, "{verdict:?}");
    let not_made = |name| {
        verdict
            .checks
            .iter()
            .any(|check| check.name == name && matches!(check.result, CheckResult::NotMade(_)))
    };
    assert!(not_made(CheckName::Ledger) && not_made(CheckName::Chain) && not_made(CheckName::Timestamp));
    let other = bench.judge(Sha256::of(b"another manifest"), &good);
    assert_eq!(reasons(&other), [Reason::DigestMismatch]);
    let forged = signed(&TestKey::generate(KeyAlgorithm::EcdsaP256));
    assert_eq!(reasons(&bench.judge(manifest(), &forged)), [Reason::SignatureWrong]);
    let stamped = Signature { timestamp: Some(Stamp(b"no token".to_vec())), ..good.clone() };
    assert_eq!(reasons(&bench.judge(manifest(), &stamped)), [Reason::TimestampInvalid]);
    bench.policy.key = Some(Sha256::of(b"another key"));
    assert_eq!(reasons(&bench.judge(manifest(), &good)), [Reason::IdentityMismatch]);
    bench.policy.key = None;
    assert_eq!(bench.judge(manifest(), &good).outcome(), Outcome::Untrusted);
}

#[test]
fn a_revoked_key_hits_signatures_without_a_time_whenever_it_was_revoked() {
    let mut bench = Bench::new();
    let good = signed(&bench.key);
    let key = Sha256::of(&bench.key.public_key().spki);
    let long_ago = (Time::from_seconds(1), Time::from_seconds(2));
    for target in [Target::Key(key), Target::Artifact(manifest())] {
        let (from, until) = (Some(long_ago.0), Some(long_ago.1));
        bench.revocations = vec![Revocation { target, from, until, why: "lost".into() }];
        assert_eq!(reasons(&bench.judge(manifest(), &good)), [Reason::Revoked]);
    }
    let (from, until) = (None, None);
    bench.revocations =
        vec![Revocation { target: Target::Key(Sha256::of(b"x")), from, until, why: "other".into() }];
    assert_eq!(bench.judge(manifest(), &good).outcome(), Outcome::Verified);
}

#[test]
fn every_byte_of_payload_and_signature_counts() {
    let bench = Bench::new();
    let good = signed(&bench.key);
    let refused = |changed: &Signature, what: &str| {
        assert_ne!(bench.judge(manifest(), changed).outcome(), Outcome::Verified, "{what}");
    };
    for at in 0..good.payload.len() {
        let mut changed = good.clone();
        changed.payload[at] ^= 1;
        refused(&changed, &format!("payload byte {at}"));
        refused(&Signature { payload: good.payload[..at].to_vec(), ..good.clone() }, "cut payload");
    }
    for at in 0..good.signature.len() {
        let mut changed = good.clone();
        changed.signature[at] ^= 1;
        refused(&changed, &format!("signature byte {at}"));
        refused(&Signature { signature: good.signature[..at].to_vec(), ..good.clone() }, "cut signature");
    }
    refused(&Signature { payload: [&good.payload[..], b" "].concat(), ..good.clone() }, "appended payload");
    refused(&Signature { signature: [&good.signature[..], &[0]].concat(), ..good }, "appended signature");
}

/// A statement about the manifest with this predicate type.
fn about(predicate_type: &str) -> Vec<u8> {
    let subject = serde_json::json!([{"digest": {"sha256": manifest().to_string()}, "name": "registry.example/acme/app"}]);
    let statement = serde_json::json!({"_type": "https://in-toto.io/Statement/v1", "predicate": {},
        "predicateType": predicate_type, "subject": subject});
    statement.to_string().into_bytes()
}

#[test]
fn a_bundle_counts_for_an_image_only_where_images_are_expected_and_only_as_signed_or_provenance() {
    const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
    const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
    let world = World::new();
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let trust = world.snapshot();
    let judge = |bundle: &str, policy: &VerificationPolicy| {
        let context = Context { trust: &trust, policy, at: now() };
        verify(&Evidence::Image { artifact: manifest(), bundle: bundle.as_bytes() }, &context)
    };
    let made =
        |predicate_type: &str| world.sign_payload(&about(predicate_type), &key, &Wish::default()).to_json();
    let mut images = policy();
    images.formats = vec![FormatName::Oci];
    for accepted in [SIGN, PROVENANCE] {
        assert_eq!(judge(&made(accepted), &images).outcome(), Outcome::Verified, "{accepted}");
        assert_eq!(
            reasons(&judge(&made(accepted), &policy())),
            [Reason::IdentityMismatch],
            "files are expected"
        );
    }
    for refused in
        ["https://slsa.dev/verification_summary/v1", "https://cosign.sigstore.dev/attestation/vuln/v1", ""]
    {
        assert_eq!(reasons(&judge(&made(refused), &images)), [Reason::IdentityMismatch], "{refused}");
    }
    images.predicate = Some(SIGN.into());
    assert_eq!(judge(&made(SIGN), &images).outcome(), Outcome::Verified);
    assert_eq!(reasons(&judge(&made(PROVENANCE), &images)), [Reason::IdentityMismatch], "another predicate");
    images.predicate = None;
    let message = world.sign(b"manifest", &key, &Wish::message());
    assert_eq!(message.artifact, manifest());
    assert_eq!(reasons(&judge(&message.json, &images)), [Reason::IdentityMismatch], "no statement");
}
