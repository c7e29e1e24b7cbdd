//! Attestation objects of Python packages (PEP 740): what a package index serves beside a distribution.
//!
//! ```json
//! {"version":1,
//!  "verification_material":{"certificate":"MIIC…","transparency_entries":[{"logIndex":"9",…}]},
//!  "envelope":{"statement":"eyJ…","signature":"MEUC…"}}
//! ```
//! The same signature as in a bundle, in another order; the entry is a bundle's `tlogEntries[0]`. There is no place for
//! timestamps: with logs whose entries carry no time, only who believes the cosigner's time knows when it was signed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::claims::Claims;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bundle::{Bundle, Content, InvalidBundle, MAX_BUNDLE, MEDIA_TYPE};
use super::dsse::IN_TOTO;
use super::provenance;

/// What is appended to the distribution's name: the object holds a build's provenance.
pub const SUFFIX: &str = ".slsa.attestation";
const VERSION: u64 = 1;

/// Why there is no attestation object, or bytes are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttestation {
    /// The bundle that it shall be made from cannot be read.
    #[error("bundle cannot be used")]
    Bundle(#[from] InvalidBundle),
    /// None or several entries.
    #[error("{0} transparency entries; expected 1")]
    Entries(usize),
    /// Not the JSON of an attestation object.
    #[error("not the JSON of an attestation object: {0}")]
    Json(String),
    /// The bundle is over the file alone, not over a statement about it.
    #[error("the signature is over the file itself; an attestation needs a statement about it")]
    NoStatement,
    /// The statement is about another name, or about several.
    #[error("the statement is about `{actual}`, the distribution is `{expected}`")]
    Subject {
        /// What it is about.
        actual: String,
        /// The distribution.
        expected: String,
    },
    /// Another predicate than provenance.
    #[error("an attestation object is made of provenance, not of `{0}`")]
    Type(String),
    /// Another version of the format.
    #[error("version {0} of the format; expected 1")]
    Version(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attestation {
    version: u64,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Material {
    certificate: String,
    transparency_entries: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    statement: String,
    signature: String,
}

/// Makes the attestation object of a distribution, JSON, from a bundle with its provenance; the statement must be about its file
/// name alone, as PEP 740 demands.
pub fn of_bundle(bundle: &[u8], distribution: &str) -> Result<String, InvalidAttestation> {
    let Bundle { certificate, content, entry, .. } = Bundle::parse(bundle)?;
    let Content::Dsse(envelope) = content else { return Err(InvalidAttestation::NoStatement) };
    let read = provenance::parse(&envelope.payload).map_err(|_| InvalidAttestation::NoStatement)?;
    let names: Vec<&str> = read.subjects.iter().map(|one| one.name.as_deref().unwrap_or_default()).collect();
    if names != [distribution] {
        let (actual, expected) = (names.join(", "), distribution.to_owned());
        return Err(InvalidAttestation::Subject { actual, expected });
    }
    if read.predicate_type != provenance::PREDICATE_TYPE {
        return Err(InvalidAttestation::Type(read.predicate_type.chars().take(160).collect()));
    }
    let made = Attestation {
        version: VERSION,
        verification_material: Material {
            certificate: STANDARD.encode(certificate),
            transparency_entries: vec![entry.to_value()],
        },
        envelope: Envelope {
            statement: STANDARD.encode(&envelope.payload),
            signature: STANDARD.encode(&envelope.signature),
        },
    };
    // INVARIANT: structs of text always serialise.
    Ok(serde_json::to_string(&made).unwrap_or_default())
}

/// Whether bytes claim to be an attestation object rather than a bundle; nothing more is read of them.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        version: Option<u64>,
        verification_material: Option<serde::de::IgnoredAny>,
    }
    bytes.len() <= MAX_BUNDLE
        && serde_json::from_slice::<Head>(bytes)
            .is_ok_and(|head| head.version.is_some() && head.verification_material.is_some())
}

/// The bundle v0.3 that says the same, for the one verifier; it has no timestamps.
pub fn to_bundle(bytes: &[u8]) -> Result<Vec<u8>, InvalidAttestation> {
    let json =
        |error: serde_json::Error| InvalidAttestation::Json(error.to_string().chars().take(160).collect());
    let read: Attestation = serde_json::from_slice(bytes).map_err(json)?;
    // As with bundles: what was read must say the same as what would be written.
    let seen: Value = serde_json::from_slice(bytes).map_err(json)?;
    if serde_json::to_value(&read).map_err(json)? != seen {
        return Err(InvalidAttestation::Json("a member has an unusual spelling".into()));
    }
    if read.version != VERSION {
        return Err(InvalidAttestation::Version(read.version));
    }
    let entries = read.verification_material.transparency_entries;
    if entries.len() != 1 {
        return Err(InvalidAttestation::Entries(entries.len()));
    }
    let bundle = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": read.verification_material.certificate}, "tlogEntries": entries,
        },
        "dsseEnvelope": {
            "payload": read.envelope.statement, "payloadType": IN_TOTO,
            "signatures": [{"sig": read.envelope.signature}],
        },
    });
    Ok(bundle.to_string().into_bytes())
}

/// The provenance object of a distribution: its attestations under the publisher that their certificate names, as an index
/// serves it (PEP 740, `provenance`).
#[must_use]
pub fn provenance_object(claims: &Claims, attestations: &[String]) -> Value {
    let parsed: Vec<Value> = attestations.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    json!({
        "version": VERSION,
        "attestation_bundles": [{"publisher": publisher(claims), "attestations": parsed}],
    })
}

/// GitHub and GitLab have publishers of their own on package indexes; any other is named by its issuer.
fn publisher(claims: &Claims) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let repository = text(&claims.source_repository_uri);
    let name = repository.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, name)| name);
    let config = text(&claims.build_config_uri);
    let path = config.split_once('@').map_or(config.as_str(), |(path, _)| path);
    let environment = claims.deployment_environment.clone();
    if claims.issuer == "https://token.actions.githubusercontent.com" {
        let workflow = path.rsplit('/').next();
        return json!({"kind": "GitHub", "repository": name, "workflow": workflow, "environment": environment});
    }
    if claims.issuer == "https://gitlab.com" {
        let workflow =
            path.split_once("//").and_then(|(_, rest)| rest.split_once("//")).map(|(_, path)| path);
        return json!({
            "kind": "GitLab", "repository": name, "workflow_filepath": workflow, "environment": environment,
        });
    }
    json!({"kind": "Chancery", "issuer": claims.issuer, "identity": claims.build_signer_uri})
}

#[cfg(test)]
mod tests;
