//! What keeps governance from being loaded: each row changes one thing in documents that are right, and must be found
//! with its file and field.
#![expect(clippy::unwrap_used, reason = "test")]

mod plain;

use std::collections::BTreeMap;

use chancery_policy::documents::Documents;
use chancery_policy::lint;
use chancery_policy::policy::Policy;
use chancery_policy::problem::{Problems, Severity};
use plain::PROFILE;

const GUARDRAIL: &str = r#"@id("no-forks") @reason("because")
forbid (principal, action == Action::"sign", resource) when { context.claims has build_trigger && context.claims.build_trigger == "x" };
"#;
const TEST: &str = r#"[[case]]
name = "c"
profile = "p"
issuer = "dev"
format = "sigstore"
family = "message"
expect = "CH4002"
"#;

fn documents(files: &[(&str, String)]) -> Documents {
    let mut all = BTreeMap::from([
        ("profiles/p.toml".to_owned(), PROFILE.to_owned()),
        ("guardrails/g.cedar".to_owned(), GUARDRAIL.to_owned()),
        ("tests/t.toml".to_owned(), TEST.to_owned()),
        ("issuers.toml".to_owned(), "anything".to_owned()),
        ("verification/v.toml".to_owned(), "anything".to_owned()),
    ]);
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())));
    Documents::new(all).unwrap()
}

fn finds(problems: &Problems, severity: Severity, file: &str, field: &str, message: &str) -> bool {
    problems.list().iter().any(|problem| {
        problem.severity == severity
            && problem.file == file
            && problem.field == field
            && problem.message.contains(message)
    })
}

/// Replaces `old` in the profile, once, and expects exactly this problem and that nothing is loaded.
fn refuses(old: &str, new: &str, field: &str, message: &str) {
    assert_eq!(PROFILE.matches(old).count(), 1, "the row is wrong: {old}");
    let problems = lint::check(&documents(&[("profiles/p.toml", PROFILE.replace(old, new))]));
    assert!(finds(&problems, Severity::Error, "profiles/p.toml", field, message), "{new:?}: {problems}");
    assert!(Policy::load(&documents(&[("profiles/p.toml", PROFILE.replace(old, new))])).is_err());
}

#[test]
fn the_unchanged_documents_are_right() {
    let problems = lint::check(&documents(&[]));
    assert!(problems.list().is_empty(), "{problems}");
}

#[test]
fn profiles_are_strict() {
    for (old, new, field, message) in [
        ("owner = \"me\"\n", "", "owner", "is missing"),
        ("owner = \"me\"", "owner = \" \"", "owner", "is empty"),
        ("owner = \"me\"", "owner = \"a\\u001b[2J\"", "owner", "control"),
        ("owner = \"me\"", "owner = 1", "owner", "is not text"),
        ("owner = \"me\"", "owner = \"me\"\nownr = \"x\"", "ownr", "is not a known field"),
        ("\"staging\"", "\"prod\"", "environment", "is not one of"),
        ("timestamp = \"none\"", "", "timestamp", "is missing"),
        ("timestamp = \"none\"", "timestamp = [\"builtin\", \"x\"]", "timestamp", "distinct names"),
        ("timestamp = \"none\"", "timestamp = \"none\"\ndepth = \"digest\"", "depth", "per format only"),
        ("timestamp = \"none\"", "timestamp = \"none\"\nbinding = \"none\"", "binding", "is neither"),
        ("message = \"k\"", "", "keys.message", "is missing"),
        ("message = \"k\"", "message = \"../k\"", "keys.message", "is not a key name"),
        ("message = \"k\"", "message = \"k\"\nsct = \"s\"", "keys.sct", "never artifacts"),
        ("message = \"k\"", "message = \"k\"\ncms = \"k\"", "keys", "one key serves two families"),
        ("message = \"k\"", "message = \"k\"\npgp = \"x\"", "keys.pgp", "is not a family"),
        ("[formats.sigstore]", "[formats.jarx]", "formats.jarx", "is not a known format"),
        ("families = [\"message\"]", "families = []", "formats.sigstore.families", "is empty"),
        (
            "families = [\"message\"]",
            "families = [\"mesage\"]",
            "formats.sigstore.families",
            "is not a family",
        ),
        (
            "families = [\"message\"]",
            "families = [\"message\"]\ndeep = 1",
            "formats.sigstore.deep",
            "known field",
        ),
        ("count = 10", "count = 0", "limits[0].count", "whole number"),
        ("count = 10", "count = -1", "limits[0].count", "whole number"),
        ("window = \"10m\"", "window = \"10 minutes\"", "limits[0].window", "is not a window"),
        (
            "count = 10",
            "count = 1\nwindow = \"600s\"\n[[limits]]\ncount = 10",
            "limits[1].window",
            "has a limit already",
        ),
        ("[[grants]]", "[approvals]\nneed = 99\n[[grants]]", "approvals.need", "whole number"),
        ("environment", "= [", "", "not TOML"),
    ] {
        refuses(old, new, field, message);
    }
}

