//! Tokens that are honest but not for us, not from a registered issuer, or not for now.

use chancery_core::refusal::RefusalCode;
use chancery_identity::audience;
use chancery_identity::authenticate::peek;
use serde_json::{Value, json};

use crate::attacks::{case, refuse};
use crate::forge::{Forge, HOST, NOW, claims, request};

#[test]
fn issuers_are_exact() {
    let forge = Forge::new();
    let urls = [
        "https://issuer.example/",
        "https://issuer.example//",
        "https://ISSUER.example",
        "HTTPS://issuer.example",
        "http://issuer.example",
        "https://issuer.example:443",
        "https://issuer.example.",
        "https://issuer.example/acme",
        "https://issuer.example/../issuer.example",
        "https://issuer.example?x",
        "https://issuer.example#x",
        "https://user@issuer.example",
        "https://issuer.example@evil.example",
        "https://issuer.example.evil.example",
        "https://evil.example/https://issuer.example",
        "https://xn--issur-9ra.example",
        "https://\u{456}ssuer.example",
        "https://issuer\u{3002}example",
        "https://issuer.example\u{0}",
        "https://issuer.example%00",
        "https://issuer.example ",
        " https://issuer.example",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8080",
        "file:///etc/passwd",
        "issuer.example",
        "",
    ];
    let cases: Vec<_> =
        urls.iter().map(|url| case(format!("iss {url}"), forge.with("iss", json!(url)))).collect();
    refuse(&forge, RefusalCode::IssuerUnknown, &cases);
    for (what, token) in &cases {
        // Nothing may be fetched for it either.
        assert_eq!(peek(token, &forge.issuers).expect_err(what).code, RefusalCode::IssuerUnknown);
    }
}

#[test]
fn audiences_are_ours() {
    let forge = Forge::new();
    let bound = audience::bound(HOST, request());
    let wrong = [
        Value::Null,
        json!(""),
        json!([]),
        json!([bound, "https://other.example"]),
        json!(["https://other.example", bound]),
        json!([bound, bound]),
        json!([[bound]]),
        json!([1]),
        json!(1),
        json!(true),
        json!({"aud": bound}),
        json!("sigstore"),
        json!("https://github.com/acme"),
        json!("api://AzureADTokenExchange"),
        json!("sts.amazonaws.com"),
        json!("chancery:other.example"),
        json!(audience::bound("other.example", request())),
        json!(audience::bound("sign.example.evil.example", request())),
        json!(bound.to_uppercase()),
        json!(format!("{bound} ")),
        json!(format!("{bound}0")),
        json!(bound.replace("sha256", "sha1")),
        json!(bound.replace("chancery:", "")),
        json!(bound.trim_end_matches(|c: char| c.is_ascii_hexdigit())),
        // The registration allows request-bound audiences only.
        json!(audience::fixed(HOST)),
    ];
    let cases: Vec<_> =
        wrong.into_iter().map(|aud| case(format!("aud {aud}"), forge.with("aud", aud))).collect();
    refuse(&forge, RefusalCode::AudienceWrong, &cases);
    let other = chancery_core::id::RequestId::new(chancery_core::digest::Sha256::of(b"another"));
    let stolen = case("bound elsewhere", forge.with("aud", json!(audience::bound(HOST, other))));
    refuse(&forge, RefusalCode::TokenBoundElsewhere, &[stolen]);
    assert!(forge.check(&forge.with("aud", json!([bound]))).is_ok(), "a list of one");
}

#[test]
fn times_are_within_bounds() {
    let forge = Forge::new();
    let times = |iat: i64, nbf: Option<i64>, exp: i64| {
        let mut claims = claims();
        claims["iat"] = json!(NOW + iat);
        claims["exp"] = json!(NOW + exp);
        match nbf {
            Some(nbf) => claims["nbf"] = json!(NOW + nbf),
            None => drop(claims.as_object_mut().unwrap().remove("nbf")),
        }
        forge.payload(&claims.to_string())
    };
    let mut cases = Vec::new();
    for (what, iat, nbf, exp) in [
        ("expired", -300, None, -31),
        ("expired at the edge", -300, None, -30),
        ("from the future", 31, None, 300),
        ("far from the future", 100_000, None, 100_300),
        ("nbf in the future", -10, Some(31), 300),
        ("two hours of life", -10, None, 7190),
        ("an hour and a second", 0, None, 3601),
        ("eleven minutes old", -660, None, 300),
        ("ten minutes and a second old", -601, None, 300),
        ("no life", -10, None, -10),
        ("backwards", 20, None, 10),
        ("a year", -10, None, 31_536_000),
        ("from 1970", -NOW, None, 300),
    ] {
        cases.push(case(what, times(iat, nbf, exp)));
    }
    refuse(&forge, RefusalCode::TokenExpired, &cases);
    for (what, iat, nbf, exp) in [
        ("an hour of life", 0, None, 3600),
        ("ten minutes old", -600, None, 300),
        ("within the leeway", 30, Some(30), 300),
        ("just expired", -300, None, -29),
        ("github's nbf", -10, Some(-610), 290),
    ] {
        assert!(forge.check(&times(iat, nbf, exp)).is_ok(), "{what}");
    }
}
