//! Each refusal has its own code, exit status and explanation, and is in the ledger.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test")]

mod world;

use world::{World, said};

struct Case {
    name: &'static str,
    claims: &'static [&'static str],
    arguments: &'static [&'static str],
    code: &'static str,
    exit: i32,
}

const CASES: [Case; 5] = [
    Case {
        name: "wrong branch",
        claims: &["--ref", "refs/heads/x"],
        arguments: &[],
        code: "CH4012",
        exit: 4,
    },
    Case {
        name: "wrong repository",
        claims: &["--repository-id", "7"],
        arguments: &[],
        code: "CH4002",
        exit: 4,
    },
    Case {
        name: "expired token",
        claims: &["--issued-ago", "3600"],
        arguments: &[],
        code: "CH3005",
        exit: 3,
    },
    Case {
        name: "forbidden event",
        claims: &["--event", "pull_request_target"],
        arguments: &[],
        code: "CH4013",
        exit: 4,
    },
    Case {
        name: "unknown profile",
        claims: &[],
        arguments: &["--profile", "nowhere"],
        code: "CH4001",
        exit: 4,
    },
];

#[test]
fn each_refusal_is_explained_and_logged() {
    let world = World::start();
    for case in CASES {
        let file = world.write("app.bin", case.name.as_bytes());
        let before = world.leaves().len();
        let mut arguments = vec!["sign", file.to_str().unwrap(), "--json"];
        arguments.extend_from_slice(case.arguments);
        let said = world.run_as(case.claims, &arguments);
        assert_eq!(said.code, case.exit, "{}: {}\n{}", case.name, said.out, said.err);
        assert!(said.out.contains(case.code), "{}: {}", case.name, said.out);
        assert!(!world.path("app.bin.sigstore.json").exists(), "{}", case.name);
        let leaves = world.leaves();
        let denied: Vec<_> = leaves[before..].iter().filter(|leaf| leaf["kind"] == "denied").collect();
        if case.code != "CH4001" || !denied.is_empty() {
            assert_eq!(denied.len(), 1, "{}: {leaves:?}", case.name);
            assert_eq!(denied[0]["code"], case.code);
        }
    }
}

#[test]
fn a_token_is_good_for_one_request() {
    let world = World::start();
    let (one, two) = (world.write("one.bin", b"one"), world.write("two.bin", b"two"));
    // A fixed-audience token from the environment, used twice.
    let token = world.run(&["dev", "token"]).expect(0).out.trim().to_owned();
    let sign = |path: &std::path::Path| {
        let mut command = world.command(&["sign", path.to_str().unwrap(), "--json"]);
        command.env_remove("ACTIONS_ID_TOKEN_REQUEST_URL").env("CHANCERY_ID_TOKEN", &token);
        said(command.output().unwrap())
    };
    // The profile wants a request-bound token.
    let refused = sign(&one);
    assert!(refused.out.contains("CH4017"), "{}\n{}", refused.out, refused.err);
    // Bound to another request.
    let audience =
        "chancery:dev.localhost:sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let token = world.run(&["dev", "token", "--audience", audience]).expect(0).out.trim().to_owned();
    let mut command = world.command(&["sign", two.to_str().unwrap(), "--json"]);
    command.env_remove("ACTIONS_ID_TOKEN_REQUEST_URL").env("CHANCERY_ID_TOKEN", &token);
    let refused = said(command.output().unwrap()).expect(3);
    assert!(refused.out.contains("CH3004"), "{}", refused.out);
}

#[test]
fn a_spent_limit_refuses_and_counts() {
    let world = World::start();
    let files: Vec<String> = (0..101u32)
        .map(|n| world.write(&format!("f{n}.bin"), &n.to_be_bytes()).to_str().unwrap().to_owned())
        .collect();
    let mut arguments = vec!["sign", "--json"];
    arguments.extend(files.iter().take(100).map(String::as_str));
    world.run(&arguments).expect(0);
    let refused = world.run(&["sign", "--json", &files[100]]).expect(4);
    assert!(refused.out.contains("CH4016"), "{}", refused.out);
    // What was released stays released: the same wish is not counted again.
    world.run(&["sign", "--json", "--replace", &files[0]]).expect(0);
}
