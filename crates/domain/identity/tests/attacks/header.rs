//! Headers that choose their own key, change how the token is read, or pose as another type of token.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_identity::authenticate::authenticate;
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, b64, claims, expectation, registration};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    for typ in ["JWT", "jwt", "application/jwt", "application/JWT"] {
        let header = json!({"alg": "ES256", "kid": "es256", "typ": typ, "x5t": "AAAA"}).to_string();
        table.honest(format!("typ {typ}"), forge.check(&forge.header(&header)));
    }
    // With one ES256 key in the set an absent `kid` is not ambiguous.
    table.honest("no typ, no kid", forge.check(&forge.header(r#"{"alg":"ES256"}"#)));
    members(forge, &mut table);
    key_ids(forge, &mut table);
    types(forge, &mut table);
    access_tokens(forge, &mut table);
    table
}

fn altered(forge: &Forge, name: &str, value: &Value) -> String {
    let mut header = json!({"alg": "ES256", "kid": "es256", "typ": "JWT"});
    header[name] = value.clone();
    forge.header(&header.to_string())
}

fn members(forge: &Forge, table: &mut Table) {
    const READING: &str = "which changes how the token is read";
    const KEY: &str = "by which a token would choose its own key";
    const CIPHER: &str = "which belongs to encrypted or nested tokens";
    const CLAIM: &str = "which repeats a claim where nobody looks";
    for (name, value, why) in [
        ("crit", json!(["exp"]), READING),
        ("crit", json!([]), READING),
        ("crit", json!(["b64"]), READING),
        ("crit", Value::Null, READING),
        ("b64", json!(false), READING),
        ("b64", json!(true), READING),
        ("jku", json!("https://issuer.example/jwks"), KEY),
        ("jku", json!("https://evil.example/jwks"), KEY),
        ("jku", json!("http://169.254.169.254/"), KEY),
        ("x5u", json!("https://issuer.example/x5u"), KEY),
        ("x5u", json!("file:///etc/passwd"), KEY),
        ("jwk", forge.jwk("es256"), KEY),
        ("jwk", json!({"kty": "oct", "k": "AAAA"}), KEY),
        ("jwk", Value::Null, KEY),
        ("x5c", json!(["MIIB"]), KEY),
        ("x5c", json!([]), KEY),
        ("zip", json!("DEF"), CIPHER),
        ("enc", json!("A256GCM"), CIPHER),
        ("cty", json!("JWT"), CIPHER),
        ("epk", json!({}), CIPHER),
        ("p2c", json!(1_000_000_000), CIPHER),
        ("p2s", json!("AAAA"), CIPHER),
        ("apu", json!("AAAA"), CIPHER),
        ("apv", json!("AAAA"), CIPHER),
        ("iv", json!("AAAA"), CIPHER),
        ("tag", json!("AAAA"), CIPHER),
        ("iss", json!("https://evil.example"), CLAIM),
        ("sub", json!("repo:evil/app"), CLAIM),
        ("aud", json!("chancery:other.example"), CLAIM),
    ] {
        let reason = format!("token's header carries `{name}`, {why}");
        let token = altered(forge, name, &value);
        let shown: String = value.to_string().chars().take(40).collect();
        table.attack(format!("{name} {shown}"), forge.check(&token), "CH3001", reason);
    }
    // CVE-2018-0114: a token that brings the key that signed it.
    let thief = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(thief.public_key().as_ref())});
    for header in [json!({"alg": "EdDSA", "jwk": jwk}), json!({"alg": "EdDSA", "kid": "ed", "jwk": jwk})] {
        let signed = format!("{}.{}", b64(header.to_string()), b64(claims().to_string()));
        let token = format!("{signed}.{}", b64(thief.sign(signed.as_bytes())));
        let name = format!("signed by the key in jwk, kid {}", header["kid"]);
        table.attack(name, forge.check(&token), "CH3001", format!("token's header carries `jwk`, {KEY}"));
    }
    for (kid, reason) in
        [(json!("ed"), "token's signature is wrong"), (json!("thief"), "does not publish (thief")]
    {
        let header = json!({"alg": "EdDSA", "kid": kid}).to_string();
        let signed = format!("{}.{}", b64(header), b64(claims().to_string()));
        let token = format!("{signed}.{}", b64(thief.sign(signed.as_bytes())));
        table.attack(format!("signed by a stranger as {kid}"), forge.check(&token), "CH3001", reason);
    }
}

