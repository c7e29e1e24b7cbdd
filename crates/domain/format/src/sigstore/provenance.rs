//! SLSA provenance v1 in an in-toto Statement v1, built only from verified claims and the statement.
//!
//! Every field but the subject comes from the issuer-signed token or from this service, so a build step cannot write
//! its own provenance. What the token does not say (workflow inputs, start and end) is left out, not guessed.
//!
//! ```json
//! {"_type":"https://in-toto.io/Statement/v1","predicate":{"buildDefinition":{…},"runDetails":{…}},
//!  "predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"229c…"},"name":"app.bin"}]}
//! ```

use chancery_core::canonical::{self, NotCanonical};
use chancery_core::claims::Claims;
use chancery_core::digest::Sha256;
use chancery_core::id::ProfileName;
use chancery_core::statement::Statement;
use serde_json::{Map, Value, json};

/// The in-toto Statement v1 type.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The SLSA provenance v1 predicate type (the same for SLSA 1.0 to 1.2).
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The build type that GitHub publishes for its workflows.
pub const GITHUB_BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

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
    let definition = match GithubRun::find(claims) {
        Some(run) => github_definition(claims, &run),
        None => generic_definition(claims, facts.service),
    };
    let builder = claims.build_signer_uri.as_deref().unwrap_or(&claims.issuer);
    let mut metadata = Map::new();
    put(&mut metadata, "invocationId", claims.run_invocation_uri.as_deref());
    // SLSA v1 "extension fields": vendor prefix, ignored by those who do not know them.
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

/// What makes a GitHub run: the path of its workflow file, found in `workflow_ref`.
struct GithubRun<'a> {
    path: &'a str,
}

impl<'a> GithubRun<'a> {
    /// `workflow_ref` is `owner/repo/.github/workflows/x.yml@refs/heads/main`.
    fn find(claims: &'a Claims) -> Option<Self> {
        let repository = claims.raw.get("repository")?;
        let reference = claims.raw.get("workflow_ref")?;
        let (file, _) = reference.strip_prefix(repository.as_str())?.strip_prefix('/')?.split_once('@')?;
        claims.raw.contains_key("job_workflow_ref").then_some(Self { path: file })
    }
}

fn github_definition(claims: &Claims, run: &GithubRun<'_>) -> Value {
    let mut workflow = Map::new();
    put(&mut workflow, "path", Some(run.path));
    put(&mut workflow, "ref", claims.source_repository_ref.as_deref());
    put(&mut workflow, "repository", claims.source_repository_uri.as_deref());
    let mut github = Map::new();
    put(&mut github, "event_name", claims.build_trigger.as_deref());
    put(&mut github, "repository_id", claims.source_repository_identifier.as_deref());
    put(&mut github, "repository_owner_id", claims.source_repository_owner_identifier.as_deref());
    put(&mut github, "runner_environment", claims.runner_environment.as_deref());
    json!({
        "buildType": GITHUB_BUILD_TYPE,
        "externalParameters": { "workflow": workflow },
        "internalParameters": { "github": github },
        "resolvedDependencies": dependencies(claims),
    })
}

/// For every other issuer: the normalised claims under their normalised names.
fn generic_definition(claims: &Claims, service: &str) -> Value {
    let mut external = Map::new();
    put(&mut external, "build_config_uri", claims.build_config_uri.as_deref());
    put(&mut external, "source_repository_ref", claims.source_repository_ref.as_deref());
    put(&mut external, "source_repository_uri", claims.source_repository_uri.as_deref());
    let mut internal = Map::new();
    put(&mut internal, "build_config_digest", claims.build_config_digest.as_deref());
    put(&mut internal, "build_trigger", claims.build_trigger.as_deref());
    put(&mut internal, "deployment_environment", claims.deployment_environment.as_deref());
    put(&mut internal, "issuer", Some(&claims.issuer));
    put(&mut internal, "runner_environment", claims.runner_environment.as_deref());
    put(&mut internal, "source_repository_identifier", claims.source_repository_identifier.as_deref());
    let owner = claims.source_repository_owner_identifier.as_deref();
    put(&mut internal, "source_repository_owner_identifier", owner);
    json!({
        "buildType": format!("{service}/buildtypes/workload/v1"),
        "externalParameters": external,
        "internalParameters": internal,
        "resolvedDependencies": dependencies(claims),
    })
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

/// What a verifier needs of a signed in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// The predicate type.
    pub predicate_type: String,
    /// Its subjects, 1 to 64.
    pub subjects: Vec<Subject>,
}

/// One subject of a signed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name: the claim of a client.
    pub name: Option<String>,
    /// SHA-256 of the artifact.
    pub digest: Sha256,
}

/// Most subjects in one statement.
pub const MAX_SUBJECTS: usize = 64;

/// A payload that is not an in-toto Statement v1 with SHA-256 subjects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload is not an in-toto statement v1 with 1 to 64 sha256 subjects")]
pub struct InvalidPayload;

// The four members of an in-toto Statement v1. Duplicates and unknown members are errors: a second reading of the
// same bytes must not exist (T6).
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicate")]
    _predicate: serde::de::IgnoredAny,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<WireSubject>,
}
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject {
    #[serde(default)]
    name: Option<String>,
    digest: WireDigest,
    #[serde(default, rename = "annotations")]
    _annotations: Option<serde::de::IgnoredAny>,
}
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDigest {
    sha256: Sha256,
}

/// Reads the signed payload, strictly.
pub fn parse(payload: &[u8]) -> Result<SignedStatement, InvalidPayload> {
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| InvalidPayload)?;
    has_objects(payload)?;
    if wire.kind != STATEMENT_TYPE || wire.subject.is_empty() || wire.subject.len() > MAX_SUBJECTS {
        return Err(InvalidPayload);
    }
    let subject = |read: WireSubject| Subject { name: read.name, digest: read.digest.sha256 };
    let subjects = wire.subject.into_iter().map(subject).collect();
    Ok(SignedStatement { predicate_type: wire.predicate_type, subjects })
}

/// A struct may also be read from a JSON array; other readers refuse that spelling, so it is refused here too.
fn has_objects(payload: &[u8]) -> Result<(), InvalidPayload> {
    let value: Value = serde_json::from_slice(payload).map_err(|_| InvalidPayload)?;
    let subjects = value.get("subject").and_then(Value::as_array).ok_or(InvalidPayload)?;
    let digest_is_object = |subject: &Value| subject.get("digest").is_some_and(Value::is_object);
    if subjects.iter().all(digest_is_object) { Ok(()) } else { Err(InvalidPayload) }
}

#[cfg(test)]
mod tests;
