//! `iss` that looks like a registered issuer and is none. Nothing is ever fetched for one.

use chancery_identity::authenticate::{authenticate, peek};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, ISS, expectation, registration};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    table.honest("exactly as registered", forge.check(&forge.good()));
    not_text(forge, &mut table);
    spellings(forge, &mut table);
    tenants(forge, &mut table);
    table
}

fn not_text(forge: &Forge, table: &mut Table) {
    for (value, actual) in [
        (Value::Null, "no `iss`"),
        (json!(1), "a number"),
        (json!([ISS]), "a list"),
        (json!({"url": ISS}), "an object"),
        (json!(true), "true or false"),
    ] {
        let checked = forge.check(&forge.with("iss", value.clone()));
        table.attack(
            format!("iss {value}"),
            checked,
            "CH3001",
            format!("token's `iss` is not text ({actual})"),
        );
    }
}

/// (iss, reason): why it is not the registered `https://issuer.example`.
fn spellings(forge: &Forge, table: &mut Table) {
    const SCHEME: &str = "not a canonical url: expected `https://`";
    const TEXT: &str = "not a canonical url: longer than 512 bytes, or not printable ascii";
    const HOST: &str = "its host is, with another scheme, port or path";
    const UNKNOWN: &str = "token's issuer is not registered (https://";
    let long = format!("{ISS}/{}", "a".repeat(600));
    for (iss, reason) in [
        ("https://issuer.example/", HOST),
        ("https://issuer.example/acme", HOST),
        ("https://issuer.example:8443", HOST),
        ("https://issuer.example//", "not a canonical url: path `//`"),
        ("https://issuer.example/.", "not a canonical url: path `/.`"),
        ("https://issuer.example/../issuer.example", "not a canonical url: path `/../"),
        ("https://issuer.example/%2e%2e", "not a canonical url: path `/%2e"),
        ("https://issuer.example/a;b", "not a canonical url: path `/a;b`"),
        ("https://issuer.example/a\\b", "not a canonical url: path `/a\\b`"),
        ("https://issuer.example?x", "not a canonical url: host `issuer.example?x`"),
        ("https://issuer.example#x", "not a canonical url: host `issuer.example#x`"),
        ("https://ISSUER.example", "not a canonical url: host `ISSUER.example`"),
        ("https://issuer.EXAMPLE", "not a canonical url: host `issuer.EXAMPLE`"),
        ("https://issuer.example.", "not a canonical url: host `issuer.example.`"),
        ("https://issuer..example", "not a canonical url: host `issuer..example`"),
        ("https://user@issuer.example", "not a canonical url: host `user@issuer.example`"),
        ("https://issuer.example@evil.example", "not a canonical url: host `issuer.example@evil.example`"),
        ("https://issuer.example%00", "not a canonical url: host `issuer.example%00`"),
        ("https://issuer%2eexample", "not a canonical url: host `issuer%2eexample`"),
        ("https://issuer.example\\@evil.example", "not a canonical url: host `issuer.example\\"),
        ("https://user:pw@issuer.example", "not a canonical url: port `pw@issuer.example`"),
        ("https://issuer.example:443", "not a canonical url: port `443`"),
        ("https://issuer.example:0443", "not a canonical url: port `0443`"),
        ("https://issuer.example:", "not a canonical url: port ``"),
        ("https://issuer.example:99999", "not a canonical url: port `99999`"),
        ("HTTPS://issuer.example", SCHEME),
        ("http://issuer.example", SCHEME),
        ("//issuer.example", SCHEME),
        ("issuer.example", SCHEME),
        ("file:///etc/passwd", SCHEME),
        ("javascript:alert(1)", SCHEME),
        ("", SCHEME),
        ("https://\u{456}ssuer.example", TEXT),
        ("https://issuer\u{3002}example", TEXT),
        ("https://issuer.example\u{200b}", TEXT),
        ("https://issuer.example\u{0}", TEXT),
        ("https://issuer.example\n", TEXT),
        ("https://issuer.example ", TEXT),
        (" https://issuer.example", TEXT),
        (long.as_str(), TEXT),
        ("https://issuer.example.evil.example", UNKNOWN),
        ("https://evil-issuer.example", UNKNOWN),
        ("https://issuer-example", UNKNOWN),
        ("https://xn--issur-9ra.example", UNKNOWN),
        ("https://evil.example/issuer.example", UNKNOWN),
        ("https://169.254.169.254/latest/meta-data", UNKNOWN),
        ("https://2130706433", "not a canonical url: host `2130706433`"),
        ("http://127.0.0.1:8080", "token's issuer is not registered (http://127"),
    ] {
        let token = forge.with("iss", json!(iss));
        let name: String = iss.chars().take(60).collect();
        table.attack(format!("iss {name:?}"), forge.check(&token), "CH3002", reason);
        assert_eq!(peek(&token, &forge.issuers).unwrap_err().code.code(), "CH3002", "{iss}: never fetched");
    }
}

/// Issuers of many tenants may share keys, and hosts; a tenant never vouches for another.
fn tenants(forge: &Forge, table: &mut Table) {
    let tenant = |name: &str, url: &str| registration("").replace("issuer.forge", name).replace(ISS, url);
    let both = tenant("issuer.forge", "https://issuer.example/acme")
        + &tenant("issuer.other", "https://issuer.example/other");
    let issuers = issuers_toml::load(&both).unwrap();
    let keys = |url: &str| {
        let set = forge.jwks().to_string();
        chancery_identity::jwk::KeySet::parse(issuers.find(url).unwrap(), &set).unwrap()
    };
    let (acme, other) = (keys("https://issuer.example/acme"), keys("https://issuer.example/other"));
    let token = |url: &str| forge.with("iss", json!(url));
    let mine = token("https://issuer.example/acme");
    table.honest("a tenant", authenticate(&mine, &issuers, &acme, &expectation()));
    let checked = authenticate(&mine, &issuers, &other, &expectation());
    table.attack(
        "keys of another tenant",
        checked,
        "CH3001",
        "keys are not those of the token's issuer (other)",
    );
    for (name, iss) in [
        ("no tenant", "https://issuer.example"),
        ("another tenant", "https://issuer.example/evil"),
        ("a tenant below", "https://issuer.example/acme/evil"),
        ("a tenant with a slash", "https://issuer.example/acme/"),
        ("a tenant in capitals", "https://issuer.example/Acme"),
    ] {
        let checked = authenticate(&token(iss), &issuers, &acme, &expectation());
        let reason = "token's issuer is not registered: its host is, with another scheme, port or path";
        table.attack(format!("tenants: {name}"), checked, "CH3002", reason);
    }
}
