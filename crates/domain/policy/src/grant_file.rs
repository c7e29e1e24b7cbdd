//! Reads `[[grants]]` of a profile, and refuses grants that would not pin an identity (OIDC attacks 1 to 6).

use std::collections::BTreeSet;

use chancery_core::id::IssuerName;
use chancery_core::time::Time;

use crate::attribute::{Attribute, Use};
use crate::fields::Fields;
use crate::grant::{Anchor, Grant, GrantName, Matcher};
use crate::pattern::Pattern;
use crate::problem::Report;

/// At most this many grants in a profile.
pub(crate) const MAX_GRANTS: usize = 10_000;
const MAX_MATCHERS: usize = 32;

/// Every grant of the profile, sorted by name; what is wrong is in the report.
pub(crate) fn read_all(report: &mut Report, fields: &mut Fields) -> Vec<Grant> {
    let tables = fields.tables(report, "grants", MAX_GRANTS);
    if tables.is_empty() {
        report.warning("grants", "no grant: nobody can use this profile");
    }
    let mut names = BTreeSet::new();
    let mut out = Vec::with_capacity(tables.len());
    for mut table in tables {
        let name = name(report, &mut table, &mut names);
        let grant = read(report, &mut table, name);
        table.finish(report);
        out.extend(grant);
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn name(report: &mut Report, table: &mut Fields, seen: &mut BTreeSet<GrantName>) -> Option<GrantName> {
    let text = table.required(report, "name")?;
    let field = table.name("name");
    let Some(name) = GrantName::parse(&text) else {
        report.error(&field, "is not 1 to 64 of a-z 0-9 - _ . starting with a letter or digit");
        return None;
    };
    if !seen.insert(name.clone()) {
        report.error(&field, format!("`{name}` is the name of another grant of this profile"));
    }
    Some(name)
}

fn read(report: &mut Report, table: &mut Fields, name: Option<GrantName>) -> Option<Grant> {
    let issuer_field = table.name("issuer");
    let issuer = table.required(report, "issuer").and_then(|text| {
        IssuerName::parse(&text).map_err(|error| report.error(&issuer_field, error.to_string())).ok()
    });
    let purpose = table.text(report, "purpose");
    if purpose.as_ref().is_some_and(|text| text.len() > 500 || text.chars().any(crate::pattern::is_invisible))
    {
        report.error(&table.name("purpose"), "is longer than 500 bytes or holds control characters");
    }
    let kind = table.text(report, "kind");
    if kind.as_deref().is_some_and(|kind| kind != "workload") {
        report.error(&table.name("kind"), "is not `workload`: people never ask for signatures, they approve");
    }
    let expires = expires(report, table);
    let (anchor, matchers) = claims(report, table)?;
    Some(Grant { name: name?, issuer: issuer?, purpose, expires, anchor, matchers })
}

fn expires(report: &mut Report, table: &mut Fields) -> Option<Time> {
    let text = table.text(report, "expires")?;
    let time = Time::parse_rfc3339(&text);
    if time.is_none() {
        report.error(&table.name("expires"), "is not an RFC 3339 moment such as \"2027-01-31T00:00:00Z\"");
    }
    time
}

fn claims(report: &mut Report, table: &mut Fields) -> Option<(Anchor, Vec<Matcher>)> {
    let field = table.name("claims");
    let Some(mut claims) = table.table(report, "claims") else {
        report.error(&field, "is missing: a grant without matchers would be for everyone");
        return None;
    };
    let entries = claims.drain_texts(report);
    if entries.is_empty() {
        report.error(&field, "is empty: a grant without matchers would be for everyone");
        return None;
    }
    if entries.len() > MAX_MATCHERS {
        report.error(&field, format!("has {} matchers; expected at most {MAX_MATCHERS}", entries.len()));
        return None;
    }
    let mut matchers: Vec<Matcher> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let entry = claims.name(&key);
        let Some(matcher) = matcher(report, &entry, &key, &value) else { continue };
        if matchers.iter().any(|known| known.attribute == matcher.attribute) {
            report.error(&entry, "names a claim that has a matcher already");
        }
        matchers.push(matcher);
    }
    matchers.sort_by(|a, b| a.attribute.cmp(&b.attribute));
    pinned(report, &field, &matchers);
    anchor_of(&matchers).map(|anchor| (anchor, matchers))
}

fn matcher(report: &mut Report, field: &str, key: &str, value: &str) -> Option<Matcher> {
    let attribute = Attribute::parse(key).map_err(|error| report.error(field, error.to_string())).ok();
    let pattern = Pattern::parse(value).map_err(|error| report.error(field, error.to_string())).ok();
    let (attribute, pattern) = (attribute?, pattern?);
    match attribute.purpose() {
        Use::Never(why) => {
            report.error(field, format!("may not be matched: {why}"));
            return None;
        }
        Use::ImmutableOwner | Use::ImmutableProject if !pattern.is_exact() => {
            report.error(field, "an immutable id is matched exactly, without wildcards");
            return None;
        }
        Use::ImmutableOwner
        | Use::ImmutableProject
        | Use::MutableOwner
        | Use::MutableProject
        | Use::Condition => {}
    }
    if matches!(pattern.as_str(), "refs/**" | "refs/heads/**" | "refs/tags/**") {
        report
            .warning(field, "every ref of this kind matches, also those that anyone with write access makes");
    }
    Some(Matcher { attribute, pattern })
}

/// A name can be given to someone else after a rename or a deletion; only an id beside it keeps the grant with its
/// holder.
fn pinned(report: &mut Report, field: &str, matchers: &[Matcher]) {
    let has = |wanted: Use| matchers.iter().any(|matcher| matcher.attribute.purpose() == wanted);
    let (project, owner) = (has(Use::ImmutableProject), has(Use::ImmutableOwner));
    if !project && !owner {
        report.error(
            field,
            "no immutable id: match source_repository_identifier (repository_id, project_id) exactly",
        );
        return;
    }
    if has(Use::MutableProject) && !project {
        report.error(field, "a repository's or workflow's name without the repository's immutable id");
    }
    if !project {
        report.warning(field, "every repository of the owner matches");
    }
}

/// A project's id before an owner's, normalised before raw: the narrower index.
fn anchor_of(matchers: &[Matcher]) -> Option<Anchor> {
    let rank = |matcher: &&Matcher| match matcher.attribute.purpose() {
        Use::ImmutableProject => Some(0u8),
        Use::ImmutableOwner => Some(1),
        Use::MutableOwner | Use::MutableProject | Use::Condition | Use::Never(_) => None,
    };
    let ranked = matchers.iter().filter_map(|matcher| Some((rank(&matcher)?, matcher)));
    let (_, best) = ranked.min_by_key(|(rank, matcher)| (*rank, matcher.attribute.space()))?;
    Some(Anchor { attribute: best.attribute.clone(), value: best.pattern.as_str().to_owned() })
}
