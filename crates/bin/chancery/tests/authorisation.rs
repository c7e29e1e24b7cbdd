//! Which command may be run by whom: every command of the program, run for real by every kind of caller. The table is a page
//! of the reference; a command that is missing in it fails here.
#![expect(clippy::unwrap_used, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::collections::BTreeMap;
use std::process::Command;

use world::{CHANCERY, World};

const PAGE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/src/reference/authorisation-commands.md");
const HEAD: &str = "# Who may run what\n\nMade from real runs of the program (`UPDATE_GOLDENS=1` rewrites it): exit codes of every \
command that asks a service. What\npeople do with keys of their own is decided by their signatures, whoever runs the \
command: see the acts in\n[who may do what](authorisation.md).\n\n| command | nobody | job of another repository | job with a grant | operator's socket |\n|---|---|---|---|---|\n";
const ID: &str = "abababababababababababababababababababababababababababababababab";

/// Commands that ask no service: they work on files, or start one.
const LOCAL: [&str; 32] = [
    "act show",
    "act sign",
    "act reanchor",
    "audit",
    "backup",
    "backup verify",
    "completion",
    "demo",
    "env",
    "evidence export",
    "explain",
    "init",
    "inspect",
    "keyguard",
    "man",
    "pep740",
    "policy check",
    "policy explain",
    "policy show",
    "policy simulate",
    "policy test",
    "restore",
    "root init",
    "root rotate",
    "root show",
    "serve",
    "setup",
    "trust init",
    "trust list",
    "trust refresh",
    "verify",
    "version",
];

/// How a command is run: its arguments, apart by blanks; `ID` stands for something that is not there.
const ASKING: [(&str, &str); 38] = [
    ("act submit", "some.act"),
    ("dev token", ""),
    ("doctor", ""),
    ("exception list", ""),
    (
        "exception open",
        "--profile dev --waive limits --count 1 --until 2020-01-01T00:00:00Z --review 2020-01-01T00:00:00Z --owner alice --ticket T --reason r --key data/people/alice.key",
    ),
    ("exception review", "ID --finding f --key data/people/alice.key"),
    ("freeze lift", "ID --reason r --key data/people/alice.key"),
    ("freeze list", ""),
    ("freeze set", "--repository 9999 --reason r --key data/people/alice.key"),
    ("key certify", "dev-cms --common-name x"),
    (
        "key create",
        "new --algorithm ecdsa-p256 --family message --environment development --owner o --purpose p",
    ),
    ("key disable", "nothing"),
    ("key list", ""),
    ("key show", "dev-cms"),
    ("ledger checkpoint", ""),
    ("ledger export", "--output copy"),
    ("ledger prove", "0"),
    ("ledger search", "--request ID"),
    ("policy apply", "data/governance --key data/dev-root.key"),
    ("policy diff", "data/governance"),
    ("policy sign", "data/governance --key data/dev-root.key --signatures s"),
    ("request approve", "ID --key data/people/alice.key"),
    ("request cancel", "ID"),
    ("request list", ""),
    ("request reject", "ID --reason r --key data/people/alice.key"),
    ("request show", "ID"),
    ("request wait", "ID --for 0"),
    ("attest", "app.bin --profile dev --type cyclonedx --predicate sbom.json --output signed --no-wait"),
    ("sign", "app.bin --profile dev --output signed --no-wait"),
    ("trust publish", "--reason r --key data/people/alice.key"),
    ("trust rotate", "ct --reason r --key data/people/alice.key"),
    ("trust show", ""),
    (
        "vouch",
        "app.bin --profile dev --resource pkg:generic/a --attestation sbom.json --output signed --no-wait",
    ),
    ("webhook dead", ""),
    ("webhook list", ""),
    ("webhook redeliver", "nothing"),
    ("webhook test", "nothing"),
    ("whoami", ""),
];

/// The commands below one, as its help lists them.
fn below(path: &[String]) -> Vec<String> {
    let output = Command::new(CHANCERY).arg("help").args(path).env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let section = text.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = section.take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command that does something by itself.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    for name in below(&[]) {
        let subcommands = below(std::slice::from_ref(&name));
        // `backup` takes one and has others below it.
        if subcommands.is_empty() || name == "backup" {
            found.push(name.clone());
        }
        found.extend(subcommands.into_iter().map(|sub| format!("{name} {sub}")));
    }
    found
}

fn callers(world: &World) -> [BTreeMap<String, String>; 4] {
    let with = |names: &[&str]| -> BTreeMap<String, String> {
        world
            .env
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    };
    let public = ["CHANCERY_SERVER", "CHANCERY_CA", "CHANCERY_TRUST", "CHANCERY_TRUST_KEY"];
    let token = ["GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    let job = with(&[&public[..], &token].concat());
    let mut stranger = job.clone();
    stranger
        .entry("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned())
        .and_modify(|url| url.push_str("&repository_id=7"));
    let operator = with(&[&public[..], &["CHANCERY_ADMIN_SOCKET"]].concat());
    [with(&public), stranger, job, operator]
}

#[test]
fn every_command_by_every_kind_of_caller() {
    let world = World::start();
    let mut page = HEAD.to_owned();
    let callers = callers(&world);
    world.write("some.act", b"[\"{}\",[]]");
    for command in commands() {
        if LOCAL.contains(&command.as_str()) {
            continue;
        }
        let known = ASKING.iter().find(|(name, _)| *name == command);
        let (_, arguments) = known.unwrap_or_else(|| panic!("`{command}` is not in the table"));
        let arguments: Vec<&str> = command
            .split_whitespace()
            .chain(arguments.split_whitespace().map(|word| if word == "ID" { ID } else { word }))
            .collect();
        page.push_str(&format!("| `{command}` |"));
        for (at, caller) in callers.iter().enumerate() {
            let _gone = std::fs::remove_dir_all(world.path("signed"));
            let _gone = std::fs::remove_dir_all(world.path("copy"));
            world.write("app.bin", format!("{command}{at}").as_bytes());
            world.write("sbom.json", b"{}");
            let mut run = Command::new(CHANCERY);
            run.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(caller).args(&arguments);
            let output = run.current_dir(world.path("")).output().unwrap();
            page.push_str(&format!(" {} |", output.status.code().unwrap()));
        }
        page.push('\n');
    }
    page.push_str("\nThese ask no service: ");
    page.push_str(&LOCAL.map(|name| format!("`{name}`")).join(", "));
    page.push_str(".\n\n0 done, 1 and 2 no such thing or not possible like this, 3 not authenticated, 4 denied; the codes: [exit codes](exit-codes.md).\n");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    assert_eq!(
        page,
        std::fs::read_to_string(PAGE).unwrap_or_default(),
        "look at it, then run with UPDATE_GOLDENS=1"
    );
}
