//! Tables and properties of the quorum.

use chancery_core::artifact::Artifact;
use chancery_core::caller::{AudienceBinding, CallerKind};
use chancery_core::depth::Depth;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::statement::Statement;
use proptest::prelude::*;

use super::*;

fn request(artifacts: &[(&str, &str)]) -> Request {
    let statement = |(name, content): &(&str, &str)| Statement {
        artifact: Artifact { name: (*name).into(), digest: Sha256::of(content.as_bytes()), size: 1 },
        body: serde_json::json!({}),
        depth: Depth::Structured,
        family: Family::Message,
        format: FormatName::Sigstore,
    };
    let profile = ProfileName::parse("release").unwrap();
    Request::new(profile, artifacts.iter().map(statement).collect()).unwrap()
}

/// `github 42 hosted group`: issuer, repository, runner class, runner group; `-` is not said.
fn caller(builder: &str, commit: &str) -> Caller {
    let said = |text: &str| (text != "-").then(|| text.to_owned());
    let words: Vec<&str> = builder.split(' ').collect();
    let mut claims = Claims {
        source_repository_identifier: said(words[1]),
        runner_environment: said(words[2]),
        source_repository_digest: said(commit),
        ..Claims::default()
    };
    claims.raw.extend(said(words[3]).map(|group| ("runner_group".to_owned(), group)));
    Caller {
        issuer_name: IssuerName::parse(words[0]).unwrap(),
        kind: CallerKind::Workload,
        claims,
        binding: AudienceBinding::Fixed,
        token_use: Sha256::of(builder.as_bytes()),
        issued_at: Time::from_seconds(0),
        expires_at: Time::from_seconds(300),
    }
}

fn submission(builder: &str, commit: &str, artifacts: &[(&str, &str)], at: i64) -> Submission {
    Submission::new(&request(artifacts), &caller(builder, commit), Time::from_seconds(at))
}

const fn quorum(builders: u32, differ: Differ) -> Quorum {
    Quorum { builders, differ }
}

#[test]
fn builders_count_when_they_are_independent() {
    let app: &[(&str, &str)] = &[("app", "good")];
    for (differ, builders, have) in [
        (Differ::Issuer, vec!["github 42 github-hosted -"], 1),
        (Differ::Issuer, vec!["github 42 github-hosted -", "github 42 github-hosted -"], 1),
        (Differ::Issuer, vec!["github 42 github-hosted -", "github 42 self-hosted -"], 1),
        (Differ::Issuer, vec!["github 42 github-hosted -", "gitlab 7 gitlab-hosted -"], 2),
        (Differ::RunnerGroup, vec!["github 42 github-hosted -", "github 42 self-hosted -"], 2),
        (Differ::RunnerGroup, vec!["github 42 self-hosted a", "github 42 self-hosted b"], 2),
        // What one token leaves out makes nobody independent.
        (Differ::RunnerGroup, vec!["github 42 self-hosted a", "github 42 self-hosted -"], 1),
        (Differ::RunnerGroup, vec!["github 42 self-hosted -", "github 42 - -"], 1),
        // The first is independent of the second and third, which are not of each other.
        (
            Differ::RunnerGroup,
            vec!["github 42 self-hosted -", "github 42 github-hosted -", "github 7 github-hosted -"],
            2,
        ),
        (Differ::Issuer, vec!["a 1 - -", "b 1 - -", "c 1 - -"], 3),
    ] {
        let mut all = Submissions::default();
        let mut last = None;
        for builder in &builders {
            last = Some(all.submit(submission(builder, "c0ffee", app, 0), quorum(3, differ)));
        }
        let expected = if have >= 3 { Judgement::Met(3) } else { Judgement::Waiting { have, need: 3 } };
        assert_eq!(last.unwrap(), expected, "{builders:?}");
    }
}

