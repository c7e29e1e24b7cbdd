//! What a profile demands beside who asks: read, decided with a line for each, seen by guardrails, compared between versions.
#![expect(clippy::unwrap_used, reason = "test")]

mod plain;

use std::collections::BTreeMap;

use chancery_core::decision::Decision;
use chancery_policy::diff::{Effect, compare};
use chancery_policy::documents::Documents;
use chancery_policy::lint;
use chancery_policy::policy::Policy;
use chancery_policy::test_cases;
use plain::PROFILE;

const DEMANDED: &str = "[[attestations]]\nname = \"tests\"\npolicy = \"acme-tests\"\n\
    [[attestations]]\nname = \"reviewed\"\npolicy = \"acme-source\"\nsubject = \"source\"\n";
const GUARDRAIL: &str = r#"@id("scanned") @reason("scan it first")
forbid (principal, action == Action::"sign", resource) unless { context.attested.contains("tests") };
"#;

fn documents(demanded: &str, further: &[(&str, &str)]) -> Documents {
    let mut files = BTreeMap::from([
        ("profiles/p.toml".to_owned(), format!("{PROFILE}{demanded}")),
        ("verification/acme-tests.toml".to_owned(), "anything".to_owned()),
        ("verification/acme-source.toml".to_owned(), "anything".to_owned()),
    ]);
    files.extend(further.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Documents::new(files).unwrap()
}

fn decide(documents: &Documents, standing: &str) -> Decision {
    let case = format!(
        "[[case]]\nname = \"c\"\nprofile = \"p\"\nissuer = \"dev\"\nformat = \"sigstore\"\nfamily = \"message\"\n\
         expect = \"allowed\"\n[case.claims]\nsource_repository_identifier = \"42\"\n\
         source_repository_ref = \"refs/heads/main\"\n{standing}"
    );
    let mut files = documents.files().clone();
    files.insert("tests/t.toml".to_owned(), case);
    let cases = test_cases::parse(&Documents::new(files).unwrap()).unwrap();
    test_cases::run(&Policy::load(documents).unwrap(), &cases).remove(0).decision
}

fn attested(names: &str) -> String {
    format!("[case.standing]\nattested = {names}\n")
}

#[test]
fn everything_demanded_must_be_met_and_each_has_its_line() {
    let documents = documents(DEMANDED, &[]);
    let Decision::Allowed(trace) = decide(&documents, &attested("[\"tests\", \"reviewed\"]")) else {
        panic!("both are met")
    };
    let lines: Vec<_> = trace.iter().filter(|line| line.rule == "attestation").collect();
    assert_eq!(
        (lines.len(), lines[0].attribute.as_str(), lines[1].attribute.as_str()),
        (2, "tests", "reviewed")
    );
    for (standing, name) in [
        (String::new(), "tests"),
        (attested("[]"), "tests"),
        (attested("[\"reviewed\"]"), "tests"),
        (attested("[\"tests\"]"), "reviewed"),
        (attested("[\"Tests\", \"reviewed\"]"), "tests"),
    ] {
        let Decision::Refused(refusal) = decide(&documents, &standing) else { panic!("{standing}") };
        assert_eq!(refusal.code.code(), "CH4044", "{standing}");
        assert!(refusal.what.contains(&format!("`{name}`")), "{refusal:?}");
        assert!(!refusal.hint.is_empty() && !refusal.expected.is_empty(), "{refusal:?}");
    }
}

#[test]
fn nobody_is_asked_to_approve_what_lacks_its_attestation_and_no_exception_waives_it() {
    let people = documents(&format!("{DEMANDED}[approvals]\nneed = 1\n"), &[]);
    let refused = decide(&people, "");
    assert!(matches!(refused, Decision::Refused(_)), "{refused:?}");
    let met = "attested = [\"tests\", \"reviewed\"]\n";
    let waits = decide(&people, &format!("[case.standing]\n{met}"));
    assert!(matches!(waits, Decision::Pending { .. }), "{waits:?}");
    let waived = "[case.standing]\napprovers = 1\nwaives = [\"approvals\", \"hold\", \"limits\"]\n";
    assert!(matches!(decide(&people, waived), Decision::Refused(_)));
}

#[test]
fn guardrails_see_what_is_attested() {
    let guarded = documents(DEMANDED, &[("guardrails/scanned.cedar", GUARDRAIL)]);
    let Decision::Refused(refusal) = decide(&guarded, &attested("[\"reviewed\"]")) else {
        panic!("forbidden")
    };
    assert_eq!(refusal.code.code(), "CH4013");
    assert!(matches!(decide(&guarded, &attested("[\"tests\", \"reviewed\"]")), Decision::Allowed(_)));
}

#[test]
fn what_cannot_be_demanded_is_not_loaded() {
    let one = |text: &str| format!("[[attestations]]\n{text}");
    let many: String =
        (0..9).map(|n| format!("[[attestations]]\nname = \"n{n}\"\npolicy = \"acme-tests\"\n")).collect();
    let rows = [
        ("no such policy", one("name = \"x\"\npolicy = \"acme-test\"\n"), "is missing"),
        ("no policy", one("name = \"x\"\n"), "is missing"),
        ("no name", one("policy = \"acme-tests\"\n"), "is missing"),
        ("a path", one("name = \"x\"\npolicy = \"../acme-tests\"\n"), "is not 1 to 64 letters"),
        (
            "another subject",
            one("name = \"x\"\npolicy = \"acme-tests\"\nsubject = \"image\"\n"),
            "is neither",
        ),
        ("unknown", one("name = \"x\"\npolicy = \"acme-tests\"\nlevel = 2\n"), "not a known field"),
        ("twice", format!("{DEMANDED}{DEMANDED}"), "has this name"),
        ("too many", many, "expected at most 8"),
    ];
    for (name, text, expected) in rows {
        let documents = documents(&text, &[]);
        assert!(Policy::load(&documents).is_err(), "{name}");
        let problems = lint::check(&documents);
        assert!(problems.list().iter().any(|one| one.message.contains(expected)), "{name}: {problems}");
    }
    let facade = "environment = \"staging\"\nowner = \"me\"\npurpose = \"test\"\n[facade]\n[[grants]]\nname = \"g\"\n\
                  issuer = \"dev\"\n[grants.claims]\nsource_repository_identifier = \"42\"\n\
                  source_repository_ref = \"refs/heads/main\"\n";
    assert!(Policy::load(&documents("", &[("profiles/f.toml", facade)])).is_ok());
    let facade = format!("{facade}{DEMANDED}");
    assert!(
        Policy::load(&documents("", &[("profiles/f.toml", &facade)])).is_err(),
        "a client cannot bring any"
    );
}

#[test]
fn demanding_less_protects_less() {
    let effects = |old: &str, new: &str| -> Vec<Effect> {
        let (old, new) = (documents(old, &[]), documents(new, &[]));
        let (before, after) = (Policy::load(&old).unwrap(), Policy::load(&new).unwrap());
        compare((&old, &before), (&new, &after)).into_iter().map(|change| change.effect).collect()
    };
    let other = DEMANDED.replace("acme-source", "acme-tests");
    assert_eq!(effects(DEMANDED, DEMANDED), []);
    assert_eq!(effects("", DEMANDED), [Effect::Stops, Effect::Stops]);
    assert_eq!(effects(DEMANDED, ""), [Effect::Weakens, Effect::Weakens]);
    assert_eq!(effects(DEMANDED, &other), [Effect::Weakens]);
    let files = |level: &str| documents("", &[("builders.toml", level), ("trust/x.json", level)]);
    let (old, new) = (files("a"), files("b"));
    let (before, after) = (Policy::load(&old).unwrap(), Policy::load(&new).unwrap());
    let changes = compare((&old, &before), (&new, &after));
    assert_eq!(changes.iter().map(|change| change.effect).collect::<Vec<_>>(), [Effect::Weakens; 2]);
}
