//! A predicate that a caller brings: a claim about an artifact, signed as it was written.
//!
//! ```text
//! {"_type":"https://in-toto.io/Statement/v1","predicate":<the caller's own bytes>,"predicateType":"https://cyclonedx.org/bom",
//!  "subject":[{"digest":{"sha256":"229c…"},"name":"app.bin"}]}
//! ```
//! The text is one JSON object, so that nothing beyond it can be said in the statement around it. Types that this
//! service makes from what it verified itself are refused: a verifier that looks at the signer and the type alone, as
//! `cosign verify-attestation` does, could not tell the claim from the fact.

use chancery_core::artifact::Artifact;
use chancery_core::canonical::{self, NotCanonical};
use serde_json::{Value, json};

use super::provenance::STATEMENT_TYPE;
use crate::oci::to_be_signed::SIGN_PREDICATE;

/// Longest text of a predicate in bytes.
pub const MAX_PREDICATE: usize = 2 << 20;
/// Longest type in bytes.
const MAX_TYPE: usize = 255;

/// Beginnings of the types that are never claimed: what the service says itself (provenance, VSA, SVR, image
/// signatures), in all their versions.
pub const RESERVED: [&str; 5] = [
    "https://in-toto.io/attestation/release",
    "https://in-toto.io/attestation/svr",
    "https://sigstore.dev/cosign/sign",
    "https://slsa.dev/provenance",
    "https://slsa.dev/verification_summary",
];

/// Whether this service alone can say something of a type: provenance, and what its verifier found. That an image is signed,
/// each signer says.
#[must_use]
pub fn is_of_service(kind: &str) -> bool {
    !is_claim(kind) && kind != SIGN_PREDICATE
}

/// Whether statements of a type are claims of their signer, in this service's house: it says the others itself.
#[must_use]
pub fn is_claim(kind: &str) -> bool {
    // Case and a trailing slash make no other type of it for a careless reader.
    let lower = kind.to_ascii_lowercase();
    !RESERVED.iter().any(|reserved| {
        lower
            .trim_start_matches("http://")
            .trim_start_matches("https://")
            .starts_with(reserved.trim_start_matches("https://"))
    })
}

/// A predicate that may not be claimed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPredicate {
    /// Not one JSON object, or larger than [`MAX_PREDICATE`].
    #[error("it is not one JSON object of at most 2 MiB and 127 levels: {0}")]
    Text(String),
    /// Not a URI of at most 255 visible characters.
    #[error("its type is not a URI of at most 255 characters without spaces")]
    Type,
    /// A type that only the service itself makes.
    #[error("type `{0}` is what the service says itself; it is not taken from callers")]
    Reserved(String),
}

/// A claim, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    kind: String,
    text: String,
}

impl Predicate {
    /// Takes a type and the text of a JSON object.
    pub fn new(kind: String, text: String) -> Result<Self, InvalidPredicate> {
        check_type(&kind)?;
        let refuse = |why: String| InvalidPredicate::Text(why);
        if text.len() > MAX_PREDICATE {
            return Err(refuse(format!("{} bytes", text.len())));
        }
        // As a tree: what is skipped over instead may be nested deeper than a verifier can follow.
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(_)) => Ok(Self { kind, text }),
            Ok(_) => Err(refuse("another kind of value".to_owned())),
            Err(error) => Err(refuse(error.to_string())),
        }
    }
    /// The predicate type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }
    /// The text as the caller wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The in-toto statement around it: the same bytes for the same claim.
    pub fn payload(&self, artifact: &Artifact, subject: &str) -> Result<Vec<u8>, NotCanonical> {
        let subject = json!([{ "digest": { "sha256": artifact.digest.to_string() }, "name": subject }]);
        let (kind, subject) = (canonical::to_string(&json!(self.kind))?, canonical::to_string(&subject)?);
        let text = &self.text;
        Ok(format!(
            r#"{{"_type":"{STATEMENT_TYPE}","predicate":{text},"predicateType":{kind},"subject":{subject}}}"#
        )
        .into_bytes())
    }
}

fn check_type(kind: &str) -> Result<(), InvalidPredicate> {
    let is_uri = kind.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if !is_uri || kind.len() > MAX_TYPE || !kind.chars().all(|c| c.is_ascii_graphic()) {
        return Err(InvalidPredicate::Type);
    }
    if !is_claim(kind) {
        return Err(InvalidPredicate::Reserved(kind.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigstore::provenance;
    use chancery_core::digest::Sha256;

    const BOM: &str = "https://cyclonedx.org/bom";

    fn new(kind: &str, text: &str) -> Result<Predicate, InvalidPredicate> {
        Predicate::new(kind.to_owned(), text.to_owned())
    }

    #[test]
    fn what_the_caller_wrote_is_signed_byte_for_byte() {
        let predicate = new(BOM, "{ \"score\": 9.80, \"a\":[1e3] }\n").unwrap();
        let artifact = Artifact { name: "app.bin".into(), digest: Sha256::of(b"hello\n"), size: 6 };
        let payload = predicate.payload(&artifact, "a\"b").unwrap();
        let text = String::from_utf8(payload.clone()).unwrap();
        assert!(
            text.contains("\"predicate\":{ \"score\": 9.80, \"a\":[1e3] }\n,\"predicateType\""),
            "{text}"
        );
        let read = provenance::parse(&payload).unwrap();
        assert_eq!(read.predicate_type, BOM);
        assert_eq!(read.subjects[0].name.as_deref(), Some("a\"b"));
        assert_eq!(read.subjects[0].digest, Sha256::of(b"hello\n"));
    }

    #[test]
    fn nothing_but_one_object_is_a_predicate() {
        for text in ["", "[]", "1", "{}{}", "{},\"x\":{}", "{\"a\":}", "null", "{} x", "\"{}\""] {
            assert!(matches!(new(BOM, text), Err(InvalidPredicate::Text(_))), "{text}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(2_000), "1".to_owned() + &"}".repeat(2_000));
        assert!(matches!(new(BOM, &deep), Err(InvalidPredicate::Text(_))));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_PREDICATE));
        assert!(matches!(new(BOM, &large), Err(InvalidPredicate::Text(_))));
    }

    #[test]
    fn what_the_service_says_itself_is_never_claimed() {
        for kind in [
            "https://slsa.dev/provenance/v1",
            "https://slsa.dev/provenance/v0.2",
            "HTTPS://slsa.dev/Provenance/v1",
            "http://slsa.dev/provenance/v1",
            "https://slsa.dev/verification_summary/v1",
            "https://sigstore.dev/cosign/sign/v1",
            "https://in-toto.io/attestation/svr/v0.2",
        ] {
            assert!(matches!(new(kind, "{}"), Err(InvalidPredicate::Reserved(_))), "{kind}");
        }
        for kind in ["", "bom", ":x", "x:", "https://a b", "https://a\n", &format!("x:{}", "a".repeat(254))] {
            assert_eq!(new(kind, "{}"), Err(InvalidPredicate::Type), "{kind:?}");
        }
    }
}
