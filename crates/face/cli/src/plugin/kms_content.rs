//! What cosign wants signed, as what it is: the bytes come whole, so that policy sees a statement and not a hash.
//!
//! ```text
//! DSSEv1 28 application/vnd.in-toto+json 177 {"_type":"https://in-toto.io/Statement/v1",…}     cosign sign, cosign attest
//! {"critical":{"identity":{…},"image":{"docker-manifest-digest":"sha256:…"},"type":"…"},"optional":…}   cosign sign, old form
//! anything else                                                                               cosign sign-blob
//! ```

use chancery_core::family::Family;
use serde_json::Value;

use crate::catalogue::Code;
use crate::failure::Failure;

/// Predicate type of what `cosign sign` makes since its version 3.
const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Bytes to be signed, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A file.
    Blob,
    /// An in-toto statement with a predicate of the caller's.
    Claimed(Value),
    /// An in-toto statement that says nothing but that an image is signed.
    Image(Value),
    /// The simple signing payload of an image.
    SimpleSigning(Value),
}

impl Content {
    /// Reads what was given. What looks like one of the forms and is not one is refused, never taken for a file: a file's
    /// signature must not turn out to be one over a statement.
    pub(super) fn read(given: &[u8]) -> Result<Self, Failure> {
        if given.starts_with(b"DSSEv1 ") {
            return dsse(given);
        }
        let parsed: Option<Value> = serde_json::from_slice(given).ok();
        match parsed {
            Some(value) if value.pointer("/critical/image/docker-manifest-digest").is_some() => {
                Ok(Self::SimpleSigning(value))
            }
            Some(_) | None => Ok(Self::Blob),
        }
    }
    /// The one family whose keys sign it.
    pub(super) const fn family(&self) -> Family {
        match self {
            Self::Blob => Family::Message,
            Self::Claimed(_) => Family::ClaimedDsse,
            Self::Image(_) => Family::ProvenanceDsse,
            Self::SimpleSigning(_) => Family::SimpleSigning,
        }
    }
    /// In words.
    pub(super) fn describe(&self) -> String {
        let predicate = |statement: &Value| {
            let named = statement.get("predicateType").and_then(Value::as_str).unwrap_or("none");
            named.chars().filter(|c| !c.is_control()).take(120).collect::<String>()
        };
        match self {
            Self::Blob => "a file".to_owned(),
            Self::Claimed(statement) => format!("an attestation with predicate `{}`", predicate(statement)),
            Self::Image(_) => "an image".to_owned(),
            Self::SimpleSigning(_) => "an image, in the simple signing form".to_owned(),
        }
    }
}

fn dsse(given: &[u8]) -> Result<Content, Failure> {
    let refuse = |what: &str| Failure::new(Code::Artifact, format!("cosign's DSSE encoding: {what}"));
    let text = std::str::from_utf8(given).map_err(|_| refuse("is not text"))?;
    let mut rest = text.strip_prefix("DSSEv1 ").unwrap_or_default();
    let mut part = |last: bool| -> Option<&str> {
        let (length, after) = rest.split_once(' ')?;
        let length: usize = length.parse().ok()?;
        let (part, after) = after.split_at_checked(length)?;
        rest = if last { after } else { after.strip_prefix(' ')? };
        Some(part)
    };
    let (kind, payload) = (part(false), part(true));
    let (Some(kind), Some(payload), "") = (kind, payload, rest) else {
        return Err(refuse("its lengths do not fit"));
    };
    if kind != IN_TOTO {
        return Err(refuse("the payload is no in-toto statement"));
    }
    let statement: Value = serde_json::from_str(payload).map_err(|_| refuse("the payload is not JSON"))?;
    let says_nothing = statement.get("predicate").is_none_or(|predicate| {
        predicate.is_null() || predicate.as_object().is_some_and(serde_json::Map::is_empty)
    });
    let is_image = statement.get("predicateType").and_then(Value::as_str) == Some(COSIGN_SIGN);
    Ok(if is_image && says_nothing { Content::Image(statement) } else { Content::Claimed(statement) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(payload: &str) -> Vec<u8> {
        format!("DSSEv1 {} {IN_TOTO} {} {payload}", IN_TOTO.len(), payload.len()).into_bytes()
    }

    #[test]
    fn what_it_is_decides_which_keys_may_sign_it() {
        let image = format!(r#"{{"predicateType":"{COSIGN_SIGN}","predicate":{{}},"subject":[]}}"#);
        let full = format!(r#"{{"predicateType":"{COSIGN_SIGN}","predicate":{{"x":1}},"subject":[]}}"#);
        let simple = r#"{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"sha256:00"},"type":"cosign container image signature"},"optional":null}"#;
        let cases: [(&[u8], Family); 7] = [
            (b"hello\n", Family::Message),
            (b"", Family::Message),
            (b"{\"a\":1}", Family::Message),
            (simple.as_bytes(), Family::SimpleSigning),
            (&encoded(&image), Family::ProvenanceDsse),
            (&encoded(&full), Family::ClaimedDsse),
            (
                &encoded(r#"{"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#),
                Family::ClaimedDsse,
            ),
        ];
        for (given, family) in cases {
            assert_eq!(Content::read(given).unwrap().family(), family);
        }
    }

    #[test]
    fn half_of_an_encoding_is_no_file() {
        let good = encoded("{}");
        for cut in b"DSSEv1 ".len()..good.len() {
            assert!(Content::read(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Content::read(&[&good[..], b"x"].concat()).is_err());
        assert!(Content::read(b"DSSEv1 1 x 2 {}").is_err());
        assert!(Content::read(&encoded("not json")).is_err());
    }
}
