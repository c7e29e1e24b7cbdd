//! Key sets: secrets, keys for other purposes, weak keys, two keys under one name, and tokens that meet them.

use chancery_identity::authenticate::authenticate;
use chancery_identity::jwk::{InvalidKeys, KeySet, MAX_KEYS, MAX_SET};
use serde_json::{Value, json};

use crate::forge::{Forge, ISS, b64, expectation};
use crate::table::Table;

const PURPOSE: &str = "no usable key; not for signatures";
const ALGORITHM: &str = "no usable key; algorithm not registered, or contradicts the key";
const WEAK: &str = "no usable key; weak or invalid key";

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    table.honest("five keys, five algorithms", forge.check(&forge.good()));
    purposes(forge, &mut table);
    rsa(forge, &mut table);
    points(forge, &mut table);
    wholes(forge, &mut table);
    names(forge, &mut table);
    tokens(forge, &mut table);
    table
}

fn parse(forge: &Forge, text: &str) -> Result<KeySet, InvalidKeys> {
    KeySet::parse(forge.issuers.find(ISS).unwrap(), text)
}

fn set(forge: &Forge, keys: &[Value]) -> Result<KeySet, InvalidKeys> {
    parse(forge, &json!({ "keys": keys }).to_string())
}

/// The named key, alone in its set, with one member changed.
fn changed(forge: &Forge, key: &str, member: &str, value: Value) -> Result<KeySet, InvalidKeys> {
    let mut jwk = forge.jwk(key);
    jwk[member] = value;
    set(forge, &[jwk])
}

fn purposes(forge: &Forge, table: &mut Table) {
    for (key, member, value, reason) in [
        ("rs256", "use", json!("enc"), PURPOSE),
        ("rs256", "use", json!("SIG"), PURPOSE),
        ("rs256", "use", json!(1), PURPOSE),
        ("rs256", "use", Value::Null, PURPOSE),
        ("rs256", "key_ops", json!(["encrypt"]), PURPOSE),
        ("rs256", "key_ops", json!(["wrapKey"]), PURPOSE),
        ("rs256", "key_ops", json!(["sign"]), PURPOSE),
        ("rs256", "key_ops", json!([]), PURPOSE),
        ("rs256", "key_ops", json!("verify"), PURPOSE),
        ("rs256", "alg", json!("HS256"), ALGORITHM),
        ("rs256", "alg", json!("none"), ALGORITHM),
        ("rs256", "alg", json!("RSA-OAEP"), ALGORITHM),
        ("rs256", "alg", json!("ES256"), ALGORITHM),
        ("rs256", "alg", json!("rs256"), ALGORITHM),
        ("es256", "alg", json!("ES384"), ALGORITHM),
        ("es256", "alg", json!("EdDSA"), ALGORITHM),
        ("es256", "alg", json!(["ES256"]), ALGORITHM),
        ("es256", "alg", Value::Null, ALGORITHM),
        ("es256", "crv", json!("secp256k1"), ALGORITHM),
        ("es256", "crv", json!("P-521"), ALGORITHM),
        ("es256", "crv", json!("p-256"), ALGORITHM),
        ("es256", "crv", Value::Null, ALGORITHM),
        ("es256", "kty", json!("AKP"), ALGORITHM),
        ("es256", "kty", json!("ec"), ALGORITHM),
        ("ed", "crv", json!("X25519"), ALGORITHM),
        ("ed", "crv", json!("Ed448"), ALGORITHM),
    ] {
        table.keys(format!("{key} with {member} {value}"), changed(forge, key, member, value), reason);
    }
}

