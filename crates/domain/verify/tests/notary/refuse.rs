//! What is refused, and for which reason.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Outcome, Reason, Verdict};
use chancery_format::notary::envelope::Envelope;
use chancery_testkit::keys::TestKey;
use chancery_verify::notary::Named;
use chancery_verify::revocation::{Revocation, Target};
use chancery_verify::verify::{self, Context, Evidence, SignedStatement};
use chancery_x509::validity::Validity;
use serde_json::{Value, json};

use crate::maker::{MANIFEST, MANIFEST_TYPE, Maker, SUBJECT, Wish, judge, leaf, policy};
use crate::world::{new_year, now, signing_time};

fn reasons(verdict: &Verdict) -> Vec<Reason> {
    verdict.reasons().collect()
}

#[test]
fn good_envelopes_are_accepted_and_name_their_signer() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let maker = Maker::new(algorithm);
        for kind in ["jws", "cose"] {
            let verdict = maker.judge(MANIFEST, &maker.sign(MANIFEST, &Wish::image(kind)));
            assert_eq!(verdict.outcome(), Outcome::Verified, "{verdict:#?}");
            assert_eq!(verdict.signer.subject.as_deref(), Some(SUBJECT));
            assert_eq!(verdict.signer.signed_at, Some(signing_time()));
        }
    }
}

#[test]
fn rsa_keys_and_files_under_p384_are_refused_before_anything_is_signed() {
    let cases = [
        (KeyAlgorithm::Rsa3072, Wish::image("jws")),
        (KeyAlgorithm::EcdsaP384, Wish { options: json!({}), ..Wish::image("jws") }),
    ];
    for (algorithm, wish) in cases {
        let maker = Maker::new(algorithm);
        let statement = Maker::statement(MANIFEST, &wish);
        let public = maker.key.public_key();
        let caller = crate::world::caller(&crate::world::claims());
        let profile = chancery_core::id::ProfileName::parse("p").unwrap();
        let signer = chancery_format::seam::Signer {
            public_key: &public,
            caller: &caller,
            profile: &profile,
            builder: "b",
        };
        assert!((chancery_format::notary::FORMAT.to_be_signed)(&statement, &signer).is_err(), "{algorithm}");
    }
}

#[test]
fn another_artifact_is_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let envelope = maker.sign(MANIFEST, &Wish::image("jws"));
    assert_eq!(reasons(&maker.judge(b"other", &envelope)), [Reason::DigestMismatch]);
    let (trust, policy) = (maker.snapshot(), policy());
    let context = Context { trust: &trust, policy: &policy, at: now() };
    let (artifact, size) = (Sha256::of(MANIFEST), MANIFEST.len() as u64);
    for (size, media_type, good) in [
        (size, Some(MANIFEST_TYPE), true),
        (size, None, true),
        (size + 1, None, false),
        (size, Some("application/vnd.oci.image.index.v1+json"), false),
    ] {
        let named = Named { artifact, size, media_type };
        let verdict = verify::verify(&Evidence::Notary { named, envelope: &envelope }, &context);
        assert_eq!(verdict.outcome() == Outcome::Verified, good, "{named:?}");
    }
}

#[test]
fn a_timestamp_is_always_needed_and_must_be_over_this_signature() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    for kind in ["jws", "cose"] {
        let without = Wish { stamped_at: None, ..Wish::image(kind) };
        let verdict = maker.judge(MANIFEST, &maker.sign(MANIFEST, &without));
        assert_eq!(reasons(&verdict), [Reason::TimestampInvalid]);
        let ahead = Wish { stamped_at: Some(now().plus_seconds(301)), ..Wish::image(kind) };
        let verdict = maker.judge(MANIFEST, &maker.sign(MANIFEST, &ahead));
        assert_eq!(reasons(&verdict), [Reason::TimestampInvalid]);
    }
    // The token of another signature of the same signer.
    let one = maker.sign(MANIFEST, &Wish::image("jws"));
    let two = maker.sign(b"other", &Wish { options: json!({}), ..Wish::image("jws") });
    let token = |envelope: &[u8]| STANDARD.encode(Envelope::parse(envelope).unwrap().timestamp.unwrap());
    let spliced = String::from_utf8(one.clone()).unwrap().replace(&token(&one), &token(&two));
    assert_eq!(reasons(&maker.judge(MANIFEST, spliced.as_bytes())), [Reason::TimestampInvalid]);
}

#[test]
fn an_expired_signature_and_an_expired_certificate_are_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    for (seconds, outcome) in [("3600", Outcome::ExpiredOrRevoked), ("3601", Outcome::Verified)] {
        for kind in ["jws", "cose"] {
            let envelope = maker.sign(MANIFEST, &Wish::image(kind).with("expiry_seconds", seconds));
            assert_eq!(maker.judge(MANIFEST, &envelope).outcome(), outcome, "{kind} {seconds}");
        }
    }
    // What counts is the time of the stamp: neither now, nor what the header says.
    let ended = signing_time().plus_seconds(60);
    let maker = Maker::valid(KeyAlgorithm::EcdsaP256, Validity::new(new_year(), ended).unwrap());
    for (at, outcome) in [(0, Outcome::Verified), (60, Outcome::Verified), (61, Outcome::ExpiredOrRevoked)] {
        let wish = Wish { stamped_at: Some(signing_time().plus_seconds(at)), ..Wish::image("jws") };
        assert_eq!(maker.judge(MANIFEST, &maker.sign(MANIFEST, &wish)).outcome(), outcome, "{at}");
    }
}

