//! Trust documents: written and read the same, signed, and refused in any other spelling.
#![expect(clippy::unwrap_used, reason = "test")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::verdict::Outcome;
use chancery_ledger::note::{KeyName, NoteSignature};
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_testkit::keys::TestKey;
use chancery_verify::revocation::{Revocation, Target};
use chancery_verify::snapshot::{Stage, TrustSnapshot};
use chancery_verify::trust_json::{self, InvalidTrust};
use chancery_verify::trusted_root::{InvalidRoot, TrustedRoot};
use chancery_verify::verify::{Context, verify};
use world::{Wish, World, now, policy, public_bytes, signing_time};

#[test]
fn a_trusted_root_reads_as_it_was_written() {
    let roots = World::new().roots();
    let json = roots.to_json();
    assert_eq!(TrustedRoot::parse(&json), Ok(roots));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for list in ["tlogs", "ctlogs"] {
        assert!(value[list][0]["logId"]["keyId"].is_string());
        assert_eq!(value[list][0]["publicKey"]["validFor"]["start"], "2026-01-01T00:00:00Z");
    }
    assert_eq!(value["tlogs"][0]["publicKey"]["keyDetails"], "PKIX_ED25519");
    assert_eq!(value["mediaType"], "application/vnd.dev.sigstore.trustedroot+json;version=0.1");
}

