//! Times: expired, not yet, too old, too long, and what is no time at all.

use chancery_core::time::Time;
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, NOW, claims, expectation, registration};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    bounds(forge, &mut table);
    numbers(forge, &mut table);
    spellings(forge, &mut table);
    registered(forge, &mut table);
    table
}

/// Seconds before and after now.
fn times(forge: &Forge, iat: i64, nbf: Option<i64>, exp: i64) -> String {
    let mut claims = claims();
    claims["iat"] = json!(NOW + iat);
    claims["exp"] = json!(NOW + exp);
    match nbf {
        Some(nbf) => claims["nbf"] = json!(NOW + nbf),
        None => drop(claims.as_object_mut().unwrap().remove("nbf")),
    }
    forge.payload(&claims.to_string())
}

/// Leeway is 30 s, greatest life an hour, greatest age ten minutes.
fn bounds(forge: &Forge, table: &mut Table) {
    for (name, iat, nbf, exp) in [
        ("an hour of life", 0, None, 3600),
        ("ten minutes old", -600, None, 300),
        ("within the leeway", 30, Some(30), 300),
        ("just expired", -300, None, -29),
        ("github's nbf", -10, Some(-610), 290),
    ] {
        table.honest(name, forge.check(&times(forge, iat, nbf, exp)));
    }
    for (name, iat, nbf, exp, reason) in [
        ("expired", -300, None, -31, "token is expired (until "),
        ("expired at the edge", -300, None, -30, "token is expired (until "),
        ("expired long ago", -100_300, None, -100_000, "token is expired (until "),
        ("from 1970 to 1970", -NOW, None, 1 - NOW, "token is expired (until "),
        ("from the future", 31, None, 300, "token is not valid yet (from "),
        ("from far in the future", 100_000, None, 100_300, "token is not valid yet (from "),
        ("from the year 9999", 251_602_300_799, None, 251_602_300_799, "token is not valid yet (from "),
        ("nbf in the future", -10, Some(31), 300, "token is not valid yet (from "),
        ("nbf after exp", -10, Some(400), 300, "token is not valid yet (from "),
        ("nbf in the past hides no iat in the future", 60, Some(-60), 300, "token is not valid yet (from "),
        ("two hours of life", -10, None, 7190, "token lives too long (7200 s)"),
        ("an hour and a second", 0, None, 3601, "token lives too long (3601 s)"),
        ("a year", -10, None, 31_536_000, "token lives too long (31536010 s)"),
        ("from 1970", -NOW, None, 300, "token lives too long (1800000300 s)"),
        ("until 9999", -10, None, 251_602_300_799, "token lives too long (251602300809 s)"),
        ("no life", -10, None, -10, "token ends before it begins (0 s)"),
        ("backwards", 20, None, 10, "token ends before it begins (-10 s)"),
        ("backwards by an hour", 20, None, -20, "token ends before it begins (-40 s)"),
        ("eleven minutes old", -660, None, 300, "token is too old (660 s)"),
        ("ten minutes and a second old", -601, None, 300, "token is too old (601 s)"),
        ("fifty-nine minutes old", -3540, None, 60, "token is too old (3540 s)"),
    ] {
        table.attack(name, forge.check(&times(forge, iat, nbf, exp)), "CH3005", reason);
    }
}

/// RFC 7519 §2 allows fractions in NumericDate; no issuer sends them, and readers round them differently.
fn numbers(forge: &Forge, table: &mut Table) {
    for name in ["iat", "exp", "nbf"] {
        for (value, actual) in [
            (json!("1800000000"), "text"),
            (json!([NOW]), "a list"),
            (json!({}), "an object"),
            (json!(true), "true or false"),
            (json!(1_800_000_100.0), "a number with a fraction"),
            (json!(1_800_000_100.5), "a number with a fraction"),
            (json!(-1), "-1"),
            (json!(-1_800_000_000), "-1800000000"),
            (json!(253_402_300_800_i64), "253402300800"),
            (json!(1_800_000_100_000_000_i64), "1800000100000000"),
            (json!(i64::MAX), "9223372036854775807"),
            (json!(i64::MIN), "-9223372036854775808"),
        ] {
            let reason = format!("token's `{name}` is not a whole number of seconds ({actual}");
            table.attack(format!("{name} {value}"), forge.check(&forge.with(name, value)), "CH3001", reason);
        }
    }
    for name in ["iat", "exp"] {
        let reason = format!("token has no `{name}` (");
        table.attack(format!("no {name}"), forge.check(&forge.with(name, Value::Null)), "CH3001", reason);
    }
}

/// (name, what stands in the text for `exp`, reason)
fn spellings(forge: &Forge, table: &mut Table) {
    let honest = format!("\"exp\":{}", NOW + 290);
    for (name, text, actual) in [
        ("in exponents", "\"exp\":18e8", "a number with a fraction or an exponent"),
        ("in exponents, large", "\"exp\":1.800000100E9", "a number with a fraction or an exponent"),
        ("with a point", "\"exp\":1800000100.0", "a number with a fraction or an exponent"),
        ("minus zero", "\"exp\":-0", "a number with a fraction or an exponent"),
        ("null", "\"exp\":null", "null"),
        (
            "an exponent too great for a whole number",
            "\"exp\":1e20",
            "a number with a fraction or an exponent",
        ),
    ] {
        let payload = claims().to_string().replacen(&honest, text, 1);
        let reason = format!("token's `exp` is not a whole number of seconds ({actual})");
        table.attack(format!("exp {name}"), forge.check(&forge.payload(&payload)), "CH3001", reason);
    }
}

fn registered(forge: &Forge, table: &mut Table) {
    let strict = "max_age = 60\nmax_life = 120\nleeway = 0\n";
    let issuers = issuers_toml::load(&registration(strict)).unwrap();
    let check = |token: &str, now: i64| {
        let expected = Expectation { now: Time::from_seconds(now), ..expectation() };
        authenticate(token, &issuers, &forge.keys(), &expected)
    };
    let token = times(forge, 0, None, 120);
    table.honest("strict issuer, at once", check(&token, NOW));
    table.honest("strict issuer, a minute later", check(&token, NOW + 60));
    for (name, now, reason) in [
        ("strict issuer, 61 s later", NOW + 61, "token is too old (61 s)"),
        ("strict issuer, at exp", NOW + 120, "token is expired"),
        ("strict issuer, a second early", NOW - 1, "token is not valid yet"),
        ("a clock before 1970", -1, "token is not valid yet"),
        ("a clock at the end of time", i64::MAX / 1000, "token is expired"),
    ] {
        table.attack(name, check(&token, now), "CH3005", reason);
    }
    let long = times(forge, 0, None, 121);
    table.attack("strict issuer, 121 s of life", check(&long, NOW), "CH3005", "token lives too long (121 s)");
}
