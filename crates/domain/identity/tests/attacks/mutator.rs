//! Damages honest tokens: mutant `index` of a campaign depends on the seed and the index alone, so each can be had again.
//!
//! The honest tokens and their key set lie in `testdata/tokens`; nobody has the private keys, so a token that is not one
//! of them and is accepted is a forgery.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// Every character that stands in tokens, and the ones that other encodings of base64 and of parts have besides.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0";
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// What a mutant was damaged with.
pub(crate) const LEVELS: [&str; 6] =
    ["bits", "bytes", "base64", "json members", "parts", "pieces of another"];

/// Honest tokens, and a thief's key.
pub(crate) struct Mutator {
    honest: Vec<String>,
    thief: Ed25519KeyPair,
    secret: Vec<u8>,
}

/// A damaged token and the level at which it was damaged.
pub(crate) struct Mutant {
    pub(crate) level: &'static str,
    pub(crate) token: String,
}

/// splitmix64: passes through all numbers, from any seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

impl Mutator {
    /// `secret` is what a confused verifier would take for an HMAC's secret: the issuer's key set.
    pub(crate) fn new(honest: Vec<String>, secret: &[u8]) -> Self {
        let thief = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        Self { honest, thief, secret: secret.to_vec() }
    }
    /// Never one of the honest tokens.
    pub(crate) fn mutant(&self, seed: u64, index: u64) -> Mutant {
        let mut random = Random(seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        loop {
            let level = random.below(LEVELS.len());
            let honest = random.one(&self.honest).clone();
            let token = match level {
                0 => bits(&mut random, honest),
                1 => bytes(&mut random, honest),
                2 => base64(&mut random, &honest),
                3 => self.members(&mut random, &honest),
                4 => self.parts(&mut random),
                _ => self.pieces(&mut random, &honest),
            };
            if !self.honest.contains(&token) {
                return Mutant { level: LEVELS[level], token };
            }
        }
    }

    /// A member of the header or the claims is changed, doubled, renamed, added or taken away; the signature stays, or is
    /// one that a thief can make.
    fn members(&self, random: &mut Random, honest: &str) -> String {
        let mut parts = split(honest);
        let part = random.below(2);
        let text = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
        let mut members: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        let names: Vec<String> = members.keys().cloned().collect();
        let name = random.one(&names).clone();
        let mut text = None;
        match random.below(6) {
            0 => drop(members.remove(&name)),
            1 => drop(members.insert(name, value(random))),
            2 => {
                let other = members.remove(&name).unwrap();
                members.insert(format!("{name}{}", random.one(&["", " ", "x", "\u{0}", "\u{200b}"])), other);
            }
            3 => drop(members.insert((*random.one(&ADDED)).to_owned(), value(random))),
            4 => {
                let double = format!("{{\"{name}\":{},", value(random));
                text = Some(Value::Object(members.clone()).to_string().replacen('{', &double, 1));
            }
            _ => {
                if let Some(Value::Number(number)) = members.get(&name) {
                    let moved =
                        number.as_i64().unwrap().wrapping_add(i64::try_from(random.below(7)).unwrap() - 3);
                    members.insert(name, json!(moved));
                } else {
                    members.insert(name, value(random));
                }
            }
        }
        if random.below(4) == 0 {
            members
                .insert("alg".to_owned(), json!(random.one(&["none", "HS256", "EdDSA", "ES256", "RS256"])));
        }
        parts[part] = URL_SAFE_NO_PAD.encode(text.unwrap_or_else(|| Value::Object(members).to_string()));
        self.sign(random, &mut parts);
        parts.join(".")
    }

    fn sign(&self, random: &mut Random, parts: &mut [String; 3]) {
        let signed = format!("{}.{}", parts[0], parts[1]);
        match random.below(6) {
            0 => parts[2] = URL_SAFE_NO_PAD.encode(self.thief.sign(signed.as_bytes())),
            1 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
                parts[2] = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
            }
            2 => parts[2] = String::new(),
            _ => {}
        }
    }

    /// Parts of several honest tokens, in any order and number, or with a made-up signature.
    fn parts(&self, random: &mut Random) -> String {
        let (first, second) = (split(random.one(&self.honest)), split(random.one(&self.honest)));
        let third = split(random.one(&self.honest));
        match random.below(7) {
            0 => [first[0].as_str(), &second[1], &third[2]].join("."),
            1 => [first[0].as_str(), &first[1], &second[2]].join("."),
            2 => [first[0].as_str(), &second[1], &first[2]].join("."),
            3 => [second[0].as_str(), &first[1], &first[2]].join("."),
            4 => {
                let all = [&first, &second].map(|parts| parts.to_vec()).concat();
                let count = 1 + random.below(6);
                (0..count).map(|_| random.one(&all).clone()).collect::<Vec<_>>().join(".")
            }
            _ => {
                let size = *random.one(&[0, 1, 32, 63, 64, 65, 70, 72, 96, 128, 256, 257, 512]);
                let mut made = vec![*random.one(&[0_u8, 1, 0x30, 0x7f, 0xff]); size];
                if size >= 32 && random.below(3) == 0 {
                    made.splice(..32, hex::decode(P256_ORDER).unwrap());
                }
                [first[0].as_str(), &first[1], &URL_SAFE_NO_PAD.encode(made)].join(".")
            }
        }
    }

