//! Profiles that issue certificates to Sigstore clients: what they may say, and what is decided under them.
#![expect(clippy::unwrap_used, reason = "test")]

use std::collections::BTreeMap;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::decision::Decision;
use chancery_core::family::Family;
use chancery_core::id::ProfileName;
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_policy::problem::Severity;
use chancery_policy::test_cases;

const GRANT: &str =
    "[[grants]]\nname = \"g\"\nissuer = \"ci\"\n[grants.claims]\nsource_repository_identifier = \"42\"\n";

fn profile(environment: &str, top: &str, facade: &str) -> String {
    let head = format!("environment = \"{environment}\"\nowner = \"o\"\npurpose = \"p\"\n{top}");
    format!("{head}[facade]\n{facade}[[limits]]\ncount = 10\nwindow = \"10m\"\n{GRANT}")
}

fn documents(profile: &str, case: &str) -> Documents {
    let issuers =
        "[issuer.ci]\nurl = \"https://ci.example\"\ndialect = \"generic\"\nalgorithms = [\"RS256\"]\n";
    Documents::new(BTreeMap::from([
        ("profiles/p.toml".to_owned(), profile.to_owned()),
        ("issuers.toml".to_owned(), issuers.to_owned()),
        ("tests/t.toml".to_owned(), case.to_owned()),
    ]))
    .unwrap()
}

/// The fields of the errors of a profile.
fn errors(profile: &str) -> Vec<String> {
    match Policy::load(&documents(profile, "")) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            let errors = problems.list().iter().filter(|problem| problem.severity == Severity::Error);
            errors.map(|problem| problem.field.clone()).collect()
        }
    }
}

#[test]
fn a_profile_issues_or_signs() {
    assert!(errors(&profile("staging", "", "")).is_empty());
    let elsewhere = [
        ("binding = \"fixed\"\n", "binding"),
        ("depth = \"structured\"\n", "depth"),
        ("timestamp = \"none\"\n", "timestamp"),
        ("hold = \"10m\"\n", "hold"),
        ("[keys]\nmessage = \"m\"\n", "keys"),
        ("[formats.sigstore]\nfamilies = [\"message\"]\n", "formats"),
        ("[approvals]\nneed = 1\n", "approvals"),
        ("[quorum]\nbuilders = 2\ndiffer = \"issuer\"\n", "quorum"),
    ];
    for (text, field) in elsewhere {
        assert_eq!(errors(&profile("staging", text, "")), [field], "{text}");
    }
    let signs = "environment = \"staging\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\n\
        [keys]\nmessage = \"m\"\n[formats.fulcio]\nfamilies = [\"certificate\"]\n";
    assert_eq!(errors(&format!("{signs}{GRANT}")), ["formats.fulcio", "keys.certificate"]);
}

#[test]
fn what_a_facade_may_say() {
    for (text, field) in [
        ("keys = []\n", "facade.keys"),
        ("keys = [\"ed25519\"]\n", "facade.keys"),
        ("keys = [\"rsa-3072\"]\n", "facade.keys"),
        ("keys = [\"ecdsa-p256\", \"ecdsa-p256\"]\n", "facade.keys"),
        ("entries = 0\n", "facade.entries"),
        ("entries = 1001\n", "facade.entries"),
        ("bearer_tokens = \"yes\"\n", "facade.bearer_tokens"),
        ("life = \"1h\"\n", "facade.life"),
    ] {
        assert_eq!(errors(&profile("staging", "", text)), [field], "{text}");
    }
    assert_eq!(errors(&profile("production", "", "")), ["facade.bearer_tokens"]);
    assert!(errors(&profile("production", "", "bearer_tokens = \"accepted\"\n")).is_empty());
    let policy =
        Policy::load(&documents(&profile("staging", "", "keys = [\"ecdsa-p256\", \"ecdsa-p384\"]\n"), ""));
    let policy = policy.unwrap();
    let found = policy.profile(&ProfileName::parse("p").unwrap()).unwrap();
    let facade = found.facade().unwrap();
    assert_eq!(
        facade.algorithms().iter().collect::<Vec<_>>(),
        [&KeyAlgorithm::EcdsaP256, &KeyAlgorithm::EcdsaP384]
    );
    assert_eq!(
        (facade.entries(), found.key(Family::Certificate).unwrap().as_str()),
        (16, "chancery-issuing")
    );
    let warned = |field: &str| policy.warnings().list().iter().any(|problem| problem.field == field);
    assert!(warned("facade"), "the issuer is not registered for the audience");
    assert!(warned("facade.keys"), "others do not verify P-384");
}

fn outcome(profile: &str, binding: &str, format: &str, family: &str) -> String {
    let case = format!(
        "[[case]]\nname = \"c\"\nprofile = \"p\"\nissuer = \"ci\"\nformat = \"{format}\"\nfamily = \"{family}\"\n\
         expect = \"allowed\"\nbinding = \"{binding}\"\n[case.claims]\nsource_repository_identifier = \"42\"\n"
    );
    let documents = documents(profile, &case);
    let policy = Policy::load(&documents).unwrap();
    let decision = test_cases::run(&policy, &test_cases::parse(&documents).unwrap()).remove(0).decision;
    match decision {
        Decision::Allowed(_) => "allowed".to_owned(),
        Decision::Pending { .. } => "pending".to_owned(),
        Decision::Refused(refusal) => refusal.code.to_string(),
    }
}

#[test]
fn tokens_for_certificates_and_tokens_for_signatures_never_meet() {
    let issues = profile("staging", "", "");
    assert_eq!(outcome(&issues, "sigstore", "fulcio", "certificate"), "allowed");
    for binding in ["fixed", "session", "request"] {
        assert_eq!(outcome(&issues, binding, "fulcio", "certificate"), "CH4017", "{binding}");
    }
    assert_eq!(outcome(&issues, "sigstore", "sigstore", "message"), "CH4014");
    for least in ["fixed", "session", "request"] {
        let signs = format!(
            "environment = \"staging\"\nowner = \"o\"\npurpose = \"p\"\ntimestamp = \"none\"\nbinding = \"{least}\"\n\
             [keys]\nmessage = \"m\"\n[formats.sigstore]\nfamilies = [\"message\"]\n{GRANT}"
        );
        assert_eq!(outcome(&signs, "request", "sigstore", "message"), "allowed");
        assert_eq!(outcome(&signs, "sigstore", "sigstore", "message"), "CH4017", "{least}");
        assert_eq!(outcome(&signs, "sigstore", "fulcio", "certificate"), "CH4014", "{least}");
    }
}
