//! Bundles of other people's Sigstore instances, as found in the world: accepted for their signer, and refused for what
//! is wrong with them. The recipe is in `testdata/foreign/README.md`.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "test")]

use std::path::PathBuf;

use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Verdict};
use chancery_verify::foreign::{Context, Digests, Expected, Hashing, Instance, Signer};
use chancery_verify::verify;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const OAUTH: &str = "https://github.com/login/oauth";
const CONDA: &str = "https://schemas.conda.org/attestations-publish-1.schema.json";

fn read(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/foreign/sigstore");
    std::fs::read(folder.join(name)).unwrap()
}

fn root(name: &str) -> Instance {
    Instance::parse(&String::from_utf8(read(name)).unwrap()).unwrap()
}

fn sha256(hex: &str) -> Digests {
    Digests::only(Sha256::parse_hex(hex).unwrap())
}

fn sha512(hex: &str) -> Digests {
    Digests::only(Sha256::of(b"not known")).with(DigestAlgorithm::Sha512, hex::decode(hex).unwrap())
}

fn signed_by(issuer: &str, identity: &str) -> Expected {
    Expected::of(Signer::Identity { issuer: issuer.to_owned(), identity: identity.to_owned() })
}

/// A bundle, what it is over, who signed it, and by whose trusted root.
struct Case {
    bundle: &'static str,
    artifact: Digests,
    expected: Expected,
    root: &'static str,
}

impl Case {
    fn verdict(&self) -> Verdict {
        self.verdict_of(&read(self.bundle))
    }
    fn verdict_of(&self, bundle: &[u8]) -> Verdict {
        let instance = root(self.root);
        let at = Time::parse_rfc3339("2026-11-21T09:00:00Z").unwrap();
        verify::foreign(
            &self.artifact,
            bundle,
            &Context { instance: &instance, expected: &self.expected, at },
        )
    }
}

fn conda(bundle: &'static str, issuer: &str, identity: &str, root: &'static str) -> Case {
    let mut expected = signed_by(issuer, identity);
    expected.predicate = Some(CONDA.to_owned());
    let mut hashing = Hashing::for_bundle(&read(bundle));
    hashing.update(&read("signed-package.conda"));
    Case { bundle, artifact: hashing.finish(), expected, root }
}

/// Rekor v1 and v2, bundles 0.1 to 0.3, messages and statements v0.1 and v1, by SHA-256 and by SHA-512, URIs and e-mail
/// addresses, with promises, with timestamps, and with both.
fn genuine() -> Vec<Case> {
    let case = |bundle, artifact, expected, root| Case { bundle, artifact, expected, root };
    vec![
        case(
            "cosign-v3-blob.sigstore.json",
            Digests::of(&read("cosign-v3-blob.txt")),
            signed_by(OAUTH, "w.vollprecht@gmail.com"),
            "public_root.json",
        ),
        conda(
            "conda-attestation.sigstore.json",
            GITHUB,
            "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main",
            "public_root.json",
        ),
        conda("conda-attestation-rekor2.sigstore.json", OAUTH, "jku@goto.fi", "staging_root.json"),
        case(
            "v3_github.sigstore.json",
            sha256("c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201"),
            signed_by(
                GITHUB,
                "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
            ),
            "public_root.json",
        ),
        case(
            "npm-sigstore-2.0.0.sigstore.json",
            sha512(
                "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1\
                 e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
            ),
            signed_by(
                GITHUB,
                "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
            ),
            "public_root.json",
        ),
        case(
            "staging_two_intermediates.sigstore.json",
            Digests::of(b""),
            signed_by(
                GITHUB,
                "https://github.com/sigstore/root-signing-staging/.github/workflows/custom-test.yml@refs/heads/main",
            ),
            "staging_root.json",
        ),
    ]
}

fn failed(verdict: &Verdict) -> Vec<CheckName> {
    let failed = verdict.checks.iter().filter(|check| matches!(check.result, CheckResult::Failed { .. }));
    failed.map(|check| check.name).collect()
}

#[test]
fn genuine_bundles_are_accepted_for_their_signer() {
    for case in genuine() {
        let verdict = case.verdict();
        assert_eq!(verdict.outcome(), Outcome::Verified, "{}: {:#?}", case.bundle, verdict.checks);
        assert!(verdict.signer.signed_at.is_some() && verdict.signer.ledger_index.is_some());
        let made: Vec<_> = verdict
            .checks
            .iter()
            .filter(|check| check.result == CheckResult::Passed)
            .map(|check| check.name)
            .collect();
        assert_eq!(made.len(), 9, "all but revocation: {made:?}");
    }
}

