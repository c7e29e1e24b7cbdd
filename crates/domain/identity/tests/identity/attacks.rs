//! The attack list on tokens: every line is a token, or a key set, that must be refused, and with which code.

use crate::forge::{Forge, ISS, NOW, b64, claims, expectation, registration};
use chancery_core::refusal::RefusalCode;
use chancery_identity::authenticate::{authenticate, peek};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

/// Checks every (what, token) pair and that no refusal repeats the token.
pub(crate) fn refuse(forge: &Forge, code: RefusalCode, cases: &[(String, String)]) {
    for (what, token) in cases {
        let refusal = forge.check(token).expect_err(what);
        assert_eq!(refusal.code, code, "{what}: {refusal}");
        let shown = format!("{refusal:?}");
        assert!(token.len() < 24 || !shown.contains(token.as_str()), "{what}");
        let signature = token.rsplit('.').next().unwrap_or_default();
        assert!(signature.len() < 24 || !shown.contains(signature), "{what}");
    }
    println!("{code}: {} cases", cases.len());
}

pub(crate) fn case(what: impl Into<String>, token: String) -> (String, String) {
    (what.into(), token)
}

#[test]
fn every_algorithm_is_accepted_when_honest() {
    let forge = Forge::new();
    for (algorithm, kid) in
        [("ES256", "es256"), ("ES384", "es384"), ("EdDSA", "ed"), ("PS256", "ps256"), ("RS256", "rs256")]
    {
        let header = json!({"alg": algorithm, "kid": kid}).to_string();
        let token = forge.raw(&header, &claims().to_string(), algorithm);
        assert_eq!(forge.check(&token).unwrap().claims.find("repository_id"), Some("42"), "{algorithm}");
        assert_eq!(peek(&token, &forge.issuers).unwrap().key_id.as_deref(), Some(kid));
    }
    for typ in ["JWT", "jwt", "application/jwt", "application/JWT"] {
        let header = json!({"alg": "ES256", "kid": "es256", "typ": typ, "x5t": "AAAA"}).to_string();
        assert!(forge.check(&forge.header(&header)).is_ok(), "{typ}");
    }
}

