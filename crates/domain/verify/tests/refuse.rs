//! What must be refused, and by which check: expectations, times, windows, revocations, missing parts.

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Reason, Verdict};
use chancery_format::sigstore::bundle::Bundle;
use chancery_testkit::keys::TestKey;
use chancery_verify::pattern::Pattern;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::revocation::{CertificateId, Revocation, Target};
use chancery_verify::snapshot::{Cosigner, Stage, TrustSnapshot};
use chancery_verify::trusted_root::{Authority, CtLog, Ledger};
use chancery_verify::verify::{Context, Evidence, verify};
use chancery_verify::window::Window;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;
use chancery_x509::profile::authority::Standing;
use chancery_x509::profile::identity_leaf::Holder;
use world::{IDENTITY, Wish, World, new_year, now, open_window, policy, signing_time};

fn key() -> TestKey {
    TestKey::generate(KeyAlgorithm::EcdsaP256)
}

fn judge(shown: (Sha256, &str), trust: &TrustSnapshot, policy: &VerificationPolicy, at: Time) -> Verdict {
    let evidence = Evidence::Sigstore { artifact: shown.0, bundle: shown.1.as_bytes() };
    verify(&evidence, &Context { trust, policy, at })
}

#[track_caller]
fn refused(name: &str, verdict: &Verdict, check: CheckName, reason: Reason) {
    let failed: Vec<_> = verdict
        .checks
        .iter()
        .filter_map(|check| match &check.result {
            CheckResult::Failed { reason, .. } => Some((check.name, *reason)),
            CheckResult::Passed | CheckResult::NotMade(_) => None,
        })
        .collect();
    assert_eq!(failed, [(check, reason)], "{name}: {:#?}", verdict.checks);
    assert_ne!(verdict.outcome(), Outcome::Verified, "{name}");
}

#[test]
fn expectations() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    let shown = (made.artifact, made.json.as_str());
    let trust = world.snapshot();
    type Change = fn(&mut VerificationPolicy);
    let good: [(&str, Change); 6] = [
        ("as it is", |_| {}),
        ("glob", |p| p.identity = Pattern::parse("https://github.com/acme/app/**@refs/heads/*").ok()),
        ("claim", |p| drop(p.claims.insert("source_repository_identifier".into(), Pattern::exact("42")))),
        ("predicate", |p| p.predicate = Some("https://slsa.dev/provenance/v1".into())),
        ("two formats", |p| p.formats.push(FormatName::Pe)),
        ("further checks", |p| p.require = vec![CheckName::Ledger, CheckName::Coverage]),
    ];
    for (name, change) in good {
        let mut policy = policy();
        change(&mut policy);
        assert_eq!(judge(shown, &trust, &policy, now()).outcome(), Outcome::Verified, "{name}");
    }
    use CheckName::{Chain, Identity};
    use Reason::{IdentityMismatch, NoExpectation, TrustInvalid};
    let bad: [(&str, Change, CheckName, Reason); 12] = [
        ("identity", |p| p.identity = Some(Pattern::exact("https://x")), Identity, IdentityMismatch),
        (
            "prefix",
            |p| p.identity = Some(Pattern::exact("https://github.com/acme/app")),
            Identity,
            IdentityMismatch,
        ),
        ("star", |p| p.identity = Pattern::parse("https://github.com/*").ok(), Identity, IdentityMismatch),
        ("issuer", |p| p.issuer = Some("https://x".into()), Identity, IdentityMismatch),
        ("no issuer", |p| p.issuer = None, Identity, NoExpectation),
        ("no identity", |p| p.identity = None, Identity, NoExpectation),
        (
            "claim differs",
            |p| drop(p.claims.insert("source_repository_identifier".into(), Pattern::exact("43"))),
            Identity,
            IdentityMismatch,
        ),
        (
            "claim absent",
            |p| drop(p.claims.insert("deployment_environment".into(), Pattern::exact("x"))),
            Identity,
            IdentityMismatch,
        ),
        ("key", |p| p.key = Some(Sha256::of(b"x")), Identity, IdentityMismatch),
        ("predicate", |p| p.predicate = Some("https://x".into()), Identity, IdentityMismatch),
        ("format", |p| p.formats = vec![FormatName::Pe], Identity, IdentityMismatch),
        ("environment", |p| p.environment = Environment::Staging, Chain, TrustInvalid),
    ];
    for (name, change, check, reason) in bad {
        let mut policy = policy();
        change(&mut policy);
        refused(name, &judge(shown, &trust, &policy, now()), check, reason);
    }
}

