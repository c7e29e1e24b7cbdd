//! PE verdicts: ours and osslsigncode's signatures accepted; every changed byte, hidden byte and wrong signer refused.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test"
)]

#[path = "../../format/tests/authenticode/mod.rs"]
mod authenticode;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use authenticode::{Domain, END, STAMPED, START, attach, run, write_pem};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Reason, Verdict};
use chancery_format::pe::extract::extract;
use chancery_testkit::keys::TestKey;
use chancery_testkit::pe::{Bits, OPTIONAL, image};
use chancery_testkit::pki::tlv;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::revocation::{Revocation, Target};
use chancery_verify::snapshot::{Stage, TrustSnapshot};
use chancery_verify::trusted_root::{Authority, TrustedRoot};
use chancery_verify::verify::{self, Context, Evidence, SignedStatement};
use chancery_verify::window::Window;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl;
use chancery_x509::profile::draft::Issuer;
use chancery_x509::validity::Validity;
use proptest::prelude::*;
use serde_json::json;

/// Long after the stamp; the moment of verification.
const NOW: i64 = START + 300 * 86_400;
const POLICY: &str = "environment = \"production\"\nformats = [\"pe\"]\nsubject = \"CN=Acme\"\n";

fn trust(domain: &Domain) -> TrustSnapshot {
    let parse = |der: &[u8]| Certificate::parse(der).unwrap();
    let window = Window::new(Time::from_seconds(START), None).unwrap();
    let chain = vec![parse(&domain.tsa), parse(&domain.tsa_root)];
    let authority = Authority::new(("Test", "TSA"), "https://tsa.example", chain, window).unwrap();
    TrustSnapshot {
        environment: Environment::Production,
        stage: Stage::Real,
        taken_at: Time::from_seconds(START),
        expires: Time::from_seconds(END),
        roots: TrustedRoot { timestamp_authorities: vec![authority], ..TrustedRoot::default() },
        cosigners: Vec::new(),
        quorum: 0,
        native_roots: vec![parse(&domain.root)],
        revocations: Vec::new(),
        revocation_lists: Vec::new(),
        policies: BTreeMap::new(),
    }
}

fn judge_with(bytes: &[u8], trust: &TrustSnapshot, policy: &str) -> Verdict {
    let policy = VerificationPolicy::parse_toml(policy).unwrap();
    let extracted = extract(&mut Cursor::new(bytes));
    let evidence = Evidence::Pe { artifact: Sha256::of(bytes), extracted: extracted.as_ref() };
    verify::verify(&evidence, &Context { trust, policy: &policy, at: Time::from_seconds(NOW) })
}

/// Demands a timestamp, as a release gate does.
fn judge(bytes: &[u8], trust: &TrustSnapshot) -> Verdict {
    judge_with(bytes, trust, &format!("{POLICY}require = [\"timestamp\"]\n"))
}

fn reasons(verdict: &Verdict) -> Vec<Reason> {
    verdict.reasons().collect()
}

/// A small signed image and the trust to judge it.
fn sample() -> (Domain, Vec<u8>, TrustSnapshot) {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let signed = domain.sign(&image(Bits::B64, &[64, 40], b"over"), json!({}), Some(STAMPED));
    let trust = trust(&domain);
    (domain, signed, trust)
}

#[test]
fn our_signatures_are_accepted_for_every_key_type() {
    for algorithm in
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072, KeyAlgorithm::Rsa4096]
    {
        let domain = Domain::new(algorithm, START + 200 * 86_400);
        let signed = domain.sign(&image(Bits::B32, &[512], b"odd"), json!({}), Some(STAMPED));
        let verdict = judge(&signed, &trust(&domain));
        assert_eq!(verdict.outcome(), Outcome::Verified, "{algorithm}: {verdict:#?}");
        assert_eq!(verdict.signer.signed_at, Some(Time::from_seconds(STAMPED)));
        let made = verdict.checks.iter().filter(|check| check.result == CheckResult::Passed).count();
        assert_eq!(made, 9, "all but the ledger");
    }
}

fn write_keys(directory: &Path, domain: &Domain) {
    for (name, key) in [("key.pem", &domain.key), ("tsa-key.pem", &domain.tsa_key)] {
        let text = STANDARD.encode(key.pkcs8());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        std::fs::write(directory.join(name), pem).unwrap();
    }
    let pem = |der: &[u8]| Certificate::parse(der).unwrap().to_pem();
    std::fs::write(directory.join("chain.pem"), pem(&domain.leaf) + &pem(&domain.issuing)).unwrap();
    write_pem(&directory.join("tsa.pem"), &domain.tsa);
}

