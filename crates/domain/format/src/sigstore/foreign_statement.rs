//! In-toto statements of other people: v0.1 and v1, subjects with any digests.
//!
//! ```json
//! {"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://slsa.dev/provenance/v0.2",
//!  "subject":[{"name":"pkg:npm/app@1.0.0","digest":{"sha512":"46d0…"}}],"predicate":{}}
//! ```
//! Our own payloads have one shape, and [`super::provenance::parse`] reads no other.

use std::collections::BTreeMap;

use chancery_core::digest::DigestAlgorithm;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::provenance::{STATEMENT_TYPE, STATEMENT_V01};

/// Most subjects of one statement.
pub const MAX_SUBJECTS: usize = 1024;
/// Most digests of one subject.
pub const MAX_DIGESTS: usize = 32;

/// A payload that is not an in-toto statement with digests that are known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload is not an in-toto statement v0.1 or v1 with subjects by sha256, sha384 or sha512")]
pub struct InvalidStatement;

/// What a verifier needs of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignStatement {
    /// The predicate type.
    pub predicate_type: String,
    /// Each subject's digests of known algorithms.
    pub subjects: Vec<Vec<(DigestAlgorithm, String)>>,
    /// The commits among the subjects: each `gitCommit`.
    pub commits: Vec<String>,
}

// Duplicate members are errors: a second reading of the same bytes must not exist (T6).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default, rename = "predicate")]
    _predicate: Option<IgnoredAny>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<WireSubject>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject {
    #[serde(default, rename = "name")]
    _name: Option<IgnoredAny>,
    digest: Digests,
    #[serde(default, rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(default, rename = "content")]
    _content: Option<IgnoredAny>,
    #[serde(default, rename = "downloadLocation")]
    _download_location: Option<IgnoredAny>,
    #[serde(default, rename = "mediaType")]
    _media_type: Option<IgnoredAny>,
    #[serde(default, rename = "uri")]
    _uri: Option<IgnoredAny>,
}

/// A map that refuses to see the same algorithm twice.
struct Digests(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Distinct)
    }
}

struct Distinct;

impl<'de> Visitor<'de> for Distinct {
    type Value = Digests;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("at most 32 digests, each algorithm once")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Digests, A::Error> {
        let mut all = BTreeMap::new();
        while let Some((algorithm, digest)) = map.next_entry::<String, String>()? {
            if all.len() >= MAX_DIGESTS || all.insert(algorithm, digest).is_some() {
                return Err(serde::de::Error::custom("digests"));
            }
        }
        Ok(Digests(all))
    }
}

/// Reads a payload.
pub fn parse(payload: &[u8]) -> Result<ForeignStatement, InvalidStatement> {
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| InvalidStatement)?;
    let is_known = [STATEMENT_TYPE, STATEMENT_V01].contains(&wire.kind.as_str());
    if !is_known || wire.subject.is_empty() || wire.subject.len() > MAX_SUBJECTS {
        return Err(InvalidStatement);
    }
    // A struct may also be read from a JSON array, a spelling that other readers refuse.
    if !starts_object(payload) {
        return Err(InvalidStatement);
    }
    let commits = wire.subject.iter().filter_map(|subject| subject.digest.0.get("gitCommit").cloned());
    Ok(ForeignStatement {
        commits: commits.collect(),
        predicate_type: wire.predicate_type,
        subjects: wire.subject.into_iter().map(|subject| known(&subject.digest)).collect(),
    })
}

fn starts_object(payload: &[u8]) -> bool {
    let value: Result<serde_json::Value, _> = serde_json::from_slice(payload);
    value.is_ok_and(|value| {
        let subjects = value.get("subject").and_then(serde_json::Value::as_array);
        subjects.is_some_and(|all| all.iter().all(serde_json::Value::is_object))
    })
}

fn known(digests: &Digests) -> Vec<(DigestAlgorithm, String)> {
    let algorithms = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    let found = |algorithm: DigestAlgorithm| {
        let name = match algorithm {
            DigestAlgorithm::Sha256 => "sha256",
            DigestAlgorithm::Sha384 => "sha384",
            DigestAlgorithm::Sha512 => "sha512",
        };
        digests.0.get(name).map(|digest| (algorithm, digest.clone()))
    };
    algorithms.into_iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"p","predicate":{"a":1},
        "subject":[{"name":"x","digest":{"sha512":"bb","sha1":"cc","sha256":"aa"}},{"digest":{"gitCommit":"d"}}]}"#;

    #[test]
    fn known_digests_are_kept() {
        let read = parse(GOOD.as_bytes()).unwrap();
        assert_eq!(read.predicate_type, "p");
        let expected = vec![
            vec![(DigestAlgorithm::Sha256, "aa".to_owned()), (DigestAlgorithm::Sha512, "bb".to_owned())],
            vec![],
        ];
        assert_eq!((read.subjects, read.commits), (expected, vec!["d".to_owned()]));
        assert!(parse(GOOD.replace("/v0.1", "/v1").as_bytes()).is_ok());
    }

    #[test]
    fn second_readings_are_refused() {
        for (from, to) in [
            ("/v0.1", "/v2"),
            ("\"predicateType\":\"p\"", "\"predicateType\":\"p\",\"predicateType\":\"q\""),
            ("\"sha1\":\"cc\"", "\"sha256\":\"cc\""),
            ("\"predicate\":", "\"x\":"),
            ("{\"name\":\"x\",", "{\"nome\":\"x\","),
            ("{\"sha512\":\"bb\",\"sha1\":\"cc\",\"sha256\":\"aa\"}", "[\"aa\"]"),
            ("\"name\":\"x\"", "\"name\":\"x\",\"name\":\"y\""),
        ] {
            let bent = GOOD.replacen(from, to, 1);
            assert!(bent != GOOD && parse(bent.as_bytes()).is_err(), "{bent}");
        }
        let none =
            r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","predicate":{},"subject":[]}"#;
        assert!(parse(none.as_bytes()).is_err());
        let as_list = r#"["https://in-toto.io/Statement/v1",{},"p",[{"digest":{"sha256":"aa"}}]]"#;
        assert!(parse(as_list.as_bytes()).is_err());
    }
}
