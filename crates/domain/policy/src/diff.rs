//! Two versions compared in words: what becomes possible, what stops being possible, and what protects less than before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::brake_diff;
use crate::documents::Documents;
use crate::governance::root::{RootDocument, RootKind};
use crate::grant::Grant;
use crate::policy::Policy;
use crate::profile::Profile;

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Something becomes possible that was not.
    Allows,
    /// It is different; nobody may do more or less.
    Changes,
    /// Something stops being possible.
    Stops,
    /// A threshold, a guardrail or a condition protects less.
    Weakens,
}

impl Effect {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allows => "allows",
            Self::Changes => "changes",
            Self::Stops => "stops",
            Self::Weakens => "weakens",
        }
    }
    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Allows => "becomes possible",
            Self::Changes => "is different",
            Self::Stops => "stops being possible",
            Self::Weakens => "PROTECTS LESS THAN BEFORE",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What it comes to.
    pub effect: Effect,
    /// In words.
    pub words: String,
}

/// What was found so far.
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    pub(crate) fn add(&mut self, effect: Effect, words: String) {
        self.0.push(Change { effect, words });
    }
    /// A protection with its old and new strength.
    pub(crate) fn strength<T: PartialOrd + Display>(&mut self, what: &str, (old, new): (T, T)) {
        if new < old {
            self.add(Effect::Weakens, format!("{what}: {old} becomes {new}"));
        } else if new > old {
            self.add(Effect::Stops, format!("{what}: {old} becomes {new}"));
        }
    }
    fn differs<T: PartialEq + Display>(&mut self, effect: Effect, what: &str, (old, new): (T, T)) {
        if old != new {
            self.add(effect, format!("{what}: {old} becomes {new}"));
        }
    }
}

/// Everything that differs, sorted by effect. The same documents differ in nothing.
#[must_use]
pub fn compare(old: (&Documents, &Policy), new: (&Documents, &Policy)) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    profiles(&mut changes, old.1, new.1);
    guardrails(&mut changes, old.1, new.1);
    roots(&mut changes, old.1.root(), new.1.root());
    roster(&mut changes, old.1, new.1);
    files(&mut changes, old.0, new.0);
    changes.0.sort();
    changes.0
}

fn profiles(changes: &mut Changes, old: &Policy, new: &Policy) {
    for profile in old.profiles().filter(|profile| new.profile(profile.name()).is_none()) {
        changes.add(Effect::Stops, format!("profile `{}` is gone: nobody signs with it", profile.name()));
    }
    for profile in new.profiles() {
        match old.profile(profile.name()) {
            Some(before) => of_profile(changes, before, profile),
            None => {
                let (name, environment) = (profile.name(), profile.environment());
                changes.add(Effect::Allows, format!("profile `{name}` ({environment}) is new"));
                for grant in profile.grants() {
                    changes.add(Effect::Allows, format!("{} may sign with `{name}`", who(grant)));
                }
            }
        }
    }
}

fn of_profile(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let both = |what: &str| format!("profile `{name}`, {what}");
    changes.differs(Effect::Weakens, &both("environment"), (old.environment(), new.environment()));
    changes.strength(&both("approvals"), (old.approvals().need, new.approvals().need));
    match (old.binding(), new.binding()) {
        (before, after) if before == after => {}
        (before, after) => {
            let effect = if after > before { Effect::Stops } else { Effect::Weakens };
            changes.add(effect, format!("{}: {} becomes {}", both("binding"), before.name(), after.name()));
        }
    }
    keys(changes, old, new);
    formats(changes, old, new);
    limits(changes, old, new);
    brake_diff::compare(changes, old, new);
    grants(changes, old, new);
}

fn keys(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    for (family, key) in new.keys() {
        match old.key(*family) {
            Some(before) if before == key => {}
            Some(before) => {
                changes.add(
                    Effect::Changes,
                    format!("profile `{name}` signs {family} with `{key}`, not `{before}`"),
                );
            }
            None => changes.add(Effect::Allows, format!("profile `{name}` signs {family} with `{key}`")),
        }
    }
    for family in old.keys().keys().filter(|family| new.key(**family).is_none()) {
        changes.add(Effect::Stops, format!("profile `{name}` signs no {family} any more"));
    }
}

fn formats(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    for (format, rule) in new.formats() {
        let Some(before) = old.formats().get(format) else {
            changes.add(Effect::Allows, format!("profile `{name}` signs {format}"));
            continue;
        };
        changes.strength(&format!("profile `{name}`, depth of {format}"), (before.depth, rule.depth));
        for family in rule.families.difference(&before.families) {
            changes.add(Effect::Allows, format!("profile `{name}` signs {format} as {family}"));
        }
        for family in before.families.difference(&rule.families) {
            changes.add(Effect::Stops, format!("profile `{name}` signs {format} no more as {family}"));
        }
    }
    for format in old.formats().keys().filter(|format| !new.formats().contains_key(format)) {
        changes.add(Effect::Stops, format!("profile `{name}` signs no {format} any more"));
    }
}

