//! Each refusal has its own code, exit status and explanation, and is in the ledger.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use serde_json::Value;
use world::{World, of_kind};

struct Case {
    name: &'static str,
    claims: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    code: &'static str,
    exit: i32,
    /// What the explanation names: what was found.
    actual: &'static str,
    /// How many leaves of kind `denied` it leaves.
    denied: usize,
}

const CASES: [Case; 6] = [
    Case {
        name: "wrong branch",
        claims: &[("ref", "refs/heads/x")],
        arguments: &[],
        code: "CH4012",
        exit: 4,
        actual: "refs/heads/x",
        denied: 1,
    },
    Case {
        name: "forbidden event",
        claims: &[("event", "pull_request_target")],
        arguments: &[],
        code: "CH4013",
        exit: 4,
        actual: "forbidden",
        denied: 1,
    },
    Case {
        name: "wrong repository",
        claims: &[("repository_id", "7")],
        arguments: &[],
        code: "CH4002",
        exit: 4,
        actual: "dev 7",
        denied: 1,
    },
    Case {
        name: "expired token",
        claims: &[("iat_offset", "-3600"), ("lifetime", "300")],
        arguments: &[],
        code: "CH3005",
        exit: 3,
        actual: "until ",
        denied: 1,
    },
    Case {
        name: "token from the future",
        claims: &[("iat_offset", "3600")],
        arguments: &[],
        code: "CH3005",
        exit: 3,
        actual: "",
        denied: 1,
    },
    Case {
        name: "unknown profile",
        claims: &[],
        arguments: &["--profile", "nowhere"],
        code: "CH4001",
        exit: 4,
        actual: "nowhere",
        denied: 1,
    },
];

fn explained(said: &world::Said, name: &str) -> Value {
    let error = said.json();
    assert_eq!(error["schema"], "chancery.error/1", "{name}");
    assert_eq!(error["exit_code"], said.code, "{name}");
    assert!(!error["what"].as_str().unwrap().is_empty(), "{name}");
    assert!(error["request_id"].as_str().unwrap().starts_with("r-"), "{name}");
    error
}

#[test]
fn each_refusal_is_explained_and_logged() {
    let world = World::start();
    for case in CASES {
        let file = world.write("app.bin", case.name.as_bytes());
        let before = world.size();
        let mut arguments = vec!["sign", file.to_str().unwrap(), "--json"];
        arguments.extend_from_slice(case.arguments);
        let said = world.run_as(case.claims, &arguments);
        let error = explained(&said, case.name);
        assert_eq!(error["code"], case.code, "{}: {}", case.name, said.out);
        assert_eq!(said.code, case.exit, "{}", case.name);
        assert!(error["actual"].as_str().unwrap().contains(case.actual), "{}: {}", case.name, said.out);
        assert!(!world.path("app.bin.sigstore.json").exists(), "{}", case.name);
        let leaves = world.leaves(before);
        assert!(of_kind(&leaves, "intent").is_empty(), "{}: {leaves:?}", case.name);
        let denied = of_kind(&leaves, "denied");
        assert_eq!(denied.len(), case.denied, "{}: {leaves:?}", case.name);
        assert!(denied.iter().all(|leaf| leaf["code"] == case.code));
        if case.name == "unknown profile" {
            assert_eq!(error["hint"], "use one of the profiles `dev`, `release`");
        }
    }
}

fn audience(id: &str) -> String {
    format!("chancery:dev.localhost:sha256:{id}")
}

