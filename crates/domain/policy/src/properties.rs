//! Property tests over random policies and random callers: what must hold whatever governance says.

use std::collections::BTreeMap;

use cedar_policy::PolicySet;
use chancery_core::artifact::Artifact;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::decision::Decision;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName, RequestId};
use chancery_core::refusal::RefusalCode;
use chancery_core::time::Time;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::decide::{decide, evaluated};
use crate::documents::Documents;
use crate::engine::Outcome;
use crate::facts::Facts;
use crate::limit::{Counts, Window};
use crate::policy::Policy;
use crate::standing::Standing;

const GUARDRAILS: [&str; 4] = [
    "forbid (principal, action, resource) when { context.claims has build_trigger && context.claims.build_trigger == \"fork\" };",
    "forbid (principal, action, resource) unless { context.depth >= 2 };",
    "forbid (principal == Issuer::\"a\", action, resource == Profile::\"p\") when { context.format == Format::\"pe\" };",
    "forbid (principal, action, resource) when { context.raw has ref_protected && context.raw.ref_protected != \"true\" };",
];

/// One grant as generated: issuer, matchers as (claim, pattern), and the last second at which it holds.
type Wish = (String, BTreeMap<String, String>, Option<i64>);

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(str::to_owned)
}

fn wish() -> impl Strategy<Value = Wish> {
    let pinned = prop_oneof![
        one_of(&["1", "2"]).prop_map(|id| ("source_repository_identifier".to_owned(), id)),
        one_of(&["1", "2"]).prop_map(|id| ("project_id".to_owned(), id)),
        one_of(&["7", "8"]).prop_map(|id| ("source_repository_owner_identifier".to_owned(), id)),
    ];
    let patterns = &["refs/heads/main", "refs/tags/v*", "refs/heads/t/**", "refs/*/main", "refs/\u{e4}*\""];
    let condition = prop_oneof![
        one_of(patterns).prop_map(|value| ("source_repository_ref".to_owned(), value)),
        one_of(&["push", "fork"]).prop_map(|value| ("build_trigger".to_owned(), value)),
        one_of(&["true", "t*"]).prop_map(|value| ("ref_protected".to_owned(), value)),
        one_of(&["x", "x/*"]).prop_map(|value| ("raw.team:/-.x".to_owned(), value)),
    ];
    let matchers = (pinned, prop::collection::vec(condition, 0..3)).prop_map(|(id, more)| {
        let mut all: BTreeMap<String, String> = more.into_iter().collect();
        all.insert(id.0, id.1);
        all
    });
    (one_of(&["a", "b"]), matchers, prop::option::of(0i64..3))
}

fn profile_text(wishes: &[Wish], variant: u8) -> String {
    let binding = if variant.is_multiple_of(2) { "request" } else { "fixed" };
    let mut text = format!(
        "environment = \"preview\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\nbinding = \"{binding}\"\n\
         [keys]\nmessage = \"m\"\ncms = \"c\"\n[formats.sigstore]\nfamilies = [\"message\"]\ndepth = \"digest\"\n"
    );
    if variant < 2 {
        text.push_str("[formats.pe]\nfamilies = [\"cms\"]\n[[limits]]\ncount = 2\nwindow = \"10m\"\n");
    }
    for (number, (issuer, matchers, expires)) in wishes.iter().enumerate() {
        text.push_str(&format!("[[grants]]\nname = \"g{number}\"\nissuer = \"{issuer}\"\n"));
        if let Some(second) = expires {
            text.push_str(&format!("expires = \"1970-01-01T00:00:0{second}Z\"\n"));
        }
        text.push_str("[grants.claims]\n");
        for (claim, pattern) in matchers {
            text.push_str(&format!("\"{claim}\" = {}\n", toml::Value::String(pattern.clone())));
        }
    }
    text
}

