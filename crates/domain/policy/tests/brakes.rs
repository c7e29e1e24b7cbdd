//! Triggers and brakes: what a stolen but valid identity runs into, case by case.
#![expect(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;

use chancery_core::decision::{Decision, Missing};
use chancery_core::time::Time;
use chancery_policy::diff::{self, Effect};
use chancery_policy::documents::Documents;
use chancery_policy::lint;
use chancery_policy::policy::Policy;
use chancery_policy::test_cases;

const BASE: &str = "owner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\n";
const REST: &str = "[keys]\nmessage = \"m\"\n[formats.sigstore]\nfamilies = [\"message\"]\n[[grants]]\nname = \"g\"\n\
    issuer = \"ci\"\n[grants.claims]\nsource_repository_identifier = \"42\"\n";
const LIMIT: &str = "[[limits]]\ncount = 10\nwindow = \"10m\"\n";

fn profile(environment: &str, top: &str, tables: &str) -> String {
    format!("environment = \"{environment}\"\n{BASE}{top}{REST}{LIMIT}{tables}")
}

fn decide(profile: &str, claims: &str, more: &str) -> Decision {
    decide_bound(profile, "request", claims, more)
}

fn decide_bound(profile: &str, binding: &str, claims: &str, more: &str) -> Decision {
    let case = format!(
        "[[case]]\nname = \"c\"\nprofile = \"p\"\nissuer = \"ci\"\nformat = \"sigstore\"\nfamily = \"message\"\n\
         expect = \"allowed\"\nbinding = \"{binding}\"\n[case.claims]\nsource_repository_identifier = \"42\"\n{claims}{more}"
    );
    let documents = Documents::new(BTreeMap::from([
        ("profiles/p.toml".to_owned(), profile.to_owned()),
        ("tests/t.toml".to_owned(), case),
    ]));
    let documents = documents.unwrap();
    let policy = Policy::load(&documents).unwrap();
    test_cases::run(&policy, &test_cases::parse(&documents).unwrap()).remove(0).decision
}

/// `allowed`, a code, or what is missing in words.
fn outcome(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(_) => "allowed".to_owned(),
        Decision::Pending { missing, .. } => chancery_core::decision::in_words(missing),
        Decision::Refused(refusal) => refusal.code.to_string(),
    }
}

#[test]
fn events_and_runners() {
    let staging = profile("staging", "", "");
    let production = profile("production", "", "");
    let named =
        profile("production", "events = [\"push\", \"workflow_run\"]\nrunners = \"github-hosted\"\n", "");
    let own = profile("production", "runners = [\"self-hosted\"]\n", "");
    for (profile, event, runner, expected) in [
        (&staging, "push", "self-hosted", "allowed"),
        (&staging, "", "", "allowed"),
        (&staging, "pull_request_target", "github-hosted", "CH4040"),
        (&staging, "workflow_run", "", "CH4040"),
        (&staging, "issue_comment", "", "CH4040"),
        (&staging, "discussion_comment", "", "CH4040"),
        (&staging, "merge_request_event", "", "CH4040"),
        (&production, "push", "self-hosted", "CH4042"),
        (&production, "push", "", "allowed"),
        (&production, "push", "github-hosted", "allowed"),
        (&named, "push", "github-hosted", "allowed"),
        (&named, "workflow_run", "github-hosted", "allowed"),
        (&named, "release", "github-hosted", "CH4040"),
        (&named, "", "github-hosted", "CH4040"),
        (&named, "PUSH", "github-hosted", "CH4040"),
        (&named, "push", "", "CH4042"),
        (&named, "push", "gitlab-hosted", "CH4042"),
        (&own, "push", "self-hosted", "allowed"),
        (&own, "push", "github-hosted", "CH4042"),
    ] {
        let mut claims = String::new();
        for (name, value) in [("build_trigger", event), ("runner_environment", runner)] {
            if !value.is_empty() {
                claims.push_str(&format!("{name} = \"{value}\"\n"));
            }
        }
        let decision = decide(profile, &claims, "");
        assert_eq!(outcome(&decision), expected, "{event} {runner}\n{profile}");
        if let Decision::Refused(refusal) = decision {
            assert!(!refusal.hint.is_empty(), "{event} {runner}");
        }
    }
}

