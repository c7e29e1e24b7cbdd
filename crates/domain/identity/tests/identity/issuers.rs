//! `issuers.toml`: what is refused, that all problems are told at once, and how key sets are judged.

use crate::forge::{Forge, ISS};
use chancery_core::caller::CallerKind;
use chancery_core::port::dialer::Reach;
use chancery_identity::issuer::AudienceMode;
use chancery_identity::issuers_toml::load;
use chancery_identity::jwk::{Ignored, InvalidKeys, KeySet};
use serde_json::{Value, json};

const MINIMAL: &str =
    "[issuer.a]\nurl = \"https://a.example\"\ndialect = \"github\"\nalgorithms = [\"RS256\"]\n";

#[test]
fn defaults_are_strict() {
    let issuers = load(MINIMAL).unwrap();
    let issuer = issuers.find("https://a.example").unwrap();
    assert_eq!(issuer.kind(), CallerKind::Workload);
    assert_eq!(issuer.audiences(), [AudienceMode::Request]);
    let bounds = issuer.bounds();
    assert_eq!((bounds.max_age, bounds.max_life, bounds.leeway), (600, 3600, 30));
    assert_eq!(issuer.reach(), Reach::Public);
    assert!(issuer.pinned_keys().is_none() && issuer.key_hosts().is_empty());
    let dev = load(&MINIMAL.replace("https://a.example", "http://127.0.0.1:9")).unwrap();
    assert_eq!(dev.iter().next().unwrap().reach(), Reach::Loopback);
    let private = load(&format!("{MINIMAL}allow_private = true\n")).unwrap();
    assert_eq!(private.iter().next().unwrap().reach(), Reach::Private);
    assert_eq!(load("").unwrap().iter().count(), 0);
}

