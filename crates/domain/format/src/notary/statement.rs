//! The body of a Notary statement: what the keyguard needs, besides the artifact, to rebuild the signed bytes.
//!
//! ```json
//! {"annotations":{"build":"7"},"envelope":"jws","expiry_seconds":31536000,
//!  "media_type":"application/vnd.oci.image.manifest.v1+json"}
//! ```
//! Where the artifact's name is a repository (`registry.example/acme/app`) and the media type that of a manifest, the
//! envelope can be put beside it in its registry. Media type, annotations and name are the client's claims. The signing time is the moment at which the job's token was
//! issued, which the issuer vouches for; only where notation wrote the header itself (a signature without an envelope),
//! `signing_time` names the time that stands in it, and it must lie within an hour of that moment.

use std::collections::BTreeMap;

use chancery_core::artifact::Artifact;
use chancery_core::caller::Caller;
use chancery_core::depth::Depth;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use chancery_core::time::Time;

use super::envelope::Kind;
use super::moment;
use super::payload::{MAX_ANNOTATIONS, Target};
use crate::oci::statement::Subject;
use crate::seam::FormatError;

/// Longest media type in bytes.
pub const MAX_MEDIA_TYPE: usize = 255;
/// Longest key of an annotation in bytes.
pub const MAX_KEY: usize = 256;
/// Longest value of an annotation in bytes.
pub const MAX_VALUE: usize = 4096;
/// Longest life in seconds: ten years.
pub const MAX_EXPIRY: u64 = 10 * 366 * 86_400;
/// Annotations that begin like this have a meaning of their own.
const RESERVED: &str = "io.cncf.notary";
/// How far a signing time that notation wrote may lie from the moment at which the token was issued, in seconds.
const MAX_DRIFT: i64 = 3600;
/// Media types of what lies in registries: notation names these by SHA-256 whatever the key.
const IN_REGISTRIES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// A parsed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What the caller adds to the target.
    pub annotations: BTreeMap<String, String>,
    /// How the envelope is written.
    pub envelope: Kind,
    /// Seconds from the signing time until it shall not count any more.
    pub expiry_seconds: Option<u64>,
    /// The artifact's media type.
    pub media_type: String,
    /// The signing time as notation wrote it, RFC 3339.
    pub signing_time: Option<String>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    envelope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry_seconds: Option<u64>,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_time: Option<String>,
}

impl Body {
    /// Parses a statement strictly: its format, family and every field of its body.
    pub fn parse(statement: &Statement) -> Result<Self, FormatError> {
        if statement.format != FormatName::Notary || statement.family != Family::Notary {
            let what = format!("format `{}` with family `{}`", statement.format, statement.family);
            return Err(FormatError::Statement(format!("{what}; expected `notary` with `notary`")));
        }
        Self::from_json(&statement.body)
    }

