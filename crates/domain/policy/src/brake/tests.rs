//! What must hold of brakes whatever a profile says and however a request stands.

use std::collections::BTreeMap;

use chancery_core::artifact::Artifact;
use chancery_core::attested::Attested;
use chancery_core::caller::{AudienceBinding, Caller, CallerKind};
use chancery_core::claims::Claims;
use chancery_core::decision::{Decision, Missing};
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, ProfileName, RequestId};
use chancery_core::time::Time;
use chancery_core::witness::{Builders, Oddity};
use proptest::prelude::*;

use super::*;
use crate::decide::decide;
use crate::documents::Documents;
use crate::limit::Counts;
use crate::policy::Policy;
use crate::standing::{Exception, Standing};

/// need, exceed, builders, hold, step-up: as numbers, 0 is none.
fn policy((need, exceed, builders, hold, step_up): (u32, u32, u32, u32, u32)) -> Policy {
    let mut text =
        "environment = \"staging\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\n".to_owned();
    if hold > 0 {
        text.push_str(&format!("hold = \"{hold}s\"\n"));
    }
    text.push_str("[keys]\nmessage = \"m\"\n[formats.sigstore]\nfamilies = [\"message\"]\n[[limits]]\ncount = 2\nwindow = \"10m\"\n");
    if exceed > 0 {
        text.push_str(&format!("exceed = \"approval\"\napprovals = {exceed}\n"));
    }
    text.push_str(&format!("[approvals]\nneed = {need}\n"));
    if builders > 1 {
        text.push_str(&format!("[quorum]\nbuilders = {builders}\n"));
    }
    if step_up > 0 {
        text.push_str(&format!("[step_up]\non = [\"hour\"]\napprovals = {step_up}\n"));
    }
    text.push_str(
        "[[grants]]\nname = \"g\"\nissuer = \"a\"\nclaims = { source_repository_identifier = \"1\" }\n",
    );
    Policy::load(&Documents::new(BTreeMap::from([("profiles/p.toml".to_owned(), text)])).unwrap()).unwrap()
}

fn outcome(policy: &Policy, count: u64, standing: &Standing) -> Decision {
    let profile = ProfileName::parse("p").unwrap();
    let claims = Claims { source_repository_identifier: Some("1".into()), ..Claims::default() };
    let caller = Caller {
        issuer_name: IssuerName::parse("a").unwrap(),
        kind: CallerKind::Workload,
        claims,
        binding: AudienceBinding::Request(RequestId::new(Sha256::of(b"r"))),
        token_use: Sha256::of(b"t"),
        issued_at: Time::from_seconds(0),
        expires_at: Time::from_seconds(300),
    };
    let mut counts = Counts::new();
    counts.set(Window::parse("10m").unwrap(), count);
    let artifact = Artifact { name: "a".into(), digest: Sha256::of(b"a"), size: 1 };
    let facts = Facts {
        profile: &profile,
        caller: &caller,
        format: FormatName::Sigstore,
        family: Family::Message,
        depth: Depth::Structured,
        artifact: &artifact,
        predicate: None,
        time: Time::from_seconds(100),
        counts: &counts,
        standing,
    };
    decide(policy, &facts)
}

fn standing() -> impl Strategy<Value = Standing> {
    let waives = prop::sample::subsequence(vec![Waived::Approvals, Waived::Hold, Waived::Limits], 0..=3);
    let odd = prop::sample::subsequence(vec![Habit::Hour, Habit::Package], 0..=2);
    (0u32..4, 0u32..4, prop::option::of(0i64..200), odd, waives).prop_map(
        |(approvers, builders, first, odd, waives)| Standing {
            approvers,
            builders: Builders::Agree(builders),
            first_seen: first.map(Time::from_seconds),
            oddities: odd
                .into_iter()
                .map(|habit| Oddity { habit, actual: "a".into(), expected: "e".into(), score: 100 })
                .collect(),
            granted: (!waives.is_empty())
                .then(|| Exception { id: "x".into(), waives: waives.into_iter().collect() }),
            attested: Attested::default(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The oracle, written apart: the highest number that anything asks for, and every other brake by itself.
    #[test]
    fn nothing_is_allowed_while_anything_is_missing(
        brakes in (0u32..3, 0u32..4, 0u32..4, 0u32..3, 0u32..4), count in 0u64..4, standing in standing(),
    ) {
        let (need, exceed, builders, hold, step_up) = brakes;
        let waived = |condition| standing.waiver(condition).is_some();
        let spent = count >= 2 && !waived(Waived::Limits);
        let odd = standing.oddities.iter().any(|oddity| oddity.habit == Habit::Hour);
        let wanted = need.max(if spent { exceed } else { 0 }).max(if odd { step_up } else { 0 });
        let approved = standing.approvers >= wanted || waived(Waived::Approvals);
        let built = builders < 2 || standing.builders != Builders::Agree(0) && matches!(standing.builders, Builders::Agree(have) if have >= builders);
        let held = hold == 0 || waived(Waived::Hold) || standing.first_seen.is_some_and(|first| first.seconds() + i64::from(hold) <= 100);
        match outcome(&policy(brakes), count, &standing) {
            Decision::Refused(_) => prop_assert!(spent && exceed == 0),
            Decision::Allowed(trace) => {
                prop_assert!(approved && built && held && !(spent && exceed == 0));
                prop_assert!(trace.iter().all(|line| line.ok));
            }
            Decision::Pending { missing, trace } => {
                prop_assert!(!missing.is_empty());
                prop_assert!(!(spent && exceed == 0));
                prop_assert_eq!(missing.iter().any(|one| matches!(one, Missing::Approvals { .. })), !approved);
                prop_assert_eq!(missing.iter().any(|one| matches!(one, Missing::Builders { .. })), !built);
                prop_assert_eq!(missing.iter().any(|one| matches!(one, Missing::Hold { .. })), !held);
                prop_assert!(trace.iter().any(|line| !line.ok));
                for one in &missing {
                    if let Missing::Approvals { need, why, .. } = one {
                        prop_assert_eq!(*need, wanted);
                        prop_assert!(!why.is_empty());
                    }
                }
            }
        }
    }
}
