//! Damaged tokens: every bit flipped, every length, and 100,000 random mutations. None may be accepted.

use std::time::Instant;

use crate::forge::{Forge, claims, expectation};
use chancery_identity::authenticate::authenticate;
use serde_json::json;

/// xorshift64*, seeded: a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }
}

fn tokens(forge: &Forge) -> Vec<String> {
    [("ES256", "es256"), ("ES384", "es384"), ("EdDSA", "ed"), ("PS256", "ps256"), ("RS256", "rs256")]
        .into_iter()
        .map(|(algorithm, kid)| {
            let header = json!({"alg": algorithm, "kid": kid, "typ": "JWT"}).to_string();
            forge.raw(&header, &claims().to_string(), algorithm)
        })
        .collect()
}

#[test]
fn every_flipped_bit_and_every_length() {
    let forge = Forge::new();
    let keys = forge.keys();
    let refused = |token: &str| authenticate(token, &forge.issuers, &keys, &expectation()).is_err();
    let mut tried = 0_u32;
    for (index, token) in tokens(&forge).into_iter().enumerate() {
        // Every bit of the first token, one bit of every byte of the others: P-384 is slow.
        let bits = if index == 0 { 0..7 } else { index..index + 1 };
        assert!(!refused(&token));
        for at in 0..token.len() {
            assert!(refused(&token[..at]), "first {at} bytes");
            for bit in bits.clone() {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(refused(&String::from_utf8(bytes).unwrap()), "bit {bit} of byte {at}");
                tried += 1;
            }
        }
        for byte in 0..=127_u8 {
            assert!(refused(&format!("{token}{}", char::from(byte))), "appended {byte}");
            assert!(refused(&format!("{}{token}", char::from(byte))), "prepended {byte}");
        }
    }
    println!("{tried} flipped bits refused");
}

#[test]
fn a_hundred_thousand_mutations() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
    let forge = Forge::new();
    let keys = forge.keys();
    let originals = tokens(&forge);
    let mut random = Random(0x00c0_ffee_1234_5678);
    let mut tried = 0_u32;
    while tried < 100_000 {
        let original = &originals[random.below(originals.len())];
        let mut bytes = original.clone().into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] = ALPHABET[random.below(ALPHABET.len())],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, ALPHABET[random.below(ALPHABET.len())]),
                3 => bytes.swap(at, 0),
                _ => {
                    // A piece of another honest token.
                    let other = originals[random.below(originals.len())].as_bytes();
                    let end = other.len().min(at + random.below(64));
                    let end_here = end.min(bytes.len());
                    if at < end {
                        bytes.splice(at..end_here.max(at), other[at..end].iter().copied());
                    }
                }
            }
        }
        let token = String::from_utf8(bytes).unwrap();
        if originals.contains(&token) {
            continue;
        }
        tried += 1;
        assert!(authenticate(&token, &forge.issuers, &keys, &expectation()).is_err(), "accepted: {token}");
    }
}

/// Claims are signed, so mutated ones under an honest signature of their own must parse or be refused, never panic.
#[test]
fn mutated_claims_never_panic() {
    let forge = Forge::new();
    let keys = forge.keys();
    let mut random = Random(7);
    let honest = claims().to_string();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let mut bytes = honest.clone().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(128)).unwrap();
        }
        let token = forge.payload(&String::from_utf8(bytes).unwrap());
        match authenticate(&token, &forge.issuers, &keys, &expectation()) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 0 && refused > accepted, "{accepted} {refused}");
}

#[test]
fn checking_is_cheap() {
    let forge = Forge::new();
    let keys = forge.keys();
    for (token, name) in tokens(&forge).iter().zip(["ES256", "ES384", "EdDSA", "PS256", "RS256"]) {
        let begin = Instant::now();
        for _ in 0..200 {
            authenticate(token, &forge.issuers, &keys, &expectation()).unwrap();
        }
        println!("{name}: {:?} each", begin.elapsed() / 200);
    }
}