#[test]
fn signatures_of_osslsigncode_are_accepted() {
    let home = tempfile::tempdir().unwrap();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072] {
        let domain = Domain::new(algorithm, END);
        write_keys(home.path(), &domain);
        let digest = algorithm.digest().unwrap().name();
        for (index, bits) in [Bits::B32, Bits::B64].into_iter().enumerate() {
            let (input, output) = (format!("{digest}{index}"), format!("{algorithm}{index}.exe"));
            std::fs::write(home.path().join(&input), image(bits, &[700, 9], b"overlay")).unwrap();
            let time = STAMPED.to_string();
            let sign = ["sign", "-certs", "chain.pem", "-key", "key.pem", "-h", digest, "-n", "Foreign"];
            let stamp = ["-TSA-certs", "tsa.pem", "-TSA-key", "tsa-key.pem", "-TSA-time", &time];
            let arguments = [&sign[..], &stamp, &["-in", &input, "-out", &output]].concat();
            let Some(said) = run(home.path(), "osslsigncode", &arguments) else { return };
            assert!(said.contains("Succeeded"), "{said}");
            let signed = std::fs::read(home.path().join(&output)).unwrap();
            let verdict = judge(&signed, &trust(&domain));
            assert_eq!(verdict.outcome(), Outcome::Verified, "{algorithm}: {verdict:#?}");
        }
    }
}

#[test]
fn nested_signatures_of_osslsigncode_must_hold_too() {
    let home = tempfile::tempdir().unwrap();
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    write_keys(home.path(), &domain);
    let stranger = tempfile::tempdir().unwrap();
    let other = Domain::new(KeyAlgorithm::EcdsaP256, END);
    write_keys(stranger.path(), &other);
    let first = domain.sign(&image(Bits::B64, &[700], b"overlay"), json!({}), Some(STAMPED));
    for (directory, accepted) in [(home.path(), true), (stranger.path(), false)] {
        std::fs::write(directory.join("in.exe"), &first).unwrap();
        let time = STAMPED.to_string();
        let sign = ["sign", "-nest", "-certs", "chain.pem", "-key", "key.pem", "-h", "sha384"];
        let stamp = ["-TSA-certs", "tsa.pem", "-TSA-key", "tsa-key.pem", "-TSA-time", &time];
        let arguments = [&sign[..], &stamp, &["-in", "in.exe", "-out", "out.exe"]].concat();
        let Some(said) = run(directory, "osslsigncode", &arguments) else { return };
        assert!(said.contains("Succeeded"), "{said}");
        let signed = std::fs::read(directory.join("out.exe")).unwrap();
        assert_eq!(extract(&mut Cursor::new(&signed)).unwrap().found.len(), 2);
        let verdict = judge(&signed, &trust(&domain));
        assert_eq!(verdict.outcome() == Outcome::Verified, accepted, "{verdict:#?}");
    }
}

#[test]
fn a_fresh_signature_is_judged_against_its_statement() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let (trust, policy) = (trust(&domain), VerificationPolicy::parse_toml(POLICY).unwrap());
    let context = Context { trust: &trust, policy: &policy, at: Time::from_seconds(NOW) };
    let prepared = domain.prepare(&image(Bits::B64, &[64], &[]), json!({"program_name": "Acme"})).unwrap();
    let made = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
    domain.with_parts(&made, Some(STAMPED), |signer, parts| {
        let signed = SignedStatement { statement: &made, signer, parts };
        let verified = verify::statement(&signed, &context).unwrap();
        assert_eq!(verified.statement(), made.id().unwrap());
        assert_eq!(verified.verdict().signer.signed_at, Some(Time::from_seconds(STAMPED)));

        let mut other = made.clone();
        other.body["program_name"] = "Other".into();
        let signed = SignedStatement { statement: &other, signer, parts };
        let refused = verify::statement(&signed, &context).unwrap_err();
        assert_eq!(reasons(&refused), [Reason::SignatureWrong]);
    });
}