#[test]
fn every_brake_says_what_is_missing() {
    let all = "[approvals]\nneed = 1\n[quorum]\nbuilders = 2\ndiffer = \"runner-group\"\n\
        [step_up]\non = [\"package\", \"hour\"]\napprovals = 2\n";
    let all = profile("production", "hold = \"10m\"\n", all);
    for (standing, expected) in [
        (
            "",
            "0 of 2 independent builders, held until 2026-01-01T12:10:00Z, 0 of 1 approvals (the profile needs 1)",
        ),
        ("approvers = 1\nbuilders = 2\nfirst_seen = \"2026-01-01T11:50:00Z\"\n", "allowed"),
        (
            "approvers = 1\nbuilders = 2\nfirst_seen = \"2026-01-01T11:50:01Z\"\n",
            "held until 2026-01-01T12:00:01Z",
        ),
        (
            "approvers = 1\nbuilders = 1\nfirst_seen = \"2026-01-01T11:50:00Z\"\n",
            "1 of 2 independent builders",
        ),
        (
            "approvers = 1\nbuilders = 2\nfirst_seen = \"2026-01-01T11:50:00Z\"\nunusual = [\"package\", \"volume\"]\n",
            "1 of 2 approvals (the profile needs 1; unusual package: another (usual: what the test takes for usual))",
        ),
        (
            "approvers = 2\nbuilders = 2\nfirst_seen = \"2026-01-01T11:50:00Z\"\nunusual = [\"package\"]\n",
            "allowed",
        ),
        ("disputed = true\napprovers = 9\nfirst_seen = \"2026-01-01T11:50:00Z\"\n", "CH4041"),
        ("builders = 2\nwaives = [\"approvals\", \"hold\"]\n", "allowed"),
        ("approvers = 9\nwaives = [\"approvals\", \"hold\", \"limits\"]\n", "0 of 2 independent builders"),
    ] {
        let decision = decide(&all, "", &format!("[case.standing]\n{standing}"));
        assert_eq!(outcome(&decision), expected, "{standing}");
    }
}

#[test]
fn a_spent_limit_refuses_asks_for_people_or_is_waived() {
    let refusing = profile("staging", "", "");
    let asking =
        profile("staging", "", "").replace(LIMIT, &format!("{LIMIT}exceed = \"approval\"\napprovals = 2\n"));
    for (profile, count, standing, expected) in [
        (&refusing, "9", "", "allowed"),
        (&refusing, "10", "", "CH4016"),
        (&refusing, "10", "approvers = 9\n", "CH4016"),
        (&refusing, "10", "waives = [\"approvals\"]\n", "CH4016"),
        (&refusing, "10", "waives = [\"limits\"]\n", "allowed"),
        (&asking, "9", "", "allowed"),
        (&asking, "10", "", "0 of 2 approvals (the limit of 10 in 10m is spent)"),
        (&asking, "84", "approvers = 1\n", "1 of 2 approvals (the limit of 10 in 10m is spent)"),
        (&asking, "84", "approvers = 2\n", "allowed"),
        (&asking, "84", "waives = [\"limits\"]\n", "allowed"),
    ] {
        let decision =
            decide(profile, "", &format!("[case.counts]\n10m = \"{count}\"\n[case.standing]\n{standing}"));
        assert_eq!(outcome(&decision), expected, "{count} {standing}");
    }
}

