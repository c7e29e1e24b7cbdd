//! What to do about a refusal. Tells the caller to change what it does, never someone to weaken a rule.

use std::collections::BTreeSet;

use chancery_core::caller::{Caller, CallerKind};
use chancery_core::decision::Decision;
use chancery_core::id::ProfileName;
use chancery_core::refusal::{Refusal, RefusalCode};

use crate::decide;
use crate::facts::Facts;
use crate::limit::Counts;
use crate::policy::{Policy, Rules};
use crate::standing::Standing;
use crate::trace;

/// At most this many profiles are tried or named.
const MAX_PROFILES: usize = 8;

/// Adds the hint.
pub(crate) fn complete(policy: &Policy, facts: &Facts<'_>, refusal: Refusal) -> Refusal {
    if !refusal.hint.is_empty() {
        return refusal;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "codes of other layers have no hint of policy's")]
    let own = match refusal.code {
        RefusalCode::ProfileUnknown | RefusalCode::CallerUnknown => {
            return refusal.hint(for_stranger(policy, facts.caller, facts.profile));
        }
        RefusalCode::GrantMismatch => {
            policy.rules.get(facts.profile).map(|rules| mismatch(rules, facts, &refusal)).unwrap_or_default()
        }
        RefusalCode::GuardrailForbids => guardrail(policy, &refusal),
        RefusalCode::FormatNotAllowed => format!("ask for {}", refusal.expected),
        RefusalCode::DepthTooShallow if refusal.expected.ends_with("artifact") => {
            "send the artifact itself: `--upload`".to_owned()
        }
        RefusalCode::DepthTooShallow => "let the client make a statement from the artifact".to_owned(),
        RefusalCode::BindingTooWeak => {
            "request the token with audience `chancery:<host>:sha256:<request id>`".to_owned()
        }
        RefusalCode::TriggerDenied => trigger(&refusal),
        RefusalCode::RunnerDenied => format!("run this job on {}", refusal.expected),
        RefusalCode::BuildersDisagree => {
            "build again from the same commit on clean machines and compare; one of the builders may be compromised"
                .to_owned()
        }
        RefusalCode::LimitSpent => "wait until the window has room".to_owned(),
        _ => String::new(),
    };
    match (own.is_empty(), elsewhere(policy, facts, &refusal)) {
        (_, None) => refusal.hint(own),
        (true, Some(profile)) => refusal.hint(format!("use profile `{profile}` for such builds")),
        (false, Some(profile)) => refusal.hint(format!("{own}, or use profile `{profile}` for such builds")),
    }
}

/// For callers that no grant of the profile names: the profiles that do name them.
pub(crate) fn for_stranger(policy: &Policy, caller: &Caller, asked: &ProfileName) -> String {
    match caller.kind {
        CallerKind::Human => return "run `chancery sign` in a pipeline".to_owned(),
        CallerKind::Workload => {}
    }
    let names: Vec<String> =
        admitting(policy, caller, asked).map(|rules| format!("`{}`", rules.profile.name())).collect();
    match names.as_slice() {
        [] => "ask the owners of the governance repository for a grant to this repository".to_owned(),
        [one] => format!("use profile {one}"),
        several => format!("use one of the profiles {}", several.join(", ")),
    }
}

fn admitting<'a>(
    policy: &'a Policy,
    caller: &'a Caller,
    asked: &'a ProfileName,
) -> impl Iterator<Item = &'a Rules> {
    let others = policy.rules.values().filter(move |rules| rules.profile.name() != asked);
    others.filter(|rules| !rules.index.candidates(caller).is_empty()).take(MAX_PROFILES)
}

/// Another profile that would allow the same, with its windows empty.
fn elsewhere(policy: &Policy, facts: &Facts<'_>, refusal: &Refusal) -> Option<ProfileName> {
    // A spent limit or a guardrail is not to be walked around through another profile.
    if !matches!(refusal.code, RefusalCode::GrantMismatch | RefusalCode::FormatNotAllowed) {
        return None;
    }
    admitting(policy, facts.caller, facts.profile).find_map(|rules| {
        let counts = Counts::zero(rules.profile.limits());
        // How this request stands says nothing about a request under another profile.
        let standing = Standing::default();
        let other = Facts { profile: rules.profile.name(), counts: &counts, standing: &standing, ..*facts };
        match decide::without_hint(policy, &other) {
            Decision::Allowed(_) | Decision::Pending { .. } => Some(rules.profile.name().clone()),
            Decision::Refused(_) => None,
        }
    })
}

/// What every grant that fails in the same one point would take there: "from `refs/heads/main` or `refs/tags/v*`".
fn mismatch(rules: &Rules, facts: &Facts<'_>, refusal: &Refusal) -> String {
    let Some(failing) = refusal.trace.iter().find(|line| !line.ok) else { return String::new() };
    let mut expected = BTreeSet::from([format!("`{}`", failing.expected)]);
    for position in rules.index.candidates(facts.caller) {
        let Some(grant) = rules.profile.grants().get(position) else { continue };
        let lines = trace::of_grant(grant, facts);
        let mut missed = lines.iter().filter(|line| !line.ok);
        if let (Some(only), None) = (missed.next(), missed.next())
            && only.attribute == failing.attribute
        {
            expected.insert(format!("`{}`", only.expected));
        }
    }
    let wanted = expected.into_iter().collect::<Vec<_>>().join(" or ");
    match failing.attribute.as_str() {
        "source_repository_ref" | "ref" | "ref_path" => format!("run this job from {wanted}"),
        "build_trigger" | "event_name" | "pipeline_source" => format!("start this job by {wanted}"),
        "runner_environment" => format!("run this job on a runner that is {wanted}"),
        "deployment_environment" | "environment" => format!("run this job in environment {wanted}"),
        "expires" => format!("the grant is no longer valid: ask `{}` to renew it", rules.profile.owner()),
        other => format!("run this job where {other} is {wanted}"),
    }
}

fn trigger(refusal: &Refusal) -> String {
    format!("sign in a job that {} starts, after what it builds was merged", refusal.expected)
}

fn guardrail(policy: &Policy, refusal: &Refusal) -> String {
    let fired = refusal.trace.iter().filter(|line| !line.ok && line.attribute == "guardrail");
    let reasons =
        fired.filter_map(|line| policy.guardrails.iter().find(|guardrail| guardrail.id() == line.rule));
    let reasons: Vec<&str> =
        reasons.map(|guardrail| guardrail.reason()).filter(|reason| !reason.is_empty()).collect();
    reasons.join("; ")
}
