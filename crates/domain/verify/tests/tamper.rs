//! T1 and the flips: no part of a bundle can be exchanged or changed.
#![expect(clippy::unwrap_used, reason = "test")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::verdict::Outcome;
use chancery_format::sigstore::bundle::{Bundle, Content};
use chancery_testkit::keys::TestKey;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::verify::{Context, Evidence, verify};
use world::{Wish, World, now, policy};

/// A bundle with the artifact that it is shown for.
#[derive(Clone, PartialEq)]
struct Shown {
    artifact: Sha256,
    bundle: Bundle,
}

struct Judge {
    trust: TrustSnapshot,
    policy: VerificationPolicy,
}

impl Judge {
    fn outcome(&self, shown: &Shown) -> Outcome {
        self.outcome_of(shown.artifact, &shown.bundle.to_json())
    }
    fn outcome_of(&self, artifact: Sha256, json: &str) -> Outcome {
        let context = Context { trust: &self.trust, policy: &self.policy, at: now() };
        verify(&Evidence::Sigstore { artifact, bundle: json.as_bytes() }, &context).outcome()
    }
}

fn judge(world: &World) -> Judge {
    Judge { trust: world.snapshot(), policy: policy() }
}

type Exchange = fn(&mut Shown, &Shown);

/// Each takes one part of another bundle. Together they are everything that a bundle holds.
const PARTS: [(&str, Exchange); 8] = [
    ("artifact", |to, from| to.artifact = from.artifact),
    ("certificate", |to, from| to.bundle.certificate.clone_from(&from.bundle.certificate)),
    ("content", |to, from| {
        let signature = to.bundle.content.signature().to_vec();
        to.bundle.content = from.bundle.content.clone();
        put_signature(&mut to.bundle.content, signature);
    }),
    ("signature", |to, from| {
        put_signature(&mut to.bundle.content, from.bundle.content.signature().to_vec());
    }),
    ("timestamps", |to, from| to.bundle.timestamps.clone_from(&from.bundle.timestamps)),
    ("entry", |to, from| to.bundle.entry.body.clone_from(&from.bundle.entry.body)),
    ("proof", |to, from| {
        to.bundle.entry.receipt.index = from.bundle.entry.receipt.index;
        to.bundle.entry.receipt.proof.clone_from(&from.bundle.entry.receipt.proof);
    }),
    ("checkpoint", |to, from| {
        to.bundle.entry.receipt.size = from.bundle.entry.receipt.size;
        to.bundle.entry.receipt.checkpoint.clone_from(&from.bundle.entry.receipt.checkpoint);
    }),
];

fn put_signature(content: &mut Content, bytes: Vec<u8>) {
    match content {
        Content::Dsse(envelope) => envelope.signature = bytes,
        Content::Message { signature, .. } => *signature = bytes,
    }
}

fn originals(world: &World) -> Vec<Shown> {
    let [one, two] = [(); 2].map(|()| TestKey::generate(KeyAlgorithm::EcdsaP256));
    let sign = |artifact: &[u8], key: &TestKey, wish: &Wish| {
        let made = world.sign(artifact, key, wish);
        Shown { artifact: made.artifact, bundle: made.bundle() }
    };
    vec![
        sign(b"one", &one, &Wish::default()),
        sign(b"two", &one, &Wish { index: 3, size: 8, ..Wish::default() }),
        sign(b"one", &one, &Wish { index: 4, size: 11, ..Wish::message() }),
        sign(b"two", &two, &Wish { index: 5, size: 13, ..Wish::message() }),
        // The same wish once more: same key, same artifact, another signature.
        sign(b"one", &one, &Wish { index: 10, size: 13, ..Wish::default() }),
        sign(b"one", &two, &Wish { index: 0, size: 16, ..Wish::default() }),
        sign(b"two", &two, &Wish { index: 6, size: 7, ..Wish::default() }),
    ]
}

/// Every mix of parts of every two bundles: 7 · 6 · 254 = 10,668 combinations.
#[test]
fn no_mix_of_two_bundles_is_accepted() {
    let world = World::new();
    let judge = judge(&world);
    let all = originals(&world);
    assert!(all.iter().all(|shown| judge.outcome(shown) == Outcome::Verified));
    let (mut refused, mut same) = (0, 0);
    for (to, from) in pairs(&all) {
        for mask in 1..(1u32 << PARTS.len()) - 1 {
            let mut mixed = to.clone();
            let chosen: Vec<_> = PARTS
                .iter()
                .enumerate()
                .filter(|(bit, _)| mask >> bit & 1 == 1)
                .map(|(_, part)| part)
                .collect();
            for (_, exchange) in &chosen {
                exchange(&mut mixed, from);
            }
            if says_the_same(&all, &mixed) {
                same += 1;
                continue;
            }
            let names: Vec<_> = chosen.iter().map(|(name, _)| name).collect();
            assert_ne!(judge.outcome(&mixed), Outcome::Verified, "{names:?}");
            refused += 1;
        }
    }
    println!("{refused} mixes refused, {same} were one of the originals");
    assert!(refused > 10_000);
}