#[test]
fn every_brake_has_its_line_in_the_trace() {
    let tables = "[approvals]\nneed = 1\n[quorum]\nbuilders = 2\n[step_up]\non = \"hour\"\n";
    let decision =
        decide(&profile("staging", "hold = \"1h\"\n", tables), "", "[case.standing]\nunusual = [\"hour\"]\n");
    let Decision::Pending { missing, trace } = decision else { panic!("{decision:?}") };
    let lines: Vec<(&str, bool)> =
        trace.iter().rev().take(5).map(|line| (line.rule.as_str(), line.ok)).collect();
    let expected =
        [("approvals", false), ("step-up", false), ("profile", false), ("hold", false), ("builders", false)];
    assert_eq!(lines, expected);
    assert_eq!(
        missing.get(1),
        Some(&Missing::Hold { until: Time::parse_rfc3339("2026-01-01T13:00:00Z").unwrap() })
    );
}

#[test]
fn bindings_from_loose_to_tight() {
    let people = "[approvals]\nneed = 1\n";
    for (profile, token, expected) in [
        ("fixed", "fixed", "allowed"),
        ("fixed", "session", "allowed"),
        ("session", "fixed", "CH4017"),
        ("session", "session", "allowed"),
        ("session", "request", "allowed"),
        ("request", "session", "CH4017"),
        ("request", "request", "allowed"),
    ] {
        let text = self::profile("production", &format!("binding = \"{profile}\"\n"), people);
        let decision = decide_bound(&text, token, "", "[case.standing]\napprovers = 1\n");
        assert_eq!(outcome(&decision), expected, "{profile} {token}");
    }
}

#[test]
fn what_does_not_load() {
    for (environment, top, tables, field, message) in [
        ("production", "binding = \"fixed\"\n", "", "approvals.need", "is 0 in production"),
        (
            "production",
            "binding = \"session\"\n",
            "[approvals]\nneed = 0\n",
            "approvals.need",
            "is 0 in production",
        ),
        ("staging", "hold = \"soon\"\n", "", "hold", "is not a window"),
        ("staging", "events = []\n", "", "events", "holds no name"),
        ("staging", "events = [\"a b\"]\n", "", "events", "is not 1 to 64"),
        ("staging", "runners = [\"\"]\n", "", "runners", "is not 1 to 64"),
        ("staging", "", "[approvals]\nneed = 1\nexpires = \"8d\"\n", "approvals.expires", "longer than 7d"),
        ("staging", "", "[quorum]\nbuilders = 1\n", "quorum.builders", "from 2 to 5"),
        ("staging", "", "[quorum]\ndiffer = \"issuer\"\n", "quorum.builders", "is missing"),
        ("staging", "", "[quorum]\nbuilders = 2\ndiffer = \"colour\"\n", "quorum.differ", "is neither"),
        ("staging", "", "[step_up]\non = []\n", "step_up.on", "is empty"),
        ("staging", "", "[step_up]\non = [\"smell\"]\n", "step_up.on", "is not a habit"),
        ("staging", "", "[step_up]\non = \"hour\"\napprovals = 0\n", "step_up.approvals", "from 1 to 16"),
        (
            "staging",
            "",
            "[[limits]]\ncount = 1\nwindow = \"1h\"\nexceed = \"shrug\"\n",
            "limits[1].exceed",
            "is neither",
        ),
        (
            "staging",
            "",
            "[[limits]]\ncount = 1\nwindow = \"1h\"\napprovals = 2\n",
            "limits[1].approvals",
            "is only for",
        ),
    ] {
        let text = profile(environment, top, tables);
        let documents = Documents::new(BTreeMap::from([("profiles/p.toml".to_owned(), text)])).unwrap();
        let problems = lint::check(&documents);
        let found = problems.list().iter().any(|one| one.field == field && one.message.contains(message));
        assert!(found && problems.has_errors(), "{field} {message}: {problems}");
    }
}

#[test]
fn doubts_are_warnings() {
    let issuers = "[issuer.ci]\nurl = \"https://ci.example\"\ndialect = \"github\"\nalgorithms = [\"RS256\"]\n\
        audience = [\"fixed\", \"request\"]\n";
    let loose = profile("production", "binding = \"fixed\"\n", "[approvals]\nneed = 1\n");
    let events = profile("staging", "events = [\"workflow_run\"]\n", "");
    for (text, message) in [(events, "without the right to write"), (loose, "can choose the audience")] {
        let files = [("profiles/p.toml".to_owned(), text), ("issuers.toml".to_owned(), issuers.to_owned())];
        let problems = lint::check(&Documents::new(BTreeMap::from(files)).unwrap());
        assert!(!problems.has_errors() && problems.to_string().contains(message), "{problems}");
    }
}

