//! Reads `profiles/<name>.toml`, strictly, reporting every problem of the file at once.
//!
//! ```toml
//! environment = "development"
//! owner = "platform@acme.example"
//! purpose = "try it out"
//! binding = "request"          # or "session", or "fixed"
//! depth = "structured"         # or "artifact"; "digest" only per format
//! timestamp = "builtin"        # or "none", or a list of authorities
//! [keys]
//! message = "dev-message"
//! [formats.sigstore]
//! families = ["message"]
//! depth = "digest"
//! [[limits]]
//! count = 100
//! window = "10m"
//! # the brakes: see `brake`; `[[attestations]]`: see `attested`; `[vouch]`: see `vouch`; instead of keys and formats `[facade]`: see `facade`
//! [[grants]]
//! name = "acme-app-main"
//! issuer = "dev"
//! claims = { source_repository_identifier = "42", source_repository_ref = "refs/heads/main" }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::depth::Depth;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, ProfileName};

use crate::attested;
use crate::brake_file;
use crate::facade_file;
use crate::fields::Fields;
use crate::grant_file;
use crate::limit::{Limit, MAX_COUNT, Window};
use crate::problem::Report;
use crate::profile::{Binding, FormatRule, Profile, Timestamping};
use crate::vouch;

const MAX_LIMITS: usize = 8;
const MAX_AUTHORITIES: usize = 8;
const MAX_WORDS: usize = 500;

/// Reads one profile; `None` when the report holds an error.
pub(crate) fn read(report: &mut Report, stem: &str, text: &str) -> Option<Profile> {
    let name = ProfileName::parse(stem).map_err(|error| report.error("", error.to_string())).ok();
    let mut fields = Fields::parse(report, text)?;
    let environment = environment(report, &mut fields);
    let owner = words(report, &mut fields, "owner");
    let purpose = words(report, &mut fields, "purpose");
    let facade = facade_file::read(report, &mut fields);
    let how = match &facade {
        Some(_) => facade_file::how(report, &mut fields),
        None => how(report, &mut fields),
    };
    let limits = limits(report, &mut fields);
    let approvals = brake_file::approvals(report, &mut fields);
    let quorum = brake_file::quorum(report, &mut fields);
    let hold = brake_file::span(report, &mut fields, "hold");
    let step_up = brake_file::step_up(report, &mut fields);
    let events = brake_file::events(report, &mut fields);
    let runners = brake_file::runners(report, &mut fields, environment);
    let attestations = attested::read(report, &mut fields);
    let vouch = vouch::read(report, &mut fields);
    let grants = grant_file::read_all(report, &mut fields);
    fields.finish(report);
    match &facade {
        Some(facade) => facade_file::lint(report, facade, environment),
        None => {
            compare_keys(report, &how.keys, &how.formats);
            people_behind_loose_tokens(report, (environment, how.binding, approvals.need));
        }
    }
    if report.has_errors() {
        return None;
    }
    Some(Profile {
        name: name?,
        environment: environment?,
        owner: owner?,
        purpose: purpose?,
        binding: how.binding,
        timestamp: how.timestamp,
        facade,
        keys: how.keys,
        formats: how.formats,
        limits,
        approvals,
        quorum,
        hold,
        step_up,
        events,
        runners,
        attestations,
        vouch,
        grants,
    })
}

/// How a profile signs: what tokens it takes, and what its keys may be used for.
pub(crate) struct How {
    pub(crate) binding: Binding,
    pub(crate) timestamp: Timestamping,
    pub(crate) keys: BTreeMap<Family, KeyId>,
    pub(crate) formats: BTreeMap<FormatName, FormatRule>,
}

fn how(report: &mut Report, fields: &mut Fields) -> How {
    let binding = binding(report, fields);
    let depth = least_depth(report, fields);
    let timestamp = timestamp(report, fields);
    let keys = keys(report, fields);
    let formats = formats(report, fields, depth);
    if formats.contains_key(&FormatName::Fulcio) {
        report.error("formats.fulcio", "certificates are issued under a profile with `[facade]` instead");
    }
    How { binding, timestamp, keys, formats }
}