fn pairs(all: &[Shown]) -> impl Iterator<Item = (&Shown, &Shown)> {
    let both = all.iter().flat_map(move |to| all.iter().map(move |from| (to, from)));
    both.filter(|(to, from)| !std::ptr::eq(*to, *from))
}

/// A mix is nothing new where both bundles agree on what was exchanged; leaf hashes follow the body when read.
fn says_the_same(all: &[Shown], mixed: &Shown) -> bool {
    all.iter()
        .any(|shown| shown.artifact == mixed.artifact && shown.bundle.to_json() == mixed.bundle.to_json())
}

type Field = fn(&mut Bundle) -> &mut Vec<u8>;

const FIELDS: [(&str, Field); 5] = [
    ("certificate", |bundle| &mut bundle.certificate),
    ("signature", |bundle| match &mut bundle.content {
        Content::Dsse(envelope) => &mut envelope.signature,
        Content::Message { signature, .. } => signature,
    }),
    ("payload", |bundle| match &mut bundle.content {
        Content::Dsse(envelope) => &mut envelope.payload,
        Content::Message { signature, .. } => signature,
    }),
    ("timestamp", |bundle| bundle.timestamps.first_mut().unwrap()),
    ("body", |bundle| &mut bundle.entry.body),
];

#[test]
fn every_flipped_byte_of_the_decoded_parts_is_refused() {
    let world = World::new();
    let judge = judge(&world);
    let made = world.sign(b"one", &TestKey::generate(KeyAlgorithm::EcdsaP256), &Wish::default());
    let tsa = world.tsa.certificate.as_der();
    let mut flips = 0;
    let mut same = std::collections::BTreeMap::new();
    for (name, field) in FIELDS {
        let mut bundle = made.bundle();
        for position in 0..field(&mut bundle).len() {
            for mask in [0x01, 0x80] {
                field(&mut bundle)[position] ^= mask;
                let outcome = judge.outcome_of(made.artifact, &bundle.to_json());
                field(&mut bundle)[position] ^= mask;
                flips += 1;
                if outcome == Outcome::Verified {
                    let why = harmless(&bundle.timestamps[0], tsa, position).filter(|_| name == "timestamp");
                    *same.entry(why.unwrap_or_else(|| panic!("{name} {position} {mask:#x}"))).or_insert(0) +=
                        1;
                }
            }
        }
    }
    println!("{flips} flips, harmless: {same:?}");
}

/// The flips in a timestamp response that change nothing, and why.
fn harmless(response: &[u8], certificate: &[u8], position: usize) -> Option<&'static str> {
    let start = response.windows(certificate.len()).position(|window| window == certificate)?;
    // The four bytes before are the header of the field; as [1] it would be a list of CRLs, which is not read.
    if (start - 4..start + certificate.len()).contains(&position) {
        // Nothing signs it there and nobody needs it: the trust snapshot pins the certificate itself, a damaged copy
        // is ignored, and the certificate that verified is still the pinned one.
        return Some("the token's copy of the pinned certificate");
    }
    // SEQUENCE { SEQUENCE { INTEGER status } … }: 0 is granted, 1 is granted with modifications (RFC 3161 §2.4.2).
    // Nobody signs it, and a client of the authority accepts both.
    (position == 8 && response.get(4..8) == Some(&[0x30, 0x03, 0x02, 0x01])).then_some("status 0 or 1")
}

#[test]
fn every_flipped_byte_of_the_json_is_refused_or_reads_the_same() {
    let world = World::new();
    let judge = judge(&world);
    for wish in [Wish::default(), Wish::message()] {
        let made = world.sign(b"one", &TestKey::generate(KeyAlgorithm::EcdsaP256), &wish);
        let original = made.bundle();
        let mut accepted = 0;
        for position in 0..made.json.len() {
            let mut bytes = made.json.clone().into_bytes();
            bytes[position] ^= 0x01;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if judge.outcome_of(made.artifact, &text) == Outcome::Verified {
                accepted += 1;
                let mut read = Bundle::parse(text.as_bytes()).unwrap();
                // As above: only what is harmless in the timestamp.
                read.timestamps.clone_from(&original.timestamps);
                assert_eq!(read, original, "{position}");
            }
        }
        println!("{} bytes, {accepted} flips read the same", made.json.len());
    }
}

#[test]
fn truncated_appended_and_doubled_bundles_are_refused() {
    let world = World::new();
    let judge = judge(&world);
    let made = world.sign(b"one", &TestKey::generate(KeyAlgorithm::EcdsaP256), &Wish::default());
    for length in (0..made.json.len()).step_by(7) {
        assert_eq!(judge.outcome_of(made.artifact, made.json.get(..length).unwrap()), Outcome::Invalid);
    }
    let doubled = format!("{0}{0}", made.json);
    let members =
        made.json.replacen('{', r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","#, 1);
    for text in [doubled, members, format!("{}x", made.json), String::new()] {
        assert_eq!(judge.outcome_of(made.artifact, &text), Outcome::Invalid);
    }
}