#[test]
fn one_byte_of_difference_stops_both() {
    let mut all = Submissions::default();
    let two = quorum(2, Differ::Issuer);
    let honest = submission("github 42 github-hosted -", "c0ffee", &[("app", "good"), ("lib", "same")], 0);
    let wrong = submission("gitlab 7 gitlab-hosted -", "c0ffee", &[("app", "goof"), ("lib", "same")], 1);
    assert_eq!(all.submit(honest.clone(), two), Judgement::Waiting { have: 1, need: 2 });
    let Judgement::Disputed(dispute) = all.submit(wrong.clone(), two) else { panic!() };
    assert_eq!((dispute.artifact.as_str(), dispute.other), ("app", honest.request));
    assert_eq!((dispute.ours, dispute.theirs), (Sha256::of(b"goof"), Sha256::of(b"good")));
    let Judgement::Disputed(dispute) = all.judge(&honest, two) else { panic!() };
    assert_eq!(dispute.other, wrong.request);
    // A third builder that agrees with one of them changes nothing.
    let third = Submission {
        builder: Builder { issuer: IssuerName::parse("ci").unwrap(), ..honest.builder.clone() },
        ..honest.clone()
    };
    assert!(matches!(all.submit(third, two), Judgement::Disputed(_)));
}

#[test]
fn only_the_same_artifact_of_the_same_commit_is_disputed() {
    let two = quorum(2, Differ::Issuer);
    let base = ("github 42 github-hosted -", "c0ffee");
    for (other, artifacts, disputed) in [
        (base, [("app", "goof")], true),
        (base, [("app", "good")], false),
        (base, [("app2", "goof")], false),
        (("github 42 github-hosted -", "beef"), [("app", "goof")], false),
        (("github 42 github-hosted -", "-"), [("app", "goof")], false),
        (("github 7 github-hosted -", "c0ffee"), [("app", "goof")], false),
        (("gitlab 7 gitlab-hosted -", "c0ffee"), [("app", "goof")], true),
    ] {
        let mut all = Submissions::default();
        all.submit(submission(other.0, other.1, &artifacts, 0), two);
        let ours = all.submit(submission(base.0, base.1, &[("app", "good")], 1), two);
        assert_eq!(matches!(ours, Judgement::Disputed(_)), disputed, "{other:?} {artifacts:?}");
    }
}

#[test]
fn memory_is_bounded_and_forgets_after_a_day() {
    let two = quorum(2, Differ::Issuer);
    let mut all = Submissions::default();
    all.submit(submission("gitlab 7 - -", "c", &[("app", "good")], 0), two);
    for number in 0..1000 {
        let name = format!("flood-{number}");
        all.submit(submission("github 42 - -", "c", &[(&name, "x")], 1), two);
    }
    assert_eq!(all.0.len(), 1 + MAX_OF_ONE, "one builder does not push out another");
    let ours = submission("github 42 - -", "c", &[("app", "good")], 2);
    assert_eq!(all.judge(&ours, two), Judgement::Met(2));
    assert_eq!(
        all.submit(Submission { at: Time::from_seconds(LIFE + 2), ..ours }, two),
        Judgement::Waiting { have: 1, need: 2 }
    );
    assert_eq!(all.0.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is submitted in whatever order: bytes of which a submission with the same commit and name says
    /// otherwise are never met, and one issuer alone never meets a quorum of issuers.
    #[test]
    fn never_met_against_evidence(
        steps in prop::collection::vec((0usize..3, 0usize..2, 0usize..3, 0usize..2), 1..40),
    ) {
        let (mut all, mut seen) = (Submissions::default(), Vec::new());
        for (issuer, commit, content, name) in steps {
            let issuer = ["a 1 - -", "b 1 - -", "c 1 - -"][issuer];
            let (commit, content, name) = (["c1", "c2"][commit], ["x", "y", "z"][content], ["app", "lib"][name]);
            let judgement = all.submit(submission(issuer, commit, &[(name, content)], 0), quorum(2, Differ::Issuer));
            let contradicted = seen.iter().any(|(_, c, n, other)| *c == commit && *n == name && *other != content);
            seen.push((issuer, commit, name, content));
            let agreeing: std::collections::BTreeSet<_> =
                seen.iter().filter(|(_, c, n, other)| *c == commit && *n == name && *other == content).map(|(i, ..)| *i).collect();
            match judgement {
                Judgement::Disputed(_) => prop_assert!(contradicted),
                Judgement::Met(_) => prop_assert!(!contradicted && agreeing.len() >= 2),
                Judgement::Waiting { have, .. } => prop_assert!(!contradicted && agreeing.len() == have as usize),
            }
        }
    }
}
