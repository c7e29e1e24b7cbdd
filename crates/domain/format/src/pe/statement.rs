//! The body of a PE statement: what the keyguard needs to rebuild the signed bytes.
//!
//! ```json
//! {"digest_algorithm":"sha256","image_digest":"d5bc85db…75fe","program_name":"Acme Agent","url":"https://acme.example/"}
//! ```

use chancery_core::digest::DigestAlgorithm;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;

use crate::seam::FormatError;

/// Longest program name in characters.
pub const MAX_PROGRAM_NAME: usize = 128;
/// Longest URL in bytes.
pub const MAX_URL: usize = 512;

/// A parsed body. Names in it are the client's claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The digest algorithm of the image, the attributes and the signature: one for all three.
    pub digest_algorithm: DigestAlgorithm,
    /// The Authenticode digest of the image; [`DigestAlgorithm::size`] bytes.
    pub image_digest: Vec<u8>,
    /// Shown by Windows before the file runs.
    pub program_name: Option<ProgramName>,
    /// Where to read more, shown beside the name.
    pub url: Option<Url>,
}

/// A program's name: 1 to 128 characters of the Basic Multilingual Plane, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramName(String);

impl ProgramName {
    /// Parses; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A BMPString holds UCS-2; bidirectional overrides would let a name read as another one.
        let legal = |c: char| {
            u32::from(c) < 0x1_0000
                && !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        let length = text.chars().count();
        ((1..=MAX_PROGRAM_NAME).contains(&length) && text.chars().all(legal)).then(|| Self(text.to_owned()))
    }
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A URL: `https://` or `http://`, printable ASCII without spaces, at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Parses; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let legal = !rest.is_empty() && text.len() <= MAX_URL && text.bytes().all(|b| b.is_ascii_graphic());
        legal.then(|| Self(text.to_owned()))
    }
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    digest_algorithm: DigestAlgorithm,
    image_digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl Body {
    /// Parses a statement strictly: its format, family and every field of its body.
    pub fn parse(statement: &Statement) -> Result<Self, FormatError> {
        if statement.format != FormatName::Pe || statement.family != Family::Cms {
            let what = format!("format `{}` with family `{}`", statement.format, statement.family);
            return Err(FormatError::Statement(format!("{what}; expected `pe` with `cms`")));
        }
        Self::from_json(&statement.body)
    }

    /// Parses a body strictly.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, FormatError> {
        let refuse = |what: &str| FormatError::Statement(format!("body of a pe statement: {what}"));
        let wire: Wire =
            serde::Deserialize::deserialize(value).map_err(|error| refuse(&error.to_string()))?;
        let mut image_digest = vec![0u8; wire.digest_algorithm.size()];
        let lower = !wire.image_digest.bytes().any(|b| b.is_ascii_uppercase());
        if !lower || hex::decode_to_slice(&wire.image_digest, &mut image_digest).is_err() {
            return Err(refuse("`image_digest` is not lower-case hexadecimal of the algorithm's size"));
        }
        let program_name = match wire.program_name {
            Some(text) => Some(ProgramName::parse(&text).ok_or_else(|| refuse("`program_name`"))?),
            None => None,
        };
        let url = match wire.url {
            Some(text) => Some(Url::parse(&text).ok_or_else(|| refuse("`url`"))?),
            None => None,
        };
        let body = Self { digest_algorithm: wire.digest_algorithm, image_digest, program_name, url };
        // A member that is null reads like one that is absent, but hashes to another statement.
        if body.to_json() != *value {
            return Err(refuse("not in its one form"));
        }
        Ok(body)
    }

    /// The one JSON form.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        let mut put = |name: &str, value: &str| map.insert(name.to_owned(), value.into());
        put("digest_algorithm", self.digest_algorithm.name());
        put("image_digest", &hex::encode(&self.image_digest));
        if let Some(name) = &self.program_name {
            put("program_name", name.as_str());
        }
        if let Some(url) = &self.url {
            put("url", url.as_str());
        }
        serde_json::Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_have_one_form() {
        let digest = "0a".repeat(32);
        for good in [
            json!({"digest_algorithm": "sha256", "image_digest": digest}),
            json!({"digest_algorithm": "sha384", "image_digest": "0b".repeat(48), "program_name": "Grüße", "url": "https://a.example/b"}),
        ] {
            assert_eq!(Body::from_json(&good).unwrap().to_json(), good);
        }
        for bad in [
            json!({}),
            json!([]),
            json!({"digest_algorithm": "sha1", "image_digest": "0a".repeat(20)}),
            json!({"digest_algorithm": "sha384", "image_digest": digest}),
            json!({"digest_algorithm": "sha256", "image_digest": "0A".repeat(32)}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "program_name": null}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "program_name": ""}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "program_name": "a\nb"}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "program_name": "\u{1f600}"}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "program_name": "\u{202e}exe"}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "url": "javascript:1"}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "url": "https://a b"}),
            json!({"digest_algorithm": "sha256", "image_digest": digest, "extra": 1}),
        ] {
            assert!(Body::from_json(&bad).is_err(), "{bad}");
        }
    }
}
