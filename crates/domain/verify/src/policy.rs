//! Verification policies: who must have signed, and what else must hold. An empty one accepts nothing.
//!
//! ```toml
//! environment = "production"
//! formats = ["sigstore"]
//! issuer = "https://token.actions.githubusercontent.com"                                   # exact
//! identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"     # exact or anchored glob
//! predicate = "https://slsa.dev/provenance/v1"                                             # sigstore only
//! [claims]
//! source_repository_identifier = "42"
//! ```
//! For formats with long-lived certificates: `subject` (RFC 4514 name of the certificate, exact or glob; one policy may
//! name both, each format is compared with what its certificates have) or `key` (SHA-256 of its public key). What a predicate
//! must say: [`crate::says`]. `trusted_root` names another Sigstore instance ([`crate::gates`]), with `issuer` and `identity`
//! or a `public_key`. Unknown members are errors, so no condition is ever ignored (T7).

use std::collections::BTreeMap;

use chancery_core::claims::Claims;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::format::FormatName;
use chancery_core::verdict::CheckName;
use chancery_x509::certificate::write_pem;
use chancery_x509::key::VerifyingKey;

use crate::pattern::Pattern;
use crate::says::{BuilderText, Level, MaterialsText, Says, SummaryText};
use crate::tuf::key::pem;

/// Most claims in one policy.
pub const MAX_CLAIMS: usize = 32;

/// A policy that cannot be used as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A claim that no certificate carries.
    #[error("claim `{0}` is not in certificates")]
    Claim(String),
    /// A check that does not exist.
    #[error("check `{0}` does not exist")]
    Check(String),
    /// A condition that none of the formats can have: it would be ignored.
    #[error("`{0}` concerns none of the formats")]
    Condition(&'static str),
    /// No formats, or the same twice.
    #[error("formats must be named, each once")]
    Formats,
    /// A pattern, or an issuer with a wildcard.
    #[error("member `{0}` is not an exact text or an anchored pattern")]
    Pattern(&'static str),
    /// A member that is not what it must be, and what that is.
    #[error("{0}")]
    Member(&'static str),
    /// Syntax, unknown member, wrong type.
    #[error("verification policy: {0}")]
    Text(String),
}

/// Who must have signed, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationPolicy {
    /// The environment whose roots count.
    pub environment: Environment,
    /// Formats that are accepted; never empty.
    pub formats: Vec<FormatName>,
    /// The OIDC issuer, exact.
    pub issuer: Option<String>,
    /// The signer's SAN URI.
    pub identity: Option<Pattern>,
    /// The predicate type of an in-toto statement; absent accepts SLSA provenance v1, plain messages over files, and for
    /// images cosign's `https://sigstore.dev/cosign/sign/v1`.
    pub predicate: Option<String>,
    /// The certificate's subject name, RFC 4514.
    pub subject: Option<Pattern>,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub key: Option<Sha256>,
    /// Normalised claims that the certificate must carry.
    pub claims: BTreeMap<String, Pattern>,
    /// Checks that must pass beyond those that the format always demands.
    pub require: Vec<CheckName>,
    /// What the predicate must say.
    pub says: Says,
    /// Another Sigstore instance that must have witnessed it, by the name of its trusted root in governance; absent is our own.
    pub instance: Option<String>,
    /// The key that must have signed, where that instance gave no certificate.
    pub public_key: Option<VerifyingKey>,
}

/// The policy as written, in TOML and in `trust.json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyText {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    builders: Vec<BuilderText>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    claims: BTreeMap<String, String>,
    environment: Environment,
    formats: Vec<FormatName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    materials: Option<MaterialsText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    require: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trusted_root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vsa: Option<SummaryText>,
}

impl VerificationPolicy {
    /// A policy for exactly one signer, as the service uses it on its own work.
    #[must_use]
    pub fn exactly(environment: Environment, format: FormatName, issuer: &str, identity: &str) -> Self {
        Self {
            environment,
            formats: vec![format],
            issuer: Some(issuer.to_owned()),
            identity: Some(Pattern::exact(identity)),
            predicate: None,
            subject: None,
            key: None,
            claims: BTreeMap::new(),
            require: Vec::new(),
            says: Says::default(),
            instance: None,
            public_key: None,
        }
    }
    /// Reads a policy file.
    pub fn parse_toml(text: &str) -> Result<Self, InvalidPolicy> {
        let written: PolicyText = toml::from_str(text).map_err(|error| InvalidPolicy::Text(short(&error)))?;
        Self::from_text(written)
    }
    /// Reads a policy in JSON.
    pub fn parse_json(text: &str) -> Result<Self, InvalidPolicy> {
        let written: PolicyText =
            serde_json::from_str(text).map_err(|error| InvalidPolicy::Text(short(&error)))?;
        Self::from_text(written)
    }
    /// Whether it names a signer at all in a way that this format can be compared with.
    #[must_use]
    pub const fn names_signer(&self, format: FormatName) -> bool {
        match format {
            FormatName::Fulcio | FormatName::Sigstore => self.issuer.is_some() && self.identity.is_some(),
            FormatName::Oci => (self.issuer.is_some() && self.identity.is_some()) || self.key.is_some(),
            FormatName::Notary | FormatName::Pe => self.subject.is_some() || self.key.is_some(),
        }
    }

