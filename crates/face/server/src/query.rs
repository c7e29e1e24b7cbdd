//! Query strings, read strictly: known names, each once, plain characters.

use chancery_api::code::Code;

use crate::fault::Fault;

/// Reads `a=1&b=2`. Unknown names, repeated names and malformed escapes are refused: a second reading of a request by a
/// proxy must not differ from ours.
pub(crate) fn read(query: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Fault> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let unknown =
            || Fault::new(Code::Malformed, "unknown query parameter").because(shown(name), known.join(", "));
        if !known.contains(&name) {
            return Err(unknown());
        }
        if pairs.iter().any(|(seen, _)| seen == name) {
            return Err(Fault::new(Code::Malformed, format!("query parameter `{name}` occurs twice")));
        }
        let value = decode(value).ok_or_else(|| {
            Fault::new(Code::Malformed, format!("query parameter `{name}` is not percent-encoded utf-8"))
        })?;
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

/// A parameter that is `true` or `false`; absent is false, bare is true.
pub(crate) fn flag(query: Option<&str>, name: &str) -> Result<bool, Fault> {
    flags(query, [name]).map(|[flag]| flag)
}

/// Several of them, in the order of their names here.
pub(crate) fn flags<const N: usize>(query: Option<&str>, names: [&str; N]) -> Result<[bool; N], Fault> {
    let mut found = [false; N];
    for (name, value) in read(query, &names)? {
        let flag = match value.as_str() {
            "" | "true" => true,
            "false" => false,
            other => {
                return Err(Fault::new(Code::Malformed, format!("query parameter `{name}`"))
                    .because(shown(other), "true or false"));
            }
        };
        let slot = names.iter().zip(&mut found).find(|(known, _)| **known == name);
        if let Some((_, slot)) = slot {
            *slot = flag;
        }
    }
    Ok(found)
}

/// A parameter that is a decimal number; nothing where it is absent.
pub(crate) fn number(query: Option<&str>, name: &str) -> Result<Option<u64>, Fault> {
    let pairs = read(query, &[name])?;
    let Some((_, text)) = pairs.first() else { return Ok(None) };
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| {
        Fault::new(Code::Malformed, format!("query parameter `{name}`")).because(shown(text), "a number")
    })
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// `application/x-www-form-urlencoded`: `+` is a space, `%41` a byte.
fn decode(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut out = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let mut decoded = [0_u8; 1];
                hex::decode_to_slice(digits, &mut decoded).ok()?;
                out.extend(decoded);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_strictly() {
        let read = |query| read(Some(query), &["a", "b"]).map_err(|fault| fault.0.code);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("a=1&b=x%2Fy+z"), Ok(vec![pair("a", "1"), pair("b", "x/y z")]));
        for bad in ["c=1", "a=1&a=2", "a=%", "a=%4", "a=%zz", "a=%ff", "%61=1"] {
            assert_eq!(read(bad), Err("CH2101".to_owned()), "{bad}");
        }
        assert!(flag(Some("v"), "v").unwrap());
        assert!(flag(Some("v=true"), "v").unwrap());
        assert!(!flag(None, "v").unwrap());
        assert!(flag(Some("v=1"), "v").is_err());
    }
}