fn environment(report: &mut Report, fields: &mut Fields) -> Option<Environment> {
    let text = fields.required(report, "environment")?;
    let all = [Environment::Development, Environment::Preview, Environment::Production, Environment::Staging];
    let found = all.into_iter().find(|environment| environment.name() == text);
    if found.is_none() {
        report.error("environment", "is not one of `development`, `preview`, `staging`, `production`");
    }
    found
}

/// Free text that people and terminals will see.
fn words(report: &mut Report, fields: &mut Fields, key: &str) -> Option<String> {
    let text = fields.required(report, key)?;
    if text.len() > MAX_WORDS || text.chars().any(crate::pattern::is_invisible) {
        report.error(&fields.name(key), "is longer than 500 bytes or holds control characters");
        return None;
    }
    Some(text)
}

/// Absent means the stricter one.
fn binding(report: &mut Report, fields: &mut Fields) -> Binding {
    match fields.text(report, "binding").as_deref() {
        None | Some("request") => Binding::Request,
        Some("fixed") => Binding::Fixed,
        Some("session") => Binding::Session,
        Some(_) => {
            report.error("binding", "is neither `request`, `session` nor `fixed`");
            Binding::Request
        }
    }
}

fn depth_named(name: &str) -> Option<Depth> {
    [Depth::Digest, Depth::Structured, Depth::Artifact].into_iter().find(|depth| depth.name() == name)
}

fn least_depth(report: &mut Report, fields: &mut Fields) -> Depth {
    let Some(text) = fields.text(report, "depth") else { return Depth::Structured };
    match depth_named(&text) {
        Some(Depth::Digest) => {
            report.error("depth", "`digest` is allowed per format only: name it in `[formats.<format>]`");
            Depth::Structured
        }
        Some(depth) => depth,
        None => {
            report.error("depth", "is neither `structured` nor `artifact`");
            Depth::Structured
        }
    }
}

fn timestamp(report: &mut Report, fields: &mut Fields) -> Timestamping {
    let names = fields.texts(report, "timestamp");
    match names.as_deref() {
        None => {
            report.error("timestamp", "is missing: write \"builtin\", \"none\" or a list of authorities");
            Timestamping::None
        }
        Some([one]) if one == "builtin" => Timestamping::Builtin,
        Some([one]) if one == "none" => Timestamping::None,
        Some(list) => {
            let bad = |name: &String| KeyId::parse(name).is_err() || name == "builtin" || name == "none";
            let distinct: BTreeSet<_> = list.iter().collect();
            if list.is_empty()
                || list.len() > MAX_AUTHORITIES
                || list.iter().any(bad)
                || distinct.len() != list.len()
            {
                report.error(
                    "timestamp",
                    "is not \"builtin\", \"none\" or 1 to 8 distinct names of authorities",
                );
            }
            Timestamping::Remote(list.to_vec())
        }
    }
}

fn keys(report: &mut Report, fields: &mut Fields) -> BTreeMap<Family, KeyId> {
    let mut out = BTreeMap::new();
    let Some(mut table) = fields.table(report, "keys") else {
        report.error("keys", "is missing: name a key for each family");
        return out;
    };
    for (key, value) in table.drain_texts(report) {
        let field = table.name(&key);
        match family_named(report, &field, &key) {
            Some(family) if !family.is_for_artifacts() => {
                report.error(&field, "keys of this family sign what the service needs, never artifacts");
            }
            Some(family) => match KeyId::parse(&value) {
                Ok(id) => drop(out.insert(family, id)),
                Err(error) => report.error(&field, error.to_string()),
            },
            None => {}
        }
    }
    let distinct: BTreeSet<_> = out.values().collect();
    if distinct.len() != out.len() {
        report.error("keys", "one key serves two families; each key belongs to exactly one");
    }
    out
}