#[test]
fn another_signer_another_authority_and_a_revoked_certificate_are_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let envelope = maker.sign(MANIFEST, &Wish::image("cose"));
    let stranger = Maker::new(KeyAlgorithm::EcdsaP256).sign(MANIFEST, &Wish::image("cose"));
    assert_eq!(maker.judge(MANIFEST, &stranger).outcome(), Outcome::ExpiredOrRevoked, "its stamp is unknown");
    let trust = maker.snapshot();
    let mut other = policy();
    other.subject = Some(chancery_verify::pattern::Pattern::exact("CN=other,O=Acme,ST=Berlin,C=DE"));
    let context = Context { trust: &trust, policy: &other, at: now() };
    assert_eq!(reasons(&judge(MANIFEST, &envelope, &context)), [Reason::IdentityMismatch]);
    let (mut formats, expected) = (policy(), policy());
    formats.formats = vec![FormatName::Pe];
    let context = Context { trust: &trust, policy: &formats, at: now() };
    assert_eq!(reasons(&judge(MANIFEST, &envelope, &context)), [Reason::IdentityMismatch]);
    let mut rootless = maker.snapshot();
    rootless.native_roots.clear();
    let context = Context { trust: &rootless, policy: &expected, at: now() };
    assert_eq!(reasons(&judge(MANIFEST, &envelope, &context)), [Reason::ChainUntrusted]);
    let id = chancery_verify::revocation::CertificateId::of(&maker.leaf);
    for (target, hit) in [
        (Target::Certificate { serial: id.serial.clone(), issuer: id.issuer }, true),
        (Target::Key(id.key), true),
        (Target::Artifact(Sha256::of(MANIFEST)), true),
        (Target::Artifact(Sha256::of(b"other")), false),
    ] {
        let mut revoked = maker.snapshot();
        let (from, until) = (Some(signing_time()), None::<Time>);
        revoked.revocations = vec![Revocation { target, from, until, why: "key was stolen".into() }];
        let context = Context { trust: &revoked, policy: &expected, at: now() };
        assert_eq!(judge(MANIFEST, &envelope, &context).outcome() == Outcome::ExpiredOrRevoked, hit);
    }
    let mut ledger = policy();
    ledger.require = vec![CheckName::Ledger];
    let context = Context { trust: &trust, policy: &ledger, at: now() };
    assert_eq!(reasons(&judge(MANIFEST, &envelope, &context)), [Reason::NotLogged]);
}

/// A JWS whose parts a test changes; signed anew where the protected parts change, so that only the change matters.
fn rewritten(maker: &Maker, change: impl Fn(&mut Value, &mut Value, &mut Value)) -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(&maker.sign(MANIFEST, &Wish::image("jws"))).unwrap();
    let decoded = |name: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(envelope[name].as_str().unwrap()).unwrap()).unwrap()
    };
    let (mut protected, mut payload, mut outer) =
        (decoded("protected"), decoded("payload"), envelope.clone());
    change(&mut protected, &mut payload, &mut outer);
    outer["protected"] = URL_SAFE_NO_PAD.encode(protected.to_string()).into();
    outer["payload"] = URL_SAFE_NO_PAD.encode(payload.to_string()).into();
    let signed = format!("{}.{}", outer["protected"].as_str().unwrap(), outer["payload"].as_str().unwrap());
    let algorithm = chancery_format::notary::algorithm::Algorithm::Es256;
    let value = algorithm.to_envelope(&maker.key.sign(signed.as_bytes())).unwrap();
    outer["header"]["io.cncf.notary.timestampSignature"] =
        STANDARD.encode(maker.world.stamp(&value, signing_time())).into();
    outer["signature"] = URL_SAFE_NO_PAD.encode(value).into();
    serde_json::to_vec(&outer).unwrap()
}

