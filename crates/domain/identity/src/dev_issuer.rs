//! Development tokens: shaped like GitHub's, signed by a key that the development server makes and pins.
//!
//! Only `serve --dev` and tests mint; a production registration never names such an issuer, and its URL is a loopback
//! address, so that such a token cannot be mistaken for a real one.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use serde_json::{Value, json};

/// A token that could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The bytes are not a P-256 private key in PKCS#8.
    #[error("not a p-256 private key")]
    Key,
    /// The provider failed.
    #[error("cryptographic provider failed")]
    Provider,
}

/// The development issuer's key: P-256, held in memory only.
pub struct DevKey {
    pair: EcdsaKeyPair,
}

impl fmt::Debug for DevKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevKey([hidden])")
    }
}

/// What a development token says; the default is a push to `main` of `acme/app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevToken {
    /// The audience, see [`crate::audience`].
    pub audience: String,
    /// `acme/app`; the owner is what stands before the slash.
    pub repository: String,
    /// Immutable id of the repository: `42`.
    pub repository_id: String,
    /// Immutable id of the owner: `7`.
    pub repository_owner_id: String,
    /// The full ref: `refs/heads/main`.
    pub git_ref: String,
    /// The commit, 40 hexadecimal digits.
    pub sha: String,
    /// File name of the workflow: `release.yml`.
    pub workflow: String,
    /// The event: `push`.
    pub event: String,
    /// The deployment environment, if the job has one.
    pub environment: Option<String>,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: String,
    /// Login of whoever started the job: `dev`.
    pub actor: String,
    /// Immutable id of that account: `1`.
    pub actor_id: String,
    /// Number of the run; another attempt of it has the same claims otherwise.
    pub run_id: u32,
    /// Number of the attempt.
    pub run_attempt: u32,
    /// Seconds from `iat` to `exp`.
    pub lifetime: i64,
    /// Seconds added to the clock for `iat`; negative makes an old token.
    pub iat_offset: i64,
}

impl Default for DevToken {
    fn default() -> Self {
        Self {
            audience: String::new(),
            repository: "acme/app".to_owned(),
            repository_id: "42".to_owned(),
            repository_owner_id: "7".to_owned(),
            git_ref: "refs/heads/main".to_owned(),
            sha: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            workflow: "release.yml".to_owned(),
            event: "push".to_owned(),
            environment: None,
            runner_environment: "github-hosted".to_owned(),
            actor: "dev".to_owned(),
            actor_id: "1".to_owned(),
            run_id: 1,
            run_attempt: 1,
            lifetime: 300,
            iat_offset: 0,
        }
    }
}

impl DevKey {
    /// Makes a fresh key.
    pub fn generate() -> Result<Self, MintError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| MintError::Provider)?;
        Ok(Self { pair })
    }
    /// Takes a P-256 key in PKCS#8 DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, MintError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| MintError::Key)?;
        Ok(Self { pair })
    }
    /// The JWK set to publish or pin.
    #[must_use]
    pub fn jwks(&self) -> String {
        let point = self.pair.public_key().as_ref();
        // SEC 1 §2.3.3: 04 || x || y, 65 bytes.
        let coordinate =
            |from: usize, to: usize| URL_SAFE_NO_PAD.encode(point.get(from..to).unwrap_or_default());
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id(),
            "x": coordinate(1, 33), "y": coordinate(33, 65),
        });
        json!({ "keys": [jwk] }).to_string()
    }
    /// The registration to put into `issuers.toml`: named `dev`, its key pinned so that nothing is fetched. `url` is
    /// the development server's loopback address.
    #[must_use]
    pub fn registration(&self, url: &str) -> String {
        let mut entry = toml::Table::new();
        let text = |value: &str| toml::Value::String(value.to_owned());
        let list = |values: &[&str]| toml::Value::Array(values.iter().map(|value| text(value)).collect());
        entry.insert("url".into(), text(url));
        entry.insert("dialect".into(), text("github"));
        entry.insert("algorithms".into(), list(&["ES256"]));
        entry.insert("audience".into(), list(&["request", "fixed", "sigstore"]));
        entry.insert("base_url".into(), text("https://github.com"));
        entry.insert("pinned_keys".into(), text(&self.jwks()));
        let issuers = toml::Table::from_iter([("dev".to_owned(), toml::Value::Table(entry))]);
        toml::Table::from_iter([("issuer".to_owned(), toml::Value::Table(issuers))]).to_string()
    }
    /// Signs a token for the issuer `iss` at `now`, with a random `jti`.
    pub fn mint(&self, iss: &str, token: &DevToken, now: Time) -> Result<String, MintError> {
        let mut id = [0_u8; 16];
        SystemRandom::new().fill(&mut id).map_err(|_| MintError::Provider)?;
        self.sign(&claims(iss, token, now, &hex::encode(id)))
    }
    /// Signs any claims as they are.
    pub fn sign(&self, claims: &Value) -> Result<String, MintError> {
        let header = json!({ "alg": "ES256", "kid": self.key_id(), "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature =
            self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| MintError::Provider)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
    fn key_id(&self) -> String {
        let digest = Sha256::of(self.pair.public_key().as_ref()).to_string();
        format!("dev-{}", digest.get(..16).unwrap_or_default())
    }
}

fn claims(iss: &str, token: &DevToken, now: Time, id: &str) -> Value {
    let issued = now.seconds().saturating_add(token.iat_offset);
    let owner = token.repository.split('/').next().unwrap_or_default();
    let workflow = format!("{}/.github/workflows/{}@{}", token.repository, token.workflow, token.git_ref);
    let mut claims = json!({
        "iss": iss,
        "sub": format!("repo:{}:ref:{}", token.repository, token.git_ref),
        "aud": token.audience,
        "iat": issued,
        "nbf": issued,
        "exp": issued.saturating_add(token.lifetime),
        "jti": id,
        "repository": token.repository,
        "repository_id": token.repository_id,
        "repository_owner": owner,
        "repository_owner_id": token.repository_owner_id,
        "repository_visibility": "private",
        "ref": token.git_ref,
        "ref_type": if token.git_ref.starts_with("refs/tags/") { "tag" } else { "branch" },
        "sha": token.sha,
        "workflow": token.workflow,
        "workflow_ref": workflow,
        "workflow_sha": token.sha,
        "job_workflow_ref": workflow,
        "job_workflow_sha": token.sha,
        "event_name": token.event,
        "runner_environment": token.runner_environment,
        "run_id": token.run_id.to_string(),
        "run_number": token.run_id.to_string(),
        "run_attempt": token.run_attempt.to_string(),
        "actor": token.actor,
        "actor_id": token.actor_id,
    });
    if let (Some(environment), Some(members)) = (&token.environment, claims.as_object_mut()) {
        members.insert("environment".to_owned(), Value::String(environment.clone()));
    }
    claims
}