#[test]
fn another_artifact_and_no_signature() {
    let world = World::new();
    let trust = world.snapshot();
    let made = world.sign(b"one", &key(), &Wish::default());
    let other = judge((Sha256::of(b"other"), &made.json), &trust, &policy(), now());
    assert!(other.reasons().any(|reason| reason == Reason::DigestMismatch));
    assert_eq!(other.outcome(), Outcome::Invalid);
    let unsigned = verify(
        &Evidence::Unsigned { artifact: made.artifact },
        &Context { trust: &trust, policy: &policy(), at: now() },
    );
    assert_eq!(unsigned.outcome(), Outcome::Unsigned);
}

#[test]
fn a_message_is_no_answer_to_a_policy_that_wants_a_statement() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::message());
    let shown = (made.artifact, made.json.as_str());
    let mut policy = policy();
    assert_eq!(judge(shown, &world.snapshot(), &policy, now()).outcome(), Outcome::Verified);
    policy.predicate = Some("https://slsa.dev/provenance/v1".into());
    let verdict = judge(shown, &world.snapshot(), &policy, now());
    refused("message", &verdict, CheckName::Identity, Reason::IdentityMismatch);
}

#[test]
fn statements_of_another_kind_or_about_something_else() {
    let world = World::new();
    let artifact = Sha256::of(b"one");
    let payload = |kind: &str, predicate: &str, digest: Sha256| {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/{kind}","predicate":{{}},"predicateType":"{predicate}","subject":[{{"digest":{{"sha256":"{digest}"}},"name":"x"}}]}}"#
        )
    };
    let slsa = "https://slsa.dev/provenance/v1";
    let judged = |payload: String| {
        let bundle = world.sign_payload(payload.as_bytes(), &key(), &Wish::default());
        judge((artifact, &bundle.to_json()), &world.snapshot(), &policy(), now())
    };
    assert_eq!(judged(payload("v1", slsa, artifact)).outcome(), Outcome::Verified);
    let other = judged(payload("v1", "https://example/scan-failed", artifact));
    refused("predicate", &other, CheckName::Identity, Reason::IdentityMismatch);
    assert_eq!(judged(payload("v1", slsa, Sha256::of(b"two"))).outcome(), Outcome::Invalid);
    // `cosign attest` writes the first version of the statement, which says the same.
    assert_eq!(judged(payload("v0.1", slsa, artifact)).outcome(), Outcome::Verified);
    assert_eq!(judged(payload("v0.2", slsa, artifact)).outcome(), Outcome::Invalid);
    assert_eq!(judged("[]".into()).outcome(), Outcome::Invalid);
}

/// A job that holds a certificate over its own key must not tell the story of its own build.
#[test]
fn what_the_service_alone_says_does_not_count_by_a_key_of_the_client() {
    let world = World::new();
    let artifact = Sha256::of(b"one");
    let judged = |kind: &str, holder: Holder| {
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{}},"predicateType":"{kind}","subject":[{{"digest":{{"sha256":"{artifact}"}},"name":"x"}}]}}"#
        );
        let bundle = world.sign_payload(payload.as_bytes(), &key(), &Wish { holder, ..Wish::default() });
        let policy = VerificationPolicy { predicate: Some(kind.into()), ..policy() };
        judge((artifact, &bundle.to_json()), &world.snapshot(), &policy, now())
    };
    for kind in ["https://slsa.dev/provenance/v1", "https://slsa.dev/verification_summary/v1"] {
        assert_eq!(judged(kind, Holder::Custody).outcome(), Outcome::Verified, "{kind}");
        refused(kind, &judged(kind, Holder::Client), CheckName::Identity, Reason::IdentityMismatch);
    }
    for kind in ["https://cyclonedx.org/bom", "https://sigstore.dev/cosign/sign/v1"] {
        assert_eq!(judged(kind, Holder::Client).outcome(), Outcome::Verified, "{kind}");
    }
    let made = world.sign(b"one", &key(), &Wish { holder: Holder::Client, ..Wish::message() });
    let verdict = judge((made.artifact, &made.json), &world.snapshot(), &policy(), now());
    assert_eq!(verdict.outcome(), Outcome::Verified);
}

