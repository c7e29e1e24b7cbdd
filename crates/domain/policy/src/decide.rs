//! One decision: the profile, the caller, one Cedar answer over the slice, its trace, and what to do about a refusal.

use cedar_policy::PolicySet;
use chancery_core::caller::{Caller, CallerKind};
use chancery_core::decision::{Decision, TraceLine};
use chancery_core::id::ProfileName;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::witness::{Builders, Dispute};

use crate::attested;
use crate::brake;
use crate::engine::{Answer, Outcome};
use crate::facts::Facts;
use crate::hint;
use crate::policy::{Policy, Rules};
use crate::profile::{Binding, Profile};
use crate::trace::{self, Finding, Group};

/// Decides, with the full trace; default deny. A refusal says what to do, and never advises to weaken a rule.
#[must_use]
pub fn decide(policy: &Policy, facts: &Facts<'_>) -> Decision {
    match without_hint(policy, facts) {
        Decision::Refused(refusal) => Decision::Refused(hint::complete(policy, facts, refusal)),
        Decision::Allowed(trace) => Decision::Allowed(trace),
        Decision::Pending { missing, trace } => Decision::Pending { missing, trace },
    }
}

/// The cheap check before a body is read: the profile exists, the caller is a workload, and some grant of the profile
/// names it. [`decide`] makes it again.
pub fn admit<'a>(policy: &'a Policy, caller: &Caller, profile: &ProfileName) -> Result<&'a Profile, Refusal> {
    let (rules, _) = enter(policy, caller, profile).map_err(|refusal| {
        let hint = hint::for_stranger(policy, caller, profile);
        refusal.hint(hint)
    })?;
    Ok(&rules.profile)
}

/// How many Cedar policies a decision about these facts evaluates: the measure behind G11.
#[must_use]
pub fn evaluated(policy: &Policy, facts: &Facts<'_>) -> usize {
    enter(policy, facts.caller, facts.profile)
        .ok()
        .and_then(|(rules, candidates)| Some(slice(rules, &candidates)?.num_of_policies()))
        .unwrap_or(0)
}

pub(crate) fn without_hint(policy: &Policy, facts: &Facts<'_>) -> Decision {
    let (rules, candidates) = match enter(policy, facts.caller, facts.profile) {
        Ok(entered) => entered,
        Err(refusal) => return Decision::Refused(refusal),
    };
    let Some(set) = slice(rules, &candidates) else { return Decision::Refused(unsound(Vec::new())) };
    let answer = policy.engine.ask(&set, facts, rules.profile.environment());
    let findings = trace::findings(policy, rules, &candidates, facts, &answer);
    judge(&rules.profile, facts, &answer, findings)
}

/// The rules of the profile and the positions of the grants that name the caller, at least one.
fn enter<'a>(
    policy: &'a Policy,
    caller: &Caller,
    profile: &ProfileName,
) -> Result<(&'a Rules, Vec<usize>), Refusal> {
    let Some(rules) = policy.rules.get(profile) else {
        let what = format!("there is no profile `{profile}`");
        return Err(Refusal::new(RefusalCode::ProfileUnknown, what).because(profile.as_str(), ""));
    };
    match caller.kind {
        CallerKind::Workload => {}
        CallerKind::Human => {
            let what = "people never ask for signatures; a workload does, and people approve";
            return Err(Refusal::new(RefusalCode::CallerKind, what).because("human", "workload"));
        }
    }
    let candidates = rules.index.candidates(caller);
    if candidates.is_empty() {
        let who = caller.claims.source_repository_identifier.as_deref().unwrap_or("no repository id");
        // What the grants expect instead is not told to strangers.
        let what = format!("no grant of profile `{profile}` names this caller");
        let actual = format!("{} {who}", caller.issuer_name);
        return Err(Refusal::new(RefusalCode::CallerUnknown, what).because(actual, ""));
    }
    Ok((rules, candidates))
}

