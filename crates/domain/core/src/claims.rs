//! Workload claims, normalised to one model with Fulcio's names (OIDs 1.3.6.1.4.1.57264.1.8 to .24).

use std::collections::BTreeMap;

/// What an issuer said about a workload. Every field is as the issuer signed it; absent means that it said nothing.
///
/// The doc line of each field names its Fulcio OID, the last arc under 1.3.6.1.4.1.57264.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// .8 — the token's `iss`, a URL.
    pub issuer: String,
    /// .24 — the token's `sub`. Shown and recorded, never matched by policy: tenants can customise it.
    pub subject: String,
    /// .9 — the workflow that ran, with its ref; also the certificate's SAN.
    pub build_signer_uri: Option<String>,
    /// .10 — commit of that workflow.
    pub build_signer_digest: Option<String>,
    /// .11 — `github-hosted`, `self-hosted`, …
    pub runner_environment: Option<String>,
    /// .12 — the source repository, a URL.
    pub source_repository_uri: Option<String>,
    /// .13 — the commit.
    pub source_repository_digest: Option<String>,
    /// .14 — the ref: `refs/heads/main`.
    pub source_repository_ref: Option<String>,
    /// .15 — immutable id of the repository.
    pub source_repository_identifier: Option<String>,
    /// .16 — owner of the repository, a URL.
    pub source_repository_owner_uri: Option<String>,
    /// .17 — immutable id of the owner.
    pub source_repository_owner_identifier: Option<String>,
    /// .18 — the top-level build configuration with its ref.
    pub build_config_uri: Option<String>,
    /// .19 — commit of the build configuration.
    pub build_config_digest: Option<String>,
    /// .20 — event that started the run: `push`.
    pub build_trigger: Option<String>,
    /// .21 — the run, a URL.
    pub run_invocation_uri: Option<String>,
    /// .22 — `public`, `private`, `internal`.
    pub source_repository_visibility: Option<String>,
    /// .23 — deployment environment.
    pub deployment_environment: Option<String>,
    /// Every scalar claim of the token under its own name (numbers and booleans as text): `repository`,
    /// `ref_protected`, `job_workflow_ref`. Policy matchers may name them.
    pub raw: BTreeMap<String, String>,
}

impl Claims {
    /// The normalised claims as (name, value) pairs in OID order, absent ones left out; `raw` is not among them.
    #[must_use]
    pub fn normalised(&self) -> Vec<(&'static str, &str)> {
        let optional = [
            ("build_signer_uri", &self.build_signer_uri),
            ("build_signer_digest", &self.build_signer_digest),
            ("runner_environment", &self.runner_environment),
            ("source_repository_uri", &self.source_repository_uri),
            ("source_repository_digest", &self.source_repository_digest),
            ("source_repository_ref", &self.source_repository_ref),
            ("source_repository_identifier", &self.source_repository_identifier),
            ("source_repository_owner_uri", &self.source_repository_owner_uri),
            ("source_repository_owner_identifier", &self.source_repository_owner_identifier),
            ("build_config_uri", &self.build_config_uri),
            ("build_config_digest", &self.build_config_digest),
            ("build_trigger", &self.build_trigger),
            ("run_invocation_uri", &self.run_invocation_uri),
            ("source_repository_visibility", &self.source_repository_visibility),
            ("deployment_environment", &self.deployment_environment),
        ];
        let mut pairs = vec![("issuer", self.issuer.as_str()), ("subject", self.subject.as_str())];
        pairs.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        pairs
    }
    /// Looks a claim up by its normalised name, else by its raw name. To show claims, never to authorise: a raw claim
    /// could pose as a normalised one that is absent; policy has an attribute type for each.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        let normalised =
            self.normalised().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        normalised.or_else(|| self.raw.get(name).map(String::as_str))
    }
    /// The claims that stay the same when a job is run again: they join the request when it is decided.
    #[must_use]
    pub fn stable(&self) -> BTreeMap<&'static str, &str> {
        const UNSTABLE: [&str; 2] = ["run_invocation_uri", "subject"];
        self.normalised().into_iter().filter(|(name, _)| !UNSTABLE.contains(name)).collect()
    }
}