#[test]
fn times() {
    let world = World::new();
    let signer = key();
    let judged = |wish: &Wish, at: Time| {
        let made = world.sign(b"one", &signer, wish);
        judge((made.artifact, &made.json), &world.snapshot(), &policy(), at)
    };
    let start = Wish::default().leaf_from;
    // The leaf lives ten minutes; its signature stays valid long after, because its time is proven.
    let late = signing_time().plus_seconds(20 * 86_400);
    assert_eq!(judged(&Wish::default(), late).outcome(), Outcome::Verified);
    for (name, stamped, expected) in [
        ("first second", 0, Outcome::Verified),
        ("last second", 600, Outcome::Verified),
        ("before the leaf", -1, Outcome::ExpiredOrRevoked),
        ("after the leaf", 601, Outcome::ExpiredOrRevoked),
    ] {
        let wish = Wish { stamped_at: start.plus_seconds(stamped), ..Wish::default() };
        let verdict = judged(&wish, now());
        assert_eq!(verdict.outcome(), expected, "{name}");
        if expected != Outcome::Verified {
            refused(name, &verdict, CheckName::Chain, Reason::Expired);
        }
    }
    // A timestamp from the future, by more than the clocks may differ.
    let future = judged(&Wish::default(), signing_time().plus_seconds(-301).plus_seconds(240));
    assert_eq!(future.outcome(), Outcome::Verified);
    let mut trust = world.snapshot();
    trust.taken_at = new_year();
    let made = world.sign(b"one", &signer, &Wish::default());
    let verdict = judge((made.artifact, &made.json), &trust, &policy(), signing_time().plus_seconds(-301));
    refused("future", &verdict, CheckName::Timestamp, Reason::TimestampInvalid);
    // The snapshot itself.
    for at in [world.snapshot().expires.plus_seconds(1), signing_time().plus_seconds(-400)] {
        refused("snapshot", &judged(&Wish::default(), at), CheckName::Chain, Reason::TrustInvalid);
    }
}

#[test]
fn every_timestamp_must_hold() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    let token =
        |signature: &[u8], at: Time| chancery_x509::tsp::response::granted(&world.stamp(signature, at));
    let judged = |timestamps: Vec<Vec<u8>>| {
        let bundle = Bundle { timestamps, ..made.bundle() };
        judge((made.artifact, &bundle.to_json()), &world.snapshot(), &policy(), now())
    };
    let good = token(&made.signature, signing_time());
    assert_eq!(
        judged(vec![good.clone(), token(&made.signature, signing_time())]).outcome(),
        Outcome::Verified
    );
    let other = token(b"other", signing_time());
    let late = token(&made.signature, signing_time().plus_seconds(700));
    refused("none", &judged(vec![]), CheckName::Timestamp, Reason::TimestampInvalid);
    for timestamps in [vec![good.clone(), other.clone()], vec![other, good.clone()]] {
        refused("other", &judged(timestamps), CheckName::Timestamp, Reason::TimestampInvalid);
    }
    for timestamps in [vec![good.clone(), late.clone()], vec![late, good]] {
        refused("late", &judged(timestamps), CheckName::Chain, Reason::Expired);
    }
}

