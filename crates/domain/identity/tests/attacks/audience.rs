//! Tokens for others: other services, other hosts, other requests, several audiences.

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_identity::audience::{Audience, bound, fixed};
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, HOST, expectation, registration, request};
use crate::table::Table;

const SERVICE: &str = "token was made for another service";
const ELSEWHERE: &str = "token was made for another host, or its audience is misspelt";
const DIGITS: &str = "token's audience does not end in 64 lower-case hexadecimal digits";
const SEVERAL: &str = "token has more than one audience";
const NOT_TEXT: &str = "token's audience is not text";

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    let ours = bound(HOST, request());
    table.honest("bound to this request", forge.check(&forge.good()));
    table.honest("a list of one", forge.check(&forge.with("aud", json!([ours]))));
    shapes(forge, &mut table);
    texts(forge, &mut table);
    bindings(forge, &mut table);
    sigstore(forge, &mut table);
    table
}

fn shapes(forge: &Forge, table: &mut Table) {
    let ours = bound(HOST, request());
    for (aud, reason) in [
        (Value::Null, "token has no audience (no `aud`)".to_owned()),
        (json!([]), "token has no audience (an empty list)".to_owned()),
        (json!([ours, "https://other.example"]), format!("{SEVERAL} (2 audiences)")),
        (json!(["https://other.example", ours]), format!("{SEVERAL} (2 audiences)")),
        (json!([ours, ours]), format!("{SEVERAL} (2 audiences)")),
        (json!([ours, "a", "b"]), format!("{SEVERAL} (3 audiences)")),
        (json!([ours, null]), format!("{SEVERAL} (2 audiences)")),
        (json!([[ours]]), format!("{NOT_TEXT} (a list)")),
        (json!([1]), format!("{NOT_TEXT} (a number)")),
        (json!([null]), format!("{NOT_TEXT} (null)")),
        (json!(1), format!("{NOT_TEXT} (a number)")),
        (json!(true), format!("{NOT_TEXT} (true or false)")),
        (json!({"aud": ours}), format!("{NOT_TEXT} (an object)")),
    ] {
        let checked = forge.check(&forge.with("aud", aud.clone()));
        table.attack(format!("aud {aud}"), checked, "CH3003", reason);
    }
}

fn texts(forge: &Forge, table: &mut Table) {
    let ours = bound(HOST, request());
    let prefix = &ours[..ours.len() - 64];
    let digest = &ours[ours.len() - 64..];
    for (aud, reason) in [
        (String::new(), SERVICE),
        ("sigstore".to_owned(), SERVICE),
        ("https://github.com/acme".to_owned(), SERVICE),
        ("https://sign.example".to_owned(), SERVICE),
        ("sign.example".to_owned(), SERVICE),
        ("api://AzureADTokenExchange".to_owned(), SERVICE),
        ("sts.amazonaws.com".to_owned(), SERVICE),
        ("*".to_owned(), SERVICE),
        (ours.to_uppercase(), SERVICE),
        (ours.replace("chancery", "Chancery"), SERVICE),
        (format!(" {ours}"), SERVICE),
        (ours.replace("chancery:", ""), SERVICE),
        ("chancery:".to_owned(), ELSEWHERE),
        (fixed("other.example"), ELSEWHERE),
        (fixed("*"), ELSEWHERE),
        (bound("other.example", request()), ELSEWHERE),
        (bound("sign.example.evil.example", request()), ELSEWHERE),
        (bound("evil-sign.example", request()), ELSEWHERE),
        (bound("SIGN.example", request()), ELSEWHERE),
        (bound("sign.example.", request()), ELSEWHERE),
        (bound("sign.example:443", request()), ELSEWHERE),
        (bound("sign.example/", request()), ELSEWHERE),
        (bound("sign.exampl", request()), ELSEWHERE),
        (format!("{}\n", fixed(HOST)), ELSEWHERE),
        (ours.replace("sha256", "sha1"), ELSEWHERE),
        (ours.replace(":sha256:", ":SHA256:"), ELSEWHERE),
        (ours.replace(":sha256:", ":sha256::"), DIGITS),
        (prefix.to_owned(), DIGITS),
        (format!("{ours} "), DIGITS),
        (format!("{ours}0"), DIGITS),
        (format!("{ours}\u{0}"), DIGITS),
        (ours[..ours.len() - 1].to_owned(), DIGITS),
        (format!("{prefix}{}", digest.to_uppercase()), DIGITS),
        (format!("{prefix}{}", "g".repeat(64)), DIGITS),
        (format!("{prefix}0x{}", &digest[2..]), DIGITS),
        (format!("{ours},{ours}"), DIGITS),
    ] {
        let checked = forge.check(&forge.with("aud", json!(aud)));
        table.attack(format!("aud {aud:?}"), checked, "CH3003", reason);
    }
}

