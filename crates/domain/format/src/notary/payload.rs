//! The payload: which artifact is signed (Notary signature specification, "Payload").
//!
//! ```json
//! {"targetArtifact":{"annotations":{"build":"7"},"digest":"sha256:229c…","mediaType":"application/octet-stream","size":6}}
//! ```
//! JWS envelopes hold it with its members sorted; COSE envelopes in the order `mediaType`, `digest`, `size`,
//! `annotations`. Both escape `<`, `>` and `&` as notation's JSON writer does.

use std::collections::BTreeMap;
use std::fmt;

use chancery_core::digest::Sha256;
use serde::de::{self, MapAccess, Visitor};

use super::envelope::Kind;
use super::malformed;
use crate::seam::FormatError;

/// Its media type: the content type in the protected header.
pub const CONTENT_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
/// Largest payload in bytes.
pub const MAX_PAYLOAD: usize = 64 << 10;
/// Most annotations.
pub const MAX_ANNOTATIONS: usize = 64;

/// What is signed. Digest and size say which bytes; the annotations are whatever the signer wished to add.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Target {
    /// The artifact's media type.
    pub media_type: String,
    /// `sha256:` and lower-case hexadecimal.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// Added by the signer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "distinct")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Payload<T> {
    target_artifact: T,
}

impl Target {
    /// The payload's bytes in an envelope of this kind.
    pub fn encode(&self, kind: Kind) -> Result<Vec<u8>, FormatError> {
        let refuse = |error: serde_json::Error| FormatError::Statement(error.to_string());
        let text = match kind {
            Kind::Cose => serde_json::to_string(&Payload { target_artifact: self }).map_err(refuse)?,
            Kind::Jws => {
                let sorted = serde_json::to_value(Payload { target_artifact: self }).map_err(refuse)?;
                chancery_core::canonical::to_string(&sorted)
                    .map_err(|error| FormatError::Statement(error.to_string()))?
            }
        };
        Ok(escape(&text).into_bytes())
    }
    /// The digest. Errors when it is not SHA-256.
    pub fn sha256(&self) -> Result<Sha256, FormatError> {
        let digest = self.digest.strip_prefix("sha256:").and_then(|hex| Sha256::parse_hex(hex).ok());
        digest.ok_or_else(|| {
            let shown: String = self.digest.chars().take(80).collect();
            FormatError::Unsupported(format!("digest `{shown}`; expected SHA-256"))
        })
    }
    /// Reads a payload. Unknown and duplicate members are refused.
    pub fn parse(payload: &[u8]) -> Result<Self, FormatError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(malformed(format!("payload of {} bytes; at most {MAX_PAYLOAD}", payload.len())));
        }
        let parsed: Payload<Self> =
            serde_json::from_slice(payload).map_err(|error| malformed(format!("payload: {error}")))?;
        Ok(parsed.target_artifact)
    }
}

/// Inside strings only: JSON has these characters nowhere else.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out
}

/// A map whose keys come once each: serde's own takes the last of several.
fn distinct<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Distinct;
    impl<'de> Visitor<'de> for Distinct {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of distinct texts")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut out = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if out.insert(key, value).is_some() || out.len() > MAX_ANNOTATIONS {
                    return Err(de::Error::custom("an annotation comes twice, or there are more than 64"));
                }
            }
            Ok(out)
        }
    }
    from.deserialize_map(Distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            media_type: "application/octet-stream".into(),
            digest: "sha256:00".into(),
            size: 6,
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn is_written_as_notation_writes_it() {
        let mut target = target();
        let jws =
            r#"{"targetArtifact":{"digest":"sha256:00","mediaType":"application/octet-stream","size":6}}"#;
        let cose =
            r#"{"targetArtifact":{"mediaType":"application/octet-stream","digest":"sha256:00","size":6}}"#;
        assert_eq!(target.encode(Kind::Jws).unwrap(), jws.as_bytes());
        assert_eq!(target.encode(Kind::Cose).unwrap(), cose.as_bytes());
        target.annotations.insert("a&b".into(), "<x>\"\u{2028}".into());
        for kind in [Kind::Jws, Kind::Cose] {
            let written = target.encode(kind).unwrap();
            assert_eq!(Target::parse(&written).unwrap(), target);
            let text = String::from_utf8(written).unwrap();
            assert!(text.contains(r#"{"a\u0026b":"\u003cx\u003e\"\u2028"}"#), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        let good = r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1}}"#;
        assert!(Target::parse(good.as_bytes()).is_ok());
        for bad in [
            "",
            "{}",
            r#"{"targetArtifact":{"digest":"d","mediaType":"m"}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":-1}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1,"size":1}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1,"data":"x"}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1,"annotations":{"a":"b","a":"c"}}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1,"annotations":{"a":1}}}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1},"x":1}"#,
            r#"{"targetArtifact":{"digest":"d","mediaType":"m","size":1}} x"#,
        ] {
            assert!(Target::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