#[test]
fn grants_pin_an_identity() {
    let id = "source_repository_identifier = \"42\"";
    let reference = "source_repository_ref = \"refs/heads/main\"";
    let base = "grants[0].claims";
    for (old, new, field, message) in [
        (id, "", base, "no immutable id"),
        (id, "repository = \"acme/app\"", base, "no immutable id"),
        (id, "source_repository_uri = \"https://example.com/acme/app\"", base, "no immutable id"),
        (id, "source_repository_owner_identifier = \"7\"\nrepository = \"acme/app\"", base, "name without"),
        (
            id,
            "source_repository_identifier = \"4*\"",
            "grants[0].claims.source_repository_identifier",
            "exactly",
        ),
        (
            id,
            "source_repository_identifier = 42",
            "grants[0].claims.source_repository_identifier",
            "in quotes",
        ),
        (reference, "subject = \"repo:acme/app:*\"", "grants[0].claims.subject", "customise"),
        (reference, "sub = \"repo:acme/app\"", "grants[0].claims.sub", "customise"),
        (reference, "\"raw.sub\" = \"repo:acme/app\"", "grants[0].claims.raw.sub", "customise"),
        (reference, "issuer = \"https://x\"", "grants[0].claims.issuer", "`issuer` field"),
        (reference, "email = \"a@b\"", "grants[0].claims.email", "person"),
        (reference, "actor = \"maria\"", "grants[0].claims.actor", "person"),
        (reference, "jti = \"1\"", "grants[0].claims.jti", "every run"),
        (
            reference,
            "source_repository_reff = \"x\"",
            "grants[0].claims.source_repository_reff",
            "not a known claim",
        ),
        (reference, "source_repository_ref = \"*\"", "grants[0].claims.source_repository_ref", "wildcard"),
        (
            reference,
            "source_repository_ref = \"*/main\"",
            "grants[0].claims.source_repository_ref",
            "wildcard",
        ),
        (
            reference,
            "source_repository_ref = \"^refs/heads/main\"",
            "grants[0].claims.source_repository_ref",
            "globs",
        ),
        (reference, "ref_protected = true", "grants[0].claims.ref_protected", "in quotes, \"true\""),
        (
            reference,
            "ref_protected = \"true\"\n\"raw.ref_protected\" = \"true\"",
            "grants[0].claims.ref_protected",
            "already",
        ),
    ] {
        refuses(old, new, field, message);
    }
}

#[test]
fn grants_are_whole() {
    let base = "grants[0].claims";
    for (old, new, field, message) in [
        ("issuer = \"dev\"", "", "grants[0].issuer", "is missing"),
        ("issuer = \"dev\"", "issuer = \"https://x\"", "grants[0].issuer", "issuer name"),
        ("issuer = \"dev\"", "issuer = \"dev\"\nkind = \"human\"", "grants[0].kind", "people never ask"),
        ("issuer = \"dev\"", "issuer = \"dev\"\nexpires = \"soon\"", "grants[0].expires", "RFC 3339"),
        ("name = \"g\"", "name = \"G\"", "grants[0].name", "is not 1 to 64"),
    ] {
        refuses(old, new, field, message);
    }
    let claims = "[grants.claims]\nsource_repository_identifier = \"42\"\nsource_repository_ref = \"refs/heads/main\"\n";
    refuses(claims, "", base, "is missing");
    refuses(claims, "[grants.claims]\n", base, "is empty");
    refuses(
        claims,
        &format!("{claims}[[grants]]\nname = \"g\"\nissuer = \"dev\"\n{claims}"),
        "grants[1].name",
        "another grant",
    );
}

#[test]
fn guardrails_only_forbid_and_are_typed() {
    for (text, field, message) in [
        ("permit (principal, action, resource);", "g", "only forbids"),
        (
            "forbid (principal, action, resource) when { context.claims.build_trigger == \"x\" };",
            "g",
            "build_trigger",
        ),
        ("forbid (principal, action, resource) when { context.claims.ref == \"x\" };", "g", "ref"),
        ("forbid (principal, action, resource) when { context.claims.subject == \"x\" };", "g", "subject"),
        (
            "forbid (principal, action, resource) when { context.raw has sub && context.raw.sub == \"x\" };",
            "g",
            "",
        ),
        ("forbid (principal, action, resource) when { context.format == Format::\"exe\" };", "g", "exe"),
        ("forbid (principal, action, resource) when { context.depth == \"digest\" };", "g", ""),
        ("forbid (principal, action == Action::\"seal\", resource);", "g", "seal"),
        ("forbid (principal, action, resource == Profile::\"prod\");", "g", "is not a profile"),
        ("forbid (principal, action, resource) when { false };", "g", ""),
        ("forbid (principal == ?principal, action, resource);", "", "templates"),
        ("forbid (principal, action, resource", "", "not Cedar"),
        ("// nothing", "", "holds no guardrail"),
        ("@id(\"A b\") forbid (principal, action, resource);", "A b", "the id is not"),
        ("@resaon(\"x\") forbid (principal, action, resource);", "g", "not a known annotation"),
        (
            "@id(\"x\") forbid (principal, action, resource); @id(\"x\") forbid (principal, action, resource);",
            "x",
            "another guardrail",
        ),
    ] {
        let changed = documents(&[("guardrails/g.cedar", text.to_owned())]);
        let problems = Policy::load(&changed).expect_err(text);
        assert!(
            finds(&problems, Severity::Error, "guardrails/g.cedar", field, message),
            "{text}: {problems}"
        );
    }
}