fn limits(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let by_window = |profile: &Profile| -> BTreeMap<String, u32> {
        profile.limits().iter().map(|limit| (limit.window.to_string(), limit.count)).collect()
    };
    let (before, after) = (by_window(old), by_window(new));
    for (window, count) in &before {
        let what = format!("profile `{name}`, signatures in {window}");
        match after.get(window) {
            None => changes.add(Effect::Weakens, format!("{what}: at most {count} becomes no limit")),
            Some(now) if now > count => {
                changes.add(Effect::Weakens, format!("{what}: at most {count} becomes {now}"));
            }
            Some(now) if now < count => {
                changes.add(Effect::Stops, format!("{what}: at most {count} becomes {now}"));
            }
            Some(_) => {}
        }
    }
    for (window, count) in after.iter().filter(|(window, _)| !before.contains_key(*window)) {
        changes.add(Effect::Stops, format!("profile `{name}`, signatures in {window}: at most {count}"));
    }
}

fn grants(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let texts = |profile: &Profile| -> BTreeSet<String> { profile.grants().iter().map(who).collect() };
    let (before, after) = (texts(old), texts(new));
    for grant in after.difference(&before) {
        changes.add(Effect::Allows, format!("{grant} may sign with `{name}`"));
    }
    for grant in before.difference(&after) {
        changes.add(Effect::Stops, format!("{grant} may no more sign with `{name}`"));
    }
}

/// Whom a grant names, with everything that has to hold.
fn who(grant: &Grant) -> String {
    let matchers: Vec<String> = grant
        .matchers()
        .iter()
        .map(|matcher| format!("{} = {}", matcher.attribute.name(), matcher.pattern))
        .collect();
    let until = grant.expires().map_or_else(String::new, |expires| format!(" until {expires}"));
    format!("callers of `{}` with {}{until}", grant.issuer(), matchers.join(", "))
}

fn guardrails(changes: &mut Changes, old: &Policy, new: &Policy) {
    let by_id = |policy: &Policy| -> BTreeMap<String, String> {
        policy.guardrails().iter().map(|rule| (rule.id().to_owned(), rule.cedar())).collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    for (id, text) in &before {
        match after.get(id) {
            None => changes.add(Effect::Weakens, format!("guardrail `{id}` is gone")),
            // Whether another rule forbids less cannot be decided from its text.
            Some(now) if now != text => {
                changes.add(Effect::Weakens, format!("guardrail `{id}` is another one: read it"));
            }
            Some(_) => {}
        }
    }
    for id in after.keys().filter(|id| !before.contains_key(*id)) {
        changes.add(Effect::Stops, format!("guardrail `{id}` is new"));
    }
}

fn roots(changes: &mut Changes, old: Option<&RootDocument>, new: Option<&RootDocument>) {
    let (Some(old), Some(new)) = (old, new) else { return };
    changes.strength("people of the root who have to sign", (old.threshold(), new.threshold()));
    if (old.kind(), new.kind()) == (RootKind::Installation, RootKind::Development) {
        changes.add(Effect::Weakens, "the installation becomes a development one".to_owned());
    }
    let people = |root: &RootDocument| -> BTreeMap<String, BTreeSet<String>> {
        let keys = |keys: &[chancery_identity::sshsig::key::SshPublicKey]| {
            keys.iter().map(chancery_identity::sshsig::key::SshPublicKey::fingerprint).collect()
        };
        root.people().map(|(id, _, own)| (id.to_string(), keys(own))).collect()
    };
    persons(changes, "the root", (people(old), people(new)));
}

type People = BTreeMap<String, BTreeSet<String>>;

fn persons(changes: &mut Changes, place: &str, (old, new): (People, People)) {
    for (id, has) in &new {
        match old.get(id) {
            None => changes.add(Effect::Allows, format!("`{id}` is in {place}")),
            Some(had) => {
                for one in has.difference(had) {
                    changes.add(Effect::Allows, format!("`{id}` in {place} gets {one}"));
                }
                for one in had.difference(has) {
                    changes.add(Effect::Stops, format!("`{id}` in {place} loses {one}"));
                }
            }
        }
    }
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        changes.add(Effect::Stops, format!("`{id}` is no more in {place}"));
    }
}

fn roster(changes: &mut Changes, old: &Policy, new: &Policy) {
    let people = |policy: &Policy| -> People {
        policy.roster().members().iter().map(|member| (member.id().to_string(), member.facts())).collect()
    };
    persons(changes, "the roster", (people(old), people(new)));
}

/// Files of the first level whose words this crate does not know.
const WORDS_OF_OTHERS: [&str; 2] = ["builders.toml", "issuers.toml"];

/// Files whose words this crate does not know: issuers, builders, verification policies, trusted roots of others.
fn files(changes: &mut Changes, old: &Documents, new: &Documents) {
    let own = |documents: &Documents| -> BTreeMap<String, String> {
        let is_told = |path: &str| {
            let folders = ["trust/", "verification/"];
            WORDS_OF_OTHERS.contains(&path) || folders.iter().any(|folder| path.starts_with(folder))
        };
        let files = documents.files().iter().filter(|(path, _)| is_told(path));
        files.map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    let (before, after) = (own(old), own(new));
    for path in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        if before.get(path) != after.get(path) {
            let is_loose = path.starts_with("verification/");
            let effect = if is_loose { Effect::Changes } else { Effect::Weakens };
            changes.add(effect, format!("`{path}` is another one: read it"));
        }
    }
}
