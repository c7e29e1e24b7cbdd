//! The claims that grants and guardrails may name, and what each is good for.
//!
//! Normalised claims (Fulcio's names) and the issuer's own ("raw") claims are two name spaces that never mix: a raw
//! claim that bears a normalised name does not pose as one. A raw claim that is not in the table here is written
//! `raw.<name>`, so that a misspelt name is a load error and not a matcher that nobody can meet.

use std::fmt;

use chancery_core::claims::Claims;

/// Which name space a claim is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Normalised by the identity layer.
    Normalised,
    /// As the issuer named it.
    Raw,
}

/// What a claim may be used for in a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    /// Never given to someone else: a repository's or project's id.
    ImmutableProject,
    /// Never given to someone else: an owner's, group's or organisation's id.
    ImmutableOwner,
    /// A name within a project; counts only beside the project's immutable id (name reuse).
    MutableProject,
    /// A name of an owner; counts only beside an immutable id (name reuse).
    MutableOwner,
    /// A condition of the run: ref, event, runner.
    Condition,
    /// May not be matched, and why.
    Never(&'static str),
}

/// One claim that a matcher compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    name: String,
    space: Space,
}

/// A name that no grant may use, because nobody knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known claim; an issuer's own claim is written `raw.<name>`")]
pub struct UnknownAttribute(String);

type Reader = fn(&Claims) -> Option<&str>;

const TENANT: &str = "tenants can customise the subject; match the separate claims";
const PERSON: &str = "names a person; grants are for workloads";
const EPHEMERAL: &str = "changes with every run or token";
const ISSUER: &str = "the issuer is named by the grant's `issuer` field";

/// The normalised claims, in OID order, with what each is good for.
const NORMALISED: [(&str, Use, Reader); 17] = [
    ("issuer", Use::Never(ISSUER), |c| Some(&c.issuer)),
    ("subject", Use::Never(TENANT), |c| Some(&c.subject)),
    ("build_signer_uri", Use::MutableProject, |c| c.build_signer_uri.as_deref()),
    ("build_signer_digest", Use::Condition, |c| c.build_signer_digest.as_deref()),
    ("runner_environment", Use::Condition, |c| c.runner_environment.as_deref()),
    ("source_repository_uri", Use::MutableProject, |c| c.source_repository_uri.as_deref()),
    ("source_repository_digest", Use::Condition, |c| c.source_repository_digest.as_deref()),
    ("source_repository_ref", Use::Condition, |c| c.source_repository_ref.as_deref()),
    ("source_repository_identifier", Use::ImmutableProject, |c| c.source_repository_identifier.as_deref()),
    ("source_repository_owner_uri", Use::MutableOwner, |c| c.source_repository_owner_uri.as_deref()),
    ("source_repository_owner_identifier", Use::ImmutableOwner, |c| {
        c.source_repository_owner_identifier.as_deref()
    }),
    ("build_config_uri", Use::MutableProject, |c| c.build_config_uri.as_deref()),
    ("build_config_digest", Use::Condition, |c| c.build_config_digest.as_deref()),
    ("build_trigger", Use::Condition, |c| c.build_trigger.as_deref()),
    ("run_invocation_uri", Use::Never(EPHEMERAL), |c| c.run_invocation_uri.as_deref()),
    ("source_repository_visibility", Use::Condition, |c| c.source_repository_visibility.as_deref()),
    ("deployment_environment", Use::Condition, |c| c.deployment_environment.as_deref()),
];

/// Raw claims of the issuers that are known, by their own names.
const RAW: [(&str, Use); 56] = [
    ("actor", Use::Never(PERSON)),
    ("actor_id", Use::Never(PERSON)),
    ("aud", Use::Never("the audience is checked with the token")),
    ("base_ref", Use::Condition),
    ("build_branch", Use::Condition),
    ("build_source", Use::Condition),
    ("build_tag", Use::Condition),
    ("ci_config_ref_uri", Use::MutableProject),
    ("ci_config_sha", Use::Condition),
    ("cluster_id", Use::Condition),
    ("email", Use::Never(PERSON)),
    ("enterprise", Use::MutableOwner),
    ("enterprise_id", Use::ImmutableOwner),
    ("environment", Use::Condition),
    ("environment_protected", Use::Condition),
    ("event_name", Use::Condition),
    ("exp", Use::Never(EPHEMERAL)),
    ("head_ref", Use::Condition),
    ("iat", Use::Never(EPHEMERAL)),
    ("iss", Use::Never(ISSUER)),
    ("job_id", Use::Never(EPHEMERAL)),
    ("job_workflow_ref", Use::MutableProject),
    ("job_workflow_sha", Use::Condition),
    ("jti", Use::Never(EPHEMERAL)),
    ("name", Use::Never(PERSON)),
    ("namespace_id", Use::ImmutableOwner),
    ("namespace_path", Use::MutableOwner),
    ("nbf", Use::Never(EPHEMERAL)),
    ("organization_id", Use::ImmutableOwner),
    ("organization_slug", Use::MutableOwner),
    ("pipeline_id", Use::Never("a pipeline's id is a run's on one issuer and a project's on another")),
    ("pipeline_slug", Use::MutableProject),
    ("pipeline_source", Use::Condition),
    ("preferred_username", Use::Never(PERSON)),
    ("project_id", Use::ImmutableProject),
    ("project_path", Use::MutableProject),
    ("project_visibility", Use::Condition),
    ("ref", Use::Condition),
    ("ref_path", Use::Condition),
    ("ref_protected", Use::Condition),
    ("ref_type", Use::Condition),
    ("repository", Use::MutableProject),
    ("repository_id", Use::ImmutableProject),
    ("repository_owner", Use::MutableOwner),
    ("repository_owner_id", Use::ImmutableOwner),
    ("repository_visibility", Use::Condition),
    ("run_attempt", Use::Condition),
    ("run_id", Use::Never(EPHEMERAL)),
    ("run_number", Use::Never(EPHEMERAL)),
    ("sha", Use::Condition),
    ("sub", Use::Never(TENANT)),
    ("user_email", Use::Never(PERSON)),
    ("user_id", Use::Never(PERSON)),
    ("user_login", Use::Never(PERSON)),
    ("workflow", Use::MutableProject),
    ("workflow_ref", Use::MutableProject),
];