fn family_named(report: &mut Report, field: &str, name: &str) -> Option<Family> {
    let family = Family::from_name(name);
    if family.is_none() {
        report.error(field, format!("`{}` is not a family", name.chars().take(40).collect::<String>()));
    }
    family
}

fn formats(report: &mut Report, fields: &mut Fields, least: Depth) -> BTreeMap<FormatName, FormatRule> {
    let mut out = BTreeMap::new();
    if let Some(mut table) = fields.table(report, "formats") {
        for (name, mut entry) in table.drain_tables(report) {
            let rule = format_rule(report, &mut entry, least);
            entry.finish(report);
            match FormatName::from_name(&name) {
                Some(format) => drop(out.insert(format, rule)),
                None => report.error(&table.name(&name), "is not a known format"),
            }
        }
    }
    if out.is_empty() {
        report.error("formats", "is empty: name at least one format");
    }
    out
}

fn format_rule(report: &mut Report, entry: &mut Fields, least: Depth) -> FormatRule {
    let field = entry.name("families");
    let names = entry.texts(report, "families").unwrap_or_default();
    let families: BTreeSet<Family> =
        names.iter().filter_map(|name| family_named(report, &field, name)).collect();
    if families.is_empty() {
        report.error(&field, "is empty: name at least one family");
    }
    let depth = entry.text(report, "depth").map_or(Some(least), |text| depth_named(&text));
    if depth.is_none() {
        report.error(&entry.name("depth"), "is not one of `digest`, `structured`, `artifact`");
    }
    FormatRule { families, depth: depth.unwrap_or(least) }
}

fn compare_keys(
    report: &mut Report,
    keys: &BTreeMap<Family, KeyId>,
    formats: &BTreeMap<FormatName, FormatRule>,
) {
    let used: BTreeSet<Family> = formats.values().flat_map(|rule| rule.families.iter().copied()).collect();
    for family in used.iter().filter(|family| !keys.contains_key(family)) {
        report.error(&format!("keys.{family}"), "is missing: a format asks for this family");
    }
    for family in keys.keys().filter(|family| !used.contains(family)) {
        report.warning(&format!("keys.{family}"), "no format uses this key");
    }
}

fn limits(report: &mut Report, fields: &mut Fields) -> Vec<Limit> {
    let mut out: Vec<Limit> = Vec::new();
    let tables = fields.tables(report, "limits", MAX_LIMITS);
    if tables.is_empty() {
        report.warning("limits", "no limit: a stolen identity could sign without end");
    }
    for mut table in tables {
        let count = table.number(report, "count", (1, MAX_COUNT));
        let text = table.required(report, "window");
        if count.is_none() {
            report.error(&table.name("count"), "is missing or not usable");
        }
        let field = table.name("window");
        let exceed = brake_file::exceed(report, &mut table);
        table.finish(report);
        let window = text.and_then(|text| {
            Window::parse(&text).map_err(|error| report.error(&field, error.to_string())).ok()
        });
        if let (Some(count), Some(window)) = (count, window) {
            if out.iter().any(|limit| limit.window == window) {
                report.error(&field, "this window has a limit already");
            }
            out.push(Limit { window, count, exceed });
        }
    }
    out.sort();
    out
}

/// ATTACK: a token with a fixed audience signs whatever its thief likes, and a session only shows who came first. In
/// production somebody must look.
fn people_behind_loose_tokens(
    report: &mut Report,
    (environment, binding, need): (Option<Environment>, Binding, u32),
) {
    let is_loose = match binding {
        Binding::Fixed | Binding::Session | Binding::Sigstore => true,
        Binding::Request => false,
    };
    if environment == Some(Environment::Production) && is_loose && need == 0 {
        let message = "is 0 in production with tokens that are not bound to the request: at least 1, or \
                       binding = \"request\"";
        report.error("approvals.need", message);
    }
}