fn request_id(said: &world::Said) -> String {
    said.json()["results"][0]["request_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_is_good_for_one_request() {
    let world = World::start();
    world.write("one.bin", b"one");
    world.write("two.bin", b"two");
    // A token that is bound to nothing: the profile wants more.
    let said = world.run_with_token(&world.token("chancery:dev.localhost"), &["sign", "one.bin", "--json"]);
    assert_eq!(explained(&said.expect(4), "unbound")["code"], "CH4017");
    // Bound to a request that this is not.
    let said = world.run_with_token(&world.token(&audience(&"0".repeat(64))), &["sign", "one.bin", "--json"]);
    assert_eq!(explained(&said.expect(3), "bound elsewhere")["code"], "CH3004");
    // For another service.
    let said = world.run_with_token(&world.token("sigstore"), &["sign", "one.bin", "--json"]);
    assert_eq!(explained(&said.expect(3), "another audience")["code"], "CH3003");
    // No token at all.
    let said = world.run_with_token("", &["sign", "one.bin", "--json"]);
    assert_eq!(said.code, 3, "{}", said.out);
    // The id of a request, so that its token can be had by name.
    let one = request_id(&world.run(&["sign", "one.bin", "--json"]).expect(0));
    let token = world.token(&audience(&one));
    let again = world.run_with_token(&token, &["sign", "one.bin", "--json", "--replace"]).expect(0);
    assert_eq!(request_id(&again), one);
    let said = world.run_with_token(&token, &["sign", "two.bin", "--json"]);
    assert_eq!(explained(&said.expect(3), "second request")["code"], "CH3004");
    assert!(!world.path("two.bin.sigstore.json").exists());
}

#[test]
fn a_spent_limit_refuses_and_counts() {
    let world = World::start();
    let files: Vec<String> = (0..101u32)
        .map(|n| world.write(&format!("f{n}.bin"), &n.to_be_bytes()).to_str().unwrap().to_owned())
        .collect();
    let (last, first) = files.split_last().unwrap();
    let mut arguments = vec!["sign", "--json"];
    arguments.extend(first.iter().map(String::as_str));
    let all = world.run(&arguments).expect(0).json();
    assert_eq!(all["results"].as_array().unwrap().len(), 100);
    let before = world.size();
    let refused = world.run(&["sign", "--json", last]).expect(4);
    assert_eq!(explained(&refused, "spent")["code"], "CH4016");
    let leaves = world.leaves(before);
    assert_eq!(of_kind(&leaves, "denied").len(), 1, "{leaves:?}");
    // What was released stays released: the same wish is answered again and not counted.
    arguments.push("--replace");
    let again = world.run(&arguments).expect(0).json();
    let places = |all: &Value| -> Vec<Value> {
        all["results"].as_array().unwrap().iter().map(|one| one["ledger"]["index"].clone()).collect()
    };
    assert_eq!(places(&again), places(&all));
    assert_eq!(world.size(), before + 1);
}

/// Where the CI fixes the audience, the first request takes the token for itself.
#[test]
fn a_replayed_token_is_refused() {
    let mut world = World::cold();
    let governance = world.data().join("governance/profiles");
    std::fs::create_dir_all(&governance).unwrap();
    let profile = include_str!("../../../../testdata/governance/dev/profiles/dev.toml");
    std::fs::write(governance.join("dev.toml"), profile.replace("\"request\"", "\"fixed\"")).unwrap();
    world.serve(&[]);
    world.write("one.bin", b"one");
    world.write("two.bin", b"two");
    let token = world.token("chancery:dev.localhost");
    world.run_with_token(&token, &["sign", "one.bin", "--json"]).expect(0);
    let before = world.size();
    let said = world.run_with_token(&token, &["sign", "two.bin", "--json"]).expect(3);
    assert_eq!(explained(&said, "replay")["code"], "CH3006");
    assert!(!world.path("two.bin.sigstore.json").exists());
    let leaves = world.leaves(before);
    assert!(of_kind(&leaves, "intent").is_empty() && of_kind(&leaves, "result").is_empty(), "{leaves:?}");
    assert_eq!(of_kind(&leaves, "denied").len(), 1, "{leaves:?}");
    // The request that it belongs to may use it again, also after a restart.
    assert_eq!(world.stop(), 0);
    world.serve(&[]);
    world.run_with_token(&token, &["sign", "one.bin", "--json", "--replace"]).expect(0);
    let said = world.run_with_token(&token, &["sign", "two.bin", "--json"]).expect(3);
    assert_eq!(explained(&said, "replay after a restart")["code"], "CH3006");
}
