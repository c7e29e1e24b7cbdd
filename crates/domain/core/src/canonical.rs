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
//! Nothing passes through a tree of values: what is written is put in order in place, and what is read is looked over once.

mod read;
mod write;

use std::cmp::Ordering;

use serde_json::Value;

use crate::digest::Sha256;

/// Deepest nesting, the outermost value being at 0.
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
    /// A type that cannot be JSON, or an object with the same member twice.
    #[error("value has no JSON form")]
    Value,
}

/// Encodes a JSON value canonically (RFC 8785 §3.2).
pub fn to_string(value: &Value) -> Result<String, NotCanonical> {
    encode(value)
}

/// Encodes any serialisable value canonically.
pub fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, NotCanonical> {
    write::encode(value)
}

/// The SHA-256 of the canonical form.
pub fn digest<T: serde::Serialize>(value: &T) -> Result<Sha256, NotCanonical> {
    Ok(Sha256::of(encode(value)?.as_bytes()))
}

/// Decodes text that must be canonical already: a second spelling of the same value is refused, so that what was
/// hashed is what is used. Duplicate members are refused with it.
pub fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, NotCanonical> {
    read::check(text)?;
    serde_json::from_str(text).map_err(|_| NotCanonical::Text)
}

/// RFC 8785 §3.2.3: by UTF-16 code units. That is the order of the bytes, unless a character lies above the BMP.
fn order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
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

    #[derive(serde::Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Pair(u8, bool),
        Named { z: Option<u8>, a: &'static str },
    }

    #[test]
    fn writes_what_serde_json_would_in_order() {
        let mut map = std::collections::HashMap::new();
        for key in ["b", "a\"", "\u{1f600}", "\u{fb33}", "", "aa"] {
            map.insert(key, vec![Some(-1), None]);
        }
        let kinds = [Kind::Unit, Kind::New(1), Kind::Pair(2, true), Kind::Named { z: None, a: "x" }];
        let written = encode(&(kinds, &map, 'c', 7_u128, ())).unwrap();
        let variants = r#"[["Unit",{"New":1},{"Pair":[2,true]},{"Named":{"a":"x","z":null}}],{"#;
        assert!(written.starts_with(variants), "{written}");
        let read: Value = decode(&written).unwrap();
        assert_eq!(to_string(&read).unwrap(), written);
        let quoted = ["", "a\\\"", "aa", "b", "\u{1f600}", "\u{fb33}"].map(|name| format!("\"{name}\":["));
        let places = quoted.map(|name| written.find(&name).unwrap());
        assert!(places.is_sorted(), "{written}");
        assert_eq!(encode(&std::collections::BTreeMap::from([(1, 2)])), Err(NotCanonical::Value));
        assert!(matches!(encode(&1.0_f64), Err(NotCanonical::Number(_))));
    }

    /// The reader accepts exactly what the writer writes: every mutation of canonical text is refused, or is canonical
    /// text of another value.
    #[test]
    fn whatever_is_read_is_written_again_the_same() {
        let value = json!({"\u{7}": "\n\u{1f}\"", "a": [0, -1, 9_007_199_254_740_991_u64, true, null], "é": {"x": {}, "y": []}});
        let text = to_string(&value).unwrap();
        let alphabet = b"\"\\{}[]:,-0123456789.eEutrfn \n\x00\x1f\x7faz";
        let splice = &|at: usize, replaced: usize, byte: Option<u8>| {
            let mut bytes = text.as_bytes().to_vec();
            let end = bytes.len().min(at + replaced);
            bytes.splice(at..end, byte);
            String::from_utf8(bytes).ok()
        };
        let inserted = |at| alphabet.iter().map(move |byte| splice(at, 0, Some(*byte)));
        let replaced = |at| alphabet.iter().map(move |byte| splice(at, 1, Some(*byte)));
        let removed = |at| [splice(at, 1, None), splice(at, 2, None)];
        let mutated = (0..=text.len()).flat_map(|at| inserted(at).chain(replaced(at)).chain(removed(at)));
        let mut accepted = 0;
        for mutated in mutated.flatten() {
            let Ok(read) = decode::<Value>(&mutated) else { continue };
            accepted += 1;
            assert_eq!(to_string(&read).as_deref(), Ok(mutated.as_str()));
        }
        assert!(accepted > 100, "{accepted}");
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
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(decode::<Value>(&deep(32)).is_ok());
        assert_eq!(decode::<Value>(&deep(33)), Err(NotCanonical::Depth));
        let value: Value = serde_json::from_str(&deep(33)).unwrap();
        assert_eq!(to_string(&value), Err(NotCanonical::Depth));
        assert!(decode::<Value>("{\"a\":2,\"b\":1}").is_ok());
    }
}