/// `kid` is a name to compare, never a path, a query or an address.
fn key_ids(forge: &Forge, table: &mut Table) {
    const UNKNOWN: &str = "token names a key that its issuer does not publish";
    const NOT_TEXT: &str = "token's `kid` is not 1 to 256 bytes of text";
    let long = "a".repeat(300);
    for (kid, reason) in [
        (json!("unknown"), format!("{UNKNOWN} (unknown for ES256)")),
        (json!("../../../../dev/null"), format!("{UNKNOWN} (../../../../dev/null")),
        (json!("/etc/passwd"), format!("{UNKNOWN} (/etc/passwd")),
        (json!("es256' OR '1'='1"), format!("{UNKNOWN} (es256' OR")),
        (json!("es256; cat /etc/passwd"), format!("{UNKNOWN} (es256; cat")),
        (json!("https://evil.example/key"), format!("{UNKNOWN} (https://evil.example/key")),
        (json!("es256\u{0}"), format!("{UNKNOWN} (es256\\u{{0}}")),
        (json!("es256\n"), format!("{UNKNOWN} (es256\\u{{a}}")),
        (json!("\u{435}s256"), format!("{UNKNOWN} (\\u{{435}}s256")),
        (json!("ES256"), format!("{UNKNOWN} (ES256 for")),
        (json!("es256 "), format!("{UNKNOWN} (es256  for")),
        (json!("es2"), format!("{UNKNOWN} (es2 for")),
        (json!("es256x"), format!("{UNKNOWN} (es256x for")),
        (json!(""), format!("{NOT_TEXT} (0 bytes)")),
        (json!(long), format!("{NOT_TEXT} (300 bytes)")),
        (json!(1), format!("{NOT_TEXT} (a number)")),
        (json!(["es256"]), format!("{NOT_TEXT} (a list)")),
        (json!({"kid": "es256"}), format!("{NOT_TEXT} (an object)")),
        (Value::Null, format!("{NOT_TEXT} (null)")),
        (json!(false), format!("{NOT_TEXT} (true or false)")),
    ] {
        let name = format!("kid {}", kid.to_string().chars().take(40).collect::<String>());
        table.attack(name, forge.check(&altered(forge, "kid", &kid)), "CH3001", reason);
    }
}

fn types(forge: &Forge, table: &mut Table) {
    const OTHER: &str = "token's `typ` is not the one its issuer is registered with";
    for (typ, actual) in [
        (json!("at+jwt"), "at+jwt"),
        (json!("JOSE"), "jose"),
        (json!("JWE"), "jwe"),
        (json!("dpop+jwt"), "dpop+jwt"),
        (json!("secevent+jwt"), "secevent+jwt"),
        (json!("logout+jwt"), "logout+jwt"),
        (json!("kb+jwt"), "kb+jwt"),
        (json!("vc+sd-jwt"), "vc+sd-jwt"),
        (json!("JWT "), "jwt "),
        (json!("application/application/jwt"), "application/application/jwt"),
        (json!(""), ""),
        (json!(1), "a number"),
        (json!(["JWT"]), "a list"),
        (Value::Null, "null"),
    ] {
        let token = altered(forge, "typ", &typ);
        table.attack(format!("typ {typ}"), forge.check(&token), "CH3001", format!("{OTHER} ({actual})"));
    }
}

/// An issuer that is registered for access tokens takes nothing else.
fn access_tokens(forge: &Forge, table: &mut Table) {
    let issuers = issuers_toml::load(&registration("token_type = \"at+jwt\"\n")).unwrap();
    let check = |token: &str| authenticate(token, &issuers, &forge.keys(), &expectation());
    let access = forge.header(r#"{"alg":"ES256","kid":"es256","typ":"at+jwt"}"#);
    table.honest("an access token", check(&access));
    const OTHER: &str = "token's `typ` is not the one its issuer is registered with";
    let untyped = forge.header(r#"{"alg":"ES256","kid":"es256"}"#);
    table.attack("an id token for an access token", check(&forge.good()), "CH3001", format!("{OTHER} (jwt)"));
    table.attack("untyped for an access token", check(&untyped), "CH3001", format!("{OTHER} (no `typ`)"));
}
