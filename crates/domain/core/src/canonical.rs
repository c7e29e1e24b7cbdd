//! RFC 8785 canonical JSON, for everything that is hashed or signed.
//!
//! Only the integers that JSON and this system share without loss are allowed: a fraction, an exponent or a magnitude
//! above 2^53 - 1 is an error, because two encoders would disagree about it.
//!
//! ```
//! use chancery_core::canonical;
//! let value = serde_json::json!({"b": 1, "a": ["x", null]});
//! assert_eq!(canonical::to_string(&value).unwrap(), r#"{"a":["x",null],"b":1}"#);
//! ```

use serde_json::Value;

use crate::digest::Sha256;

const MAX_DEPTH: usize = 32;
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A value that has no canonical form here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Nested deeper than 32 levels.
    #[error("nested deeper than 32 levels")]
    Depth,
    /// A number that is not an integer of at most 53 bits.
    #[error("number `{0}` is not an integer of at most 53 bits")]
    Number(String),
    /// Text that is valid JSON but is not its own canonical form, or not JSON at all.
    #[error("text is not canonical JSON")]
    Text,
    /// A type that cannot be JSON.
    #[error("value has no JSON form")]
    Value,
}

/// Encodes a JSON value canonically (RFC 8785 §3.2).
pub fn to_string(value: &Value) -> Result<String, NotCanonical> {
    let mut out = String::new();
    write(value, &mut out, 0)?;
    Ok(out)
}

/// Encodes any serialisable value canonically.
pub fn encode<T: serde::Serialize>(value: &T) -> Result<String, NotCanonical> {
    to_string(&serde_json::to_value(value).map_err(|_| NotCanonical::Value)?)
}

/// The SHA-256 of the canonical form.
pub fn digest<T: serde::Serialize>(value: &T) -> Result<Sha256, NotCanonical> {
    Ok(Sha256::of(encode(value)?.as_bytes()))
}

/// Decodes text that must be canonical already: a second spelling of the same value is refused, so that what was
/// hashed is what is used. Duplicate members are refused with it, because they do not survive the round trip.
pub fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, NotCanonical> {
    let value: Value = serde_json::from_str(text).map_err(|_| NotCanonical::Text)?;
    if to_string(&value)? != text {
        return Err(NotCanonical::Text);
    }
    serde_json::from_value(value).map_err(|_| NotCanonical::Text)
}

fn write(value: &Value, out: &mut String, depth: usize) -> Result<(), NotCanonical> {
    if depth > MAX_DEPTH {
        return Err(NotCanonical::Depth);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                write(item, out, depth.saturating_add(1))?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| order(a, b));
            out.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                separate(index, out);
                write_string(key, out);
                out.push(':');
                write(item, out, depth.saturating_add(1))?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

fn write_number(number: &serde_json::Number, out: &mut String) -> Result<(), NotCanonical> {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    match magnitude {
        Some(magnitude) if magnitude <= MAX_INTEGER => out.push_str(&number.to_string()),
        Some(_) | None => return Err(NotCanonical::Number(number.to_string())),
    }
    Ok(())
}

/// RFC 8785 §3.2.3: by UTF-16 code units. That is the order of the bytes, unless a character lies above the BMP.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// RFC 8785 §3.2.2.2: the two-character escapes where JSON has them, `\u00xx` for the other control characters. What
/// lies between two of them is copied as it stands.
fn write_string(text: &str, out: &mut String) {
    let must_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(must_escape) {
        // The byte is ASCII, so both ends of it are boundaries of characters.
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = escaped.chars();
        if let Some(c) = characters.next() {
            write_escape(c, out);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn follows_rfc_8785() {
        let value = json!({"\u{20ac}": "e", "\r": "c", "\u{fb33}": "h", "1": "o", "\u{1f600}": "s", "\u{80}": "x", "\u{f6}": "l"});
        let keys: Vec<String> =
            serde_json::from_str::<serde_json::Map<String, Value>>(&to_string(&value).unwrap())
                .unwrap()
                .keys()
                .cloned()
                .collect();
        assert_eq!(keys.len(), 7);
        let text = to_string(&value).unwrap();
        assert!(text.starts_with("{\"\\r\":\"c\",\"1\":\"o\""), "{text}");
        // U+1F600 is a surrogate pair starting D83D, so it sorts before U+FB33.
        assert!(text.find('\u{1f600}').unwrap() < text.find('\u{fb33}').unwrap());
    }

    #[test]
    fn escapes_what_json_must_escape_and_nothing_else() {
        for (text, expected) in [
            ("", r#""""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\u{0}\u{8}\u{c}\n\r\t\u{1f}\u{7f}", "\"\\u0000\\b\\f\\n\\r\\t\\u001f\u{7f}\""),
            ("é\"\u{1f600}\n", "\"é\\\"\u{1f600}\\n\""),
        ] {
            let written = to_string(&json!(text)).unwrap();
            assert_eq!(written, expected);
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }

    #[test]
    fn refuses_what_encoders_disagree_about() {
        for bad in [json!(0.5), json!(9_007_199_254_740_992_u64), json!(1e30)] {
            assert!(matches!(to_string(&bad), Err(NotCanonical::Number(_))));
        }
        for text in ["{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}", "{ }", "[1.0]", "\"\\u0041\""] {
            assert!(decode::<Value>(text).is_err(), "{text}");
        }
        assert!(decode::<Value>("{\"a\":2,\"b\":1}").is_ok());
    }
}
