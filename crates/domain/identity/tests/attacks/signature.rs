//! Signatures that are none: wrong lengths, wrong encodings, numbers out of range, parts of other tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::forge::{Forge, b64, claims};
use crate::table::Table;

const RANGE: &str = "a number that is zero or not below the order of its curve";
const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
/// L, little-endian as in a signature.
const ED25519: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    table.honest("ES256", forge.check(&forge.good()));
    table.honest("ES384", forge.check(&signed_by(forge, "ES384", "es384")));
    table.honest("EdDSA", forge.check(&signed_by(forge, "EdDSA", "ed")));
    // RFC 7518 §3.4 allows both spellings of s; that neither is a second use is tested below.
    table.honest("ES256, the other s", forge.check(&respelled(&forge.good())));
    ranges(forge, &mut table);
    lengths(forge, &mut table);
    splices(forge, &mut table);
    table
}

fn signed_by(forge: &Forge, algorithm: &str, kid: &str) -> String {
    forge.raw(&json!({"alg": algorithm, "kid": kid}).to_string(), &claims().to_string(), algorithm)
}

fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, b64(signature))
}

fn signature_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap()
}

/// CVE-2022-21449 and its kin. (algorithm, key, r or R, s or S, reason)
fn ranges(forge: &Forge, table: &mut Table) {
    let zero = |size: usize| "00".repeat(size);
    let one = |size: usize| format!("{}01", "00".repeat(size - 1));
    let all = |size: usize| "ff".repeat(size);
    const WRONG: &str = "token's signature is wrong";
    for (name, algorithm, kid, r, s, reason) in [
        ("0, 0", "ES256", "es256", zero(32), zero(32), RANGE),
        ("1, 0", "ES256", "es256", one(32), zero(32), RANGE),
        ("0, 1", "ES256", "es256", zero(32), one(32), RANGE),
        ("n, n", "ES256", "es256", P256.to_owned(), P256.to_owned(), RANGE),
        ("n, 1", "ES256", "es256", P256.to_owned(), one(32), RANGE),
        ("1, n", "ES256", "es256", one(32), P256.to_owned(), RANGE),
        ("2^256 - 1", "ES256", "es256", all(32), all(32), RANGE),
        ("1, 1", "ES256", "es256", one(32), one(32), WRONG),
        ("0, 0", "ES384", "es384", zero(48), zero(48), RANGE),
        ("n, 1", "ES384", "es384", P384.to_owned(), one(48), RANGE),
        ("1, n", "ES384", "es384", one(48), P384.to_owned(), RANGE),
        ("1, 1", "ES384", "es384", one(48), one(48), WRONG),
        ("0, L", "EdDSA", "ed", zero(32), ED25519.to_owned(), RANGE),
        ("0, 2^256 - 1", "EdDSA", "ed", zero(32), all(32), RANGE),
        ("0, 0", "EdDSA", "ed", zero(32), zero(32), WRONG),
        ("neutral, 0", "EdDSA", "ed", format!("01{}", zero(31)), zero(32), WRONG),
    ] {
        let signature = hex::decode(format!("{r}{s}")).unwrap();
        let token = with_signature(&signed_by(forge, algorithm, kid), signature);
        table.attack(format!("{algorithm}, {name}"), forge.check(&token), "CH3001", reason);
    }
    // The honest S plus L: a second spelling of one signature, which RFC 8032 §5.1.7 forbids.
    let token = signed_by(forge, "EdDSA", "ed");
    let mut signature = signature_of(&token);
    let mut carry = 0_u16;
    for (byte, more) in signature.iter_mut().skip(32).zip(hex::decode(ED25519).unwrap()) {
        carry += u16::from(*byte) + u16::from(more);
        *byte = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    table.attack("EdDSA, S plus L", forge.check(&with_signature(&token, signature)), "CH3001", RANGE);
}

fn lengths(forge: &Forge, table: &mut Table) {
    const LENGTH: &str = "token's signature has another length than its algorithm's";
    let good = forge.good();
    let raw = signature_of(&good);
    let rsa = signed_by(forge, "RS256", "rs256");
    let rsa_raw = signature_of(&rsa);
    let der = der(&raw);
    for (name, token, reason) in [
        ("ES256, one byte", with_signature(&good, [0]), "(1 bytes)".to_owned()),
        ("ES256, a byte short", with_signature(&good, &raw[..63]), "(63 bytes".to_owned()),
        (
            "ES256, a byte more",
            with_signature(&good, [raw.as_slice(), &[0]].concat()),
            "(65 bytes".to_owned(),
        ),
        (
            "ES256, leading zero",
            with_signature(&good, [&[0], raw.as_slice()].concat()),
            "(65 bytes)".to_owned(),
        ),
        ("ES256, r alone", with_signature(&good, &raw[..32]), "(32 bytes".to_owned()),
        ("ES256, twice", with_signature(&good, raw.repeat(2)), "(128 bytes".to_owned()),
        ("ES256, der", with_signature(&good, &der), format!("({} bytes, as in DER)", der.len())),
        ("RS256, a byte short", with_signature(&rsa, &rsa_raw[1..]), "(255 bytes".to_owned()),
        (
            "RS256, leading zero",
            with_signature(&rsa, [&[0], rsa_raw.as_slice()].concat()),
            "(257 bytes)".to_owned(),
        ),
        (
            "EdDSA, R alone",
            with_signature(&signed_by(forge, "EdDSA", "ed"), &raw[..32]),
            "(32 bytes".to_owned(),
        ),
    ] {
        table.attack(name, forge.check(&token), "CH3001", format!("{LENGTH} {reason}"));
    }
}

fn splices(forge: &Forge, table: &mut Table) {
    const WRONG: &str = "token's signature is wrong";
    let good = forge.good();
    let other = forge.with("repository_id", json!("43"));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&good), parts(&other));
    let untyped = b64(r#"{"alg":"ES256","kid":"es256"}"#);
    let rsa = signature_of(&signed_by(forge, "RS256", "rs256"));
    let mut flipped = signature_of(&good);
    flipped[20] ^= 1;
    for (name, token) in [
        ("claims of another token", format!("{}.{}.{}", mine[0], theirs[1], mine[2])),
        ("signature of another token", format!("{}.{}.{}", mine[0], mine[1], theirs[2])),
        ("another header", format!("{untyped}.{}.{}", mine[1], mine[2])),
        ("r and s swapped", {
            let raw = signature_of(&good);
            with_signature(&good, [&raw[32..], &raw[..32]].concat())
        }),
        ("a bit of r", with_signature(&good, flipped)),
        ("RS256, all zero", with_signature(&signed_by(forge, "RS256", "rs256"), vec![0; 256])),
        ("RS256, all ones", with_signature(&signed_by(forge, "RS256", "rs256"), vec![0xff; 256])),
        ("RS256, one", {
            let one = [vec![0; 255], vec![1]].concat();
            with_signature(&signed_by(forge, "RS256", "rs256"), one)
        }),
        ("RS256's signature under PS256", with_signature(&signed_by(forge, "PS256", "ps256"), rsa)),
    ] {
        table.attack(format!("splice: {name}"), forge.check(&token), "CH3001", WRONG);
    }
}

fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut body: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        if body[0] & 0x80 != 0 {
            body.insert(0, 0);
        }
        [vec![2, u8::try_from(body.len()).unwrap()], body].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// The same ES256 signature with n - s for s.
fn respelled(token: &str) -> String {
    let raw = signature_of(token);
    let order = hex::decode(P256).unwrap();
    let mut s = raw[32..].to_vec();
    let mut borrow = 0_i16;
    for (mine, n) in s.iter_mut().zip(&order).rev() {
        let difference = i16::from(*n) - i16::from(*mine) - borrow;
        borrow = i16::from(difference < 0);
        *mine = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    with_signature(token, [&raw[..32], &s].concat())
}

/// ECDSA signatures have a second spelling; it must not be a second use.
#[test]
fn a_respelled_signature_is_the_same_use() {
    let forge = Forge::new();
    let token = forge.with("jti", Value::Null);
    let respelled = respelled(&token);
    assert_ne!(respelled, token);
    let (first, second) = (forge.check(&token).unwrap(), forge.check(&respelled).unwrap());
    assert_eq!(first.token_use, second.token_use);
    let other = forge.check(&forge.with("jti", json!("2"))).unwrap();
    assert_ne!(first.token_use, other.token_use);
}
