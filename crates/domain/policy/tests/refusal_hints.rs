//! What a refused caller is told to do: another ref, another profile, a renewal; and what waits instead.
#![expect(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;

use chancery_core::decision::Decision;
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_policy::test_cases::{self, Expectation};

const PROFILE: &str = "owner = \"release@acme.example\"\npurpose = \"p\"\ntimestamp = \"none\"\n[keys]\nmessage = \"m\"\n\
    [formats.sigstore]\nfamilies = [\"message\"]\n[[limits]]\ncount = 1\nwindow = \"1h\"\n";

fn profile(environment: &str, approvals: u32, grant: &str) -> String {
    format!(
        "environment = \"{environment}\"\n{PROFILE}[approvals]\nneed = {approvals}\n[[grants]]\nname = \"g\"\n\
         issuer = \"ci\"\n{grant}"
    )
}

fn documents() -> BTreeMap<String, String> {
    let claims = |id: &str, reference: &str| {
        format!(
            "[grants.claims]\nsource_repository_identifier = \"{id}\"\nsource_repository_ref = \"{reference}\"\n"
        )
    };
    let expired = format!("expires = \"2025-01-01T00:00:00Z\"\n{}", claims("42", "refs/heads/old"));
    BTreeMap::from([
        ("profiles/release.toml".to_owned(), profile("production", 0, &claims("42", "refs/tags/v*"))),
        ("profiles/branches.toml".to_owned(), profile("staging", 0, &claims("42", "refs/heads/**"))),
        ("profiles/reviewed.toml".to_owned(), profile("production", 2, &claims("42", "refs/tags/v*"))),
        ("profiles/old.toml".to_owned(), profile("staging", 0, &expired)),
    ])
}

/// Decides one case and gives what came out, and the hint where it was refused.
fn ask(profile: &str, id: &str, reference: &str, extra: &str) -> (Expectation, String) {
    let mut files = documents();
    let case = format!(
        "[[case]]\nname = \"c\"\nprofile = \"{profile}\"\nissuer = \"ci\"\nformat = \"sigstore\"\nfamily = \"message\"\n\
         expect = \"allowed\"\n[case.claims]\nsource_repository_identifier = \"{id}\"\n\
         source_repository_ref = \"{reference}\"\n{extra}"
    );
    files.insert("tests/t.toml".to_owned(), case);
    let documents = Documents::new(files).unwrap();
    let policy = Policy::load(&documents).unwrap();
    let outcome = test_cases::run(&policy, &test_cases::parse(&documents).unwrap()).remove(0);
    let hint = match &outcome.decision {
        Decision::Refused(refusal) => refusal.hint.clone(),
        Decision::Allowed(_) | Decision::Pending { .. } => String::new(),
    };
    (Expectation::of(&outcome.decision), hint)
}

#[test]
fn a_refusal_says_what_to_do() {
    let ask_github = "ask the owners of the governance repository for a grant to this repository";
    for (profile, id, reference, extra, code, hint) in [
        (
            "release",
            "42",
            "refs/heads/x",
            "",
            "CH4012",
            "run this job from `refs/tags/v*`, or use profile `branches` for such builds",
        ),
        ("branches", "42", "refs/pull/1/merge", "", "CH4012", "run this job from `refs/heads/**`"),
        (
            "old",
            "42",
            "refs/heads/old",
            "",
            "CH4012",
            "the grant is no longer valid: ask `release@acme.example` to renew it, or use profile `branches` for such builds",
        ),
        (
            "none",
            "42",
            "refs/heads/x",
            "",
            "CH4001",
            "use one of the profiles `branches`, `old`, `release`, `reviewed`",
        ),
        ("none", "43", "refs/heads/x", "", "CH4001", ask_github),
        ("release", "43", "refs/tags/v1", "", "CH4002", ask_github),
        (
            "release",
            "42",
            "refs/tags/v1",
            "[case.counts]\n1h = \"1\"\n",
            "CH4016",
            "wait until the window has room",
        ),
    ] {
        let (outcome, said) = ask(profile, id, reference, extra);
        assert_eq!((outcome.name(), said.as_str()), (code, hint), "{profile} {id} {reference}");
    }
}

#[test]
fn approvals_that_are_needed_keep_it_pending() {
    assert_eq!(ask("reviewed", "42", "refs/tags/v1", "").0, Expectation::Pending);
    assert_eq!(ask("reviewed", "42", "refs/heads/x", "").0.name(), "CH4012");
    assert_eq!(ask("release", "42", "refs/tags/v1", "").0, Expectation::Allowed);
}
