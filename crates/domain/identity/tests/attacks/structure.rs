//! Texts that are not one compact JWS: other numbers of parts, other alphabets, other serialisations, other sizes.

use serde_json::json;

use crate::forge::{Forge, b64, claims};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    table.honest("as minted", forge.check(&forge.good()));
    parts(forge, &mut table);
    alphabets(forge, &mut table);
    sizes(forge, &mut table);
    table
}

fn parts(forge: &Forge, table: &mut Table) {
    const THREE: &str = "token does not have exactly three parts";
    let good = forge.good();
    let pieces: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = [pieces[0], pieces[1], pieces[2]];
    let unsecured = b64(r#"{"alg":"none"}"#);
    let general = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
    let flattened = json!({"protected": header, "payload": payload, "signature": signature});
    for (name, token, reason) in [
        ("empty", String::new(), format!("{THREE} (1 parts)")),
        ("one part", header.to_owned(), format!("{THREE} (1 parts)")),
        ("two parts", format!("{header}.{payload}"), format!("{THREE} (2 parts)")),
        ("four parts", format!("{good}.{signature}"), format!("{THREE} (4 parts)")),
        (
            "five parts, a jwe",
            format!("{good}.{payload}.{signature}"),
            format!("{THREE} (5 parts, as an encrypted"),
        ),
        ("six parts", format!("{good}.{good}"), format!("{THREE} (6 parts)")),
        ("two tokens without a dot", format!("{good}{good}"), format!("{THREE} (5 parts")),
        ("two tokens, comma", format!("{good},{good}"), format!("{THREE} (5 parts")),
        (
            "sd-jwt with a disclosure",
            format!("{good}~{payload}~"),
            "signature part is not canonical".to_owned(),
        ),
        ("trailing dot", format!("{good}."), format!("{THREE} (4 parts)")),
        ("leading dot", format!(".{good}"), format!("{THREE} (4 parts)")),
        ("dots as %2e", good.replace('.', "%2e"), format!("{THREE} (1 parts)")),
        ("fullwidth dots", good.replace('.', "\u{ff0e}"), format!("{THREE} (1 parts)")),
        ("no signature", format!("{header}.{payload}."), "token's signature part is empty".to_owned()),
        ("unsecured", format!("{unsecured}.{payload}."), "token's signature part is empty".to_owned()),
        ("no payload", format!("{header}..{signature}"), "token's claims part is empty".to_owned()),
        ("no header", format!(".{payload}.{signature}"), "token's header part is empty".to_owned()),
        ("only dots", "..".to_owned(), "token's header part is empty".to_owned()),
        ("json serialisation, flattened", flattened.to_string(), "is in the json serialisation".to_owned()),
        ("json serialisation, general", general.to_string(), "is in the json serialisation".to_owned()),
    ] {
        table.attack(name, forge.check(&token), "CH3001", reason);
    }
}

/// Bytes have one spelling, so no second text is the same token (RFC 7515 §2, RFC 4648 §3.5).
fn alphabets(forge: &Forge, table: &mut Table) {
    const CANONICAL: &str = "part is not canonical base64url";
    let good = forge.good();
    let pieces: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = [pieces[0], pieces[1], pieces[2]];
    // 64 bytes take 86 characters; the last carries 4 unused bits.
    let last = signature.chars().last().unwrap();
    let next = char::from(u8::try_from(last).unwrap() + 1);
    let respelled = format!("{}{next}", &signature[..85]);
    for (name, token, reason) in [
        ("padded signature", format!("{good}=="), "signature: padding"),
        ("padded header", format!("{header}=.{payload}.{signature}"), "header: padding"),
        ("padded claims", format!("{header}.{payload}=.{signature}"), "claims: padding"),
        ("plus", format!("{header}.{payload}.{}+", &signature[..85]), "signature: the standard alphabet"),
        ("slash", format!("{header}.{payload}/.{signature}"), "claims: the standard alphabet"),
        ("leading space", format!(" {good}"), "header: white space"),
        ("trailing space", format!("{good} "), "signature: white space"),
        ("trailing newline", format!("{good}\n"), "signature: white space"),
        ("trailing carriage return", format!("{good}\r\n"), "signature: white space"),
        ("newline inside", format!("{header}\n.{payload}.{signature}"), "header: white space"),
        ("tab inside", format!("{header}.{payload}\t.{signature}"), "claims: white space"),
        ("no-break space", format!("{header}.{payload}\u{a0}.{signature}"), "claims: white space"),
        ("bearer", format!("Bearer {good}"), "header: white space"),
        ("trailing nul", format!("{good}\0"), "signature: a character outside the alphabet"),
        ("byte order mark", format!("\u{feff}{good}"), "header: a character outside the alphabet"),
        ("quotes", format!("\"{good}\""), "header: a character outside the alphabet"),
        ("zero width space", format!("{good}\u{200b}"), "signature: a character outside the alphabet"),
        (
            "cyrillic letter",
            format!("{header}.{payload}.{}\u{410}", &signature[..85]),
            "signature: a character outside",
        ),
        (
            "unused bits",
            format!("{header}.{payload}.{respelled}"),
            "signature: unused bits that are not zero",
        ),
        ("impossible length", format!("{good}AAA"), "signature: an impossible length"),
    ] {
        let (part, why) = reason.split_once(": ").unwrap();
        table.attack(name, forge.check(&token), "CH3001", format!("token's {part} {CANONICAL} ({why}"));
    }
}

fn sizes(forge: &Forge, table: &mut Table) {
    const LONGER: &str = "token is longer than 16384 bytes";
    let padded = |more: usize| {
        let mut claims = claims();
        for index in 0..more {
            claims[format!("c{index}")] = json!("x".repeat(1000));
        }
        forge.payload(&claims.to_string())
    };
    table.honest("eleven kilobytes", forge.check(&padded(7)));
    for (name, token) in [
        ("seventeen kilobytes, honestly signed", padded(13)),
        ("a megabyte, honestly signed", padded(800)),
        ("a megabyte of dots", ".".repeat(1_000_000)),
        ("sixteen kilobytes and one byte", "A".repeat(16_385)),
    ] {
        let reason = format!("{LONGER} ({} bytes)", token.len());
        table.attack(name, forge.check(&token), "CH3001", reason);
    }
}