fn load(p: &str, q: &str, guardrails: &[&str]) -> Policy {
    let mut files = BTreeMap::from([
        ("profiles/p.toml".to_owned(), p.to_owned()),
        ("profiles/q.toml".to_owned(), q.to_owned()),
    ]);
    for (number, text) in guardrails.iter().enumerate() {
        files.insert(format!("guardrails/r{number}.cedar"), (*text).to_owned());
    }
    Policy::load(&Documents::new(files).unwrap()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a caller asks, as generated.
#[derive(Debug, Clone)]
struct Ask {
    profile: ProfileName,
    caller: Caller,
    format: FormatName,
    family: Family,
    depth: Depth,
    artifact: Artifact,
    time: Time,
    counts: Counts,
    standing: Standing,
}

impl Ask {
    fn facts(&self) -> Facts<'_> {
        Facts {
            profile: &self.profile,
            caller: &self.caller,
            format: self.format,
            family: self.family,
            depth: self.depth,
            artifact: &self.artifact,
            predicate: None,
            time: self.time,
            counts: &self.counts,
            standing: &self.standing,
        }
    }
}

fn claims() -> impl Strategy<Value = Claims> {
    let refs = &[
        "refs/heads/main",
        "refs/tags/v1",
        "refs/tags/v1/x",
        "refs/heads/t/a/b",
        "refs/tags/main",
        "refs/\u{e4}b\"",
        "refs/heads/main ",
        "",
    ];
    let raw = prop::collection::btree_map(
        one_of(&["project_id", "ref_protected", "team:/-.x", "source_repository_identifier", "sub"]),
        one_of(&["1", "2", "true", "x", "x/y", "x/y/z"]),
        0..4,
    );
    let id = || prop::option::weighted(0.8, one_of(&["1", "2", "3"]));
    let owner = prop::option::of(one_of(&["7", "8"]));
    let trigger = prop::option::of(one_of(&["push", "fork"]));
    (id(), owner, prop::option::weighted(0.9, one_of(refs)), trigger, raw).prop_map(
        |(id, owner, reference, trigger, raw)| Claims {
            issuer: "https://issuer.example".into(),
            subject: "anyone".into(),
            source_repository_identifier: id,
            source_repository_owner_identifier: owner,
            source_repository_ref: reference,
            build_trigger: trigger,
            raw,
            ..Claims::default()
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    let caller = (one_of(&["a", "b", "c"]), claims(), any::<bool>(), 0u8..10).prop_map(
        |(issuer, claims, bound, kind)| Caller {
            issuer_name: IssuerName::parse(&issuer).unwrap(),
            kind: if kind == 0 { CallerKind::Human } else { CallerKind::Workload },
            claims,
            binding: if bound {
                AudienceBinding::Request(RequestId::new(Sha256::of(b"r")))
            } else {
                AudienceBinding::Fixed
            },
            token_use: Sha256::of(b"t"),
            issued_at: Time::from_seconds(0),
            expires_at: Time::from_seconds(300),
        },
    );
    let said = (
        prop::sample::select(vec![
            (FormatName::Sigstore, Family::Message),
            (FormatName::Pe, Family::Cms),
            (FormatName::Pe, Family::Message),
        ]),
        prop::sample::select(vec![Depth::Digest, Depth::Structured, Depth::Artifact]),
        0i64..3,
        prop::option::weighted(0.9, 0u64..4),
    );
    (one_of(&["p", "q", "none"]), caller, said).prop_map(
        |(profile, caller, ((format, family), depth, second, count))| {
            let mut counts = Counts::new();
            if let Some(count) = count {
                counts.set(Window::parse("10m").unwrap(), count);
            }
            Ask {
                profile: ProfileName::parse(&profile).unwrap(),
                caller,
                format,
                family,
                depth,
                artifact: Artifact { name: "a\"\\\u{1b}".into(), digest: Sha256::of(b"a"), size: u64::MAX },
                time: Time::from_seconds(second),
                counts,
                standing: Standing::default(),
            }
        },
    )
}

fn allowed(policy: &Policy, ask: &Ask) -> bool {
    matches!(decide(policy, &ask.facts()), Decision::Allowed(_))
}

/// Cedar over every policy of every profile and every guardrail, without any index.
fn full_set_allows(policy: &Policy, ask: &Ask) -> bool {
    let mut all = PolicySet::new();
    for rules in policy.rules.values() {
        for one in rules.forbids.policies().chain(&rules.permits) {
            let _duplicate_guardrail = all.add(one.clone());
        }
    }
    let environment = chancery_core::environment::Environment::Preview;
    ask.caller.kind == CallerKind::Workload
        && policy.engine.ask(&all, &ask.facts(), environment).outcome == Outcome::Allow
}

/// The oracle: a grant holds when the issuer and every matcher do. Written apart from [`crate::trace`].
fn some_grant_holds(wishes: &[Wish], ask: &Ask) -> bool {
    wishes.iter().any(|(issuer, matchers, expires)| {
        issuer == ask.caller.issuer_name.as_str()
            && expires.is_none_or(|second| ask.time.seconds() < second)
            && matchers.iter().all(|(claim, pattern)| {
                let claims = &ask.caller.claims;
                let value = match claim.as_str() {
                    "source_repository_identifier" => claims.source_repository_identifier.as_deref(),
                    "source_repository_owner_identifier" => {
                        claims.source_repository_owner_identifier.as_deref()
                    }
                    "source_repository_ref" => claims.source_repository_ref.as_deref(),
                    "build_trigger" => claims.build_trigger.as_deref(),
                    raw => claims.raw.get(raw.trim_start_matches("raw.")).map(String::as_str),
                };
                value.is_some_and(|value| crate::pattern::Pattern::parse(pattern).unwrap().matches(value))
            })
    })
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    prop::collection::vec(wish(), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_slice_decides_as_the_full_set_and_as_the_trace(
        p in wishes(), q in wishes(), variant in 0u8..4, guards in prop::sample::subsequence(&GUARDRAILS[..], 0..=4),
        asks in prop::collection::vec(ask(), 40),
    ) {
        let policy = load(&profile_text(&p, variant), &profile_text(&q, 0), &guards);
        for ask in &asks {
            prop_assert_eq!(allowed(&policy, ask), full_set_allows(&policy, ask), "{:?}", ask);
            if let Decision::Refused(refusal) = decide(&policy, &ask.facts()) {
                prop_assert!(!refusal.what.contains("without doubt"), "engine and trace disagree: {:?}", ask);
            }
        }
    }

    #[test]
    fn nobody_is_allowed_unless_every_matcher_of_one_grant_holds(
        p in wishes(), variant in 0u8..4, asks in prop::collection::vec(ask(), 40),
    ) {
        let policy = load(&profile_text(&p, variant), &profile_text(&[], 0), &[]);
        for ask in &asks {
            let holds = ask.profile.as_str() == "p" && some_grant_holds(&p, ask);
            prop_assert!(!allowed(&policy, ask) || holds, "{:?}", ask);
            if let Decision::Refused(refusal) = decide(&policy, &ask.facts()) {
                let blames_grant = matches!(refusal.code, RefusalCode::CallerUnknown | RefusalCode::GrantMismatch);
                prop_assert!(!(blames_grant && holds), "{:?}", ask);
            }
        }
    }

    #[test]
    fn a_guardrail_more_never_allows_more(
        p in wishes(), variant in 0u8..4, less in prop::sample::subsequence(&GUARDRAILS[..], 0..=3),
        asks in prop::collection::vec(ask(), 40),
    ) {
        let (p, q) = (profile_text(&p, variant), profile_text(&p, 0));
        let fewer = load(&p, &q, &less);
        for guardrail in GUARDRAILS {
            let mut more = less.clone();
            more.push(guardrail);
            let stricter = load(&p, &q, &more);
            for ask in &asks {
                prop_assert!(!allowed(&stricter, ask) || allowed(&fewer, ask), "{:?}", ask);
            }
        }
    }

    #[test]
    fn without_grants_nobody_is_allowed(asks in prop::collection::vec(ask(), 40)) {
        let nothing = Policy::load(&Documents::new(BTreeMap::new()).unwrap()).unwrap();
        let no_grants = load(&profile_text(&[], 0), &profile_text(&[], 1), &[]);
        for ask in &asks {
            prop_assert!(!allowed(&nothing, ask) && !allowed(&no_grants, ask));
        }
    }

    #[test]
    fn every_request_fits_the_schema(p in wishes(), asks in prop::collection::vec(ask(), 20)) {
        let policy = load(&profile_text(&p, 0), &profile_text(&p, 1), &[]);
        let schema = policy.engine.vocabulary.schema().unwrap();
        for ask in &asks {
            let (names, facts) = (&policy.engine.names, ask.facts());
            let environment = chancery_core::environment::Environment::Preview;
            let context = names.context(&facts, environment, &policy.engine.vocabulary).unwrap();
            let (principal, resource) = (names.principal(&facts), names.resource(&facts));
            let request =
                cedar_policy::Request::new(principal, names.sign.clone(), resource, context, Some(&schema));
            prop_assert!(request.is_ok(), "{:?}", request.err());
        }
    }
}

/// The random worlds are of use only when they allow and refuse for many reasons.
#[test]
fn the_random_world_reaches_every_outcome() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..60 {
        let draw =
            (prop::collection::vec(wish(), 4..8), prop::collection::vec(ask(), 60)).new_tree(&mut runner);
        let (p, asks) = draw.unwrap().current();
        let policy = load(&profile_text(&p, 0), &profile_text(&p, 1), &GUARDRAILS);
        for ask in asks {
            let outcome = match decide(&policy, &ask.facts()) {
                Decision::Allowed(_) => "allowed".to_owned(),
                Decision::Pending { .. } => "pending".to_owned(),
                Decision::Refused(refusal) => refusal.code.to_string(),
            };
            *seen.entry(outcome).or_default() += 1;
        }
    }
    for outcome in ["allowed", "CH3007", "CH4001", "CH4002", "CH4012", "CH4013", "CH4014", "CH4016", "CH4017"]
    {
        assert!(seen.contains_key(outcome), "{outcome} never came out: {seen:?}");
    }
}

#[test]
fn the_number_of_policies_evaluated_does_not_grow_with_the_grants() {
    let count = |grants: usize| {
        let wishes: Vec<Wish> = (0..grants)
            .map(|number| {
                let id = ("source_repository_identifier".to_owned(), number.to_string());
                let reference = ("source_repository_ref".to_owned(), "refs/heads/main".to_owned());
                ("a".to_owned(), BTreeMap::from([id, reference]), None)
            })
            .collect();
        let policy = load(&profile_text(&wishes, 0), &profile_text(&[], 0), &GUARDRAILS);
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut ask = ask().new_tree(&mut runner).unwrap().current();
        ask.profile = ProfileName::parse("p").unwrap();
        ask.caller.kind = CallerKind::Workload;
        ask.caller.issuer_name = IssuerName::parse("a").unwrap();
        ask.caller.claims.source_repository_identifier = Some("5".to_owned());
        evaluated(&policy, &ask.facts())
    };
    // Four guardrails, five conditions (format, depth, event, binding, limit), one grant.
    assert_eq!((count(10), count(1000)), (10, 10));
}