/// T3: each instance counts in its own window, and only there.
#[test]
fn windows() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    let before = Window::new(new_year(), Some(signing_time().plus_seconds(-60))).unwrap();
    let after = Window::new(signing_time().plus_seconds(60), None).unwrap();
    let until = Window::new(new_year(), Some(signing_time())).unwrap();
    let names = ("o", "n");
    let chain = |authority: &Authority| authority.chain().to_vec();
    let ct_key = || VerifyingKey::parse(&world.ct.public_key().spki).unwrap();
    let good = world.snapshot();
    let (code, stamp) = (&good.roots.authorities[0], &good.roots.timestamp_authorities[0]);
    let url = "https://log2026.sign.example";
    for (window, is_inside) in [(before, false), (after, false), (until, true)] {
        let again = |authority: &Authority| Authority::new(names, "u", chain(authority), window).unwrap();
        let with = |change: &dyn Fn(&mut TrustSnapshot)| {
            let mut trust = world.snapshot();
            change(&mut trust);
            judge((made.artifact, &made.json), &trust, &policy(), now())
        };
        let cases = [
            (with(&|t| t.roots.authorities = vec![again(code)]), CheckName::Chain, Reason::Expired),
            (
                with(&|t| t.roots.timestamp_authorities = vec![again(stamp)]),
                CheckName::Timestamp,
                Reason::TimestampInvalid,
            ),
            (
                with(&|t| t.roots.ct_logs = vec![CtLog::new("u", ct_key(), window).unwrap()]),
                CheckName::Chain,
                Reason::ChainUntrusted,
            ),
            (
                with(&|t| t.roots.ledgers = vec![Ledger::new(url, world.ledger_key(), window).unwrap()]),
                CheckName::Ledger,
                Reason::NotLogged,
            ),
        ];
        for (verdict, check, reason) in cases {
            if is_inside {
                assert_eq!(verdict.outcome(), Outcome::Verified, "{check:?}");
            } else {
                refused("window", &verdict, check, reason);
            }
        }
    }
}

#[test]
fn another_authoritys_window_is_not_borrowed() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    let closed = Window::new(new_year(), Some(new_year().plus_seconds(60))).unwrap();
    let mut trust = world.snapshot();
    let stranger = World::new().roots().timestamp_authorities.remove(0);
    let same_root = world::tsa_under(&world.tsa_root).certificate;
    let sibling = vec![same_root, world.tsa_root.certificate.clone()];
    let own = trust.roots.timestamp_authorities[0].chain().to_vec();
    trust.roots.timestamp_authorities = vec![
        Authority::new(("o", "n"), "u", own, closed).unwrap(),
        stranger,
        // An open window of another authority under the same root: only its own certificate may stamp there.
        Authority::new(("o", "n"), "u", sibling, open_window()).unwrap(),
    ];
    let verdict = judge((made.artifact, &made.json), &trust, &policy(), now());
    refused("borrowed", &verdict, CheckName::Timestamp, Reason::TimestampInvalid);
}

#[test]
fn unknown_instances() {
    let world = World::new();
    let other = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    type Change = fn(&mut TrustSnapshot, &TrustSnapshot);
    let cases: [(&str, Change, CheckName, Reason); 8] = [
        (
            "ca",
            |t, o| t.roots.authorities.clone_from(&o.roots.authorities),
            CheckName::Chain,
            Reason::ChainUntrusted,
        ),
        ("no ca", |t, _| t.roots.authorities.clear(), CheckName::Chain, Reason::ChainUntrusted),
        ("ct", |t, o| t.roots.ct_logs.clone_from(&o.roots.ct_logs), CheckName::Chain, Reason::ChainUntrusted),
        (
            "tsa",
            |t, o| t.roots.timestamp_authorities.clone_from(&o.roots.timestamp_authorities),
            CheckName::Timestamp,
            Reason::TimestampInvalid,
        ),
        ("ledger", |t, o| t.roots.ledgers.clone_from(&o.roots.ledgers), CheckName::Ledger, Reason::NotLogged),
        ("no ledger", |t, _| t.roots.ledgers.clear(), CheckName::Ledger, Reason::NotLogged),
        ("keyguard", |t, o| t.cosigners.clone_from(&o.cosigners), CheckName::Ledger, Reason::NotLogged),
        // T2: the same key twice is one cosigner.
        (
            "quorum",
            |t, _| {
                t.cosigners.push(t.cosigners[0].clone());
                t.quorum = 2;
            },
            CheckName::Ledger,
            Reason::NotLogged,
        ),
    ];
    for (name, change, check, reason) in cases {
        let mut trust = world.snapshot();
        change(&mut trust, &other.snapshot());
        refused(name, &judge((made.artifact, &made.json), &trust, &policy(), now()), check, reason);
    }
    let mut trust = world.snapshot();
    let closed = Window::new(new_year(), Some(new_year())).unwrap();
    trust.cosigners = vec![Cosigner { key: world.cosigner_key(), window: closed }];
    let verdict = judge((made.artifact, &made.json), &trust, &policy(), now());
    refused("cosigner's window", &verdict, CheckName::Ledger, Reason::NotLogged);
}

