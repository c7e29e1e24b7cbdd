//! What a freeze stops.

use crate::caller::Caller;
use crate::id::{IssuerName, KeyId, ProfileName};

/// Longest text in a scope, in bytes.
pub const MAX_TEXT: usize = 1024;

/// What is stopped: everything that has all that is named. Nothing named is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// Only this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// Only callers of this registered issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerName>,
    /// Only callers of the repository with this immutable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Only callers of this workflow (`build_signer_uri`, with or without its `@ref`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Only callers on this class or group of runners: `runner_environment` or the raw claim `runner_group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
}

impl Scope {
    /// Whether a signature of this caller, under this profile, with this key, is stopped.
    #[must_use]
    pub fn covers(&self, caller: &Caller, profile: &ProfileName, key: &KeyId) -> bool {
        let claims = &caller.claims;
        let is = |wanted: &Option<String>, actual: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| actual == Some(wanted))
        };
        let workflow = claims.build_signer_uri.as_deref();
        let without_ref = workflow.map(|uri| uri.split_once('@').map_or(uri, |(path, _)| path));
        let group = claims.raw.get("runner_group").map(String::as_str);
        self.key.as_ref().is_none_or(|wanted| wanted == key)
            && self.profile.as_ref().is_none_or(|wanted| wanted == profile)
            && self.issuer.as_ref().is_none_or(|wanted| *wanted == caller.issuer_name)
            && is(&self.repository, claims.source_repository_identifier.as_deref())
            && (is(&self.workflow, workflow) || is(&self.workflow, without_ref))
            && (is(&self.runner, claims.runner_environment.as_deref()) || is(&self.runner, group))
    }
    /// Whether every text is short and visible.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let texts = [&self.repository, &self.workflow, &self.runner];
        texts.into_iter().flatten().all(|text| {
            (1..=MAX_TEXT).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        })
    }
}