#[test]
fn a_trusted_root_is_read_strictly() {
    let text = World::new().roots().to_json();
    let other = World::new().roots().to_json();
    let log_id = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["tlogs"][0]["logId"]["keyId"].as_str().unwrap().to_owned()
    };
    let cases = [
        ("media type", text.replace("version=0.1", "version=0.3")),
        ("unknown member", text.replacen('{', r#"{"x":1,"#, 1)),
        ("duplicate member", text.replacen('{', r#"{"tlogs":[],"#, 1)),
        ("log id", text.replace(&log_id(&text), &log_id(&other))),
        ("no start", text.replace(r#""validFor":{"start":"2026-01-01T00:00:00Z"}"#, r#""validFor":{}"#)),
        ("no moment", text.replace("2026-01-01T00:00:00Z", "soon")),
        ("backwards", text.replace("00:00:00Z\"", "00:00:00Z\",\"end\":\"2025-01-01T00:00:00Z\"")),
        ("hash", text.replace("SHA2_256\"", "SHA2_512\"")),
        ("details", text.replace("PKIX_ED25519", "PKIX_ECDSA_P256_SHA_256")),
        (
            "port in another host",
            text.replace("https://log2026.sign.example", "https://log2027.sign.example"),
        ),
        (
            "array for a struct",
            text.replacen(
                r#"{"organization":"sign.example","commonName":"Root"}"#,
                r#"["sign.example","Root"]"#,
                1,
            ),
        ),
        ("null", text.replacen('{', r#"{"tlogs":null,"#, 1)),
        ("truncated", text.trim_end_matches('}').to_owned()),
    ];
    for (name, changed) in cases {
        assert_ne!(changed, text, "{name}: the case changes nothing");
        assert!(TrustedRoot::parse(&changed).is_err(), "{name}");
    }
    let with_port = text.replace("https://log2026.sign.example", "https://log2026.sign.example:8443/x");
    assert!(TrustedRoot::parse(&with_port).is_ok());
    let huge = format!("{}{text}", " ".repeat(1 << 20));
    assert_eq!(TrustedRoot::parse(&huge), Err(InvalidRoot::Size));
}

fn full(world: &World) -> TrustSnapshot {
    let mut trust = world.snapshot();
    trust.native_roots = vec![world.root.certificate.clone()];
    trust.policies.insert("release".into(), policy());
    let target =
        |target| Revocation { target, from: Some(signing_time()), until: None, why: "stolen".into() };
    trust.revocations = vec![
        target(Target::Artifact(Sha256::of(b"bad"))),
        target(Target::Certificate { serial: "0102".into(), issuer: Sha256::of(b"ca") }),
        target(Target::Key(Sha256::of(b"key"))),
        target(Target::Identity("https://x".into())),
    ];
    trust
}

struct TrustSigner {
    key: TestKey,
    name: VerifierKey,
}

impl TrustSigner {
    fn new(name: &str) -> Self {
        let key = TestKey::generate(KeyAlgorithm::Ed25519);
        let name = VerifierKey::new(KeyName::parse(name).unwrap(), KeyKind::Ledger, public_bytes(&key));
        Self { key, name }
    }
    fn line(&self, text: &str) -> String {
        let bytes = self.key.sign(text.as_bytes());
        NoteSignature { name: self.name.name().clone(), key_id: self.name.id(), bytes }.line()
    }
}

#[test]
fn a_signed_document_reads_as_it_was_written() {
    let world = World::new();
    let trust = full(&world);
    let signer = TrustSigner::new("trust.sign.example");
    let line = signer.line(&trust_json::to_be_signed(&trust).unwrap());
    let text = trust_json::seal(&trust, vec![line.clone()]).unwrap();
    assert_eq!(trust_json::parse(&text, Some(&signer.name)).unwrap(), trust);
    assert_eq!(trust_json::parse(&format!("{text}\n"), None).unwrap(), trust);
    // What was read serves to verify.
    let made = world.sign(b"one", &TestKey::generate(KeyAlgorithm::EcdsaP256), &Wish::default());
    let read = trust_json::parse(&text, Some(&signer.name)).unwrap();
    let context = Context { trust: &read, policy: &read.policies["release"], at: now() };
    assert_eq!(verify(&made.evidence(), &context).outcome(), Outcome::Verified);
    // Another signer beside is no harm; the demanded one must be there and right.
    let other = TrustSigner::new("other.sign.example");
    let impostor = TrustSigner::new("trust.sign.example");
    let others = other.line(&trust_json::to_be_signed(&trust).unwrap());
    let both = trust_json::seal(&trust, vec![others.clone(), line.clone()]).unwrap();
    assert!(trust_json::parse(&both, Some(&signer.name)).is_ok());
    let forged = impostor.line(&trust_json::to_be_signed(&trust).unwrap());
    for lines in [vec![], vec![others], vec![forged], vec![line.clone(), line], vec!["x".into()]] {
        let text = trust_json::seal(&trust, lines).unwrap();
        assert!(matches!(trust_json::parse(&text, Some(&signer.name)), Err(InvalidTrust::Signature(_))));
    }
}

#[test]
fn every_flipped_byte_of_a_signed_document_is_refused() {
    let world = World::new();
    let trust = full(&world);
    let signer = TrustSigner::new("trust.sign.example");
    let line = signer.line(&trust_json::to_be_signed(&trust).unwrap());
    let text = trust_json::seal(&trust, vec![line]).unwrap();
    for position in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[position] ^= 0x01;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(trust_json::parse(&changed, Some(&signer.name)).is_err(), "{position}");
    }
}

#[test]
fn contradictions_are_refused_even_unsigned() {
    let world = World::new();
    let good = full(&world);
    let parse = |trust: &TrustSnapshot| trust_json::parse(&trust_json::seal(trust, vec![]).unwrap(), None);
    assert!(parse(&good).is_ok());
    type Change = fn(&mut TrustSnapshot);
    let bad: [(&str, Change); 4] = [
        ("expires before it was taken", |t| t.expires = t.taken_at.plus_seconds(-1)),
        ("quorum that nobody can meet", |t| t.quorum = 2),
        ("development outside of development", |t| t.stage = Stage::Development),
        ("the same in staging", |t| {
            t.stage = Stage::Development;
            t.environment = Environment::Staging;
        }),
    ];
    for (name, change) in bad {
        let mut trust = good.clone();
        change(&mut trust);
        assert!(parse(&trust).is_err(), "{name}");
    }
    let text = trust_json::seal(&good, vec![]).unwrap();
    let cases = [
        text.replace("chancery.trust/1", "chancery.trust/2"),
        text.replace("\"quorum\":1", "\"quorum\": 1"),
        text.replacen('{', r#"{"a":1,"#, 1),
        text.replace("\"ledgers\":[\"", "\"ledgers\":[\"x"),
        text.replace(r#""formats":["sigstore"]"#, r#""formats":[]"#),
        text.replace(r#""formats":["sigstore"],"#, r#""formats":["sigstore"],"key":null,"#),
        format!(" {text}"),
    ];
    for changed in cases {
        assert_ne!(changed, text);
        assert!(trust_json::parse(&changed, None).is_err());
    }
}