    pub(crate) fn from_text(text: PolicyText) -> Result<Self, InvalidPolicy> {
        let distinct: std::collections::BTreeSet<_> = text.formats.iter().collect();
        if text.formats.is_empty() || distinct.len() != text.formats.len() {
            return Err(InvalidPolicy::Formats);
        }
        if text.issuer.as_ref().is_some_and(|issuer| issuer.is_empty() || issuer.contains('*')) {
            return Err(InvalidPolicy::Pattern("issuer"));
        }
        if text.predicate.as_ref().is_some_and(String::is_empty) {
            return Err(InvalidPolicy::Pattern("predicate"));
        }
        concerns_a_format(&text)?;
        instance(&text)?;
        let says = Says {
            level: Level::read(text.level, text.builders)?,
            summary: text.vsa.map(SummaryText::read).transpose()?,
            materials: text.materials.map(MaterialsText::read).transpose()?,
        };
        says.concerns(text.predicate.as_deref())?;
        Ok(Self {
            environment: text.environment,
            formats: text.formats,
            issuer: text.issuer,
            identity: pattern("identity", text.identity)?,
            predicate: text.predicate,
            subject: pattern("subject", text.subject)?,
            key: text.key,
            claims: claims(text.claims)?,
            require: text.require.into_iter().map(check).collect::<Result<_, _>>()?,
            says,
            instance: text.trusted_root,
            public_key: text.public_key.map(|pem| public_key(&pem)).transpose()?,
        })
    }
    pub(crate) fn to_text(&self) -> PolicyText {
        let written = |pattern: &Pattern| pattern.as_str().to_owned();
        let level = self.says.level.as_ref();
        let key = |key: &VerifyingKey| write_pem("PUBLIC KEY", key.spki());
        PolicyText {
            builders: level
                .into_iter()
                .flat_map(|level| level.builders.iter().map(BuilderText::of))
                .collect(),
            claims: self.claims.iter().map(|(name, pattern)| (name.clone(), written(pattern))).collect(),
            environment: self.environment,
            formats: self.formats.clone(),
            identity: self.identity.as_ref().map(written),
            issuer: self.issuer.clone(),
            key: self.key,
            level: level.map(|level| level.least),
            materials: self.says.materials.as_ref().map(MaterialsText::of),
            predicate: self.predicate.clone(),
            public_key: self.public_key.as_ref().map(key),
            require: self.require.iter().map(|name| name.name().to_owned()).collect(),
            subject: self.subject.as_ref().map(written),
            trusted_root: self.instance.clone(),
            vsa: self.says.summary.as_ref().map(SummaryText::of),
        }
    }
}

fn pattern(member: &'static str, text: Option<String>) -> Result<Option<Pattern>, InvalidPolicy> {
    text.map(|text| Pattern::parse(&text).map_err(|_| InvalidPolicy::Pattern(member))).transpose()
}

fn claims(written: BTreeMap<String, String>) -> Result<BTreeMap<String, Pattern>, InvalidPolicy> {
    if written.len() > MAX_CLAIMS {
        return Err(InvalidPolicy::Text(format!("{} claims; at most {MAX_CLAIMS}", written.len())));
    }
    let parse = |(name, text): (String, String)| {
        if !is_certified(&name) {
            return Err(InvalidPolicy::Claim(short(&name)));
        }
        let pattern = Pattern::parse(&text).map_err(|_| InvalidPolicy::Pattern("claims"))?;
        Ok((name, pattern))
    };
    written.into_iter().map(parse).collect()
}

/// Conditions on the workload concern formats with identity leaves, `subject` those with long-lived certificates; one
/// that concerns no format of the policy is an error, so that none is ever ignored (T7).
fn concerns_a_format(text: &PolicyText) -> Result<(), InvalidPolicy> {
    let has = |format: FormatName| text.formats.contains(&format);
    let workload = [
        ("issuer", text.issuer.is_some()),
        ("identity", text.identity.is_some()),
        ("predicate", text.predicate.is_some()),
        ("claims", !text.claims.is_empty()),
    ];
    let names_workload = has(FormatName::Sigstore) || has(FormatName::Oci);
    if let Some((name, _)) = workload.into_iter().find(|(_, given)| *given && !names_workload) {
        return Err(InvalidPolicy::Condition(name));
    }
    if text.subject.is_some() && !has(FormatName::Pe) && !has(FormatName::Notary) {
        return Err(InvalidPolicy::Condition("subject"));
    }
    Ok(())
}

