//! The typed Cedar schema that every policy is validated against, generated from the vocabulary at load.
//!
//! Names of formats, families, environments and bindings are enumerated entities, so that a misspelt one in a
//! guardrail is a load error and not a guardrail that never forbids.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cedar_policy::Schema;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;

use crate::attribute::{Attribute, Space};
use crate::limit::Window;
use crate::profile::{Binding, Profile};

/// Everything that policies may compare: the known claims, and the raw claims and windows that profiles name.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    attributes: BTreeSet<Attribute>,
    pub(crate) raw: BTreeSet<String>,
    pub(crate) windows: BTreeSet<Window>,
}

impl Vocabulary {
    pub(crate) fn of<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Self {
        let mut attributes: BTreeSet<Attribute> = Attribute::comparable().collect();
        let mut windows = BTreeSet::new();
        for profile in profiles {
            windows.extend(profile.limits().iter().map(|limit| limit.window));
            let matchers = profile.grants().iter().flat_map(|grant| grant.matchers());
            attributes.extend(matchers.map(|matcher| matcher.attribute.clone()));
        }
        let raw = attributes.iter().filter(|attribute| attribute.space() == Space::Raw);
        let raw = raw.map(|attribute| attribute.name().to_owned()).collect();
        Self { attributes, raw, windows }
    }
    /// The schema in Cedar's own syntax.
    pub(crate) fn text(&self) -> String {
        let environments =
            [Environment::Development, Environment::Preview, Environment::Production, Environment::Staging];
        let mut out = String::from("entity Issuer;\nentity Profile;\n");
        enumerate(
            &mut out,
            "Binding",
            [Binding::Fixed, Binding::Request, Binding::Session, Binding::Sigstore].map(Binding::name),
        );
        enumerate(&mut out, "Environment", environments.map(Environment::name));
        enumerate(&mut out, "Family", Family::ALL.map(Family::name));
        enumerate(&mut out, "Format", FormatName::ALL.map(FormatName::name));
        out.push_str("action \"sign\" appliesTo { principal: [Issuer], resource: [Profile], context: {\n");
        out.push_str("  artifact: { digest: String, name: String, size: Long },\n  attested: Set<String>,\n  binding: Binding,\n");
        self.claims(&mut out, "claims", Space::Normalised);
        out.push_str("  counts: {");
        for window in &self.windows {
            let _infallible = write!(out, " \"{window}\"?: Long,");
        }
        out.push_str(
            " },\n  depth: Long,\n  environment: Environment,\n  family: Family,\n  format: Format,\n  predicate?: String,\n",
        );
        self.claims(&mut out, "raw", Space::Raw);
        out.push_str("  time: { hour: Long, seconds: Long, weekday: Long },\n  waived: { approvals: Bool, hold: Bool, limits: Bool },\n} };\n");
        out
    }
    /// The parsed schema; an error here is a fault of this file and keeps every policy from being loaded.
    pub(crate) fn schema(&self) -> Result<Schema, String> {
        Schema::from_cedarschema_str(&self.text())
            .map(|(schema, _)| schema)
            .map_err(|error| error.to_string())
    }

    fn claims(&self, out: &mut String, record: &str, space: Space) {
        let _infallible = write!(out, "  {record}: {{");
        for attribute in self.attributes.iter().filter(|attribute| attribute.space() == space) {
            let _infallible = write!(out, " \"{}\"?: String,", attribute.name());
        }
        out.push_str(" },\n");
    }
}

fn enumerate<const N: usize>(out: &mut String, entity: &str, names: [&str; N]) {
    let quoted = names.map(|name| format!("\"{name}\""));
    let _infallible = writeln!(out, "entity {entity} enum [{}];", quoted.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_one() {
        Vocabulary::of(std::iter::empty()).schema().unwrap();
    }
}