/// The policies that can matter: every guardrail, the profile's conditions, the grants that name the caller.
fn slice(rules: &Rules, candidates: &[usize]) -> Option<PolicySet> {
    let mut set = rules.forbids.clone();
    for position in candidates {
        set.add(rules.permits.get(*position)?.clone()).ok()?;
    }
    Some(set)
}

fn judge(profile: &Profile, facts: &Facts<'_>, answer: &Answer, findings: Vec<Finding>) -> Decision {
    let failing =
        findings.iter().filter(|finding| !finding.line.ok).min_by_key(|finding| finding.group).cloned();
    let mut trace = trace::lines(findings);
    let (brakes, missing) = brake::apply(profile, facts);
    trace.extend(brakes);
    let (demanded, unmet) = attested::apply(profile, facts);
    trace.extend(demanded);
    match (answer.outcome, failing) {
        (Outcome::Allow, None) => match (unmet, profile.quorum(), &facts.standing.builders) {
            // Nobody is asked to approve what would not be signed.
            (Some(refusal), _, _) => Decision::Refused(refusal.with_trace(trace)),
            (None, Some(_), Builders::Dispute(dispute)) => {
                Decision::Refused(disputed(dispute).with_trace(trace))
            }
            (None, None, Builders::Dispute(_)) | (None, _, Builders::Agree(_)) if missing.is_empty() => {
                Decision::Allowed(trace)
            }
            (None, None, Builders::Dispute(_)) | (None, _, Builders::Agree(_)) => {
                Decision::Pending { missing, trace }
            }
        },
        (Outcome::Deny, Some(finding)) => Decision::Refused(refused(profile, &finding).with_trace(trace)),
        (Outcome::Allow, Some(_)) | (Outcome::Deny, None) | (Outcome::Unsound, _) => {
            Decision::Refused(unsound(trace))
        }
    }
}

/// The engine could not evaluate everything, or it and the trace disagree: nobody can say why it would be right.
fn unsound(trace: Vec<TraceLine>) -> Refusal {
    let what = "the policies could not be evaluated without doubt";
    Refusal::new(RefusalCode::GuardrailForbids, what).with_trace(trace)
}

/// nobody can say which of the builders is compromised, so neither is believed.
fn disputed(dispute: &Dispute) -> Refusal {
    let what = format!("another builder came to different bytes for `{}`", dispute.artifact);
    Refusal::new(RefusalCode::BuildersDisagree, what).because(
        dispute.ours.to_string(),
        format!("the same as in request {}: {}", dispute.other, dispute.theirs),
    )
}

fn refused(profile: &Profile, finding: &Finding) -> Refusal {
    let (name, line) = (profile.name(), &finding.line);
    let (code, what) = match finding.group {
        Group::Guardrail => (RefusalCode::GuardrailForbids, format!("guardrail `{}` forbids it", line.rule)),
        Group::Grant => (
            RefusalCode::GrantMismatch,
            format!("grant `{}` of profile `{name}` does not hold: {}", line.rule, line.attribute),
        ),
        Group::Event => (
            RefusalCode::TriggerDenied,
            format!("profile `{name}` does not take jobs that event `{}` started", line.actual),
        ),
        Group::Runner => (
            RefusalCode::RunnerDenied,
            format!("profile `{name}` does not take jobs of runner class `{}`", line.actual),
        ),
        Group::Format => (
            RefusalCode::FormatNotAllowed,
            format!("profile `{name}` does not allow {} `{}`", line.attribute, line.actual),
        ),
        Group::Depth => (
            RefusalCode::DepthTooShallow,
            format!("profile `{name}` demands that more of the artifact is seen"),
        ),
        Group::Binding => (
            RefusalCode::BindingTooWeak,
            match profile.binding() {
                Binding::Sigstore => format!("profile `{name}` issues certificates to Sigstore clients only"),
                Binding::Fixed | Binding::Session | Binding::Request => {
                    format!("profile `{name}` demands a token that is bound to the request")
                }
            },
        ),
        Group::Limit => {
            (RefusalCode::LimitSpent, format!("the limit of profile `{name}` is spent: {}", line.attribute))
        }
    };
    Refusal::new(code, what).because(line.actual.as_str(), line.expected.as_str())
}