/// What another instance witnessed is a bundle, by a certificate that names issuer and identity, or by a key alone.
fn instance(text: &PolicyText) -> Result<(), InvalidPolicy> {
    let Some(name) = &text.trusted_root else {
        return if text.public_key.is_some() { Err(InvalidPolicy::Condition("public_key")) } else { Ok(()) };
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !(1..=64).contains(&name.len()) || !name.chars().all(legal) {
        return Err(InvalidPolicy::Member(
            "trusted_root: the name of a file trust/NAME.json, without `.json`",
        ));
    }
    if text.formats.iter().any(|format| !matches!(format, FormatName::Sigstore | FormatName::Oci)) {
        return Err(InvalidPolicy::Condition("trusted_root"));
    }
    let names_someone = text.issuer.is_some() && text.identity.is_some();
    let names_anyone = text.issuer.is_some() || text.identity.is_some() || !text.claims.is_empty();
    match (&text.public_key, text.key) {
        (None, _) if names_someone => Ok(()),
        (Some(_), None) if !names_anyone => Ok(()),
        (None, _) | (Some(_), _) => Err(InvalidPolicy::Member(
            "trusted_root: with issuer and identity, or with public_key and without issuer, identity, claims, key",
        )),
    }
}

fn public_key(text: &str) -> Result<VerifyingKey, InvalidPolicy> {
    let spki = pem(text).map_err(|_| InvalidPolicy::Member("public_key: one PEM block of a public key"))?;
    VerifyingKey::parse(&spki)
        .map_err(|_| InvalidPolicy::Member("public_key: ECDSA P-256 or P-384, Ed25519, or RSA"))
}

/// Whether certificates carry the claim. The subject is left out on purpose: tenants can customise it.
fn is_certified(name: &str) -> bool {
    let some = || Some(String::from("x"));
    let every = Claims {
        build_signer_uri: some(),
        build_signer_digest: some(),
        runner_environment: some(),
        source_repository_uri: some(),
        source_repository_digest: some(),
        source_repository_ref: some(),
        source_repository_identifier: some(),
        source_repository_owner_uri: some(),
        source_repository_owner_identifier: some(),
        build_config_uri: some(),
        build_config_digest: some(),
        build_trigger: some(),
        run_invocation_uri: some(),
        source_repository_visibility: some(),
        deployment_environment: some(),
        ..Claims::default()
    };
    name != "subject" && every.normalised().iter().any(|(known, _)| *known == name)
}

fn check(name: String) -> Result<CheckName, InvalidPolicy> {
    let found = CheckName::ALL.into_iter().find(|check| check.name() == name);
    found.ok_or_else(|| InvalidPolicy::Check(short(&name)))
}

fn short(text: &dyn std::fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "environment = \"production\"\nformats = [\"sigstore\"]\nissuer = \"https://i\"\n\
        identity = \"https://h/*\"\nrequire = [\"ledger\"]\n[claims]\nsource_repository_identifier = \"42\"\n";

    #[test]
    fn reads_toml_and_writes_the_same() {
        let policy = VerificationPolicy::parse_toml(GOOD).unwrap();
        assert!(policy.names_signer(FormatName::Sigstore) && !policy.names_signer(FormatName::Pe));
        let json = serde_json::to_string(&policy.to_text()).unwrap();
        assert_eq!(VerificationPolicy::parse_json(&json), Ok(policy));
    }

    #[test]
    fn refuses_what_it_would_have_to_ignore() {
        let cases = [
            ("unknown member", GOOD.replace("issuer", "isuer")),
            ("no format", GOOD.replace("[\"sigstore\"]", "[]")),
            ("format twice", GOOD.replace("[\"sigstore\"]", "[\"sigstore\", \"sigstore\"]")),
            ("other format", GOOD.replace("sigstore", "jar")),
            ("issuer glob", GOOD.replace("https://i", "https://*")),
            ("leading wildcard", GOOD.replace("https://h/*", "*")),
            ("empty identity", GOOD.replace("https://h/*", "")),
            ("unknown claim", GOOD.replace("source_repository_identifier", "repository")),
            ("subject", GOOD.replace("source_repository_identifier", "subject")),
            ("unknown check", GOOD.replace("\"ledger\"", "\"log\"")),
            ("subject without its format", format!("subject = \"CN=x\"\n{GOOD}")),
            ("claims without their format", GOOD.replace("sigstore", "pe")),
            ("no environment", GOOD.replace("environment = \"production\"\n", "")),
        ];
        for (name, text) in cases {
            assert!(VerificationPolicy::parse_toml(&text).is_err(), "{name}");
        }
    }
}