#[test]
fn header_algorithms() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    let algorithms = [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "es256", "ES256 ", "ES512", "ES256K",
        "RS384", "RS512", "PS384", "PS512", "RS1", "RSA1_5", "dir", "A256KW", "Ed25519", "Ed448", "ES521",
    ];
    for algorithm in algorithms {
        cases.push(case(
            format!("alg {algorithm}"),
            forge.header(&json!({"alg": algorithm, "kid": "es256"}).to_string()),
        ));
    }
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn keys_that_do_not_fit_the_algorithm() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    for (claimed, kid, used) in [
        ("RS256", "rs256", "PS256"),
        ("PS256", "ps256", "RS256"),
        ("RS256", "ps256", "RS256"),
        ("PS256", "rs256", "PS256"),
        ("ES256", "es384", "ES384"),
        ("ES384", "es256", "ES256"),
        ("ES384", "es384", "ES256"),
        ("EdDSA", "es256", "ES256"),
        ("ES256", "rs256", "RS256"),
        ("RS256", "es256", "ES256"),
    ] {
        let header = json!({"alg": claimed, "kid": kid}).to_string();
        cases.push(case(
            format!("{claimed} {kid} signed {used}"),
            forge.raw(&header, &claims().to_string(), used),
        ));
    }
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn header_members() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    let own = forge.jwk("es256");
    let extras: Vec<(&str, Value)> = vec![
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("jku", json!("https://issuer.example/jwks")),
        ("x5u", json!("https://issuer.example/x5u")),
        ("jwk", own),
        ("x5c", json!(["MIIB"])),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
        ("epk", json!({})),
        ("p2c", json!(1_000_000_000)),
        ("typ", json!("at+jwt")),
        ("typ", json!("JOSE")),
        ("typ", json!("JWE")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!("logout+jwt")),
        ("typ", json!(1)),
        ("typ", json!(["JWT"])),
        ("typ", json!("")),
        ("kid", json!("unknown")),
        ("kid", json!("")),
        ("kid", json!(1)),
        ("kid", json!(["es256"])),
        ("kid", json!(null)),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("/etc/passwd")),
        ("kid", json!("es256' OR '1'='1")),
        ("kid", json!("es256\u{0}")),
        ("kid", json!("ES256")),
        ("kid", json!("es256 ")),
        ("kid", json!("a".repeat(300))),
        ("kid", json!("https://evil.example/key")),
        ("alg", json!(["ES256"])),
        ("alg", json!(null)),
        ("alg", json!(256)),
        ("alg", json!({"ES256": true})),
    ];
    for (name, value) in extras {
        let mut header = json!({"alg": "ES256", "kid": "es256", "typ": "JWT"});
        header[name] = value.clone();
        cases.push(case(format!("{name} {value}"), forge.header(&header.to_string())));
    }
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn header_texts() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    for header in [
        r#"{"kid":"es256"}"#,
        r#"{"alg":"none","alg":"ES256","kid":"es256"}"#,
        r#"{"alg":"ES256","alg":"ES256","kid":"es256"}"#,
        r#"{"alg":"ES256","kid":"es256","kid":"es384"}"#,
        r#"{"alg":"ES256","kid":"es256","\u0061lg":"none"}"#,
        r#"[{"alg":"ES256","kid":"es256"}]"#,
        r#""ES256""#,
        "null",
        "",
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"es256\"}",
        "{\"alg\":\"ES256\",\"kid\":\"es256\"}\0",
        r#"{"alg":"ES256","kid":"es256"}{}"#,
        r#"{"alg":"ES256","kid":"es256",}"#,
        r#"{'alg':'ES256','kid':'es256'}"#,
        "{\"alg\":\"ES256\",\"kid\":\"es256\",\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
    ] {
        cases.push(case(format!("header {header}"), forge.header(header)));
    }
    // With one ES256 key in the set an absent `kid` is not ambiguous.
    assert!(forge.check(&forge.header(r#"{"alg":"ES256"}"#)).is_ok());
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn forms() {
    let forge = Forge::new();
    let good = forge.good();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = [parts[0], parts[1], parts[2]];
    let hmac = {
        use aws_lc_rs::hmac;
        let header = b64(r#"{"alg":"HS256","kid":"rs256"}"#);
        let signed = format!("{header}.{payload}");
        let public = forge.jwk("rs256")["n"].as_str().unwrap().to_owned();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", b64(tag))
    };
    let zero = |size: usize| format!("{header}.{payload}.{}", b64(vec![0_u8; size]));
    let cases = vec![
        case("empty", String::new()),
        case("hs256 with the public key as secret", hmac),
        case("one part", header.to_owned()),
        case("two parts", format!("{header}.{payload}")),
        case("no signature", format!("{header}.{payload}.")),
        case("unsecured", format!("{}.{payload}.", b64(r#"{"alg":"none"}"#))),
        case("no payload", format!("{header}..{signature}")),
        case("no header", format!(".{payload}.{signature}")),
        case("only dots", "..".to_owned()),
        case("four parts", format!("{good}.{signature}")),
        case("jwe, five parts", format!("{good}.{payload}.{signature}")),
        case("two tokens", format!("{good}{good}")),
        case("two tokens, dot", format!("{good}.{good}")),
        case("two tokens, space", format!("{good} {good}")),
        case("leading space", format!(" {good}")),
        case("trailing space", format!("{good} ")),
        case("trailing newline", format!("{good}\n")),
        case("trailing nul", format!("{good}\0")),
        case("trailing dot", format!("{good}.")),
        case("bearer", format!("Bearer {good}")),
        case("bom", format!("\u{feff}{good}")),
        case("padding", format!("{good}==")),
        case("padded header", format!("{header}=.{payload}.{signature}")),
        case("newline inside", format!("{header}\n.{payload}.{signature}")),
        case("standard alphabet", good.replacen('_', "/", 1).replacen('-', "+", 1) + "+"),
        case("percent", good.replace('.', "%2e")),
        case("zero r and s", zero(64)),
        case("zero r and s, long", zero(96)),
        case("short signature", zero(63)),
        case("empty-ish signature", format!("{header}.{payload}.AA")),
        case("huge", format!("{header}.{}.{signature}", "A".repeat(40_000))),
        case(
            "json serialisation",
            json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
        ),
        case("payload of another token", {
            let other = forge.with("repository_id", json!("43"));
            format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap())
        }),
    ];
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn signatures_that_are_not_signatures() {
    let forge = Forge::new();
    let good = forge.good();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let mut cases = Vec::new();
    // P-256's order, and r = s = 1: values that broken verifiers accepted (CVE-2022-21449).
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let one = [vec![0_u8; 31], vec![1]].concat();
    for (what, r, s) in [
        ("n, n", &order, &order),
        ("1, 1", &one, &one),
        ("n, 1", &order, &one),
        ("1, 0", &one, &vec![0_u8; 32]),
        ("0, 1", &vec![0_u8; 32], &one),
    ] {
        let signature = [r.as_slice(), s.as_slice()].concat();
        cases.push(case(format!("r, s = {what}"), format!("{signed}.{}", b64(signature))));
    }
    // A nested token, and a DER signature where JWS wants r || s.
    cases.push(case("nested", forge.raw(r#"{"alg":"ES256","kid":"es256"}"#, &good, "ES256")));
    let raw = forge.sign("ES256", signed.as_bytes());
    let integer = |bytes: &[u8]| {
        let mut body = bytes.to_vec();
        if body[0] & 0x80 != 0 {
            body.insert(0, 0);
        }
        [vec![2, u8::try_from(body.len()).unwrap()], body].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat();
    cases.push(case("der signature", format!("{signed}.{}", b64(der))));
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn times_that_are_not_numbers() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    for name in ["iat", "exp"] {
        cases.push(case(format!("no {name}"), forge.with(name, Value::Null)));
    }
    let numbers = [
        json!("1800000000"),
        json!([NOW]),
        json!({}),
        json!(true),
        json!(1_800_000_100.0),
        json!(1_800_000_100.5),
        json!(-1),
        json!(-1_800_000_000),
        json!(253_402_300_800_i64),
        json!(i64::MAX),
        json!(u64::MAX),
    ];
    for name in ["iat", "exp", "nbf"] {
        for number in &numbers {
            cases.push(case(format!("{name} {number}"), forge.with(name, number.clone())));
        }
    }
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn claims_that_read_in_two_ways() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    let text = claims().to_string();
    for (what, from, to) in [
        ("exp in exponents", format!("\"exp\":{}", NOW + 290), "\"exp\":18e8".to_owned()),
        ("exp null", format!("\"exp\":{}", NOW + 290), "\"exp\":null".to_owned()),
        (
            "exp twice",
            format!("\"exp\":{}", NOW + 290),
            format!("\"exp\":{},\"exp\":{}", NOW + 290, NOW + 291),
        ),
        ("aud twice", "\"aud\":".to_owned(), "\"aud\":\"x\",\"aud\":".to_owned()),
        ("iss twice", "\"iss\":".to_owned(), "\"iss\":\"https://evil.example\",\"iss\":".to_owned()),
        (
            "iss twice, escaped",
            "\"iss\":".to_owned(),
            "\"\\u0069ss\":\"https://evil.example\",\"iss\":".to_owned(),
        ),
        (
            "repository_id twice",
            "\"repository_id\":".to_owned(),
            "\"repository_id\":\"1\",\"repository_id\":".to_owned(),
        ),
        ("lone surrogate", "\"push\"".to_owned(), "\"\\ud800\"".to_owned()),
        ("trailing data", "}".to_owned(), "}}".to_owned()),
        ("comment", "{".to_owned(), "{/**/".to_owned()),
        ("leading zero", format!("\"exp\":{}", NOW + 290), format!("\"exp\":0{}", NOW + 290)),
    ] {
        let payload = text.replacen(&from, &to, 1);
        assert_ne!(payload, text, "{what}");
        cases.push(case(what, forge.payload(&payload)));
    }
    for payload in ["", "null", "[]", "1", "\"x\"", "foo", "\u{feff}{}", "{}"] {
        cases.push(case(format!("payload {payload}"), forge.payload(payload)));
    }
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn claims_that_must_not_reach_a_terminal() {
    let forge = Forge::new();
    let mut cases = Vec::new();
    for (name, value) in [
        ("iss", Value::Null),
        ("iss", json!(1)),
        ("iss", json!([ISS])),
        ("iss", json!({"url": ISS})),
        ("jti", json!(1)),
        ("jti", json!("")),
        ("jti", json!(["a"])),
        ("jti", json!("a".repeat(600))),
        ("ref", json!("refs/heads/main\nx")),
        ("ref", json!("refs/heads/\u{1b}[31m")),
        ("ref", json!("refs/heads/\u{202e}niam")),
        ("ref", json!("refs/heads/\u{2066}x")),
        ("ref", json!("a".repeat(3000))),
        ("repository", json!("acme/app\0")),
        ("x\n", json!("y")),
        ("x", json!({"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}})),
        ("x", json!({"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}})),
    ] {
        cases.push(case(format!("{name} {value}"), forge.with(name, value)));
    }
    let mut colliding = claims();
    colliding["a/b"] = json!("1");
    colliding["a"] = json!({"b": "2"});
    cases.push(case("two claims of one path", forge.payload(&colliding.to_string())));
    let mut many = claims();
    for index in 0..300 {
        many[format!("c{index}")] = json!(index);
    }
    cases.push(case("300 claims", forge.payload(&many.to_string())));
    refuse(&forge, RefusalCode::TokenInvalid, &cases);
}

#[test]
fn kinds_of_caller_and_types_of_token_are_apart() {
    let mut forge = Forge::new();
    forge.issuers = issuers_toml::load(&registration("kind = \"human\"\n")).unwrap();
    refuse(&forge, RefusalCode::CallerKind, &[case("a person's token", forge.good())]);
    let any = crate::forge::expectation();
    let any = chancery_identity::authenticate::Expectation { kind: None, ..any };
    assert!(authenticate(&forge.good(), &forge.issuers, &forge.keys(), &any).is_ok());
    forge.issuers = issuers_toml::load(&registration("token_type = \"at+jwt\"\n")).unwrap();
    refuse(&forge, RefusalCode::TokenInvalid, &[case("an id token for an access token", forge.good())]);
    let access = forge.header(r#"{"alg":"ES256","kid":"es256","typ":"at+jwt"}"#);
    assert!(forge.check(&access).is_ok());
    let untyped = forge.header(r#"{"alg":"ES256","kid":"es256"}"#);
    refuse(&forge, RefusalCode::TokenInvalid, &[case("untyped for an access token", untyped)]);
}

#[test]
fn algorithms_and_keys_belong_to_their_issuer() {
    let forge = Forge::new();
    let two =
        "[issuer.other]\nurl = \"https://other.example\"\ndialect = \"generic\"\nalgorithms = [\"ES256\"]\n";
    let issuers = issuers_toml::load(&(registration("") + two)).unwrap();
    // A key set of one issuer never vouches for another's token, even where the key is the same.
    let token = forge.with("iss", json!("https://other.example"));
    let refusal = authenticate(&token, &issuers, &forge.keys(), &expectation()).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::TokenInvalid);
    let narrow = registration("").replace("\"ES384\", ", "");
    let issuers = issuers_toml::load(&narrow).unwrap();
    let token = forge.raw(r#"{"alg":"ES384","kid":"es384"}"#, &claims().to_string(), "ES384");
    assert_eq!(
        authenticate(&token, &issuers, &forge.keys(), &expectation()).unwrap_err().code,
        RefusalCode::TokenInvalid
    );
    assert!(peek(&token, &issuers).is_err(), "nothing is fetched for an algorithm that is not registered");
}

/// ECDSA signatures have a second spelling; it must not be a second use.
#[test]
fn a_respelled_signature_is_the_same_use() {
    let forge = Forge::new();
    let token = forge.with("jti", Value::Null);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).unwrap();
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let mut s = bytes[32..].to_vec();
    let mut borrow = 0_i16;
    for (mine, n) in s.iter_mut().zip(&order).rev() {
        let difference = i16::from(*n) - i16::from(*mine) - borrow;
        borrow = i16::from(difference < 0);
        *mine = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let respelled = format!("{signed}.{}", b64([&bytes[..32], &s].concat()));
    assert_ne!(respelled, token);
    let (first, second) = (forge.check(&token).unwrap(), forge.check(&respelled).unwrap());
    assert_eq!(first.token_use, second.token_use);
    let other = forge.check(&forge.with("jti", json!("2"))).unwrap();
    assert_ne!(first.token_use, other.token_use);
}