fn rsa(forge: &Forge, table: &mut Table) {
    // Not divisible by a small prime, so that only the length is wrong.
    let modulus = |bytes: usize| b64([vec![0xc1_u8; bytes - 1], vec![1]].concat());
    let honest = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        forge.jwk("rs256")["n"].as_str().unwrap(),
    )
    .unwrap();
    // The honest modulus times three: 2049 or 2050 bits with a small factor.
    let mut tripled = Vec::new();
    let mut carry = 0_u16;
    for byte in honest.iter().rev() {
        carry += u16::from(*byte) * 3;
        tripled.insert(0, u8::try_from(carry & 0xff).unwrap());
        carry >>= 8;
    }
    tripled.insert(0, u8::try_from(carry).unwrap());
    let mut even = honest.clone();
    *even.last_mut().unwrap() &= 0xfe;
    for (name, member, value) in [
        ("512 bits", "n", json!(modulus(64))),
        ("1024 bits", "n", json!(modulus(128))),
        ("2040 bits", "n", json!(modulus(255))),
        ("8200 bits", "n", json!(modulus(1025))),
        ("no modulus", "n", json!("")),
        ("the modulus is a number", "n", json!(65_537)),
        ("padded modulus", "n", json!(format!("{}==", b64(&honest)))),
        ("leading zero", "n", json!(b64([&[0], honest.as_slice()].concat()))),
        ("even modulus", "n", json!(b64(&even))),
        ("a modulus with the factor three", "n", json!(b64(&tripled))),
        ("exponent 1", "e", json!("AQ")),
        ("exponent 3", "e", json!("Aw")),
        ("exponent 65535", "e", json!(b64([0xff, 0xff]))),
        ("exponent 0", "e", json!("AA")),
        ("even exponent", "e", json!("AQAC")),
        ("leading zero in the exponent", "e", json!(b64([0, 1, 0, 1]))),
        ("exponent of 72 bits", "e", json!(modulus(9))),
        ("exponent is a number", "e", json!(65_537)),
        ("no exponent", "e", Value::Null),
    ] {
        table.keys(format!("rsa: {name}"), changed(forge, "rs256", member, value), WEAK);
    }
}

