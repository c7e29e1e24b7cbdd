//! The trace of a decision: every matcher of the best-matching grant, every condition of the profile, every guardrail.
//!
//! Cedar decides; the trace explains. Where the two disagree, the decision is a refusal.

use chancery_core::decision::{Trace, TraceLine};

use crate::engine::Answer;
use crate::facts::Facts;
use crate::grant::Grant;
use crate::guardrail::Guardrail;
use crate::limit::Exceed;
use crate::policy::{Policy, Rules};
use crate::profile::{Binding, Profile};
use crate::standing::Waived;
use crate::trigger::{Events, Runners};

/// What a line belongs to, in the order in which refusals are reported: what nobody can change comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Guardrail,
    Grant,
    Event,
    Runner,
    Format,
    Depth,
    Binding,
    Limit,
}

/// One line with what it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) group: Group,
    pub(crate) line: TraceLine,
}

/// Every finding about these facts. `candidates` are positions of the grants that name the caller.
pub(crate) fn findings(
    policy: &Policy,
    rules: &Rules,
    candidates: &[usize],
    facts: &Facts<'_>,
    answer: &Answer,
) -> Vec<Finding> {
    let mut out: Vec<Finding> =
        policy.guardrails.iter().map(|guardrail| of_guardrail(guardrail, answer)).collect();
    let grants = candidates.iter().filter_map(|position| rules.profile.grants().get(*position));
    if let Some(lines) = best(grants.map(|grant| of_grant(grant, facts))) {
        out.extend(lines.into_iter().map(|line| Finding { group: Group::Grant, line }));
    }
    out.extend(of_event(&rules.profile, facts));
    out.extend(of_runner(&rules.profile, facts));
    out.extend(of_format(&rules.profile, facts));
    out.push(of_binding(&rules.profile, facts));
    out.extend(of_limits(&rules.profile, facts));
    out
}

/// The lines alone, in order.
pub(crate) fn lines(findings: Vec<Finding>) -> Trace {
    findings.into_iter().map(|finding| finding.line).collect()
}

/// The grant with the fewest matchers that fail, then with the most that hold, then the first by name.
fn best(grants: impl Iterator<Item = Trace>) -> Option<Trace> {
    let failing = |trace: &Trace| trace.iter().filter(|line| !line.ok).count();
    grants.min_by_key(|trace| (failing(trace), usize::MAX.saturating_sub(trace.len())))
}

/// Issuer, every matcher, and the expiry where there is one.
pub(crate) fn of_grant(grant: &Grant, facts: &Facts<'_>) -> Trace {
    let issuer = facts.caller.issuer_name.as_str();
    let mut out = vec![line(grant.name().as_str(), "issuer", issuer, grant.issuer().as_str())];
    for matcher in grant.matchers() {
        let actual = matcher.attribute.read(&facts.caller.claims);
        out.push(TraceLine {
            rule: grant.name().to_string(),
            attribute: matcher.attribute.name().to_owned(),
            actual: actual.unwrap_or_default().to_owned(),
            expected: matcher.pattern.to_string(),
            ok: actual.is_some_and(|actual| matcher.pattern.matches(actual)),
        });
    }
    if let Some(expires) = grant.expires() {
        out.push(TraceLine {
            rule: grant.name().to_string(),
            attribute: "expires".to_owned(),
            actual: facts.time.to_string(),
            expected: format!("before {expires}"),
            ok: facts.time.seconds() < expires.seconds(),
        });
    }
    out
}

/// A line that holds when both sides are the same.
fn line(rule: &str, attribute: &str, actual: &str, expected: &str) -> TraceLine {
    TraceLine {
        rule: rule.to_owned(),
        attribute: attribute.to_owned(),
        actual: actual.to_owned(),
        expected: expected.to_owned(),
        ok: actual == expected,
    }
}

fn of_guardrail(guardrail: &Guardrail, answer: &Answer) -> Finding {
    let forbids = answer.determining.contains(&Guardrail::policy_id(guardrail.id()));
    let actual = if forbids { "forbidden" } else { "not forbidden" };
    Finding { group: Group::Guardrail, line: line(guardrail.id(), "guardrail", actual, "not forbidden") }
}

