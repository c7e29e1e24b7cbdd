//! SLSA provenance v1 in an in-toto Statement v1, built only from verified claims and the statement.
//!
//! Every field but the subject comes from the issuer-signed token or from this service, so a build step cannot write
//! its own provenance. What the token does not say (workflow inputs, start and end) is left out, not guessed, and
//! `chancery_absent` in the metadata names it: an `externalParameters` that is not complete says so.
//!
//! The template is frozen: audits build these bytes again from the evidence, years later. Another one needs a member in the
//! statement's body that names it; bodies without that member are of this one.
//!
//! ```json
//! {"_type":"https://in-toto.io/Statement/v1","predicate":{"buildDefinition":{…},"runDetails":{…}},
//!  "predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"229c…"},"name":"app.bin"}]}
//! ```

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::claims::Claims;
use chancery_core::id::ProfileName;
use chancery_core::statement::Statement;
use serde_json::{Map, Value, json};

pub use self::read::{InvalidPayload, MAX_SUBJECTS, SignedStatement, Subject, parse};

pub mod build_type;
mod read;

/// The in-toto Statement v1 type.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The in-toto Statement v0.1 type, which `cosign attest` writes.
pub const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";
/// The SLSA provenance v1 predicate type (the same for SLSA 1.0 to 1.2).
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// What a provenance is made of, besides the statement.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The caller's verified claims.
    pub claims: &'a Claims,
    /// The profile under which it is signed.
    pub profile: &'a ProfileName,
    /// The service's own address, `https://sign.example`: names the generic build type.
    pub service: &'a str,
}

/// Builds the payload: canonical JSON, the same bytes for the same facts.
pub fn build(statement: &Statement, subject: &str, facts: &Facts<'_>) -> Result<Vec<u8>, NotCanonical> {
    let claims = facts.claims;
    let build = build_type::of(claims);
    let definition = json!({
        "buildType": build.uri(facts.service),
        "externalParameters": build.external(claims),
        "internalParameters": build.internal(claims),
        "resolvedDependencies": dependencies(claims),
    });
    let builder = claims.build_signer_uri.as_deref().unwrap_or(&claims.issuer);
    let mut metadata = Map::new();
    put(&mut metadata, "invocationId", claims.run_invocation_uri.as_deref());
    // SLSA v1 "extension fields": vendor prefix, ignored by those who do not know them.
    metadata.insert("chancery_absent".to_owned(), json!(build.absent()));
    put(&mut metadata, "chancery_depth", Some(statement.depth.name()));
    put(&mut metadata, "chancery_profile", Some(facts.profile.as_str()));
    let payload = json!({
        "_type": STATEMENT_TYPE,
        "predicate": {
            "buildDefinition": definition,
            "runDetails": { "builder": { "id": builder }, "metadata": metadata },
        },
        "predicateType": PREDICATE_TYPE,
        "subject": [{ "digest": { "sha256": statement.artifact.digest.to_string() }, "name": subject }],
    });
    canonical::to_string(&payload).map(String::into_bytes)
}

/// The source, when both repository and commit are known.
fn dependencies(claims: &Claims) -> Value {
    let (Some(repository), Some(commit)) = (&claims.source_repository_uri, &claims.source_repository_digest)
    else {
        return json!([]);
    };
    let uri = match &claims.source_repository_ref {
        Some(reference) => format!("git+{repository}@{reference}"),
        None => format!("git+{repository}"),
    };
    json!([{ "digest": { "gitCommit": commit }, "uri": uri }])
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

#[cfg(test)]
mod tests;