#[test]
fn problems_are_named() {
    for (line, expected) in [
        ("url = \"http://a.example\"", "duplicate key"),
        ("max_age = 0", "max_age: 0 is not 1 to 3600"),
        ("max_age = 3601", "max_age: 3601"),
        ("max_life = 3601", "max_life: 3601"),
        ("max_life = -1", "max_life: -1"),
        ("leeway = 61", "leeway: 61 is not 0 to 60"),
        ("leeway = \"1m\"", "invalid type"),
        ("audience = []", "audience: expected"),
        ("audience = [\"any\"]", "unknown variant `any`"),
        ("kind = \"robot\"", "unknown variant `robot`"),
        ("token_type = \"at+JWT\"", "unknown variant"),
        ("base_url = \"github.com\"", "base_url: expected `https://`"),
        ("base_url = \"https://github.com/\"", "without a trailing slash"),
        ("key_hosts = [\"https://keys.example\"]", "key_hosts: `https://keys.example`"),
        ("key_hosts = [\"keys.example:8443\"]", "key_hosts: `keys.example:8443`"),
        ("key_hosts = [\"*.example\"]", "key_hosts: `*.example`"),
        ("pinned_keys = \"{}\"", "pinned_keys: not a jwk set"),
        ("skip_verification = true", "unknown field `skip_verification`"),
        ("[issuer.a.claims]\nsource_repository_uri = \"x\"", "only the generic dialect"),
    ] {
        let error = load(&format!("{MINIMAL}{line}\n")).unwrap_err().to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
    for (text, expected) in [
        (MINIMAL.replace("RS256", "HS256"), "algorithms: `HS256` is not one of"),
        (MINIMAL.replace("RS256", "none"), "algorithms: `none`"),
        (MINIMAL.replace("\"RS256\"", ""), "algorithms: expected at least one"),
        (MINIMAL.replace("github", "travis"), "unknown variant `travis`"),
        (MINIMAL.replace("https", "http"), "url: expected `https://`"),
        (MINIMAL.replace("issuer.a]", "issuer.\"A b\"]"), "is not a issuer name"),
        ("issuer = 1".to_owned(), "`issuer` is not a table"),
        ("[issuers.a]\n".to_owned(), "unknown field `issuers`"),
        ("[issuer.a]\n".to_owned(), "missing field `url`"),
        ("[issuer".to_owned(), "issuers.toml: "),
        (
            MINIMAL.to_owned() + &MINIMAL.replace("issuer.a]", "issuer.b]"),
            "issuer.b: has the same url as issuer.a",
        ),
        (
            MINIMAL.to_owned() + &MINIMAL.replace("issuer.a]", "issuer.b]").replace("example", "example/"),
            "issuer.b: has the same url as issuer.a",
        ),
        (
            MINIMAL.replace("github", "generic") + "[issuer.a.claims]\nissuer = \"x\"\n",
            "claims: `issuer` is not one of",
        ),
    ] {
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn all_problems_at_once() {
    let text = "[issuer.a]\nurl = \"ftp://x\"\ndialect = \"github\"\nalgorithms = [\"HS256\"]\nleeway = 90\n\
                [issuer.b]\nurl = 1\n[issuer.c]\nmystery = 1\n";
    let problems = load(text).unwrap_err().problems;
    assert_eq!(problems.len(), 5, "{problems:#?}");
}

#[test]
fn keys_are_judged_one_by_one() {
    let forge = Forge::new();
    let issuer = forge.issuers.find(ISS).unwrap();
    let changed = |name: &str, changes: &[(&str, Value)]| {
        let mut key = forge.jwk(name);
        for (member, value) in changes {
            key[*member] = value.clone();
        }
        key["kid"] = json!("changed");
        key
    };
    let long = |bytes: usize| crate::forge::b64([vec![0xc1_u8; bytes - 1], vec![1]].concat());
    for (what, key, expected) in [
        ("enc", changed("rs256", &[("use", json!("enc"))]), Ignored::Purpose),
        ("use is a number", changed("rs256", &[("use", json!(1))]), Ignored::Purpose),
        ("key_ops", changed("rs256", &[("key_ops", json!(["encrypt"]))]), Ignored::Purpose),
        ("key_ops text", changed("rs256", &[("key_ops", json!("verify"))]), Ignored::Purpose),
        ("hs256", changed("rs256", &[("alg", json!("HS256"))]), Ignored::Algorithm),
        ("rsa-oaep", changed("rs256", &[("alg", json!("RSA-OAEP"))]), Ignored::Algorithm),
        ("alg of another type", changed("rs256", &[("alg", json!("ES256"))]), Ignored::Algorithm),
        ("alg of another curve", changed("es256", &[("alg", json!("ES384"))]), Ignored::Algorithm),
        ("alg is a list", changed("es256", &[("alg", json!(["ES256"]))]), Ignored::Algorithm),
        ("secp256k1", changed("es256", &[("crv", json!("secp256k1"))]), Ignored::Algorithm),
        ("x25519", changed("ed", &[("crv", json!("X25519"))]), Ignored::Algorithm),
        ("unknown type", changed("es256", &[("kty", json!("AKP"))]), Ignored::Algorithm),
        ("512 bits", changed("rs256", &[("n", json!(long(64)))]), Ignored::Weak),
        ("1024 bits", changed("rs256", &[("n", json!(long(128)))]), Ignored::Weak),
        ("2040 bits", changed("rs256", &[("n", json!(long(255)))]), Ignored::Weak),
        ("8200 bits", changed("rs256", &[("n", json!(long(1025)))]), Ignored::Weak),
        ("leading zero", changed("rs256", &[("n", json!(format!("AA{}", "B".repeat(342))))]), Ignored::Weak),
        (
            "even modulus",
            changed("rs256", &[("n", json!(crate::forge::b64(vec![0xc2_u8; 256])))]),
            Ignored::Weak,
        ),
        ("exponent 1", changed("rs256", &[("e", json!("AQ"))]), Ignored::Weak),
        ("exponent 3", changed("rs256", &[("e", json!("Aw"))]), Ignored::Weak),
        ("even exponent", changed("rs256", &[("e", json!("AQAC"))]), Ignored::Weak),
        ("huge exponent", changed("rs256", &[("e", json!(long(9)))]), Ignored::Weak),
        ("no exponent", changed("rs256", &[("e", Value::Null)]), Ignored::Weak),
        ("not on the curve", changed("es256", &[("x", json!("A".repeat(43)))]), Ignored::Weak),
        ("31 bytes", changed("es256", &[("y", json!(long(31)))]), Ignored::Weak),
        ("33 bytes", changed("es256", &[("y", json!(long(33)))]), Ignored::Weak),
        ("short ed25519", changed("ed", &[("x", json!(long(31)))]), Ignored::Weak),
    ] {
        let alone = KeySet::parse(issuer, &json!({ "keys": [key] }).to_string());
        assert!(matches!(alone, Err(InvalidKeys::Empty(_))), "{what}: {alone:?}");
        let mut set = forge.jwks();
        set["keys"].as_array_mut().unwrap().push(key);
        let mixed = KeySet::parse(issuer, &set.to_string()).unwrap();
        assert_eq!(mixed.ignored(), [expected], "{what}");
        assert!(!mixed.has(Some("changed")), "{what}");
    }
}

#[test]
fn one_key_may_be_listed_once_per_algorithm_only() {
    let forge = Forge::new();
    let issuer = forge.issuers.find(ISS).unwrap();
    let labelled = |name: &str, algorithm: &str| {
        let mut key = forge.jwk(name);
        key["alg"] = json!(algorithm);
        key["kid"] = json!("k");
        key
    };
    let parse = |keys: &[Value]| KeySet::parse(issuer, &json!({ "keys": keys }).to_string());
    assert!(parse(&[labelled("rs256", "RS256"), labelled("rs256", "PS256")]).is_ok());
    for other in ["es256", "es384", "ed"] {
        let twin = parse(&[labelled("rs256", "RS256"), labelled(other, "ES256")]);
        assert!(matches!(twin, Err(InvalidKeys::Duplicate(_))), "{other}: {twin:?}");
    }
    // A key of the same id that would be left out is still a second key.
    let mut shadow = labelled("es256", "ES256");
    shadow["use"] = json!("enc");
    assert!(matches!(parse(&[labelled("rs256", "RS256"), shadow]), Err(InvalidKeys::Duplicate(_))));
    // Listed twice under one algorithm, the choice is ambiguous and no token passes.
    let twice = parse(&[forge.jwk("es256"), forge.jwk("es256")]).unwrap();
    let checked = chancery_identity::authenticate::authenticate(
        &forge.good(),
        &forge.issuers,
        &twice,
        &crate::forge::expectation(),
    );
    assert!(checked.is_err());
}
