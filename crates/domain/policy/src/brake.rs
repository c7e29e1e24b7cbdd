//! Brakes of a profile: what slows a stolen but valid identity down, and how an allowed decision becomes a pending one.
//!
//! ```toml
//! hold = "10m"                        # nothing is signed before the request was in the ledger that long
//! [approvals]
//! need = 1
//! expires = "24h"                     # how long an approval lives
//! [quorum]
//! builders = 2                        # so many builders must submit the same request
//! differ = "runner-group"             # or "issuer"
//! [[limits]]
//! count = 10
//! window = "10m"
//! exceed = "approval"                 # a spent limit asks for people instead of refusing
//! approvals = 1
//! [step_up]
//! on = ["package", "identity", "hour", "format", "version", "volume"]
//! approvals = 1
//! after = 20                          # signatures before habits speak
//! ```

use std::collections::BTreeSet;

use chancery_core::decision::{Missing, Trace, TraceLine};
use chancery_core::witness::{Builders, Habit};

use crate::facts::Facts;
use crate::limit::{Exceed, Limit, Window};
use crate::profile::Profile;
use crate::standing::Waived;

/// How many people must approve, and for how long it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approvals {
    /// Distinct approvers that are needed; a profile that needs any is pending until they approved.
    pub need: u32,
    /// How long an approval lives, at most seven days.
    pub expires: Window,
}

/// In what builders must differ to count as independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differ {
    /// In their issuer.
    Issuer,
    /// In their issuer, or in the class or group of their runners.
    RunnerGroup,
}

impl Differ {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::RunnerGroup => "runner-group",
        }
    }
}

/// A digest quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// How many independent builders must submit the same request, 2 to 5.
    pub builders: u32,
    /// What makes them independent.
    pub differ: Differ,
}

/// What happens when a habit is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// The habits that count.
    pub on: BTreeSet<Habit>,
    /// Approvals that are needed then.
    pub approvals: u32,
    /// Signatures of the profile before habits speak.
    pub after: u32,
}

/// What every brake of the profile says about facts that are otherwise allowed: the lines for the trace, and what is
/// missing. Nothing missing is allowed.
pub(crate) fn apply(profile: &Profile, facts: &Facts<'_>) -> (Trace, Vec<Missing>) {
    let mut brakes = Brakes { trace: Trace::new(), missing: Vec::new() };
    brakes.quorum(profile, facts);
    brakes.hold(profile, facts);
    brakes.approvals(profile, facts);
    (brakes.trace, brakes.missing)
}

struct Brakes {
    trace: Trace,
    missing: Vec<Missing>,
}

impl Brakes {
    /// One line, which holds when nothing is missing.
    fn say(&mut self, rule: &str, (actual, expected): (String, String), missing: Option<Missing>) {
        let (rule, attribute) = (rule.to_owned(), rule.to_owned());
        self.trace.push(TraceLine { rule, attribute, actual, expected, ok: missing.is_none() });
        self.missing.extend(missing);
    }

    fn quorum(&mut self, profile: &Profile, facts: &Facts<'_>) {
        let Some(Quorum { builders: need, differ }) = profile.quorum() else { return };
        let have = match &facts.standing.builders {
            Builders::Agree(have) => *have,
            Builders::Dispute(_) => 0,
        };
        let said = (have.to_string(), format!("at least {need} that differ in {}", differ.name()));
        self.say("builders", said, (have < need).then_some(Missing::Builders { have, need }));
    }

    fn hold(&mut self, profile: &Profile, facts: &Facts<'_>) {
        let Some(hold) = profile.hold() else { return };
        if let Some(exception) = facts.standing.waiver(Waived::Hold) {
            let said = (format!("waived by exception {}", exception.id), format!("{hold} ago or more"));
            return self.say("hold", said, None);
        }
        let first = facts.standing.first_seen;
        let until = first.unwrap_or(facts.time).plus_seconds(i64::from(hold.seconds()));
        let over = first.is_some() && facts.time >= until;
        let actual = first.map_or_else(|| "never".to_owned(), |first| first.to_string());
        let said = (actual, format!("first seen {hold} ago or more"));
        self.say("hold", said, (!over).then_some(Missing::Hold { until }));
    }

    /// The number of approvals is the highest that any reason asks for, never their sum: the same people answer for all
    /// of it, and they are shown every reason.
    fn approvals(&mut self, profile: &Profile, facts: &Facts<'_>) {
        let reasons = reasons(profile, facts);
        let need = reasons.iter().map(|reason| reason.need).max().unwrap_or(0);
        let have = facts.standing.approvers;
        let waiver = facts.standing.waiver(Waived::Approvals).map(|exception| exception.id.clone());
        let enough = have >= need || waiver.is_some();
        let mut why = Vec::with_capacity(reasons.len());
        for Reason { mut line, words, need } in reasons {
            line.ok = enough || have >= need;
            self.trace.push(line);
            why.extend((need > 0).then_some(words));
        }
        if need == 0 {
            return;
        }
        let actual = waiver.map_or_else(|| have.to_string(), |id| format!("waived by exception {id}"));
        let missing = (!enough).then_some(Missing::Approvals { have, need, why });
        self.say("approvals", (actual, format!("at least {need}")), missing);
    }
}

/// One reason for approvals, with its line; a reason that asks for none is a brake that holds by itself.
struct Reason {
    line: TraceLine,
    need: u32,
    words: String,
}

fn reasons(profile: &Profile, facts: &Facts<'_>) -> Vec<Reason> {
    let need = profile.approvals().need;
    let own = (need > 0).then(|| Reason {
        line: line("profile", "approvals", facts.standing.approvers.to_string(), format!("at least {need}")),
        need,
        words: format!("the profile needs {need}"),
    });
    let limits = profile.limits().iter().filter_map(|limit| of_limit(*limit, facts));
    let step_up = profile.step_up().into_iter().flat_map(|step_up| {
        let broken = facts.standing.oddities.iter().filter(|oddity| step_up.on.contains(&oddity.habit));
        broken.map(|oddity| Reason {
            line: line("step-up", oddity.habit.name(), oddity.actual.clone(), oddity.expected.clone()),
            need: step_up.approvals,
            words: oddity.to_string(),
        })
    });
    own.into_iter().chain(limits).chain(step_up).collect()
}

/// A limit that asks for approvals once it is spent. A window that nobody counted is spent.
fn of_limit(limit: Limit, facts: &Facts<'_>) -> Option<Reason> {
    let wanted = match limit.exceed {
        Exceed::Approval(wanted) => wanted,
        Exceed::Refuse => return None,
    };
    let (count, window) = (limit.count, limit.window);
    let held = facts.counts.of(window);
    let is_spent = held.is_none_or(|held| held >= u64::from(count));
    let expected = match facts.standing.waiver(Waived::Limits) {
        Some(exception) => format!("waived by exception {}", exception.id),
        None => format!("fewer than {count}, or {wanted} approvals"),
    };
    let is_waived = facts.standing.waiver(Waived::Limits).is_some();
    let actual = held.map_or_else(|| "not counted".to_owned(), |held| held.to_string());
    Some(Reason {
        line: line("limit", &format!("signatures in {window}"), actual, expected),
        need: if is_spent && !is_waived { wanted } else { 0 },
        words: format!("the limit of {count} in {window} is spent"),
    })
}

/// A line that holds until its reason is looked at.
fn line(rule: &str, attribute: &str, actual: String, expected: String) -> TraceLine {
    TraceLine { rule: rule.to_owned(), attribute: attribute.to_owned(), actual, expected, ok: true }
}

#[cfg(test)]
#[path = "brake/tests.rs"]
mod tests;
