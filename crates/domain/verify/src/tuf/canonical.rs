//! OLPC canonical JSON, as TUF signs it: members sorted by bytes, no spaces, strings escaped only where they must be.
//!
//! ```text
//! {"b": "line\n", "a": [1, true]}   →   {"a":[1,true],"b":"line<0A>"}
//! ```
//! Unlike RFC 8785, a control character stands as it is: the line ends of PEM are bytes 0A.

use serde_json::Value;

/// A value without a canonical form: a number that is not an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number is not an integer")]
pub struct NotInteger;

/// Writes a value. Its depth is bounded where it was read.
pub fn encode(value: &Value) -> Result<Vec<u8>, NotInteger> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotInteger> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::Number(_) => return Err(NotInteger),
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push(b'{');
            for (index, (name, item)) in members.into_iter().enumerate() {
                separate(index, out);
                string(name, out);
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn follows_olpc() {
        let value = json!({"b": "line\n\t\"\\", "a": [1, true, null, -7], "é": {}, "A": []});
        let expected = "{\"A\":[],\"a\":[1,true,null,-7],\"b\":\"line\n\t\\\"\\\\\",\"é\":{}}";
        assert_eq!(encode(&value).unwrap(), expected.as_bytes());
        assert_eq!(encode(&json!(1.5)), Err(NotInteger));
        assert_eq!(encode(&json!([{"x": 1e3}])), Err(NotInteger));
    }
}
