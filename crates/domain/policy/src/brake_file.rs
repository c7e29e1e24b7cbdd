//! Reads the brakes of `profiles/<name>.toml`: approvals, quorum, hold, step-up, events and runners.

use std::collections::BTreeSet;

use chancery_core::environment::Environment;
use chancery_core::id::IssuerName;
use chancery_core::witness::Habit;
use chancery_identity::issuer::{AudienceMode, Issuers};

use crate::brake::{Approvals, Differ, Quorum, StepUp};
use crate::facade_file;
use crate::fields::Fields;
use crate::limit::{Exceed, Window};
use crate::problem::Report;
use crate::profile::{Binding, Profile};
use crate::trigger::{self, Events, Runners, UNTRUSTED};

/// Most approvals that a profile, a limit or a step-up may ask for.
const MAX_APPROVALS: u32 = 16;
/// Longest life of an approval: seven days in seconds.
const MAX_APPROVAL_LIFE: u32 = 7 * 86_400;
/// Most independent builders.
const MAX_BUILDERS: u32 = 5;
/// Most signatures before habits speak.
const MAX_AFTER: u32 = 10_000;
const MAX_NAMES: usize = 32;

/// `[approvals]`: none by default; an approval lives a day.
pub(crate) fn approvals(report: &mut Report, fields: &mut Fields) -> Approvals {
    let day = Window::DAY;
    let Some(mut table) = fields.table(report, "approvals") else {
        return Approvals { need: 0, expires: day };
    };
    let need = table.number(report, "need", (0, MAX_APPROVALS)).unwrap_or(0);
    let field = table.name("expires");
    let expires = span(report, &mut table, "expires").unwrap_or(day);
    if expires.seconds() > MAX_APPROVAL_LIFE {
        report.error(&field, "is longer than 7d: approvals are for what is released now");
    }
    table.finish(report);
    Approvals { need, expires }
}

/// `[quorum]`.
pub(crate) fn quorum(report: &mut Report, fields: &mut Fields) -> Option<Quorum> {
    let mut table = fields.table(report, "quorum")?;
    let builders = table.required_number(report, "builders", (2, MAX_BUILDERS));
    let field = table.name("differ");
    let differ = match table.text(report, "differ").as_deref() {
        None | Some("issuer") => Differ::Issuer,
        Some("runner-group") => Differ::RunnerGroup,
        Some(_) => {
            report.error(&field, "is neither `issuer` nor `runner-group`");
            Differ::Issuer
        }
    };
    table.finish(report);
    Some(Quorum { builders: builders?, differ })
}

/// `[step_up]`.
pub(crate) fn step_up(report: &mut Report, fields: &mut Fields) -> Option<StepUp> {
    let mut table = fields.table(report, "step_up")?;
    let field = table.name("on");
    let names = table.texts(report, "on").unwrap_or_default();
    let mut on = BTreeSet::new();
    for name in &names {
        match Habit::from_name(name) {
            Some(habit) => drop(on.insert(habit)),
            None => report.error(&field, format!("`{}` is not a habit", excerpt(name))),
        }
    }
    if names.is_empty() {
        report.error(&field, "is empty: name package, identity, hour, format, version or volume");
    }
    let approvals = table.number(report, "approvals", (1, MAX_APPROVALS)).unwrap_or(1);
    let after = table.number(report, "after", (1, MAX_AFTER)).unwrap_or(20);
    table.finish(report);
    Some(StepUp { on, approvals, after })
}

/// A span of time such as `hold = "10m"`.
pub(crate) fn span(report: &mut Report, fields: &mut Fields, key: &str) -> Option<Window> {
    let text = fields.text(report, key)?;
    Window::parse(&text).map_err(|error| report.error(&fields.name(key), error.to_string())).ok()
}

/// `exceed` and `approvals` of one limit.
pub(crate) fn exceed(report: &mut Report, table: &mut Fields) -> Exceed {
    let (field, number) = (table.name("exceed"), table.name("approvals"));
    let text = table.text(report, "exceed");
    let need = table.number(report, "approvals", (1, MAX_APPROVALS));
    match text.as_deref() {
        Some("approval") => return Exceed::Approval(need.unwrap_or(1)),
        None | Some("refuse") => {}
        Some(_) => report.error(&field, "is neither `refuse` nor `approval`"),
    }
    if need.is_some() {
        report.error(&number, "is only for limits with exceed = \"approval\"");
    }
    Exceed::Refuse
}

/// `events`: absent is every event that needs the right to write.
pub(crate) fn events(report: &mut Report, fields: &mut Fields) -> Events {
    let Some(names) = names(report, fields, "events") else { return Events::Usual };
    for name in names.iter().filter(|name| UNTRUSTED.contains(&name.as_str())) {
        report.warning("events", format!("`{name}` can be caused by people without the right to write"));
    }
    Events::Named(names)
}

/// `runners`: absent is any, in production any that is not self-hosted.
pub(crate) fn runners(report: &mut Report, fields: &mut Fields, environment: Option<Environment>) -> Runners {
    match (names(report, fields, "runners"), environment) {
        (Some(names), _) => Runners::Named(names),
        (None, Some(Environment::Production)) => Runners::NotOwn,
        (None, None | Some(Environment::Development | Environment::Preview | Environment::Staging)) => {
            Runners::Any
        }
    }
}

/// A profile that takes looser tokens than its issuers' jobs could get; the owner of the profile should know.
pub(crate) fn audiences(report: &mut Report, profile: &Profile, issuers: &Issuers) {
    match profile.binding() {
        Binding::Request => return,
        Binding::Sigstore => return facade_file::audiences(report, profile, issuers),
        Binding::Fixed | Binding::Session if profile.environment() != Environment::Production => return,
        Binding::Fixed | Binding::Session => {}
    }
    let named: BTreeSet<_> = profile.grants().iter().map(|grant| grant.issuer()).collect();
    let chooses = |name: &&IssuerName| {
        issuers.named(name).is_some_and(|issuer| issuer.audiences().contains(&AudienceMode::Request))
    };
    for name in named.into_iter().filter(chooses) {
        let message =
            format!("jobs of issuer `{name}` can choose the audience: `request` would bind their tokens");
        report.warning("binding", message);
    }
}

fn names(report: &mut Report, fields: &mut Fields, key: &str) -> Option<BTreeSet<String>> {
    let names = fields.texts(report, key)?;
    if names.is_empty() || names.len() > MAX_NAMES {
        report.error(key, "holds no name, or more than 32");
    }
    for name in names.iter().filter(|name| !trigger::is_name(name)) {
        report.error(key, format!("`{}` is not 1 to 64 letters, digits, `_ - .`", excerpt(name)));
    }
    Some(names.into_iter().collect())
}

fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !crate::pattern::is_invisible(*c)).take(40).collect()
}
