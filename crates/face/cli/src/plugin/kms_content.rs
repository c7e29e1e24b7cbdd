//! What cosign wants signed, as what it is: the bytes come whole, so that policy sees a statement and not a hash.
//!
//! ```text
//! DSSEv1 28 application/vnd.in-toto+json 177 {"_type":"https://in-toto.io/Statement/v1",…}     cosign sign, cosign attest
//! {"critical":{"identity":{…},"image":{"docker-manifest-digest":"sha256:…"},"type":"…"},"optional":…}   cosign sign, old form
//! anything else                                                                               cosign sign-blob
//! ```

use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::statement::Statement;
use chancery_format::oci::reference::Repository;
use chancery_format::oci::simple;
use chancery_format::sigstore::cosign::{self, NotRebuilt};
use chancery_format::sigstore::dsse;
use chancery_format::sigstore::predicate::InvalidPredicate;
use chancery_format::sigstore::statement::predicate_type;
use serde_json::Value;

use crate::catalogue::Code;
use crate::failure::Failure;

/// Bytes to be signed, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A file.
    Blob,
    /// An image by its simple signing payload.
    SimpleSigning(Repository, Sha256),
    /// An in-toto statement, as the statement of ours that comes to its bytes.
    Statement(Statement),
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
            Some(value) if value.get("critical").is_some() => simple_signing(given, &value),
            Some(_) | None => Ok(Self::Blob),
        }
    }
    /// The one family whose keys sign it.
    pub(super) const fn family(&self) -> Family {
        match self {
            Self::Blob => Family::Message,
            Self::SimpleSigning(..) => Family::SimpleSigning,
            Self::Statement(statement) => statement.family,
        }
    }
    /// In words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Blob => "a file".to_owned(),
            Self::SimpleSigning(..) => "an image, in the simple signing form".to_owned(),
            Self::Statement(statement) if statement.family == Family::ClaimedDsse => {
                let kind = predicate_type(statement).unwrap_or_default();
                format!("an attestation with predicate `{kind}`")
            }
            Self::Statement(_) => "an image".to_owned(),
        }
    }
}

fn refused(what: &str) -> Failure {
    Failure::new(Code::NotRebuilt, format!("what cosign wants signed is not signed: {what}"))
}

fn simple_signing(given: &[u8], value: &Value) -> Result<Content, Failure> {
    match simple::parse(given) {
        Ok((repository, digest)) => Ok(Content::SimpleSigning(repository, digest)),
        Err(_) if value.get("optional").is_some_and(Value::is_object) => {
            Err(refused("a simple signing payload with annotations")
                .hint("sign without -a, or without --new-bundle-format=false: a bundle takes annotations"))
        }
        Err(error) => Err(refused(&format!("a simple signing payload that cannot be rebuilt: {error}"))
            .hint("chancery sign REGISTRY/REPOSITORY@sha256:… signs the image")),
    }
}

fn dsse(given: &[u8]) -> Result<Content, Failure> {
    let text = std::str::from_utf8(given).map_err(|_| refused("its DSSE encoding is not text"))?;
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
        return Err(refused("the lengths in its DSSE encoding do not fit"));
    };
    if kind != dsse::IN_TOTO {
        return Err(refused("the payload is no in-toto statement"));
    }
    // A number of other digits, `028`, would be another spelling.
    if dsse::encode(kind, payload.as_bytes()) != given {
        return Err(refused("its DSSE encoding is not in its one form"));
    }
    cosign::read(payload.as_bytes()).map(Content::Statement).map_err(|error| not_rebuilt(&error))
}

fn not_rebuilt(error: &NotRebuilt) -> Failure {
    let failure = refused(&error.to_string());
    match error {
        NotRebuilt::Predicate(InvalidPredicate::Reserved(_)) => failure
            .hint("the service says it from what it verified: chancery sign makes provenance of its own"),
        NotRebuilt::Predicate(InvalidPredicate::Text(_)) => {
            failure.hint("the predicate has to be a JSON object: --type spdxjson instead of spdx")
        }
        NotRebuilt::Predicate(InvalidPredicate::Type) => failure.hint("name the type by a URI: --type URI"),
        NotRebuilt::Bytes | NotRebuilt::Statement(_) | NotRebuilt::Subject => failure
            .hint("chancery attest signs any predicate about a file; cosign 3 is what this plugin knows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "7c6b054ece50f8b552489dd1c0fcdb298a9c265b7b52e65cfdc74c0bf8c3813a";

    fn encoded(payload: &str) -> Vec<u8> {
        dsse::encode(dsse::IN_TOTO, payload.as_bytes())
    }
    fn image(annotations: &str) -> String {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{DIGEST}"}},"annotations":{annotations}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#
        )
    }
    fn attested(kind: &str) -> String {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v0.1","subject":[{{"name":"app","digest":{{"sha256":"{DIGEST}"}}}}],"predicateType":"{kind}","predicate":{{}}}}"#
        )
    }
    fn simple(repository: &str, optional: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{repository}"}},"image":{{"docker-manifest-digest":"sha256:{DIGEST}"}},"type":"cosign container image signature"}},"optional":{optional}}}"#
        )
    }

    #[test]
    fn what_it_is_decides_which_keys_may_sign_it() {
        let simple = simple("r.example/app", "null");
        let cases: [(&[u8], Family); 7] = [
            (b"hello\n", Family::Message),
            (b"", Family::Message),
            (b"{\"a\":1}", Family::Message),
            (simple.as_bytes(), Family::SimpleSigning),
            (&encoded(&image("{}")), Family::ProvenanceDsse),
            (&encoded(&image("{\"build\":\"7\"}")), Family::ProvenanceDsse),
            (&encoded(&attested("https://cyclonedx.org/bom")), Family::ClaimedDsse),
        ];
        for (given, family) in cases {
            assert_eq!(Content::read(given).unwrap().family(), family);
        }
    }

    #[test]
    fn half_of_an_encoding_is_no_file() {
        let good = encoded(&image("{}"));
        assert!(Content::read(&good).is_ok());
        for cut in b"DSSEv1 ".len()..good.len() {
            assert!(Content::read(&good[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Content::read(&[&good[..], b"x"].concat()).is_err());
        assert!(Content::read(b"DSSEv1 1 x 2 {}").is_err());
        assert!(Content::read(&encoded("not json")).is_err());
        let zero = String::from_utf8(good).unwrap().replacen("DSSEv1 28", "DSSEv1 028", 1);
        assert!(Content::read(zero.as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_signed_is_refused_with_a_way_out() {
        for (given, words) in [
            (encoded(&attested("https://slsa.dev/provenance/v1")), "chancery sign"),
            (encoded(&attested("https://spdx.dev/Document").replace(":{}}", ":\"text\"}")), "spdxjson"),
            (encoded(&image("{}").replace(':', ": ")), "cosign 3"),
            (simple("r.example/app", "{\"a\":\"b\"}").into_bytes(), "-a"),
            (simple("app", "null").into_bytes(), "chancery sign"),
        ] {
            let failure = Content::read(&given).unwrap_err();
            assert_eq!(failure.code, "CH2060", "{failure:?}");
            assert!(failure.hint.contains(words), "{failure:?}");
        }
    }
}