/// No line where nothing is compared: the profile takes what is usual, and the issuer names no event.
fn of_event(profile: &Profile, facts: &Facts<'_>) -> Option<Finding> {
    let event = facts.caller.claims.build_trigger.as_deref();
    match (profile.events(), event) {
        (Events::Usual, None) => None,
        (events @ (Events::Usual | Events::Named(_)), event) => Some(Finding {
            group: Group::Event,
            line: TraceLine {
                rule: "event".to_owned(),
                attribute: "event".to_owned(),
                actual: event.unwrap_or_default().to_owned(),
                expected: events.expected(),
                ok: events.takes(event),
            },
        }),
    }
}

fn of_runner(profile: &Profile, facts: &Facts<'_>) -> Option<Finding> {
    let runner = facts.caller.claims.runner_environment.as_deref();
    match (profile.runners(), runner) {
        (Runners::Any, _) | (Runners::NotOwn, None) => None,
        (runners @ (Runners::NotOwn | Runners::Named(_)), runner) => Some(Finding {
            group: Group::Runner,
            line: TraceLine {
                rule: "runner".to_owned(),
                attribute: "runner".to_owned(),
                actual: runner.unwrap_or_default().to_owned(),
                expected: runners.expected(),
                ok: runners.takes(runner),
            },
        }),
    }
}

fn of_format(profile: &Profile, facts: &Facts<'_>) -> Vec<Finding> {
    let finding = |group, rule: &str, actual: &str, expected: String, ok| Finding {
        group,
        line: TraceLine {
            rule: rule.to_owned(),
            attribute: rule.to_owned(),
            actual: actual.to_owned(),
            expected,
            ok,
        },
    };
    let allowed: Vec<&str> = profile.formats().keys().map(|format| format.name()).collect();
    let rule = profile.formats().get(&facts.format);
    let mut out =
        vec![finding(Group::Format, "format", facts.format.name(), allowed.join(" or "), rule.is_some())];
    if let Some(rule) = rule {
        let families: Vec<&str> = rule.families.iter().map(|family| family.name()).collect();
        let allowed = rule.families.contains(&facts.family);
        out.push(finding(Group::Format, "family", facts.family.name(), families.join(" or "), allowed));
        let (least, enough) = (format!("at least {}", rule.depth), facts.depth >= rule.depth);
        out.push(finding(Group::Depth, "depth", facts.depth.name(), least, enough));
    }
    out
}

fn of_binding(profile: &Profile, facts: &Facts<'_>) -> Finding {
    let actual = facts.binding().name();
    let (expected, ok) = match profile.binding() {
        Binding::Sigstore => ("sigstore", facts.binding() == Binding::Sigstore),
        Binding::Fixed => ("fixed or session or request", facts.binding() >= Binding::Fixed),
        Binding::Session => ("session or request", facts.binding() >= Binding::Session),
        Binding::Request => ("request", facts.binding() == Binding::Request),
    };
    let mut line = line("binding", "audience", actual, expected);
    line.ok = ok;
    Finding { group: Group::Binding, line }
}

fn of_limits(profile: &Profile, facts: &Facts<'_>) -> impl Iterator<Item = Finding> {
    let (counts, waiver) = (facts.counts, facts.standing.waiver(Waived::Limits));
    let refusing = profile.limits().iter().filter(|limit| limit.exceed == Exceed::Refuse);
    refusing.map(move |limit| {
        let held = counts.of(limit.window);
        Finding {
            group: Group::Limit,
            line: TraceLine {
                rule: "limit".to_owned(),
                attribute: format!("signatures in {}", limit.window),
                actual: held.map_or_else(|| "not counted".to_owned(), |held| held.to_string()),
                expected: waiver.map_or_else(
                    || format!("fewer than {}", limit.count),
                    |exception| format!("waived by exception {}", exception.id),
                ),
                ok: waiver.is_some() || held.is_some_and(|held| held < u64::from(limit.count)),
            },
        }
    })
}