fn points(forge: &Forge, table: &mut Table) {
    let prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let hex = |text: &str| json!(b64(hex::decode(text).unwrap()));
    let y = forge.jwk("es256")["y"].clone();
    for (name, key, member, value) in [
        ("not on the curve", "es256", "x", json!("A".repeat(43))),
        ("x is y", "es256", "x", y),
        ("x is the prime", "es256", "x", hex(prime)),
        ("31 bytes", "es256", "y", json!(b64([1; 31]))),
        ("33 bytes", "es256", "y", json!(b64([1; 33]))),
        ("no y", "es256", "y", Value::Null),
        ("P-384's length on P-256", "es256", "x", forge.jwk("es384")["x"].clone()),
        ("not on P-384", "es384", "x", json!(b64([1; 48]))),
        ("ed25519 of 31 bytes", "ed", "x", json!(b64([1; 31]))),
        ("ed25519 of 33 bytes", "ed", "x", json!(b64([1; 33]))),
        ("ed25519 in hexadecimal", "ed", "x", json!("01".repeat(32))),
    ] {
        table.keys(format!("point: {name}"), changed(forge, key, member, value), WEAK);
    }
    // Anyone can sign under these: forged tokens passed before they were refused.
    for (name, point) in [
        ("order 1", "0100000000000000000000000000000000000000000000000000000000000000"),
        ("order 1, with the sign", "0100000000000000000000000000000000000000000000000000000000000080"),
        ("order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
        ("order 4, with the sign", "0000000000000000000000000000000000000000000000000000000000000080"),
        ("order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        ("order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ("order 4, as p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("order 1, as p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ] {
        table.keys(format!("ed25519 point of {name}"), changed(forge, "ed", "x", hex(point)), WEAK);
    }
}

/// Sets that are refused whole: their issuer is broken.
fn wholes(forge: &Forge, table: &mut Table) {
    const MALFORMED: &str = "not a jwk set";
    const SECRET: &str = "publishes a secret key";
    let honest = forge.jwk("es256");
    for (member, value) in [("d", "AA"), ("p", "AA"), ("q", "AA"), ("dp", "AA"), ("qi", "AA"), ("k", "AA")] {
        let mut jwk = honest.clone();
        jwk[member] = json!(value);
        table.keys(format!("a key with {member}"), set(forge, &[forge.jwk("rs256"), jwk]), SECRET);
    }
    let symmetric = json!({"kty": "oct", "kid": "s", "alg": "HS256"});
    table.keys("a symmetric key among others", set(forge, &[honest.clone(), symmetric]), SECRET);
    for (name, text) in [
        ("empty text", String::new()),
        ("a list", json!([honest]).to_string()),
        ("no keys", "{}".to_owned()),
        ("keys is an object", json!({"keys": {"es256": honest}}).to_string()),
        ("a key is text", json!({"keys": ["es256"]}).to_string()),
        ("one key without a set", honest.to_string()),
        ("keys twice", format!("{{\"keys\":[],\"keys\":[{honest}]}}")),
        (
            "a member twice",
            format!("{{\"keys\":[{}]}}", honest.to_string().replacen('{', "{\"kty\":\"RSA\",", 1)),
        ),
        ("two sets", format!("{{\"keys\":[{honest}]}}{{\"keys\":[{honest}]}}")),
        ("kid is a number", json!({"keys": [with(&honest, "kid", json!(1))]}).to_string()),
        ("kid is empty", json!({"keys": [with(&honest, "kid", json!(""))]}).to_string()),
        ("kid of 300 bytes", json!({"keys": [with(&honest, "kid", json!("k".repeat(300)))]}).to_string()),
    ] {
        table.keys(format!("set: {name}"), parse(forge, &text), MALFORMED);
    }
    table.keys("set: no key at all", set(forge, &[]), "no usable key; ");
    let many: Vec<Value> = (0..=MAX_KEYS).map(|n| with(&honest, "kid", json!(format!("k{n}")))).collect();
    table.keys("set: 65 keys", set(forge, &many), "65 keys; expected at most 64");
    let huge = format!("{{\"keys\":[{honest}],\"x\":\"{}\"}}", "x".repeat(MAX_SET));
    table.keys("set: too many bytes", parse(forge, &huge), "bytes; expected at most 131072");
}

fn with(jwk: &Value, member: &str, value: Value) -> Value {
    let mut changed = jwk.clone();
    changed[member] = value;
    changed
}

/// Two keys under one name: a verifier and a signer could choose differently.
fn names(forge: &Forge, table: &mut Table) {
    let named =
        |key: &str, algorithm: &str| with(&with(&forge.jwk(key), "kid", json!("k")), "alg", json!(algorithm));
    assert!(
        set(forge, &[named("rs256", "RS256"), named("rs256", "PS256")]).is_ok(),
        "one key, two algorithms"
    );
    for other in ["es256", "es384", "ed"] {
        let twins = set(forge, &[named("rs256", "RS256"), named(other, "ES256")]);
        table.keys(format!("rs256 and {other} under one name"), twins, "two different keys have the id `k`");
    }
    let shadow = with(&named("es256", "ES256"), "use", json!("enc"));
    let twins = set(forge, &[named("rs256", "RS256"), shadow]);
    table.keys("a key for encryption under the same name", twins, "two different keys have the id `k`");
}

/// What a token meets: ambiguous, withdrawn and left-out keys.
fn tokens(forge: &Forge, table: &mut Table) {
    let check = |token: &str, keys: &[Value]| {
        authenticate(token, &forge.issuers, &set(forge, keys).unwrap(), &expectation())
    };
    let good = forge.good();
    let anonymous = forge.header(r#"{"alg":"ES256"}"#);
    let es256 = forge.jwk("es256");
    let mut nameless = es256.clone();
    drop(nameless.as_object_mut().unwrap().remove("kid"));
    const AMBIGUOUS: &str = "token does not say which of the issuer's keys signed it";
    const UNKNOWN: &str = "token names a key that its issuer does not publish";
    let twin = with(&es256, "kid", json!("other"));
    let enc = with(&es256, "use", json!("enc"));
    for (name, token, keys, reason) in [
        ("one key listed twice", &good, vec![es256.clone(), es256.clone()], AMBIGUOUS),
        ("no kid and two keys", &anonymous, vec![es256.clone(), twin], AMBIGUOUS),
        ("no kid and none of its algorithm", &anonymous, vec![forge.jwk("ed")], UNKNOWN),
        ("a withdrawn key", &good, vec![forge.jwk("ed")], UNKNOWN),
        ("a key that lost its name", &good, vec![nameless], UNKNOWN),
        ("a key that became one for encryption", &good, vec![enc, forge.jwk("ed")], UNKNOWN),
    ] {
        table.attack(format!("token: {name}"), check(token, &keys), "CH3001", reason);
    }
}
