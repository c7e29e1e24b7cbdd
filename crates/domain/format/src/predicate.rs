//! What a signature will say about its artifact: the predicate type of the in-toto statement that a statement asks for.
//!
//! ```text
//! sigstore  claimed-dsse      https://cyclonedx.org/bom                 the caller's, as its body names it
//! sigstore  provenance-dsse   https://slsa.dev/provenance/v1, or https://sigstore.dev/cosign/sign/v1
//! oci       provenance-dsse   the same two, as its content says
//! all others                  none: no in-toto statement is signed
//! ```
//! The predicate itself is not read, which may be megabytes: policy decides by the type. A body that is not strict gives no
//! type or a wrong one, and is refused where its signed bytes are made.

use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use serde_json::Value;

use crate::oci::statement::Content;
use crate::oci::to_be_signed::{SIGN_PREDICATE, predicate_type};
use crate::sigstore::provenance::PREDICATE_TYPE;

/// The predicate type; `None` where no in-toto statement is signed.
#[must_use]
pub fn of(statement: &Statement) -> Option<&str> {
    let named = |name: &str| statement.body.get(name).and_then(Value::as_str);
    match (statement.format, statement.family) {
        (FormatName::Sigstore, Family::ClaimedDsse | Family::VerifierDsse) => named("predicate_type"),
        (FormatName::Sigstore, Family::ProvenanceDsse) => {
            Some(if named("spelling").is_some() { SIGN_PREDICATE } else { PREDICATE_TYPE })
        }
        (FormatName::Oci, _) => {
            let content = named("content")?;
            Content::ALL.into_iter().find(|known| known.name() == content).and_then(predicate_type)
        }
        (FormatName::Fulcio | FormatName::Notary | FormatName::Pe | FormatName::Sigstore, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigstore;
    use chancery_core::{artifact::Artifact, depth::Depth, digest::Sha256};
    use serde_json::json;

    #[test]
    fn it_is_the_type_that_the_strict_reader_finds() {
        let artifact = Artifact { name: "app".into(), digest: Sha256::of(b"x"), size: 1 };
        let of_file = |family, body| Statement {
            artifact: artifact.clone(),
            body,
            depth: Depth::Structured,
            family,
            format: FormatName::Sigstore,
        };
        let claim = json!({"predicate": "{}", "predicate_type": "https://cyclonedx.org/bom"});
        for (family, body, expected) in [
            (Family::Message, json!({}), None),
            (Family::ProvenanceDsse, json!({}), Some(PREDICATE_TYPE)),
            (Family::ProvenanceDsse, json!({"spelling": "cosign"}), Some(SIGN_PREDICATE)),
            (Family::ClaimedDsse, claim, Some("https://cyclonedx.org/bom")),
        ] {
            let statement = of_file(family, body);
            assert_eq!(of(&statement), expected);
            assert_eq!(sigstore::statement::predicate_type(&statement).as_deref(), expected);
        }
        for (content, expected) in [
            ("provenance", Some(PREDICATE_TYPE)),
            ("signature", Some(SIGN_PREDICATE)),
            ("simple-signing", None),
        ] {
            let body = json!({"content": content, "media_type": "a/b"});
            let image = Statement { format: FormatName::Oci, ..of_file(Family::ProvenanceDsse, body) };
            assert_eq!(of(&image), expected, "{content}");
        }
    }
}