#[test]
fn missing_parts() {
    let world = World::new();
    let no_sct = world.sign(b"one", &key(), &Wish { with_sct: false, ..Wish::default() });
    refused("sct", &world.verdict(&no_sct.evidence()), CheckName::Chain, Reason::ChainUntrusted);
    let made = world.sign(b"one", &key(), &Wish::default());
    let mut value: serde_json::Value = serde_json::from_str(&made.json).unwrap();
    value["verificationMaterial"]["tlogEntries"] = serde_json::json!([]);
    let verdict = judge((made.artifact, &value.to_string()), &world.snapshot(), &policy(), now());
    refused("unlogged", &verdict, CheckName::Ledger, Reason::NotLogged);
    assert_eq!(verdict.outcome(), Outcome::Unlogged);
}

#[test]
fn revocations() {
    let world = World::new();
    let made = world.sign(b"one", &key(), &Wish::default());
    let leaf = Certificate::parse(&made.leaf).unwrap();
    let certificate = |id: CertificateId| Target::Certificate { serial: id.serial, issuer: id.issuer };
    let of_key = |certificate: &Certificate| Target::Key(CertificateId::of(certificate).key);
    let targets = [
        Target::Artifact(made.artifact),
        Target::Identity(IDENTITY.into()),
        certificate(CertificateId::of(&leaf)),
        certificate(CertificateId::of(&world.issuing.certificate)),
        certificate(CertificateId::of(&world.tsa.certificate)),
        of_key(&leaf),
        of_key(&world.issuing.certificate),
        of_key(&world.tsa_root.certificate),
    ];
    let (before, after) = (signing_time().plus_seconds(-1), signing_time().plus_seconds(1));
    for target in targets {
        for (from, until, is_hit) in [
            (None, None, true),
            (Some(signing_time()), None, true),
            (Some(before), Some(after), true),
            (Some(after), None, false),
            (None, Some(before), false),
        ] {
            let mut trust = world.snapshot();
            let why = "key compromise".to_owned();
            trust.revocations = vec![Revocation { target: target.clone(), from, until, why }];
            let verdict = judge((made.artifact, &made.json), &trust, &policy(), now());
            if is_hit {
                refused("revoked", &verdict, CheckName::Revocation, Reason::Revoked);
            } else {
                assert_eq!(verdict.outcome(), Outcome::Verified, "{target:?}");
            }
        }
    }
}

#[test]
fn development_authorities_count_only_in_development() {
    let world = World::standing(Standing::Dev);
    let made = world.sign(b"one", &key(), &Wish::default());
    let shown = (made.artifact, made.json.as_str());
    let verdict = judge(shown, &world.snapshot(), &policy(), now());
    refused("dev tsa", &verdict, CheckName::Timestamp, Reason::TimestampInvalid);
    let mut real = World::new();
    let mut dev = World::standing(Standing::Dev);
    std::mem::swap(&mut real.root, &mut dev.root);
    std::mem::swap(&mut real.issuing, &mut dev.issuing);
    let mixed = real.sign(b"one", &key(), &Wish::default());
    refused("dev ca", &real.verdict(&mixed.evidence()), CheckName::Chain, Reason::ChainUntrusted);
    let mut trust = world.snapshot();
    trust.stage = Stage::Development;
    trust.environment = Environment::Development;
    let mut policy = policy();
    policy.environment = Environment::Development;
    assert_eq!(judge(shown, &trust, &policy, now()).outcome(), Outcome::Verified);
}