#[test]
fn files_that_nobody_reads_are_errors() {
    for path in ["guardrails/x.ceder", "profile/p.toml", "profiles/a/p.toml", "x.toml", "guardrails/.cedar"] {
        let problems = Policy::load(&documents(&[(path, String::new())])).unwrap_err();
        assert!(finds(&problems, Severity::Error, path, "", "is not a file"), "{path}: {problems}");
    }
    let upper = Policy::load(&documents(&[("profiles/P.toml", PROFILE.to_owned())])).unwrap_err();
    assert!(finds(&upper, Severity::Error, "profiles/P.toml", "", "profile name"), "{upper}");
}

#[test]
fn every_problem_is_reported_at_once() {
    let bad = PROFILE
        .replace("owner = \"me\"", "ownr = 1")
        .replace("issuer = \"dev\"", "")
        .replace("\"10m\"", "\"x\"");
    let guard = "permit (principal, action, resource);".to_owned();
    let changed = documents(&[
        ("profiles/p.toml", bad),
        ("guardrails/g.cedar", guard),
        ("tests/t.toml", TEST.replace("CH4002", "maybe")),
    ]);
    let problems = lint::check(&changed);
    let fields: Vec<(&str, &str)> =
        problems.list().iter().map(|problem| (problem.file.as_str(), problem.field.as_str())).collect();
    let expected = [
        ("guardrails/g.cedar", "g"),
        ("profiles/p.toml", "grants[0].issuer"),
        ("profiles/p.toml", "limits[0].window"),
        ("profiles/p.toml", "owner"),
        ("profiles/p.toml", "ownr"),
        ("tests/t.toml", "case[0].expect"),
    ];
    assert_eq!(fields, expected, "{problems}");
}

#[test]
fn warnings_do_not_keep_it_from_loading() {
    let limit = "[[limits]]\ncount = 10\nwindow = \"10m\"\n";
    for (old, new, field, message) in [
        (limit, "", "limits", "no limit"),
        ("message = \"k\"", "message = \"k\"\ncms = \"c\"", "keys.cms", "no format uses"),
        ("_identifier = \"42\"", "_owner_identifier = \"7\"", "grants[0].claims", "every repository"),
        ("refs/heads/main", "refs/heads/**", "grants[0].claims.source_repository_ref", "every ref"),
    ] {
        let changed = documents(&[("profiles/p.toml", PROFILE.replace(old, new))]);
        let policy = Policy::load(&changed).unwrap();
        assert!(
            finds(policy.warnings(), Severity::Warning, "profiles/p.toml", field, message),
            "{}",
            policy.warnings()
        );
    }
}

#[test]
fn hostile_text_is_refused_without_harm() {
    let deep = format!("x = {}1{}", "[".repeat(5000), "]".repeat(5000));
    let tables = format!("[{}]", vec!["a"; 5000].join("."));
    let guard = |condition: String| format!("forbid (principal, action, resource) when {{ {condition} }};");
    let within = |count: usize, unit: &str, end: &str| guard(format!("{}{end}", unit.repeat(count)));
    for (path, text) in [
        ("profiles/p.toml", deep),
        ("profiles/p.toml", tables),
        ("guardrails/g.cedar", within(5000, "!", "true")),
        ("guardrails/g.cedar", within(5000, "(", "true")),
        ("guardrails/g.cedar", within(5000, "if true then true else ", "true")),
        ("guardrails/g.cedar", "\u{0}\u{feff}".to_owned()),
        // As deep as the bounds allow, Cedar's parser and validator must still see that these do not fit the schema.
        ("guardrails/g.cedar", guard(format!("context{} == 1", ".a".repeat(385)))),
        ("guardrails/g.cedar", guard(format!("context{} == 1", "[\"a\"]".repeat(255)))),
        ("guardrails/g.cedar", guard(format!("context.nothing == 1{}", " && true".repeat(255)))),
        ("guardrails/g.cedar", guard(format!("{}context.nothing == 1", "true && ".repeat(255)))),
        (
            "guardrails/g.cedar",
            guard(format!("{}context.nothing", "if context.depth == 1 then true else ".repeat(90))),
        ),
        ("guardrails/g.cedar", guard(format!("{}context.nothing{}", "(".repeat(30), ")".repeat(30)))),
        ("guardrails/g.cedar", guard(format!("{}context.nothing{}", "(!!!!".repeat(30), ")".repeat(30)))),
    ] {
        assert!(Policy::load(&documents(&[(path, text.clone())])).is_err(), "{path} {text}");
    }
}