#[test]
fn headers_that_are_not_understood_are_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let same = rewritten(&maker, |_, _, _| {});
    assert_eq!(maker.judge(MANIFEST, &same).outcome(), Outcome::Verified);
    type Change = fn(&mut Value, &mut Value, &mut Value);
    let cases: [(&str, Change); 16] = [
        ("unknown critical header", |h, _, _| {
            h["crit"] = json!(["io.cncf.notary.signingScheme", "x"]);
            h["x"] = json!(1);
        }),
        ("unknown header", |h, _, _| h["x"] = json!(1)),
        ("verification plugin", |h, _, _| h["io.cncf.notary.verificationPlugin"] = json!("p")),
        ("no critical header", |h, _, _| h["crit"] = json!([])),
        ("scheme not critical", |h, _, _| h["crit"] = json!(["io.cncf.notary.signingTime"])),
        ("critical twice", |h, _, _| h["crit"] = json!(vec!["io.cncf.notary.signingScheme"; 2])),
        ("expiry not critical", |h, _, _| h["io.cncf.notary.expiry"] = json!("2027-11-20T12:00:00Z")),
        ("other scheme", |h, _, _| h["io.cncf.notary.signingScheme"] = json!("notary.x509.signingAuthority")),
        ("other algorithm of the curve", |h, _, _| h["alg"] = json!("ES384")),
        ("rsa", |h, _, _| h["alg"] = json!("PS256")),
        ("none", |h, _, _| h["alg"] = json!("none")),
        ("other content", |h, _, _| h["cty"] = json!("application/json")),
        ("no signing time", |h, _, _| drop(h.as_object_mut().unwrap().remove("io.cncf.notary.signingTime"))),
        ("unknown member of the payload", |_, p, _| p["x"] = json!(1)),
        ("unknown member of the target", |_, p, _| p["targetArtifact"]["urls"] = json!(["https://x"])),
        ("unknown unprotected header", |_, _, o| o["header"]["x"] = json!(1)),
    ];
    for (name, change) in cases {
        let verdict = maker.judge(MANIFEST, &rewritten(&maker, change));
        assert_ne!(verdict.outcome(), Outcome::Verified, "{name}");
    }
}

#[test]
fn a_second_signature_and_a_second_header_are_refused() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let good = String::from_utf8(maker.sign(MANIFEST, &Wish::image("jws"))).unwrap();
    let parsed: Value = serde_json::from_str(&good).unwrap();
    let general = json!({"payload": parsed["payload"], "signatures": [
        {"protected": parsed["protected"], "header": parsed["header"], "signature": parsed["signature"]}]});
    let mut cases = vec![("general serialisation", general.to_string())];
    for name in ["payload", "protected", "signature"] {
        let again = format!("{{\"{name}\":{},{}", parsed[name], good.strip_prefix('{').unwrap());
        cases.push(("a member twice", again));
    }
    cases.push(("a header twice", good.replace("\"x5c\":", "\"x5c\":[],\"x5c\":")));
    cases.push(("signatures beside", good.replacen('{', "{\"signatures\":[],", 1)));
    for (name, text) in cases {
        assert_eq!(reasons(&maker.judge(MANIFEST, text.as_bytes())), [Reason::Malformed], "{name}");
    }
}

#[test]
fn the_chain_is_exactly_the_one_that_was_checked() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let other =
        leaf(&maker.world, &TestKey::generate(KeyAlgorithm::EcdsaP256), (maker.leaf.validity(), None));
    let text = |der: &[u8]| Value::from(STANDARD.encode(der));
    let chain = maker.chain();
    let whole: Vec<Value> = chain.iter().map(|der| text(der)).collect();
    let cases = [
        ("without root", whole[..2].to_vec(), Some(Reason::NotCovered)),
        ("leaf alone", whole[..1].to_vec(), Some(Reason::ChainUntrusted)),
        (
            "issuers reversed",
            vec![whole[0].clone(), whole[2].clone(), whole[1].clone()],
            Some(Reason::NotCovered),
        ),
        ("one more", [&whole[..], &[text(other.as_der())]].concat(), Some(Reason::NotCovered)),
        ("root twice", [&whole[..], &whole[2..]].concat(), Some(Reason::NotCovered)),
        ("another leaf", [&[text(other.as_der())], &whole[1..]].concat(), Some(Reason::SignatureWrong)),
        ("none", vec![], Some(Reason::Malformed)),
        ("whole", whole.clone(), None),
    ];
    for (name, certificates, expected) in cases {
        let bytes = rewritten(&maker, |_, _, outer| outer["header"]["x5c"] = json!(certificates));
        assert_eq!(reasons(&maker.judge(MANIFEST, &bytes)).first().copied(), expected, "{name}");
    }
}

#[test]
fn a_fresh_signature_is_judged_against_its_statement() {
    let maker = Maker::new(KeyAlgorithm::EcdsaP256);
    let (trust, policy) = (maker.snapshot(), policy());
    let context = Context { trust: &trust, policy: &policy, at: now() };
    let wish = Wish::image("cose").with("annotation.build", "7");
    let made = Maker::statement(MANIFEST, &wish);
    maker.with_parts(&made, wish.stamped_at, |signer, parts| {
        let signed = SignedStatement { statement: &made, signer, parts };
        let verified = verify::statement(&signed, &context).unwrap();
        assert_eq!(verified.statement(), made.id().unwrap());
        let mut other = made.clone();
        other.body["annotations"]["build"] = "8".into();
        let refused =
            verify::statement(&SignedStatement { statement: &other, signer, parts }, &context).unwrap_err();
        assert_eq!(reasons(&refused), [Reason::SignatureWrong]);
    });
}