#[test]
fn an_authority_of_whom_nothing_is_known_does_not_stamp() {
    let (domain, signed, trust) = sample();
    let root = Certificate::parse(&domain.tsa_root).unwrap();
    let window = Window::new(Time::from_seconds(START), None).unwrap();
    // A root that names no authority means nobody, not everybody.
    let mut without = trust.clone();
    let alone = Authority::new(("Test", "TSA"), "u", vec![root.clone()], window).unwrap();
    without.roots.timestamp_authorities = vec![alone];
    assert_eq!(reasons(&judge(&signed, &without)), [Reason::TimestampInvalid]);
    // A list in the name of the authority's root, by another key.
    let impostor = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let issuer = Issuer::itself(root.subject(), &impostor.public_key()).unwrap();
    let in_force = Validity::new(Time::from_seconds(NOW - 60), Time::from_seconds(NOW + 60)).unwrap();
    let tbs = crl::tbs(&issuer, in_force, 1, &[]).unwrap();
    let forged = crl::assemble(&tbs, KeyAlgorithm::EcdsaP256, &impostor.sign(&tbs)).unwrap();
    let with = TrustSnapshot { revocation_lists: vec![forged], ..trust };
    assert_eq!(reasons(&judge(&signed, &with)), [Reason::TimestampInvalid]);
}

#[test]
fn every_flipped_byte_is_refused() {
    let (_, signed, trust) = sample();
    assert_eq!(judge(&signed, &trust).outcome(), Outcome::Verified);
    // The loader's checksum is the one field that Authenticode leaves open and that nothing else here depends on.
    let checksum = OPTIONAL + 64..OPTIONAL + 68;
    for at in (0..signed.len()).filter(|at| !checksum.contains(at)) {
        for mask in [1 << (at % 8), 0x20, 0xff] {
            let mut changed = signed.clone();
            changed[at] ^= mask;
            assert_ne!(judge(&changed, &trust).outcome(), Outcome::Verified, "byte {at} ^ {mask:#04x}");
        }
    }
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    let (_, signed, trust) = sample();
    for cut in 0..signed.len() {
        assert_ne!(judge(&signed[..cut], &trust).outcome(), Outcome::Verified, "cut at {cut}");
    }
    for extra in [&b"\0"[..], b"x", &[0; 8], &[0; 4096]] {
        let verdict = judge(&[&signed, extra].concat(), &trust);
        assert_eq!(reasons(&verdict), [Reason::NotCovered], "{} bytes", extra.len());
    }
}

/// Rewrites the certificate table: what follows the entry's header, with lengths that count all of it.
fn with_table(signed: &[u8], content: &[u8]) -> Vec<u8> {
    let directory = Bits::B64.directory_at();
    let offset = table_offset(signed);
    let length = u32::try_from(8 + content.len()).unwrap().to_le_bytes();
    let mut out = signed[..offset].to_vec();
    out[directory + 4..directory + 8].copy_from_slice(&length);
    out.extend_from_slice(&length);
    out.extend_from_slice(&signed[offset + 4..offset + 8]);
    out.extend_from_slice(content);
    out
}

fn table_offset(signed: &[u8]) -> usize {
    let directory = Bits::B64.directory_at();
    usize::try_from(u32::from_le_bytes(signed[directory..directory + 4].try_into().unwrap())).unwrap()
}

/// The CMS structure without its padding.
fn blob(signed: &[u8]) -> &[u8] {
    let der = &signed[table_offset(signed) + 8..];
    &der[..usize::from(der[2]) * 256 + usize::from(der[3]) + 4]
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    out.resize(content.len().next_multiple_of(8), 0);
    out
}

#[test]
fn nothing_hides_in_the_certificate_table() {
    let (_, signed, trust) = sample();
    let blob = blob(&signed);
    assert_eq!(judge(&with_table(&signed, &padded(blob)), &trust).outcome(), Outcome::Verified);
    let payload = [padded(blob), vec![0x90; 64]].concat();
    let zeros = [padded(blob), vec![0; 8]].concat();
    let mut stained = padded(&[blob, &[0]].concat());
    let last = stained.len() - 1;
    stained[last] = 1;
    for (name, content) in [("payload", payload), ("too many zeros", zeros), ("stained padding", stained)] {
        let verdict = judge(&with_table(&signed, &content), &trust);
        assert_eq!(reasons(&verdict), [Reason::NotCovered], "{name}: {verdict:#?}");
    }
    let certificate_type = table_offset(&signed) + 6;
    let mut other = signed.clone();
    other[certificate_type] = 1;
    assert_ne!(judge(&other, &trust).outcome(), Outcome::Verified);
}

#[test]
fn every_signature_of_several_must_hold() {
    let (_, signed, trust) = sample();
    let (other, foreign, _) = sample();
    let entry = |blob: &[u8]| {
        let content = padded(blob);
        let length = u32::try_from(8 + content.len()).unwrap();
        [&length.to_le_bytes()[..], &[0, 2, 2, 0], &content].concat()
    };
    let two = |second: &[u8]| {
        let table = [entry(blob(&signed)), entry(second)].concat();
        let mut out = signed[..table_offset(&signed)].to_vec();
        let at = Bits::B64.directory_at() + 4;
        out[at..at + 4].copy_from_slice(&u32::try_from(table.len()).unwrap().to_le_bytes());
        [out, table].concat()
    };
    assert_eq!(judge(&two(blob(&signed)), &trust).outcome(), Outcome::Verified);
    assert_ne!(judge(&two(blob(&foreign)), &trust).outcome(), Outcome::Verified);
    assert_eq!(other.key.public_key().algorithm, KeyAlgorithm::EcdsaP256);
}

