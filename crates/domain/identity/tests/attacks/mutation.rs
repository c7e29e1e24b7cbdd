//! Damaged tokens: every bit flipped, every length, and 100,000 mutants. None may be accepted.
//!
//! The long campaign is `cargo xtask faults tokens`.

use std::time::Instant;

use chancery_identity::authenticate::authenticate;

use crate::forge::{Forge, claims, expectation};
use crate::honest::Honest;
use crate::mutator::{LEVELS, Mutator};

const SEED: u64 = 0x00c0_ffee_1234_5678;

#[test]
fn every_flipped_bit_and_every_length() {
    let honest = Honest::load();
    let mut tried = 0_u32;
    for (index, token) in honest.tokens.iter().step_by(2).enumerate() {
        // Every bit of the first token, one bit of every byte of the others: P-384 is slow.
        let bits = if index == 0 { 0..7 } else { index..index + 1 };
        honest.check(token).unwrap();
        for at in 0..token.len() {
            assert!(honest.check(&token[..at]).is_err(), "first {at} bytes");
            for bit in bits.clone() {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(honest.check(&String::from_utf8(bytes).unwrap()).is_err(), "bit {bit} of byte {at}");
                tried += 1;
            }
        }
        for byte in 0..=127_u8 {
            assert!(honest.check(&format!("{token}{}", char::from(byte))).is_err(), "appended {byte}");
            assert!(honest.check(&format!("{}{token}", char::from(byte))).is_err(), "prepended {byte}");
        }
    }
    println!("{tried} flipped bits refused");
}

#[test]
fn a_hundred_thousand_mutants() {
    let honest = Honest::load();
    for token in &honest.tokens {
        honest.check(token).unwrap();
    }
    let mutator = Mutator::new(honest.tokens.clone(), honest.jwks.as_bytes());
    let tally = match mutator.campaign(SEED, 0..100_000, |token| honest.refusal(token)) {
        Ok(tally) => tally,
        Err((index, mutant)) => {
            panic!("mutant {index} of {SEED} ({}) accepted: {}", mutant.level, mutant.token)
        }
    };
    println!("{:?}", tally.levels);
    // A campaign that never gets past the form would show nothing about signatures.
    assert_eq!(tally.levels.len(), LEVELS.len());
    let reached =
        |what: &str| tally.sentences.iter().filter(|(s, _)| s.contains(what)).map(|(_, n)| n).sum::<u64>();
    for what in
        ["base64url", "json object", "`alg`", "carries `", "`kid`", "`typ`", "issuer", "signature is wrong"]
    {
        assert!(reached(what) >= 100, "{what}: {}", reached(what));
    }
}

/// A mutant is the same every time, so that a failure of the long campaign can be had again by its index.
#[test]
fn mutants_repeat() {
    let honest = Honest::load();
    let mutator = || Mutator::new(honest.tokens.clone(), honest.jwks.as_bytes());
    let (first, second) = (mutator(), mutator());
    for index in [0, 1, 999_999] {
        assert_eq!(first.mutant(SEED, index).token, second.mutant(SEED, index).token);
        assert_ne!(first.mutant(SEED, index).token, second.mutant(SEED + 1, index).token);
    }
}

/// Claims are signed, so mutated ones under an honest signature of their own must parse or be refused, never panic.
#[test]
fn mutated_claims_never_panic() {
    let forge = Forge::new();
    let keys = forge.keys();
    let mut random = SEED;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((random >> 33) % u64::try_from(bound).unwrap()).unwrap()
    };
    let honest = claims().to_string();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let mut bytes = honest.clone().into_bytes();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            bytes[at] = u8::try_from(below(128)).unwrap();
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
    let honest = Honest::load();
    for (token, name) in honest.tokens.iter().step_by(2).zip(["ES256", "ES384", "EdDSA", "PS256", "RS256"]) {
        let begin = Instant::now();
        for _ in 0..200 {
            honest.check(token).unwrap();
        }
        println!("{name}: {:?} each", begin.elapsed() / 200);
    }
}
