//! A strict reader for the JSON of tokens and key sets: a member occurs once, depth and counts are bounded.
//!
//! ATTACK: two members of one name are read as the first by some and as the last by others, so what was checked would
//! not be what is used (T15). Numbers keep their kind: a fraction never becomes an integer.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

const MAX_DEPTH: u8 = 8;
const MAX_ITEMS: usize = 4096;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Array(Vec<Json>),
    Bool(bool),
    Float(f64),
    Integer(i64),
    Null,
    Object(Object),
    String(String),
}

/// An object whose members have distinct names.
pub(crate) type Object = BTreeMap<String, Json>;

impl Json {
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
    pub(crate) fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }
    /// What kind of value it is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "a list",
            Self::Bool(_) => "true or false",
            Self::Float(_) => "a number with a fraction or an exponent",
            Self::Integer(_) => "a number",
            Self::Null => "null",
            Self::Object(_) => "an object",
            Self::String(_) => "text",
        }
    }
}

/// Reads one JSON object and nothing after it.
pub(crate) fn object(text: &[u8]) -> Result<Object, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    match value {
        Json::Object(members) => Ok(members),
        Json::Array(_) | Json::Bool(_) | Json::Float(_) | Json::Integer(_) | Json::Null | Json::String(_) => {
            Err(serde_json::Error::custom("not an object"))
        }
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("nested deeper than 8 levels"));
        }
        Ok(Self { depth: self.depth.saturating_add(1) })
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Json, E> {
        i64::try_from(value).map(Json::Integer).map_err(|_| E::custom("integer is too large"))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            if items.len() >= MAX_ITEMS {
                return Err(A::Error::custom("more than 4096 items"));
            }
            items.push(item);
        }
        Ok(Json::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut members = Object::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(inner)?;
            if members.len() >= MAX_ITEMS {
                return Err(A::Error::custom("more than 4096 members"));
            }
            if members.contains_key(&name) {
                let name: String = name.chars().take(40).collect();
                return Err(A::Error::custom(format_args!("member `{name}` occurs twice")));
            }
            members.insert(name, value);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_meaning_only() {
        let good = object(br#"{"a":1,"b":[true,null,"x",1.5],"c":{"a":-2}}"#).unwrap();
        assert_eq!(good.get("a"), Some(&Json::Integer(1)));
        let deep = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
        let bottomless = "[".repeat(200_000);
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(5000));
        for bad in [
            "",
            "[]",
            "1",
            "\u{feff}{}",
            "{} x",
            "{}{}",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"a":18446744073709551615}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":1,}"#,
            "{'a':1}",
            "{/**/}",
            deep.as_str(),
            bottomless.as_str(),
            wide.as_str(),
        ] {
            assert!(object(bad.as_bytes()).is_err(), "{}", bad.chars().take(40).collect::<String>());
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }
}