    /// A piece of another honest token, at its own place or at another.
    fn pieces(&self, random: &mut Random, honest: &str) -> String {
        let mut bytes = honest.as_bytes().to_vec();
        let other = random.one(&self.honest).as_bytes();
        let from = random.below(other.len());
        let to = other.len().min(from + 1 + random.below(120));
        let at = if random.below(2) == 0 { from.min(bytes.len()) } else { random.below(bytes.len()) };
        let end = if random.below(4) == 0 { at } else { bytes.len().min(at + (to - from)) };
        bytes.splice(at..end, other[from..to].iter().copied());
        String::from_utf8(bytes).unwrap()
    }
}

/// Members that a token could be made to carry.
const ADDED: [&str; 16] = [
    "crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "cty", "typ", "kid", "alg", "iss", "aud", "exp",
    "",
];

fn split(token: impl AsRef<str>) -> [String; 3] {
    let parts: Vec<String> = token.as_ref().split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn value(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1_800_000_000_i64),
        json!(i64::MAX),
        json!(""),
        json!("none"),
        json!("https://issuer.example/"),
        json!("https://evil.example"),
        json!("chancery:sign.example"),
        json!([]),
        json!({}),
        json!(["chancery:sign.example"]),
        json!("refs/tags/v1"),
        json!("\u{202e}"),
        json!("x".repeat(5000)),
        json!("43"),
        json!("self-hosted"),
    ];
    random.one(&values).clone()
}

fn bits(random: &mut Random, token: String) -> String {
    let mut bytes = token.into_bytes();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        // The eighth bit would make it no text, which cannot reach us in a header.
        bytes[at] ^= 1 << random.below(7);
    }
    String::from_utf8(bytes).unwrap()
}

fn bytes(random: &mut Random, token: String) -> String {
    let mut bytes = token.into_bytes();
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes[at] = *random.one(ALPHABET),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *random.one(ALPHABET)),
            3 => bytes.swap(at, 0),
            4 => bytes.truncate(at.max(1)),
            5 => bytes.push(*random.one(ALPHABET)),
            _ => {
                let end = bytes.len().min(at + random.below(40));
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Another spelling of a part, or the canonical one of other bytes.
fn base64(random: &mut Random, token: &str) -> String {
    let mut parts = split(token);
    let part = &mut parts[random.below(3)];
    let mut decoded = URL_SAFE_NO_PAD.decode(part.as_str()).unwrap();
    let at = random.below(decoded.len());
    match random.below(8) {
        0 => part.push_str(random.one::<&str>(&["=", "==", "\n", " ", "A", "AA", "AAAA", "+", "%3D"])),
        1 => *part = part.replace('-', "+").replace('_', "/"),
        2 => {
            let last = part.pop().unwrap();
            part.push(char::from(u8::try_from(last).unwrap() ^ 1));
        }
        3 => part.insert(random.below(part.len()), *random.one(&['\n', '\r', ' ', '=', '.'])),
        4 => {
            decoded[at] ^= 1 << random.below(8);
            *part = URL_SAFE_NO_PAD.encode(decoded);
        }
        5 => {
            decoded.insert(at, u8::try_from(random.below(256)).unwrap());
            *part = URL_SAFE_NO_PAD.encode(decoded);
        }
        6 => {
            let _ = decoded.remove(at);
            *part = URL_SAFE_NO_PAD.encode(decoded);
        }
        _ => {
            let with_space = [b" ".as_slice(), &decoded, b"\n"].concat();
            *part = URL_SAFE_NO_PAD.encode(with_space);
        }
    }
    parts.join(".")
}

/// How many mutants of each level were refused, and with which sentence.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) levels: BTreeMap<&'static str, u64>,
    pub(crate) sentences: BTreeMap<String, u64>,
}

impl Mutator {
    /// Runs the mutants of these indices; `Err` is the index and the token of the first that is accepted.
    pub(crate) fn campaign(
        &self,
        seed: u64,
        indices: std::ops::Range<u64>,
        refusal: impl Fn(&str) -> Option<String>,
    ) -> Result<Tally, (u64, Mutant)> {
        let mut tally = Tally::default();
        for index in indices {
            let mutant = self.mutant(seed, index);
            let Some(sentence) = refusal(&mutant.token) else { return Err((index, mutant)) };
            *tally.levels.entry(mutant.level).or_default() += 1;
            *tally.sentences.entry(sentence).or_default() += 1;
        }
        Ok(tally)
    }
}