#[test]
fn the_table_of_another_image_is_refused() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let [one, two] =
        [1u8, 2].map(|fill| domain.sign(&image(Bits::B64, &[64], &[fill; 8]), json!({}), Some(STAMPED)));
    let verdict = judge(&with_table(&one, &padded(blob(&two))), &trust(&domain));
    assert_eq!(reasons(&verdict), [Reason::DigestMismatch]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Behind,
    Into,
}

/// Puts `extra` behind a field of the SignedData, or into it when it is a set.
fn inject(blob: &[u8], field: usize, place: Where, extra: &[u8]) -> Vec<u8> {
    let signed_data = value(value(nth(value(blob), 1)));
    let mut fields = Vec::new();
    let mut rest = signed_data;
    while !rest.is_empty() {
        let element = nth(rest, 0);
        fields.push(element.to_vec());
        rest = &rest[element.len()..];
    }
    if place == Where::Into {
        let target = fields[field].clone();
        fields[field] = tlv(target[0], &[value(&target), extra]);
    } else {
        fields.insert(field + 1, extra.to_vec());
    }
    let inner = tlv(0x30, &fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
    tlv(0x30, &[nth(value(blob), 0), &tlv(0xa0, &[&inner])])
}

fn header(element: &[u8]) -> (usize, usize) {
    match element[1] {
        0x82 => (4, usize::from(element[2]) * 256 + usize::from(element[3])),
        0x81 => (3, usize::from(element[2])),
        short => (2, usize::from(short)),
    }
}

fn value(element: &[u8]) -> &[u8] {
    let (header, length) = header(element);
    &element[header..header + length]
}

fn nth(elements: &[u8], index: usize) -> &[u8] {
    let (header, length) = header(elements);
    if index == 0 { &elements[..header + length] } else { nth(&elements[header + length..], index - 1) }
}

#[test]
fn nothing_hides_in_the_cms_structure() {
    let (domain, signed, trust) = sample();
    let blob = blob(&signed);
    let sha384 = tlv(0x30, &[&tlv(6, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2]]), &[5, 0]]);
    let attribute = tlv(0x30, &[&tlv(6, &[&[0x2a, 3, 4]]), &tlv(0x31, &[&tlv(4, &[b"payload"])])]);
    let signer = value(nth(value(value(nth(value(blob), 1))), 4));
    let unsigned = nth(value(signer), 6);
    let extended = tlv(0xa1, &[value(unsigned), &attribute]);
    let body = &value(signer)[..value(signer).len() - unsigned.len()];
    let signer = tlv(0x31, &[&tlv(0x30, &[body, &extended])]);
    let whole = inject(blob, 4, Where::Behind, &signer);
    let signed_data = value(value(nth(value(&whole), 1)));
    let kept: Vec<&[u8]> = [0, 1, 2, 3, 5].map(|index| nth(signed_data, index)).to_vec();
    let with_attribute = tlv(0x30, &[nth(value(blob), 0), &tlv(0xa0, &[&tlv(0x30, &kept)])]);

    let cases = [
        ("a second digest algorithm", inject(blob, 1, Where::Into, &sha384)),
        ("an unused certificate", inject(blob, 3, Where::Into, &domain.tsa)),
        ("a certificate that is none", inject(blob, 3, Where::Into, &tlv(0x30, &[b"payload"]))),
        ("revocation lists", inject(blob, 3, Where::Behind, &tlv(0xa1, &[&tlv(0x30, &[b"payload"])]))),
        ("an unknown unsigned attribute", with_attribute),
    ];
    for (name, changed) in cases {
        let verdict = judge(&with_table(&signed, &padded(&changed)), &trust);
        assert!(reasons(&verdict).contains(&Reason::NotCovered), "{name}: {verdict:#?}");
    }
}

