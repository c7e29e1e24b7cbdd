//! The example directory `testdata/governance/dev`: it loads without a warning, its own tests hold, and what it says
//! in Cedar is what people read.
#![expect(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;
use std::path::Path;

use chancery_core::decision::Decision;
use chancery_core::id::ProfileName;
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_policy::{explain, lint, test_cases};

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn documents() -> Documents {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../testdata/governance/dev"));
    let mut files = BTreeMap::new();
    collect(root, root, &mut files);
    Documents::new(files).unwrap()
}

#[test]
fn it_is_without_problems() {
    let problems = lint::check(&documents());
    assert!(problems.list().is_empty(), "{problems}");
}

#[test]
fn its_own_tests_hold() {
    let documents = documents();
    let policy = Policy::load(&documents).unwrap();
    let cases = test_cases::parse(&documents).unwrap();
    assert!(cases.len() >= 15);
    for outcome in test_cases::run(&policy, &cases) {
        let got = test_cases::Expectation::of(&outcome.decision).name();
        let words = explain::decision(&outcome.decision);
        assert!(outcome.passed(), "{}: got {got}, expected {}\n{words}", outcome.name, outcome.expect.name());
    }
}

#[test]
fn a_case_with_another_expectation_fails() {
    let text = documents().file("tests/dev.toml").unwrap().replace("\"CH4012\"", "\"allowed\"");
    let mut files = documents().files().clone();
    files.insert("tests/dev.toml".to_owned(), text);
    let changed = Documents::new(files).unwrap();
    let policy = Policy::load(&changed).unwrap();
    let outcomes = test_cases::run(&policy, &test_cases::parse(&changed).unwrap());
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.passed()).count(), 2);
}

#[test]
fn a_refusal_is_explained() {
    let documents = documents();
    let policy = Policy::load(&documents).unwrap();
    let cases = test_cases::parse(&documents).unwrap();
    let explained = |name: &str| {
        let outcomes = test_cases::run(&policy, &cases);
        let outcome = outcomes.into_iter().find(|outcome| outcome.name == name).unwrap();
        explain::decision(&outcome.decision)
    };
    assert_eq!(
        explained("another branch may not"),
        "refused[CH4012]: grant `acme-app-main` of profile `dev` does not hold: source_repository_ref\n  \
         \u{2717} acme-app-main source_repository_ref     actual refs/heads/feature     expected refs/heads/main\n  \
         \u{2713} no-pull-request-target guardrail not forbidden\n  \
         \u{2713} acme-app-main issuer dev\n  \
         \u{2713} acme-app-main source_repository_identifier 42\n  \
         \u{2713} format format sigstore\n  \
         \u{2713} family family message\n  \
         \u{2713} depth depth structured\n  \
         \u{2713} binding audience request\n  \
         \u{2713} limit signatures in 10m 0\n  \
         what to do: run this job from `refs/heads/main` or `refs/tags/v*`\n"
    );
    let guardrail = explained("a stranger's pull request may not");
    assert!(guardrail.contains("what to do: runs of `pull_request_target` execute code"), "{guardrail}");
    let stranger = explained("a fork with the same branch may not");
    assert!(!stranger.contains("42"), "strangers do not learn what a grant expects: {stranger}");
}

#[test]
fn an_allowed_trace_names_the_grant_that_allowed() {
    let documents = documents();
    let policy = Policy::load(&documents).unwrap();
    let cases = test_cases::parse(&documents).unwrap();
    let outcomes = test_cases::run(&policy, &cases);
    let outcome =
        outcomes.into_iter().find(|outcome| outcome.name == "a version tag may, by digest").unwrap();
    let trace = match outcome.decision {
        Decision::Allowed(trace) => trace,
        Decision::Pending { .. } | Decision::Refused(_) => Vec::new(),
    };
    assert!(trace.iter().all(|line| line.ok));
    assert!(trace.iter().any(|line| line.rule == "acme-app-tags" && line.expected == "refs/tags/v*"));
}

#[test]
fn it_reads_as_cedar() {
    let policy = Policy::load(&documents()).unwrap();
    let text = policy.cedar(Some(&ProfileName::parse("dev").unwrap()));
    let tags = r#"// grant:dev/acme-app-tags
permit (principal == Issuer::"dev", action == Action::"sign", resource == Profile::"dev")
when { context.claims has "source_repository_identifier" && context.claims["source_repository_identifier"] == "42" }
when { context.claims has "source_repository_ref" && context.claims["source_repository_ref"] like "refs/tags/v*"
  && !(context.claims["source_repository_ref"] like "*/*/*/*") };
"#;
    assert!(text.contains(tags), "{text}");
    assert!(text.contains("// guardrail:no-pull-request-target\n@id(\"no-pull-request-target\")"), "{text}");
    let limit =
        "unless { context.waived.limits || context.counts has \"10m\" && context.counts[\"10m\"] < 100 };";
    assert!(text.contains(limit), "{text}");
}
