//! One streaming pass over any file: its digest and size. The file itself is never held.

use std::io::Read;

use chancery_core::family::Family;
use serde_json::{Map, Value, json};

use crate::patch;
use crate::seam::{FormatError, Layout, Options, Prepared, Sample, Sureness};

/// Takes any file, detached.
#[must_use]
pub fn detect(_: &Sample<'_>) -> Sureness {
    Sureness::Any
}

/// Hashes the artifact. Options: `family` (`provenance-dsse`, the default, `message` or `claimed-dsse`), `subject` (the
/// name in the in-toto statement; the file name by default), for a claim `predicate` and `predicate_type`, and for a summary `vouch`.
pub fn prepare(reader: &mut dyn Read, options: &Options<'_>) -> Result<Prepared, FormatError> {
    let (family, body) = wish(options)?;
    let (digest, size) = patch::digest(reader)?;
    Ok(Prepared { body, family, digest, size, layout: Layout::Beside })
}

fn wish(options: &Options<'_>) -> Result<(Family, Value), FormatError> {
    let mut family = Family::ProvenanceDsse;
    let mut body = Map::new();
    for (name, value) in options.values {
        let refuse = |expected| FormatError::Option { name: name.chars().take(80).collect(), expected };
        match (name.as_str(), value.as_str()) {
            ("family", Some("message")) => family = Family::Message,
            ("family", Some("provenance-dsse")) => family = Family::ProvenanceDsse,
            ("family", Some("claimed-dsse")) => family = Family::ClaimedDsse,
            ("family", Some("verifier-dsse")) => family = Family::VerifierDsse,
            ("vouch", _) => drop(body.insert(name.clone(), value.clone())),
            ("family", _) => {
                return Err(refuse(
                    "expected `provenance-dsse`, `message`, `claimed-dsse` or `verifier-dsse`",
                ));
            }
            ("subject" | "predicate" | "predicate_type", Some(text)) => {
                drop(body.insert(name.clone(), json!(text)));
            }
            ("subject" | "predicate" | "predicate_type", None) => return Err(refuse("expected text")),
            _ => return Err(refuse("not an option of format `sigstore`; expected `family` or `subject`")),
        }
    }
    if family == Family::Message && !body.is_empty() {
        let expected = "has no meaning in family `message`";
        return Err(FormatError::Option { name: "subject".into(), expected });
    }
    if (family == Family::VerifierDsse) != body.contains_key("vouch") {
        let expected = "needed in family `verifier-dsse`, and without meaning in others";
        return Err(FormatError::Option { name: "vouch".into(), expected });
    }
    let is_claim = body.contains_key("predicate") && body.contains_key("predicate_type");
    if (family == Family::ClaimedDsse) != is_claim {
        let expected = "needed with `predicate_type` in family `claimed-dsse`, and without meaning in others";
        return Err(FormatError::Option { name: "predicate".into(), expected });
    }
    Ok((family, Value::Object(body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::Sha256;

    fn prepared(values: &Value, bytes: &[u8]) -> Result<Prepared, FormatError> {
        let options = Options { values: values.as_object().unwrap(), key: None };
        prepare(&mut std::io::Cursor::new(bytes), &options)
    }

    #[test]
    fn hashes_in_one_pass() {
        let bytes = vec![7u8; patch::BUFFER + 1];
        let found = prepared(&json!({}), &bytes).unwrap();
        assert_eq!((found.digest, found.size), (Sha256::of(&bytes), bytes.len() as u64));
        assert_eq!((found.family, found.body), (Family::ProvenanceDsse, json!({})));
        assert_eq!(prepared(&json!({}), b"").unwrap().digest, Sha256::of(b""));
    }

    #[test]
    fn refuses_options_that_it_does_not_know() {
        assert_eq!(prepared(&json!({"family": "message"}), b"x").unwrap().family, Family::Message);
        assert_eq!(prepared(&json!({"subject": "n"}), b"x").unwrap().body, json!({"subject": "n"}));
        let bad = [
            json!({"family": "cms"}),
            json!({"family": 1}),
            json!({"subject": 1}),
            json!({"other": "x"}),
            json!({"family": "message", "subject": "x"}),
        ];
        for options in bad {
            assert!(matches!(prepared(&options, b"x"), Err(FormatError::Option { .. })), "{options}");
        }
    }
}
