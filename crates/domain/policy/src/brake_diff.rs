//! Brakes of a profile compared in words: a brake that is taken away, or asks less, protects less than before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use chancery_core::witness::Habit;

use crate::attested;
use crate::brake::Differ;
use crate::diff::{Changes, Effect};
use crate::limit::{Exceed, Window};
use crate::profile::Profile;
use crate::trigger::{Events, Runners};
use crate::vouch;

/// Everything that differs in the brakes.
pub(crate) fn compare(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let both = |what: &str| format!("profile `{name}`, {what}");
    let life = |profile: &Profile| Span(Some(profile.approvals().expires));
    changes.strength(&both("life of an approval"), (Less(life(old)), Less(life(new))));
    changes.strength(&both("hold"), (Span(old.hold()), Span(new.hold())));
    let builders = |profile: &Profile| profile.quorum().map_or(0, |quorum| quorum.builders);
    changes.strength(&both("independent builders"), (builders(old), builders(new)));
    if let (Some(before), Some(after)) = (old.quorum(), new.quorum())
        && before.differ != after.differ
    {
        let effect = if after.differ == Differ::Issuer { Effect::Stops } else { Effect::Weakens };
        let words = format!("{} becomes {}", before.differ.name(), after.differ.name());
        changes.add(effect, format!("{}: {words}", both("what makes builders independent")));
    }
    step_up(changes, old, new);
    exceed(changes, old, new);
    events(changes, old, new);
    runners(changes, old, new);
    attested::compare(changes, old, new);
    vouch::compare(changes, old, new);
}

/// A span that may be none, which is the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span(Option<Window>);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("none"),
            Some(window) => window.fmt(f),
        }
    }
}

/// What protects more the less it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Less<T>(T);

impl<T: PartialOrd> PartialOrd for Less<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        other.0.partial_cmp(&self.0)
    }
}
impl<T: Display> Display for Less<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn step_up(changes: &mut Changes, old: &Profile, new: &Profile) {
    let name = new.name();
    let habits = |profile: &Profile| -> BTreeSet<Habit> {
        profile.step_up().map(|step_up| step_up.on.clone()).unwrap_or_default()
    };
    let (before, after) = (habits(old), habits(new));
    for habit in before.difference(&after) {
        let words = format!("profile `{name}`: an unusual {habit} asks for nobody any more");
        changes.add(Effect::Weakens, words);
    }
    for habit in after.difference(&before) {
        changes.add(Effect::Stops, format!("profile `{name}`: an unusual {habit} asks for people"));
    }
    if let (Some(before), Some(after)) = (old.step_up(), new.step_up()) {
        let what = format!("profile `{name}`, approvals of what is unusual");
        changes.strength(&what, (before.approvals, after.approvals));
        let what = format!("profile `{name}`, signatures before habits speak");
        changes.strength(&what, (Less(before.after), Less(after.after)));
    }
}

fn exceed(changes: &mut Changes, old: &Profile, new: &Profile) {
    let by_window = |profile: &Profile| -> BTreeMap<Window, Exceed> {
        profile.limits().iter().map(|limit| (limit.window, limit.exceed)).collect()
    };
    let (before, after) = (by_window(old), by_window(new));
    for (window, exceed) in &before {
        let what = format!("profile `{}`, beyond the limit of {window}", new.name());
        match (exceed, after.get(window)) {
            (Exceed::Refuse, Some(Exceed::Approval(need))) => {
                changes.add(Effect::Weakens, format!("{what}: {need} approvals instead of a refusal"));
            }
            (Exceed::Approval(_), Some(Exceed::Refuse)) => {
                changes.add(Effect::Stops, format!("{what}: a refusal instead of approvals"));
            }
            (Exceed::Approval(before), Some(Exceed::Approval(after))) => {
                changes.strength(&format!("{what}, approvals"), (*before, *after));
            }
            (Exceed::Refuse, Some(Exceed::Refuse)) | (_, None) => {}
        }
    }
}

fn events(changes: &mut Changes, old: &Profile, new: &Profile) {
    let what = format!("profile `{}`, events that start a job", new.name());
    let (before, after) = (old.events(), new.events());
    match (before, after) {
        (Events::Usual, Events::Usual) => {}
        (Events::Named(_), Events::Usual) => {
            changes
                .add(Effect::Weakens, format!("{what}: {} becomes {}", before.expected(), after.expected()));
        }
        (Events::Usual | Events::Named(_), Events::Named(names)) => {
            for name in names.iter().filter(|name| !before.takes(Some(name))) {
                changes.add(Effect::Weakens, format!("{what}: also `{name}`"));
            }
            if before != after {
                changes.add(Effect::Changes, format!("{what}: only {}", after.expected()));
            }
        }
    }
}

fn runners(changes: &mut Changes, old: &Profile, new: &Profile) {
    let what = format!("profile `{}`, runners", new.name());
    let (before, after) = (old.runners(), new.runners());
    if before == after {
        return;
    }
    let is_narrower = match (before, after) {
        (Runners::Any, Runners::Named(_) | Runners::NotOwn) => true,
        (Runners::Named(_) | Runners::NotOwn, Runners::Named(names)) => {
            names.iter().all(|name| before.takes(Some(name)))
        }
        (_, Runners::Any) | (Runners::Named(_) | Runners::NotOwn, Runners::NotOwn) => false,
    };
    let effect = if is_narrower { Effect::Stops } else { Effect::Weakens };
    changes.add(effect, format!("{what}: {} becomes {}", before.expected(), after.expected()));
}