#[test]
fn nobody_else_is_the_signer() {
    for case in genuine() {
        let Case { bundle, artifact, expected, root } = &case;
        let Signer::Identity { issuer, identity } = expected.signer.clone() else { panic!("identities") };
        let with = |signer: Signer, predicate: Option<&str>| {
            let predicate = predicate.map(str::to_owned).or_else(|| expected.predicate.clone());
            let expected = Expected { signer, predicate, ..expected.clone() };
            Case { bundle, artifact: artifact.clone(), expected, root }.verdict()
        };
        let named = |issuer: &str, identity: &str| Signer::Identity {
            issuer: issuer.into(),
            identity: identity.into(),
        };
        for (signer, predicate) in [
            (named(&issuer, &identity.replace('.', "x")), None),
            (named(&issuer, &format!("{identity} ")), None),
            (named(&issuer, ""), None),
            (named("https://accounts.example", &identity), None),
            (named("", &identity), None),
            (named(&issuer, &identity), Some("https://example.com/scan")),
        ] {
            let verdict = with(signer, predicate);
            assert_eq!(failed(&verdict), [CheckName::Identity], "{bundle}");
        }
        let other = Case { artifact: Digests::of(b"another"), expected: expected.clone(), bundle, root };
        assert_eq!(other.verdict().outcome(), Outcome::Invalid, "{bundle}");
        let elsewhere = Case {
            root: "scaffolding_root.json",
            artifact: artifact.clone(),
            expected: expected.clone(),
            bundle,
        };
        assert_ne!(elsewhere.verdict().outcome(), Outcome::Verified, "{bundle}");
    }
}

#[test]
fn what_is_wrong_with_a_bundle_is_found() {
    let email = |identity| signed_by(OAUTH, identity);
    let case = |bundle, expected, root| Case { bundle, artifact: Digests::of(b"x"), expected, root };
    let public = "public_root.json";
    for (case, check) in [
        (case("cve_2022_36056.sigstore.json", email("william@yossarian.net"), public), CheckName::Ledger),
        (case("no_checkpoint.sigstore.json", email("william@yossarian.net"), public), CheckName::Ledger),
        (
            case("no_log_entry.sigstore.json", email("alex.cameron@trailofbits.com"), public),
            CheckName::Ledger,
        ),
        (
            case("v3_no_signed_time.sigstore.json", email("william@yossarian.net"), public),
            CheckName::Timestamp,
        ),
        (case("dsse.sigstore.json", email("brian@dehamer.com"), public), CheckName::Structure),
        (case("dsse-2sigs.sigstore.json", email("brian@dehamer.com"), public), CheckName::Structure),
        (case("invalid_version.sigstore.json", email("william@yossarian.net"), public), CheckName::Structure),
        (case("no_cert_v1.sigstore.json", email("william@yossarian.net"), public), CheckName::Structure),
        (
            case(
                "github-private-attestation.sigstore.json",
                signed_by(GITHUB, "https://dotcom.releases.github.com"),
                "github_root.json",
            ),
            CheckName::Ledger,
        ),
    ] {
        let verdict = case.verdict();
        assert!(failed(&verdict).contains(&check), "{}: {:?}", case.bundle, verdict.checks);
    }
}

/// What nobody signed and nobody reads: cosignatures of witnesses that are not known, and the certificates that a token
/// brings along (the authority's own is the trusted root's; tokens have their own test of this kind).
fn don_t_care(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    for (start, _) in text.match_indices("\"signedTimestamp\":") {
        let value = start + "\"signedTimestamp\":".len();
        ranges.push(value..value + text[value..].find([',', '}']).unwrap());
    }
    for (start, _) in text.match_indices("\"envelope\":") {
        let end = start + text[start..].find("\\n\"").unwrap();
        let lines = start + text[start..].find("\\n\\n").unwrap() + 4;
        let second = text[lines..end].find("\\n").map_or(end, |place| lines + place);
        ranges.push(second..end);
    }
    for (start, _) in text.match_indices("\"keyid\":") {
        ranges.push(start..start + text[start..].find([',', '}']).unwrap());
    }
    ranges
}

/// One character after the other is changed: what is read is never what was signed.
#[test]
fn no_changed_character_is_accepted() {
    for case in genuine() {
        let text = String::from_utf8(read(case.bundle)).unwrap();
        let ranges = don_t_care(&text);
        let (mut tried, mut accepted) = (0, Vec::new());
        for (place, character) in text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).step_by(37) {
            if ranges.iter().any(|range| range.contains(&place)) {
                continue;
            }
            let mut changed = text.clone();
            changed.replace_range(place..=place, if character == 'A' { "B" } else { "A" });
            tried += 1;
            if case.verdict_of(changed.as_bytes()).outcome() == Outcome::Verified {
                accepted.push(text[place.saturating_sub(40)..(place + 20).min(text.len())].to_owned());
            }
        }
        assert!(tried > 80, "{}: {tried}", case.bundle);
        assert!(accepted.is_empty(), "{}: {accepted:#?}", case.bundle);
    }
}
