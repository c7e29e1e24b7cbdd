//! Verification summaries, built from what was verified: SLSA VSA v1 and in-toto SVR v0.2. Only that verification passed is ever
//! said: clients that look at the signer alone count every attestation as a signature.
//!
//! ```json
//! {"_type":"https://in-toto.io/Statement/v1","predicate":{
//!   "inputAttestations":[{"digest":{"sha256":"7d1f…"},"uri":"urn:sha256:7d1f…"}],
//!   "policy":{"digest":{"sha256":"54c1…"},"uri":"https://sign.example/v1/profiles/verifier"},
//!   "resourceUri":"pkg:generic/acme/app@1.4.0","slsaVersion":"1.2","timeVerified":"2026-11-20T21:47:03Z",
//!   "verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_2"],"verifier":{"id":"https://acme.example/verifier"}},
//!  "predicateType":"https://slsa.dev/verification_summary/v1","subject":[{"digest":{"sha256":"229c…"},"name":"app.bin"}]}
//! ```
//! The template is frozen, as that of provenance is: audits build these bytes again.

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::statement::Statement;
use chancery_core::vouched::{Kind, Vouched};
use serde_json::json;

use super::provenance::STATEMENT_TYPE;
use crate::seam::Signer;

/// The predicate type of a VSA.
pub const VSA: &str = "https://slsa.dev/verification_summary/v1";
/// The predicate type of an SVR.
pub const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";

/// The predicate type of a kind.
#[must_use]
pub const fn predicate_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Svr => SVR,
        Kind::Vsa => VSA,
    }
}

/// Builds the payload: canonical JSON, the same bytes for the same facts.
pub fn build(statement: &Statement, said: &Vouched, signer: &Signer<'_>) -> Result<Vec<u8>, NotCanonical> {
    let uri = format!("{}/v1/profiles/{}", signer.builder, signer.profile);
    let policy = json!({"digest": {"sha256": said.policy.to_string()}, "uri": uri});
    let time = signer.caller.issued_at.to_string();
    let predicate = match said.kind {
        Kind::Vsa => {
            let input = |digest: &chancery_core::digest::Sha256| json!({"digest": {"sha256": digest.to_string()}, "uri": format!("urn:sha256:{digest}")});
            let inputs: Vec<_> = said.inputs.iter().map(input).collect();
            json!({
                "inputAttestations": inputs,
                "policy": policy,
                "resourceUri": said.resource,
                "slsaVersion": "1.2",
                "timeVerified": time,
                "verificationResult": "PASSED",
                "verifiedLevels": said.levels,
                "verifier": {"id": said.verifier},
            })
        }
        Kind::Svr => json!({
            "properties": said.levels,
            "timeCreated": time,
            "verifier": {"id": said.verifier, "policies": [policy]},
        }),
    };
    let artifact = &statement.artifact;
    let payload = json!({
        "_type": STATEMENT_TYPE,
        "predicate": predicate,
        "predicateType": predicate_type(said.kind),
        "subject": [{"digest": {"sha256": artifact.digest.to_string()}, "name": artifact.name}],
    });
    canonical::to_string(&payload).map(String::into_bytes)
}
