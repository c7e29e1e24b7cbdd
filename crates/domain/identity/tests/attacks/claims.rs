//! Claims of the wrong type or with text that must not reach certificates, terminals and logs; single use; people.

use chancery_core::caller::CallerKind;
use chancery_identity::authenticate::{Expectation, authenticate};
use chancery_identity::issuers_toml;
use serde_json::{Value, json};

use crate::forge::{Forge, claims, expectation, registration};
use crate::table::Table;

pub(crate) fn table(forge: &Forge) -> Table {
    let mut table = Table::default();
    for (name, claim, value) in [
        ("no jti", "jti", Value::Null),
        ("512 bytes of jti", "jti", json!("a".repeat(512))),
        ("2048 bytes of ref", "ref", json!(format!("refs/heads/{}", "a".repeat(2037)))),
        ("letters of other alphabets", "workflow", json!("Veröffentlichung 発行")),
        ("an emoji", "ref", json!("refs/heads/\u{2764}\u{fe0f}")),
        ("a list that no dialect reads", "groups_direct", json!(["a", "b"])),
        ("an absent environment", "environment", Value::Null),
    ] {
        table.honest(name, forge.check(&forge.with(claim, value)));
    }
    types(forge, &mut table);
    texts(forge, &mut table);
    paths(forge, &mut table);
    kinds(forge, &mut table);
    table
}

/// (claim, value, sentence, what was found)
fn types(forge: &Forge, table: &mut Table) {
    const JTI: &str = "token's `jti` is not 1 to 512 bytes of text";
    const SUB: &str = "token's `sub` is not text";
    for (claim, value, sentence, actual) in [
        ("jti", json!(1), JTI, "a number"),
        ("jti", json!(["a"]), JTI, "a list"),
        ("jti", json!({"jti": "a"}), JTI, "an object"),
        ("jti", json!(true), JTI, "true or false"),
        ("jti", json!(""), JTI, "0 bytes"),
        ("jti", json!("a".repeat(513)), JTI, "513 bytes"),
        ("sub", Value::Null, SUB, "no `sub`"),
        ("sub", json!(""), SUB, "empty text"),
        ("sub", json!(42), SUB, "a number"),
        ("sub", json!(["repo:acme/app"]), SUB, "a list"),
        ("sub", json!({"repo": "acme/app"}), SUB, "an object"),
        ("sub", json!(true), SUB, "true or false"),
        ("repository_id", json!(["42"]), "claim `repository_id` is not text", "a list"),
        ("repository_id", json!([42]), "claim `repository_id` is not text", "a list"),
        ("repository_id", json!({"id": "42"}), "claim `repository_id` is not text", "an object"),
        ("repository_id", json!(42.0), "claim `repository_id` is not text", "a number with a fraction"),
        ("repository_id", json!(true), "claim `repository_id` is not text", "true or false"),
        ("repository_owner_id", json!(["7", "8"]), "claim `repository_owner_id` is not text", "a list"),
        ("repository", json!(["acme/app"]), "claim `repository` is not text", "a list"),
        ("ref", json!(["refs/heads/main"]), "claim `ref` is not text", "a list"),
        ("ref", json!({"name": "refs/heads/main"}), "claim `ref` is not text", "an object"),
        ("event_name", json!(["push", "pull_request_target"]), "claim `event_name` is not text", "a list"),
        ("environment", json!(["production"]), "claim `environment` is not text", "a list"),
        ("environment", json!(true), "claim `environment` is not text", "true or false"),
        ("runner_environment", json!(["github-hosted"]), "claim `runner_environment` is not text", "a list"),
        ("job_workflow_ref", json!([]), "claim `job_workflow_ref` is not text", "a list"),
        ("sha", json!(1.5), "claim `sha` is not text", "a number with a fraction"),
        ("run_id", json!(false), "claim `run_id` is not text", "true or false"),
    ] {
        let reason = format!("{sentence} ({actual}");
        let shown: String = value.to_string().chars().take(30).collect();
        table.attack(format!("{claim} is {shown}"), forge.check(&forge.with(claim, value)), "CH3001", reason);
    }
    // An exponent that prints as the honest id.
    let payload = claims().to_string().replacen("\"repository_id\":\"42\"", "\"repository_id\":4.2e1", 1);
    let reason = "claim `repository_id` is not text (a number with a fraction or an exponent)";
    table.attack("repository_id is 4.2e1", forge.check(&forge.payload(&payload)), "CH3001", reason);
}

