//! Algorithm confusion: `none`, secrets instead of keys, and keys under the wrong algorithm.

use aws_lc_rs::hmac;
use chancery_identity::authenticate::{authenticate, peek};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, b64, claims, expectation, registration};
use crate::table::Table;

/// Names that are not one of ours. JOSE names are compared with case and without trimming (RFC 7515 §4.1.1).
const NAMES: [&str; 33] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    "",
    "HS256",
    "HS384",
    "HS512",
    "es256",
    "Es256",
    "ES256 ",
    " ES256",
    "ES512",
    "ES256K",
    "RS384",
    "RS512",
    "PS384",
    "PS512",
    "RS1",
    "RSA1_5",
    "RSA-OAEP",
    "dir",
    "A256KW",
    "A256GCM",
    "Ed25519",
    "Ed448",
    "eddsa",
    "ES521",
    "ML-DSA-65",
    "SHA256withECDSA",
    "ES256,none",
    "../ES256",
];

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    for (algorithm, kid) in
        [("ES256", "es256"), ("ES384", "es384"), ("EdDSA", "ed"), ("PS256", "ps256"), ("RS256", "rs256")]
    {
        let header = json!({"alg": algorithm, "kid": kid}).to_string();
        let token = forge.raw(&header, &claims().to_string(), algorithm);
        assert_eq!(peek(&token, &forge.issuers).unwrap().key_id.as_deref(), Some(kid));
        table.honest(algorithm, forge.check(&token));
    }
    names(forge, &mut table);
    keys(forge, &mut table);
    secrets(forge, &mut table);
    registered(forge, &mut table);
    table
}

fn names(forge: &Forge, table: &mut Table) {
    const NOT_ALLOWED: &str = "token's `alg` is not allowed";
    for name in NAMES {
        let token = forge.header(&json!({"alg": name, "kid": "es256"}).to_string());
        table.attack(
            format!("alg {name:?}"),
            forge.check(&token),
            "CH3001",
            format!("{NOT_ALLOWED} (`{name}`)"),
        );
    }
    for (value, reason) in [
        (json!(["ES256"]), "(a list)"),
        (Value::Null, "(null)"),
        (json!(256), "(a number)"),
        (json!(true), "(true or false)"),
        (json!({"ES256": true}), "(an object)"),
        (json!(2.5), "(a number with a fraction or an exponent)"),
    ] {
        let token = forge.header(&json!({"alg": value, "kid": "es256"}).to_string());
        table.attack(
            format!("alg {value}"),
            forge.check(&token),
            "CH3001",
            format!("{NOT_ALLOWED} {reason}"),
        );
    }
    let token = forge.header(r#"{"kid":"es256"}"#);
    table.attack("no alg", forge.check(&token), "CH3001", format!("{NOT_ALLOWED} (no `alg`)"));
}

/// (claimed algorithm, named key, what really signed, reason)
fn keys(forge: &Forge, table: &mut Table) {
    const OTHER: &str = "token's `alg` is not that of the key that it names";
    const LENGTH: &str = "another length than its algorithm's";
    for (claimed, kid, signer, reason) in [
        ("RS256", "rs256", "PS256", "token's signature is wrong".to_owned()),
        ("PS256", "ps256", "RS256", "token's signature is wrong".to_owned()),
        ("RS256", "ps256", "RS256", format!("{OTHER} (ps256 for RS256)")),
        ("PS256", "rs256", "PS256", format!("{OTHER} (rs256 for PS256)")),
        ("ES256", "es384", "ES384", format!("{OTHER} (es384 for ES256)")),
        ("ES384", "es256", "ES256", format!("{OTHER} (es256 for ES384)")),
        ("ES256", "es384", "ES256", format!("{OTHER} (es384 for ES256)")),
        ("EdDSA", "es256", "ES256", format!("{OTHER} (es256 for EdDSA)")),
        ("ES256", "ed", "EdDSA", format!("{OTHER} (ed for ES256)")),
        ("ES256", "rs256", "RS256", format!("{OTHER} (rs256 for ES256)")),
        ("RS256", "es256", "ES256", format!("{OTHER} (es256 for RS256)")),
        ("ES384", "es384", "ES256", format!("{LENGTH} (64 bytes)")),
        ("ES256", "es256", "ES384", format!("{LENGTH} (96 bytes)")),
        ("ES256", "es256", "RS256", format!("{LENGTH} (256 bytes)")),
        ("RS256", "rs256", "ES256", format!("{LENGTH} (64 bytes)")),
        ("ES256", "es256", "EdDSA", "token's signature is wrong".to_owned()),
    ] {
        let header = json!({"alg": claimed, "kid": kid}).to_string();
        let token = forge.raw(&header, &claims().to_string(), signer);
        table.attack(format!("{claimed} with {kid}, signed {signer}"), forge.check(&token), "CH3001", reason);
    }
}

/// CVE-2015-9235: the public key as the secret of an HMAC, in each form in which a verifier could hold it.
fn secrets(forge: &Forge, table: &mut Table) {
    let jwk = forge.jwk("rs256");
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    let spki = forge.rsa_spki();
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &spki);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    let forms: [(&str, Vec<u8>); 7] = [
        ("its modulus", modulus.into_bytes()),
        ("its jwk", jwk.to_string().into_bytes()),
        ("its set", forge.jwks().to_string().into_bytes()),
        ("its der", spki),
        ("its pem", pem.clone().into_bytes()),
        ("its pem without the last newline", pem.trim_end().as_bytes().to_vec()),
        ("nothing", Vec::new()),
    ];
    let tag = |header: &str, secret: &[u8]| {
        let signed = format!("{}.{}", b64(header), b64(claims().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", b64(tag))
    };
    for (what, secret) in &forms {
        let token = tag(r#"{"alg":"HS256","kid":"rs256"}"#, secret);
        let reason = "token's `alg` is not allowed (`HS256`)";
        table.attack(format!("hs256, secret is {what}"), forge.check(&token), "CH3001", reason);
    }
    for algorithm in ["RS256", "ES256"] {
        let header = json!({"alg": algorithm, "kid": algorithm.to_lowercase()}).to_string();
        let reason = "another length than its algorithm's (32 bytes)";
        let token = tag(&header, &forms[0].1);
        table.attack(format!("an hmac that claims {algorithm}"), forge.check(&token), "CH3001", reason);
    }
}

/// The issuer's registration counts, not what its keys could do.
fn registered(forge: &Forge, table: &mut Table) {
    for (algorithm, kid) in [("ES384", "es384"), ("EdDSA", "ed"), ("PS256", "ps256"), ("RS256", "rs256")] {
        let others = registration("").replace(&format!("\"{algorithm}\""), "\"ES256\"");
        let issuers = issuers_toml::load(&others).unwrap();
        let header = json!({"alg": algorithm, "kid": kid}).to_string();
        let token = forge.raw(&header, &claims().to_string(), algorithm);
        let checked = authenticate(&token, &issuers, &forge.keys(), &expectation());
        let reason = format!("token's `alg` is not one that its issuer is registered with ({algorithm})");
        table.attack(format!("{algorithm} is not registered"), checked, "CH3001", reason);
        assert!(peek(&token, &issuers).is_err(), "nothing is fetched for it");
    }
}