    /// Parses a body strictly.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, FormatError> {
        let refuse = |what: &str| FormatError::Statement(format!("body of a notary statement: {what}"));
        let wire: Wire =
            serde::Deserialize::deserialize(value).map_err(|error| refuse(&error.to_string()))?;
        let envelope = Kind::from_name(&wire.envelope).ok_or_else(|| refuse("`envelope`"))?;
        if !is_media_type(&wire.media_type) {
            return Err(refuse("`media_type`"));
        }
        if wire.expiry_seconds.is_some_and(|seconds| !(1..=MAX_EXPIRY).contains(&seconds)) {
            return Err(refuse("`expiry_seconds`"));
        }
        if wire.annotations.len() > MAX_ANNOTATIONS {
            return Err(refuse("more than 64 annotations"));
        }
        if let Some((key, _)) = wire.annotations.iter().find(|(key, value)| !is_annotation(key, value)) {
            let shown: String = key.chars().take(40).collect();
            return Err(refuse(&format!("annotation `{shown}`")));
        }
        if let Some(text) = &wire.signing_time {
            moment::parse(text).map_err(|_| refuse("`signing_time`"))?;
        }
        let body = Self {
            annotations: wire.annotations,
            envelope,
            expiry_seconds: wire.expiry_seconds,
            media_type: wire.media_type,
            signing_time: wire.signing_time,
        };
        // A member that is null reads like one that is absent, but hashes to another statement.
        if body.to_json() != *value {
            return Err(refuse("not in its one form"));
        }
        Ok(body)
    }

    /// The one JSON form.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let wire = Wire {
            annotations: self.annotations.clone(),
            envelope: self.envelope.name().to_owned(),
            expiry_seconds: self.expiry_seconds,
            media_type: self.media_type.clone(),
            signing_time: self.signing_time.clone(),
        };
        serde_json::to_value(wire).unwrap_or_default()
    }

    /// The statement about a manifest of a repository.
    #[must_use]
    pub fn statement(&self, subject: &Subject) -> Statement {
        let artifact =
            Artifact { name: subject.repository.to_string(), digest: subject.digest, size: subject.size };
        let (family, format) = (Family::Notary, FormatName::Notary);
        let body = Self { media_type: subject.media_type.clone(), ..self.clone() };
        Statement { artifact, body: body.to_json(), depth: Depth::Structured, family, format }
    }
    /// What is signed, for an artifact of this statement.
    #[must_use]
    pub fn target(&self, statement: &Statement) -> Target {
        Target {
            media_type: self.media_type.clone(),
            digest: format!("sha256:{}", statement.artifact.digest),
            size: statement.artifact.size,
            annotations: self.annotations.clone(),
        }
    }
    /// The signing time, RFC 3339. Errors when notation's is too far from the moment at which the token was issued.
    pub fn signing_time(&self, caller: &Caller) -> Result<String, FormatError> {
        let issued = Time::from_seconds(caller.issued_at.seconds());
        let Some(written) = &self.signing_time else { return Ok(issued.to_string()) };
        let drift = moment::parse(written)?.seconds_since(issued);
        if drift.abs() > MAX_DRIFT {
            let what = format!("`signing_time` is {drift} s from the token's own time; at most 3600 s");
            return Err(FormatError::Statement(what));
        }
        Ok(written.clone())
    }
    /// Whether the artifact lies in a registry, as its media type says.
    #[must_use]
    pub fn is_in_registry(&self) -> bool {
        IN_REGISTRIES.contains(&self.media_type.as_str())
    }
}

/// `type/subtype` of RFC 6838 §4.2, without parameters.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let name = |part: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !part.is_empty() && part.bytes().all(legal)
    };
    text.len() <= MAX_MEDIA_TYPE && text.split_once('/').is_some_and(|(a, b)| name(a) && name(b))
}

fn is_annotation(key: &str, value: &str) -> bool {
    let legal = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
    };
    legal(key, MAX_KEY) && legal(value, MAX_VALUE) && !key.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_have_one_form() {
        for good in [
            json!({"envelope": "jws", "media_type": "application/octet-stream"}),
            json!({"annotations": {"build": "7"}, "envelope": "cose", "expiry_seconds": 1, "media_type": "a/b"}),
            json!({"envelope": "jws", "media_type": "a/b", "signing_time": "2026-11-20T21:47:03+01:00"}),
        ] {
            assert_eq!(Body::from_json(&good).unwrap().to_json(), good);
        }
        for bad in [
            json!({}),
            json!([]),
            json!({"envelope": "jws"}),
            json!({"envelope": "pgp", "media_type": "a/b"}),
            json!({"envelope": "jws", "media_type": "ab"}),
            json!({"envelope": "jws", "media_type": "a/b; c=d"}),
            json!({"envelope": "jws", "media_type": "a/b/c"}),
            json!({"envelope": "jws", "media_type": "a/b", "expiry_seconds": 0}),
            json!({"envelope": "jws", "media_type": "a/b", "expiry_seconds": MAX_EXPIRY + 1}),
            json!({"envelope": "jws", "media_type": "a/b", "expiry_seconds": null}),
            json!({"envelope": "jws", "media_type": "a/b", "annotations": {}}),
            json!({"envelope": "jws", "media_type": "a/b", "annotations": {"": "x"}}),
            json!({"envelope": "jws", "media_type": "a/b", "annotations": {"x": "a\nb"}}),
            json!({"envelope": "jws", "media_type": "a/b", "annotations": {"io.cncf.notary.x": "y"}}),
            json!({"envelope": "jws", "media_type": "a/b", "signing_time": "now"}),
            json!({"envelope": "jws", "media_type": "a/b", "extra": 1}),
        ] {
            assert!(Body::from_json(&bad).is_err(), "{bad}");
        }
    }
}