/// The page that explains the brakes shows a profile and a test of it: both must be right.
#[test]
fn the_profile_of_the_page_holds() {
    let page = include_str!("../../../../docs/src/how-to/stolen-identity.md");
    let shown = |path: &str| {
        let (_, rest) = page.split_once(&format!("```toml\n# {path}\n")).unwrap();
        (path.to_owned(), rest.split_once("```").unwrap().0.to_owned())
    };
    let files = BTreeMap::from([shown("profiles/acme-release.toml"), shown("tests/brakes.toml")]);
    let documents = Documents::new(files).unwrap();
    let policy = Policy::load(&documents).unwrap();
    assert!(policy.warnings().list().is_empty(), "{}", policy.warnings());
    for outcome in test_cases::run(&policy, &test_cases::parse(&documents).unwrap()) {
        assert!(outcome.passed(), "{}", chancery_policy::explain::decision(&outcome.decision));
    }
    let listed: Vec<&str> = page.split('`').collect();
    for event in chancery_policy::trigger::UNTRUSTED {
        assert!(listed.contains(&event), "{event} is not on the page");
    }
}

/// What a change of a brake comes to; taking it back comes to the opposite.
#[test]
fn a_brake_that_is_taken_away_protects_less() {
    let plain = profile("staging", "", "");
    for (top, tables, words) in [
        ("hold = \"10m\"\n", "", "hold: none becomes 10m"),
        ("", "[quorum]\nbuilders = 2\n", "independent builders: 0 becomes 2"),
        ("", "[step_up]\non = \"hour\"\n", "an unusual hour asks for people"),
        ("runners = \"github-hosted\"\n", "", "runners: any runner becomes github-hosted"),
        ("", "[approvals]\nneed = 0\nexpires = \"1h\"\n", "life of an approval: 1d becomes 1h"),
        ("", "[approvals]\nneed = 1\n", "approvals: 0 becomes 1"),
    ] {
        let braked = profile("staging", top, tables);
        let forward = compare(&plain, &braked);
        assert!(
            forward.iter().any(|(effect, found)| *effect == Effect::Stops && found.contains(words)),
            "{forward:?}"
        );
        assert!(forward.iter().all(|(effect, _)| *effect != Effect::Weakens), "{forward:?}");
        let back = compare(&braked, &plain);
        assert!(back.iter().any(|(effect, _)| *effect == Effect::Weakens), "{words}: {back:?}");
    }
    let asking = plain.replace(LIMIT, &format!("{LIMIT}exceed = \"approval\"\n"));
    let found = compare(&plain, &asking);
    assert_eq!(
        found,
        [(
            Effect::Weakens,
            "profile `p`, beyond the limit of 10m: 1 approvals instead of a refusal".to_owned()
        )]
    );
    let risky = profile("staging", "events = [\"push\", \"workflow_run\"]\n", "");
    assert!(
        compare(&plain, &risky)
            .iter()
            .any(|(effect, words)| *effect == Effect::Weakens && words.contains("also `workflow_run`"))
    );
    assert_eq!(compare(&plain, &plain), []);
}

fn compare(old: &str, new: &str) -> Vec<(Effect, String)> {
    let load = |text: &str| {
        let documents =
            Documents::new(BTreeMap::from([("profiles/p.toml".to_owned(), text.to_owned())])).unwrap();
        let policy = Policy::load(&documents).unwrap();
        (documents, policy)
    };
    let (old, new) = (load(old), load(new));
    let changes = diff::compare((&old.0, &old.1), (&new.0, &new.1));
    changes.into_iter().map(|change| (change.effect, change.words)).collect()
}
