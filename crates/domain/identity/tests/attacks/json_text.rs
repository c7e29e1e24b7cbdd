//! JSON that two readers read in two ways: duplicate members, trailing data, numbers, depth.

use crate::forge::{Forge, NOW, claims};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    let spaced = claims().to_string().replace(',', " ,\n\t");
    table.honest("white space between members", forge.check(&forge.payload(&spaced)));
    headers(forge, &mut table);
    edits(forge, &mut table);
    payloads(forge, &mut table);
    depths(forge, &mut table);
    table
}

fn headers(forge: &Forge, table: &mut Table) {
    const HEADER: &str = "token's header part is not one json object with distinct members";
    for (header, reason) in [
        (r#"{"alg":"none","alg":"ES256","kid":"es256"}"#, "(member `alg` occurs twice"),
        (r#"{"alg":"ES256","alg":"none","kid":"es256"}"#, "(member `alg` occurs twice"),
        (r#"{"alg":"ES256","alg":"ES256","kid":"es256"}"#, "(member `alg` occurs twice"),
        (r#"{"alg":"ES256","kid":"es256","kid":"es384"}"#, "(member `kid` occurs twice"),
        (r#"{"alg":"ES256","kid":"es256","\u0061lg":"none"}"#, "(member `alg` occurs twice"),
        (r#"{"alg":"ES256","kid":"es256","x":{"a":1,"a":2}}"#, "(member `a` occurs twice"),
        (r#"[{"alg":"ES256","kid":"es256"}]"#, "(not an object"),
        (r#""ES256""#, "(not an object"),
        ("null", "(not an object"),
        ("1", "(not an object"),
        ("\u{feff}{\"alg\":\"ES256\",\"kid\":\"es256\"}", "(expected value"),
        ("{\"alg\":\"ES256\",\"kid\":\"es256\"}\0", "(trailing characters"),
        (r#"{"alg":"ES256","kid":"es256"}{}"#, "(trailing characters"),
        (r#"{"alg":"ES256","kid":"es256",}"#, "(trailing comma"),
        (r#"{'alg':'ES256','kid':'es256'}"#, "(key must be a string"),
        (r#"{alg:"ES256",kid:"es256"}"#, "(key must be a string"),
        (r#"{"alg":"ES256","kid":"es256""#, "(EOF while parsing"),
        ("{\"alg\":\"ES256\",\"kid\":\"es\n256\"}", "(control character"),
        (r#"{"alg":"ES256","kid":"es256","x":NaN}"#, "(expected value"),
        (r#"{"alg":"ES256","kid":"es256","x":18446744073709551615}"#, "(integer is too large"),
    ] {
        let reason = format!("{HEADER} {reason}");
        table.attack(format!("header {header}"), forge.check(&forge.header(header)), "CH3001", reason);
    }
}

/// (name, what is replaced in honest claims, by what, reason)
fn edits(forge: &Forge, table: &mut Table) {
    const CLAIMS: &str = "token's claims part is not one json object with distinct members";
    let exp = format!("\"exp\":{}", NOW + 290);
    let twice = format!("{exp},\"exp\":{}", NOW + 291);
    let zero = format!("\"exp\":0{}", NOW + 290);
    let text = claims().to_string();
    for (name, from, to, reason) in [
        ("exp twice", exp.as_str(), twice.as_str(), "(member `exp` occurs twice"),
        ("aud twice", "\"aud\":", "\"aud\":\"x\",\"aud\":", "(member `aud` occurs twice"),
        ("iss twice", "\"iss\":", "\"iss\":\"https://evil.example\",\"iss\":", "(member `iss` occurs twice"),
        (
            "iss escaped",
            "\"iss\":",
            "\"\\u0069ss\":\"https://evil.example\",\"iss\":",
            "(member `iss` occurs twice",
        ),
        ("sub twice", "\"sub\":", "\"sub\":\"x\",\"sub\":", "(member `sub` occurs twice"),
        ("jti twice", "\"jti\":", "\"jti\":\"x\",\"jti\":", "(member `jti` occurs twice"),
        (
            "id twice",
            "\"repository_id\":",
            "\"repository_id\":\"1\",\"repository_id\":",
            "(member `repository_id` occurs",
        ),
        ("nested twice", "{", "{\"x\":{\"y\":1,\"y\":2},", "(member `y` occurs twice"),
        ("lone surrogate", "\"push\"", "\"\\ud800\"", "("),
        ("surrogates in disorder", "\"push\"", "\"\\udc00\\ud800\"", "("),
        ("trailing brace", "}", "}}", "(trailing characters"),
        ("comment", "{", "{/**/", "(key must be a string"),
        ("comment at the end", "}", "}//", "(trailing characters"),
        ("leading zero", exp.as_str(), zero.as_str(), "(invalid number"),
        ("leading plus", exp.as_str(), "\"exp\":+1", "(expected value"),
        ("hexadecimal", exp.as_str(), "\"exp\":0x6b", "("),
        ("infinity", exp.as_str(), "\"exp\":Infinity", "(expected value"),
        ("beyond any float", exp.as_str(), "\"exp\":1e999", "(number out of range"),
        ("beyond 64 bits", exp.as_str(), "\"exp\":18446744073709551615", "(integer is too large"),
        ("bad escape", "\"push\"", "\"\\x41\"", "(invalid escape"),
        ("raw newline", "\"push\"", "\"pu\nsh\"", "(control character"),
    ] {
        let payload = text.replacen(from, to, 1);
        assert_ne!(payload, text, "{name}");
        let reason = format!("{CLAIMS} {reason}");
        table.attack(format!("claims: {name}"), forge.check(&forge.payload(&payload)), "CH3001", reason);
    }
}

fn payloads(forge: &Forge, table: &mut Table) {
    const CLAIMS: &str = "token's claims part is not one json object with distinct members";
    let nested = forge.good();
    for (payload, reason) in [
        ("null", "(not an object"),
        ("[]", "(not an object"),
        ("[{}]", "(not an object"),
        ("1", "(not an object"),
        ("\"x\"", "(not an object"),
        ("foo", "(expected"),
        ("\u{feff}{}", "(expected value"),
        ("{}{}", "(trailing characters"),
        (" ", "(EOF while parsing"),
        (nested.as_str(), "(expected value"),
    ] {
        let name: String = payload.chars().take(20).collect();
        let reason = format!("{CLAIMS} {reason}");
        table.attack(format!("payload {name:?}"), forge.check(&forge.payload(payload)), "CH3001", reason);
    }
    let latin = forge.payload_bytes(b"{\"iss\":\"\xff\"}");
    table.attack("claims are not utf-8", forge.check(&latin), "CH3001", format!("{CLAIMS} (invalid unicode"));
    let overlong = forge.payload_bytes(b"{\"iss\":\"\xc0\xaf\"}");
    table.attack("overlong utf-8", forge.check(&overlong), "CH3001", format!("{CLAIMS} (invalid unicode"));
}

fn depths(forge: &Forge, table: &mut Table) {
    let nest = |open: &str, close: &str, depth: usize| {
        let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        claims().to_string().replacen('{', &format!("{{\"x\":{value},"), 1)
    };
    table.honest("four levels", forge.check(&forge.payload(&nest("{\"a\":", "}", 4))));
    let deep = "nested deeper than 8 levels";
    for (name, payload, reason) in [
        ("objects, nine levels", nest("{\"a\":", "}", 9), deep),
        ("lists, nine levels", nest("[", "]", 9), deep),
        ("lists, five thousand levels", nest("[", "]", 5000), deep),
        ("objects, six levels", nest("{\"a\":", "}", 6), "claims are nested deeper than 4 levels"),
        (
            "five thousand items",
            nest("[1,", "]", 1).replace("1,1", &"1,".repeat(5000)),
            "more than 4096 items",
        ),
    ] {
        table.attack(format!("depth: {name}"), forge.check(&forge.payload(&payload)), "CH3001", reason);
    }
    let mut header = String::from("{\"alg\":\"ES256\",\"kid\":\"es256\",\"a\":");
    header.push_str(&format!("{}1{}}}", "[".repeat(12), "]".repeat(12)));
    table.attack("depth: header, twelve levels", forge.check(&forge.header(&header)), "CH3001", deep);
}