fn bindings(forge: &Forge, table: &mut Table) {
    const UNBOUND: &str = "token's audience is not bound as its issuer must";
    let ours = bound(HOST, request());
    let unbound = forge.with("aud", json!(fixed(HOST)));
    table.attack("unbound where the issuer must bind", forge.check(&unbound), "CH3003", UNBOUND);
    let issuers = issuers_toml::load(&registration("audience = [\"fixed\"]\n")).unwrap();
    let checked = authenticate(&unbound, &issuers, &forge.keys(), &expectation());
    table.honest("unbound where the issuer cannot bind", checked);
    let checked = authenticate(&forge.good(), &issuers, &forge.keys(), &expectation());
    table.attack("bound where the issuer is registered as fixed", checked, "CH3003", UNBOUND);
    for (name, what) in [("another", b"another".as_slice()), ("nothing", b"".as_slice())] {
        let other = RequestId::new(Sha256::of(what));
        let checked = forge.check(&forge.with("aud", json!(bound(HOST, other))));
        let reason = "token is bound to another request (chancery:sign.example:sha256:";
        table.attack(format!("bound to the request of {name}"), checked, "CH3004", reason);
    }
    let listed = forge.with("aud", json!([bound(HOST, RequestId::new(Sha256::of(b"x")))]));
    table.attack(
        "bound elsewhere, in a list",
        forge.check(&listed),
        "CH3004",
        "token is bound to another request",
    );
    // A service that does not know its own name takes nothing.
    for host in ["", "other.example"] {
        let elsewhere = Expectation { audience_host: host, ..expectation() };
        let checked = authenticate(&forge.good(), &forge.issuers, &forge.keys(), &elsewhere);
        table.attack(format!("{ours} at the host {host:?}"), checked, "CH3003", ELSEWHERE);
    }
}

/// Tokens of audience `sigstore` are shown to others too: they count for certificates alone, and only those do.
fn sigstore(forge: &Forge, table: &mut Table) {
    const CLIENTS: &str = "token was not made for Sigstore clients";
    const UNBOUND: &str = "token's audience is not bound as its issuer must";
    let both = issuers_toml::load(&registration("audience = [\"request\", \"sigstore\"]\n")).unwrap();
    let certificate = Expectation { audience: Audience::Sigstore, ..expectation() };
    let theirs = forge.with("aud", json!("sigstore"));
    let signature = expectation();
    let check = |token: &str, expected: &Expectation<'_>| authenticate(token, &both, &forge.keys(), expected);
    table.honest("sigstore, for a certificate", check(&theirs, &certificate));
    table.attack("sigstore, for a signature", check(&theirs, &signature), "CH3003", SERVICE);
    table.attack("ours, for a certificate", check(&forge.good(), &certificate), "CH3003", CLIENTS);
    let unbound = forge.with("aud", json!(fixed(HOST)));
    table.attack("ours and unbound, for a certificate", check(&unbound, &certificate), "CH3003", CLIENTS);
    for aud in ["Sigstore", "sigstore ", "sigstore.dev", "chancery:sigstore", ""] {
        let checked = check(&forge.with("aud", json!(aud)), &certificate);
        table.attack(format!("{aud:?}, for a certificate"), checked, "CH3003", CLIENTS);
    }
    let listed = forge.with("aud", json!(["sigstore", "https://other.example"]));
    table.attack("sigstore among others", check(&listed, &certificate), "CH3003", SEVERAL);
    let checked = authenticate(&theirs, &forge.issuers, &forge.keys(), &certificate);
    table.attack("sigstore where the issuer is not registered for it", checked, "CH3003", UNBOUND);
}