#[test]
fn wrong_signers_times_and_trust_are_refused() {
    let (domain, signed, good) = sample();
    let unsigned = image(Bits::B64, &[64], &[]);
    assert_eq!(judge(&unsigned, &good).outcome(), Outcome::Unsigned);
    assert_eq!(judge(b"text", &good).outcome(), Outcome::Invalid);

    let policies = [
        (POLICY.replace("CN=Acme", "CN=Other"), Reason::IdentityMismatch),
        (POLICY.replace("subject = \"CN=Acme\"\n", ""), Reason::NoExpectation),
        (POLICY.replace("production", "staging"), Reason::TrustInvalid),
        (format!("{POLICY}require = [\"ledger\"]\n"), Reason::NotLogged),
        (format!("{POLICY}key = \"{}\"\n", "00".repeat(32)), Reason::IdentityMismatch),
    ];
    for (policy, reason) in policies {
        let verdict = judge_with(&signed, &good, &policy);
        assert_eq!(reasons(&verdict), [reason], "{policy}");
    }

    let serial = |serial: &str, name: &str| {
        let parsed = Certificate::parse(&domain.leaf).unwrap();
        assert!(parsed.issuer().to_string().contains(name));
        Target::Certificate { serial: serial.into(), issuer: Sha256::of(parsed.issuer().as_der()) }
    };
    let key = Sha256::of(Certificate::parse(&domain.tsa).unwrap().spki());
    for target in [serial("03", "Issuing"), Target::Key(key), Target::Artifact(Sha256::of(&signed))] {
        let mut trust = good.clone();
        trust.revocations.push(Revocation { target, from: None, until: None, why: "lost".into() });
        assert_eq!(reasons(&judge(&signed, &trust)), [Reason::Revoked]);
    }

    let (_, _, strangers) = sample();
    let mut trust = good.clone();
    trust.native_roots.clone_from(&strangers.native_roots);
    assert_eq!(reasons(&judge(&signed, &trust)), [Reason::ChainUntrusted]);
    let mut trust = good.clone();
    trust.roots = strangers.roots;
    assert_eq!(reasons(&judge(&signed, &trust)), [Reason::TimestampInvalid]);
    let mut trust = good;
    trust.expires = Time::from_seconds(NOW - 1);
    assert_eq!(reasons(&judge(&signed, &trust)), [Reason::TrustInvalid]);
}

#[test]
fn the_timestamp_decides_when_the_certificate_must_be_valid() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, START + 200 * 86_400);
    let trust = trust(&domain);
    let original = image(Bits::B64, &[64], &[]);
    let outcome = |stamped, policy| {
        let verdict = judge_with(&domain.sign(&original, json!({}), stamped), &trust, policy);
        (verdict.outcome(), reasons(&verdict))
    };
    assert_eq!(outcome(Some(STAMPED), POLICY), (Outcome::Verified, vec![]));
    assert_eq!(outcome(None, POLICY), (Outcome::ExpiredOrRevoked, vec![Reason::Expired]));
    let late = Some(START + 201 * 86_400);
    assert_eq!(outcome(late, POLICY), (Outcome::ExpiredOrRevoked, vec![Reason::Expired]));
    let future = Some(NOW + 3600);
    assert_eq!(outcome(future, POLICY), (Outcome::ExpiredOrRevoked, vec![Reason::TimestampInvalid]));

    let valid = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let bare = valid.sign(&original, json!({}), None);
    let trust = self::trust(&valid);
    assert_eq!(judge_with(&bare, &trust, POLICY).outcome(), Outcome::Verified);
    assert_eq!(reasons(&judge(&bare, &trust)), [Reason::TimestampInvalid]);
}

#[test]
fn a_blob_over_another_statement_is_refused_after_attaching() {
    let domain = Domain::new(KeyAlgorithm::EcdsaP256, END);
    let original = image(Bits::B64, &[64], &[]);
    let prepared = domain.prepare(&original, json!({})).unwrap();
    let mut statement = prepared.statement(FormatName::Pe, "app.exe", Depth::Structured);
    statement.body["image_digest"] = "00".repeat(32).into();
    let signed = attach(&prepared, &original, &domain.blob(&statement, Some(STAMPED)));
    assert_eq!(reasons(&judge(&signed, &trust(&domain))), [Reason::DigestMismatch]);
    assert_eq!(CheckName::ALL.len(), 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn mutated_images_neither_panic_nor_pass(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (_, signed, trust) = sample();
        let mut changed = signed.clone();
        for (at, value) in edits {
            let at = at.index(changed.len() - 4);
            changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let checksum = OPTIONAL + 64..OPTIONAL + 68;
        let differs = (0..signed.len()).any(|at| !checksum.contains(&at) && changed[at] != signed[at]);
        prop_assert_eq!(judge(&changed, &trust).outcome() == Outcome::Verified, !differs);
        changed.truncate(cut.index(signed.len()));
        prop_assert_ne!(judge(&changed, &trust).outcome(), Outcome::Verified);
    }
}
