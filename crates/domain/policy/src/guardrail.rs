//! Guardrails: Cedar `forbid` policies that no grant can weaken, from `guardrails/*.cedar`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use cedar_policy::{Effect, EntityUid, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use chancery_core::id::{IssuerName, ProfileName};

use crate::bounds;
use crate::grant::GrantName;
use crate::problem::Report;

/// At most this many guardrails, because every one is evaluated for every decision.
pub const MAX_GUARDRAILS: usize = 200;

/// One guardrail, validated against the schema.
#[derive(Debug, Clone)]
pub struct Guardrail {
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) policy: cedar_policy::Policy,
}

impl Guardrail {
    /// Its id: the `@id` annotation, else the file's stem (with a number where a file holds several).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
    /// The `@reason` annotation: why it forbids, for the person who is refused; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
    /// Its Cedar text as written.
    #[must_use]
    pub fn cedar(&self) -> String {
        self.policy.to_string()
    }
    pub(crate) fn policy_id(id: &str) -> String {
        format!("guardrail:{id}")
    }
}

/// What guardrails may refer to.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) profiles: BTreeSet<&'a ProfileName>,
    pub(crate) issuers: BTreeSet<&'a IssuerName>,
}

/// Reads one file. Anything but well-typed `forbid` policies is an error: a guardrail that does not work fails open.
pub(crate) fn read(report: &mut Report, known: &Known<'_>, stem: &str, text: &str) -> Vec<Guardrail> {
    if let Err(error) = bounds::check(text) {
        report.error("", error.to_string());
        return Vec::new();
    }
    let set = match PolicySet::from_str(text) {
        Ok(set) => set,
        Err(error) => {
            report.error("", format!("not Cedar: {}", one_line(&error.to_string())));
            return Vec::new();
        }
    };
    if set.num_of_templates() > 0 {
        report.error("", "templates have no meaning here: write the policy out");
    }
    let single = set.num_of_policies() == 1;
    let mut out = Vec::new();
    for (number, policy) in set.policies().enumerate() {
        let fallback = if single { stem.to_owned() } else { format!("{stem}-{}", number.saturating_add(1)) };
        let id = policy.annotation("id").map_or(fallback, str::to_owned);
        let reason = policy.annotation("reason").unwrap_or_default().to_owned();
        annotations(report, &id, &reason, policy);
        if policy.effect() == Effect::Permit {
            report.error(&id, "a guardrail only forbids; permits come from grants");
        }
        references(report, &id, known, policy);
        let policy = policy.new_id(PolicyId::new(Guardrail::policy_id(&id)));
        out.push(Guardrail { id, reason, policy });
    }
    if out.is_empty() {
        report.error("", "holds no guardrail");
    }
    validate(report, known.schema, &out);
    out
}

/// Two guardrails with one id could not be told apart in a trace.
pub(crate) fn unique(reports: &mut BTreeMap<String, Report>, guardrails: &[(String, Guardrail)]) {
    let mut seen = BTreeSet::new();
    for (file, guardrail) in guardrails {
        if !seen.insert(guardrail.id.as_str())
            && let Some(report) = reports.get_mut(file)
        {
            report.error(&guardrail.id, "is the id of another guardrail");
        }
    }
}

fn annotations(report: &mut Report, id: &str, reason: &str, policy: &cedar_policy::Policy) {
    if GrantName::parse(id).is_none() {
        report.error(id, "the id is not 1 to 64 of a-z 0-9 - _ . starting with a letter or digit");
    }
    if reason.len() > 500 || reason.chars().any(crate::pattern::is_invisible) {
        report.error(id, "the reason is longer than 500 bytes or holds control characters");
    }
    for (name, _) in policy.annotations().filter(|(name, _)| !matches!(*name, "id" | "reason")) {
        report.error(id, format!("`@{name}` is not a known annotation"));
    }
}

fn references(report: &mut Report, id: &str, known: &Known<'_>, policy: &cedar_policy::Policy) {
    let is = |literal: &EntityUid, kind: &str| literal.type_name().to_string() == kind;
    for literal in policy.entity_literals() {
        let name: &str = literal.id().as_ref();
        if is(&literal, "Profile") && !known.profiles.iter().any(|profile| profile.as_str() == name) {
            report.error(id, format!("`{literal}` is not a profile"));
        }
        if is(&literal, "Issuer") && !known.issuers.iter().any(|issuer| issuer.as_str() == name) {
            report.warning(id, format!("`{literal}` is the issuer of no grant"));
        }
    }
}

/// Warnings count as errors: a policy that can never apply, or whose text deceives its reader, fails open.
fn validate(report: &mut Report, schema: &Schema, guardrails: &[Guardrail]) {
    let validator = Validator::new(schema.clone());
    for guardrail in guardrails {
        let Ok(set) = PolicySet::from_policies([guardrail.policy.clone()]) else {
            report.error(&guardrail.id, "cannot stand alone");
            continue;
        };
        let result = validator.validate(&set, ValidationMode::Strict);
        for error in result.validation_errors() {
            report.error(&guardrail.id, one_line(&error.to_string()));
        }
        for warning in result.validation_warnings() {
            report.error(&guardrail.id, one_line(&warning.to_string()));
        }
    }
}

/// The engine's message as one bounded line.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