/// Longest name of a raw claim in bytes.
const MAX_RAW_NAME: usize = 128;

impl Attribute {
    /// Parses a claim's name as grants write it.
    pub fn parse(written: &str) -> Result<Self, UnknownAttribute> {
        let unknown = || UnknownAttribute(written.chars().filter(|c| !c.is_control()).take(80).collect());
        if NORMALISED.iter().any(|(known, ..)| *known == written) {
            return Ok(Self { name: written.to_owned(), space: Space::Normalised });
        }
        if RAW.iter().any(|(known, _)| *known == written) {
            return Ok(Self { name: written.to_owned(), space: Space::Raw });
        }
        let name = written.strip_prefix("raw.").ok_or_else(unknown)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        if name.is_empty() || name.len() > MAX_RAW_NAME || !name.chars().all(legal) {
            return Err(unknown());
        }
        Ok(Self { name: name.to_owned(), space: Space::Raw })
    }
    /// The claim's name, without the `raw.` that a grant may have written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Which name space it is read from.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }
    /// What it may be used for. Raw claims outside the table are conditions.
    #[must_use]
    pub fn purpose(&self) -> Use {
        let found = match self.space {
            Space::Normalised => {
                NORMALISED.iter().find(|(known, ..)| *known == self.name).map(|(_, purpose, _)| *purpose)
            }
            Space::Raw => RAW.iter().find(|(known, _)| *known == self.name).map(|(_, purpose)| *purpose),
        };
        found.unwrap_or(Use::Condition)
    }
    /// Reads it from a caller's claims; `None` when the issuer said nothing.
    #[must_use]
    pub fn read<'a>(&self, claims: &'a Claims) -> Option<&'a str> {
        match self.space {
            Space::Normalised => {
                NORMALISED.iter().find(|(known, ..)| *known == self.name).and_then(|(.., read)| read(claims))
            }
            Space::Raw => claims.raw.get(&self.name).map(String::as_str),
        }
    }
    /// Every known attribute that policy may compare, normalised ones first.
    pub(crate) fn comparable() -> impl Iterator<Item = Self> {
        let normalised = NORMALISED.iter().map(|(name, purpose, _)| (*name, *purpose, Space::Normalised));
        let raw = RAW.iter().map(|(name, purpose)| (*name, *purpose, Space::Raw));
        normalised
            .chain(raw)
            .filter(|(_, purpose, _)| !matches!(purpose, Use::Never(_)))
            .map(|(name, _, space)| Self { name: name.to_owned(), space })
    }
}

/// The normalised claims that a caller has and policy may compare, as (name, value).
pub(crate) fn present(claims: &Claims) -> impl Iterator<Item = (&'static str, &str)> {
    let comparable = NORMALISED.iter().filter(|(_, purpose, _)| !matches!(purpose, Use::Never(_)));
    comparable.filter_map(|(name, _, read)| Some((*name, read(claims)?)))
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_hold_the_claim_model_and_no_name_twice() {
        let value = serde_json::to_value(Claims::default()).unwrap();
        let mut fields: Vec<&String> = value.as_object().unwrap().keys().filter(|k| *k != "raw").collect();
        fields.sort();
        let mut known: Vec<&str> = NORMALISED.iter().map(|(name, ..)| *name).collect();
        known.sort_unstable();
        assert_eq!(fields, known);
        let mut raw: Vec<&str> = RAW.iter().map(|(name, _)| *name).collect();
        assert!(raw.is_sorted(), "sorted, so that it can be read");
        raw.extend(known);
        raw.sort_unstable();
        assert!(raw.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_normalised_reader_reads_its_own_field() {
        for (name, ..) in NORMALISED {
            let mut value = serde_json::to_value(Claims::default()).unwrap();
            value[name] = serde_json::json!("here");
            let claims: Claims = serde_json::from_value(value).unwrap();
            assert_eq!(Attribute::parse(name).unwrap().read(&claims), Some("here"), "{name}");
        }
    }

    #[test]
    fn a_raw_claim_does_not_pose_as_a_normalised_one() {
        let mut claims = Claims::default();
        claims.raw.insert("source_repository_identifier".into(), "42".into());
        assert_eq!(Attribute::parse("source_repository_identifier").unwrap().read(&claims), None);
        assert_eq!(Attribute::parse("raw.team").unwrap().name(), "team");
        assert_eq!(Attribute::parse("raw.sub").unwrap().purpose(), Use::Never(TENANT));
        for bad in ["source_repository_reff", "raw.", "raw.a b", "raw.\"", "", "Ref"] {
            assert!(Attribute::parse(bad).is_err(), "{bad}");
        }
    }
}