fn texts(forge: &Forge, table: &mut Table) {
    for (name, c) in [
        ("newline", '\n'),
        ("carriage return", '\r'),
        ("nul", '\0'),
        ("escape", '\u{1b}'),
        ("tab", '\t'),
        ("delete", '\u{7f}'),
        ("next line", '\u{85}'),
        ("control sequence introducer", '\u{9b}'),
    ] {
        let token = forge.with("ref", json!(format!("refs/heads/ma{c}in")));
        let reason = format!("claim `ref` holds a control character ({}", c.escape_unicode());
        table.attack(format!("ref with {name}"), forge.check(&token), "CH3001", reason);
    }
    for (name, c) in [
        ("right-to-left override", '\u{202e}'),
        ("left-to-right override", '\u{202d}'),
        ("right-to-left isolate", '\u{2067}'),
        ("first strong isolate", '\u{2068}'),
        ("right-to-left mark", '\u{200f}'),
        ("arabic letter mark", '\u{61c}'),
        ("zero width space", '\u{200b}'),
        ("zero width joiner", '\u{200d}'),
        ("word joiner", '\u{2060}'),
        ("soft hyphen", '\u{ad}'),
        ("line separator", '\u{2028}'),
        ("byte order mark", '\u{feff}'),
        ("interlinear annotation", '\u{fff9}'),
        ("tag letter", '\u{e0041}'),
    ] {
        let token = forge.with("environment", json!(format!("produc{c}tion")));
        let reason = format!(
            "claim `environment` holds a character that hides or reorders text ({}",
            c.escape_unicode()
        );
        table.attack(format!("environment with {name}"), forge.check(&token), "CH3001", reason);
    }
    for (claim, value, reason) in [
        ("ref", json!("a".repeat(2049)), "claim `ref` is longer than 2048 bytes (2049 bytes)"),
        ("repository", json!("a".repeat(9000)), "claim `repository` is longer than 2048 bytes (9000 bytes)"),
        ("sub", json!("a".repeat(3000)), "claim `sub` is longer than 2048 bytes (3000 bytes)"),
        ("workflow", json!("x\ny"), "claim `workflow` holds a control character"),
        ("sub", json!("repo:acme/app\u{202e}"), "claim `sub` holds a character that hides"),
        ("jti", json!("1\u{0}"), "claim `jti` holds a control character"),
        ("x\n", json!("y"), "the name of a claim holds a control character"),
        ("\u{202e}ref", json!("y"), "the name of a claim holds a character that hides"),
    ] {
        let shown: String = value.to_string().chars().take(30).collect();
        table.attack(format!("{claim:?} {shown}"), forge.check(&forge.with(claim, value)), "CH3001", reason);
    }
    let long = forge.with(&"n".repeat(3000), json!("x"));
    let reason = "the name of a claim is longer than 2048 bytes (3000 bytes)";
    table.attack("a name of 3000 bytes", forge.check(&long), "CH3001", reason);
}

/// Members of members are read by their path, so a path may not have two owners.
fn paths(forge: &Forge, table: &mut Table) {
    let without = |name: &str, more: Value| {
        let mut claims = claims();
        let members = claims.as_object_mut().unwrap();
        drop(members.remove(name));
        members.extend(more.as_object().unwrap().clone());
        forge.payload(&claims.to_string())
    };
    const PATH: &str = "two claims have the same path";
    const EMPTY: &str = "a claim has an empty name";
    for (name, more, reason) in [
        ("a/b and a with b", json!({"a/b": "1", "a": {"b": "2"}}), format!("{PATH} (a/b)")),
        ("the same value", json!({"a/b": "1", "a": {"b": "1"}}), format!("{PATH} (a/b)")),
        ("deeper", json!({"a": {"b": {"c": 1}, "b/c": 2}}), format!("{PATH} (a/b/c)")),
        ("members of an empty name", json!({"": {"repository_id": "42"}}), EMPTY.to_owned()),
        ("an empty name within", json!({"a": {"": "42"}}), EMPTY.to_owned()),
        ("an empty name", json!({"": "42"}), EMPTY.to_owned()),
    ] {
        let checked = forge.check(&without("repository_id", more));
        table.attack(format!("paths: {name}"), checked, "CH3001", reason);
    }
    let many = (0..300).map(|index| (format!("c{index}"), json!(index))).collect::<serde_json::Map<_, _>>();
    let reason = "token has more than 256 claims";
    table.attack("300 claims", forge.check(&without("x", Value::Object(many))), "CH3001", reason);
}

/// Workload and human tokens are never interchangeable (ASVS 5.0 V9.2.2).
fn kinds(forge: &Forge, table: &mut Table) {
    let people = issuers_toml::load(&registration("kind = \"human\"\n")).unwrap();
    let as_kind = |kind| Expectation { kind, ..expectation() };
    let both = authenticate(&forge.good(), &people, &forge.keys(), &as_kind(None));
    table.honest("a person where both may", both);
    const KIND: &str = "this kind of caller may not do this";
    let person = authenticate(&forge.good(), &people, &forge.keys(), &as_kind(Some(CallerKind::Workload)));
    table.attack("a person where a workload must", person, "CH3007", format!("{KIND} (human)"));
    let human = as_kind(Some(CallerKind::Human));
    let workload = authenticate(&forge.good(), &forge.issuers, &forge.keys(), &human);
    table.attack("a workload where a person must", workload, "CH3007", format!("{KIND} (workload)"));
    // The token's own word about itself does not count.
    for (name, claim) in [("kind", "kind"), ("token_use", "token_use"), ("azp", "azp")] {
        let token = forge.with(claim, json!("workload"));
        let checked = authenticate(&token, &people, &forge.keys(), &as_kind(Some(CallerKind::Workload)));
        table.attack(format!("a person whose token says {name} workload"), checked, "CH3007", KIND);
    }
}
