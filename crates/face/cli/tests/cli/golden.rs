//! Golden texts: help of every command, the tables of exit and error codes, errors in both shapes.

use std::path::PathBuf;

use crate::session::{TestHost, run};

/// Compares with `tests/goldens/<name>`; `UPDATE_GOLDENS=1` rewrites it.
fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} differs; UPDATE_GOLDENS=1 rewrites it");
}

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["serve"],
    &["keyguard"],
    &["init"],
    &["backup"],
    &["backup", "verify"],
    &["restore"],
    &["sign"],
    &["verify"],
    &["inspect"],
    &["setup"],
    &["whoami"],
    &["doctor"],
    &["env"],
    &["ledger"],
    &["ledger", "search"],
    &["ledger", "prove"],
    &["ledger", "checkpoint"],
    &["ledger", "export"],
    &["audit"],
    &["explain"],
    &["evidence", "export"],
    &["act"],
    &["act", "show"],
    &["act", "sign"],
    &["act", "submit"],
    &["act", "reanchor"],
    &["freeze", "set"],
    &["freeze", "list"],
    &["freeze", "lift"],
    &["exception", "open"],
    &["exception", "list"],
    &["exception", "review"],
    &["root", "init"],
    &["root", "rotate"],
    &["root", "show"],
    &["request", "list"],
    &["request", "show"],
    &["request", "wait"],
    &["request", "approve"],
    &["request", "reject"],
    &["request", "cancel"],
    &["key", "create"],
    &["key", "list"],
    &["key", "show"],
    &["key", "disable"],
    &["key", "certify"],
    &["policy", "check"],
    &["policy", "test"],
    &["policy", "show"],
    &["policy", "explain"],
    &["policy", "sign"],
    &["policy", "diff"],
    &["policy", "simulate"],
    &["policy", "apply"],
    &["webhook", "list"],
    &["webhook", "test"],
    &["webhook", "dead"],
    &["webhook", "redeliver"],
    &["dev", "token"],
    &["completion"],
    &["man"],
    &["version"],
];

#[test]
fn the_help_of_every_command_is_frozen() {
    let host = TestHost::default();
    let mut all = String::new();
    for command in COMMANDS {
        let line: Vec<&str> = std::iter::once("help").chain(command.iter().copied()).collect();
        let ran = run(&host, &line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line:?}");
        all.push_str(&format!("$ chancery {}\n{}\n", line.join(" "), ran.out));
    }
    assert!(!all.contains("--behind") && !all.contains("pkcs11-worker"), "hidden roles are shown");
    golden("help.txt", &all);
}

/// The reference page of the documentation, made from the same definition as the parser.
#[test]
fn the_reference_page_is_made_from_the_parser() {
    let host = TestHost::default();
    let mut page = String::from(PAGE_HEAD);
    for command in COMMANDS {
        let line: Vec<&str> = std::iter::once("help").chain(command.iter().copied()).collect();
        let help = run(&host, &line).out;
        let own = help.split("\nGlobal options:\n").next().unwrap().trim_end();
        let name = std::iter::once("chancery").chain(command.iter().copied()).collect::<Vec<_>>().join(" ");
        let shown = if command.is_empty() { help.trim_end() } else { own };
        page.push_str(&format!("\n## `{name}`\n\n```text\n{shown}\n```\n"));
    }
    golden("../../../../../docs/src/reference/command-line.md", &page);
}

const PAGE_HEAD: &str = "\
# Command line

Made from the parser by `cargo xtask goldens`. `chancery help COMMAND` shows the same, `chancery man --output DIR` writes
manual pages, `chancery completion bash` (elvish, fish, powershell, zsh) writes a completion script, and `chancery env`
shows the variables that are read. stdout carries only the result, messages go to stderr; `--json` gives versioned JSON,
on failure too. How a command ends: [exit codes](exit-codes.md), [error codes](error-codes.md).
";

#[test]
fn the_tables_of_codes_are_frozen() {
    let host = TestHost::default();
    golden("exit-codes.txt", &run(&host, &["help", "exit-codes"]).out);
    golden("exit-codes.json", &run(&host, &["help", "exit-codes", "--json"]).out);
    golden("codes.txt", &run(&host, &["help", "codes"]).out);
    let one = run(&host, &["help", "ch2101"]).out;
    assert!(one.starts_with("CH2101  exit  2  ") && one.contains("\n  what to do:  "), "{one}");
    assert_eq!(run(&host, &["help", "CH9999"]).code, 2);
    assert_eq!(run(&host, &["help", "\u{1b}[2J"]).code, 2);
}

#[test]
fn errors_have_one_shape() {
    let host = TestHost::default();
    let lines: [&[&str]; 9] = [
        &[],
        &["sing"],
        &["sign", "x", "--profile", "dev", "--insecure"],
        &["sign", "Cargo.toml", "--profile", "dev"],
        &["sign", "Cargo.toml", "--profile", "../x", "--server", "https://s.example"],
        &["sign", "Cargo.toml", "--profile", "dev", "--server", "http://s.example"],
        &["verify", "Cargo.toml"],
        &["verify", "Cargo.toml", "--policy", "p", "--offline"],
        &["key", "list", "--server", "http://127.0.0.1:1"],
    ];
    let mut all = String::new();
    for line in lines {
        let ran = run(&host, line);
        assert_eq!(ran.out, "", "{line:?}");
        assert_ne!(ran.code, 0, "{line:?}");
        all.push_str(&format!("$ chancery {}\n{}exit {}\n\n", line.join(" "), ran.err, ran.code));
        let json: Vec<&str> = line.iter().copied().chain(["--json"]).collect();
        let document = run(&host, &json);
        assert_eq!(document.code, ran.code, "{line:?}");
        assert_eq!(document.json()["schema"], "chancery.error/1", "{line:?}");
        assert_eq!(document.json()["exit_code"], document.code, "{line:?}");
    }
    golden("errors.txt", &all);
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let host = |pairs: &[(&str, &str)]| TestHost {
        variables: pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..TestHost::default()
    };
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], bool);
    let cases: [Case; 6] = [
        (&[], &[], false),
        (&[("CLICOLOR_FORCE", "1")], &[], true),
        (&[("CLICOLOR_FORCE", "0")], &[], false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("CLICOLOR_FORCE", "1")], &["--color", "never"], false),
    ];
    for (variables, flags, colored) in cases {
        let line: Vec<&str> = ["verify", "x"].into_iter().chain(flags.iter().copied()).collect();
        let ran = run(&host(variables), &line);
        assert_eq!(ran.err.contains('\u{1b}'), colored, "{variables:?} {flags:?}");
    }
}

#[test]
fn completions_and_manuals_come_from_the_same_source() {
    let host = TestHost::default();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&host, &["completion", shell]);
        assert!(ran.code == 0 && ran.out.contains("dry-run"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    assert_eq!(run(&host, &["man", "--output", place]).code, 0);
    for page in ["chancery.1", "chancery-sign.1", "chancery-ledger-prove.1"] {
        let text = std::fs::read_to_string(directory.path().join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    assert!(!directory.path().join("chancery-gateway.1").exists());
    let script = run(&host, &["completion", "bash"]).out;
    let bash = std::process::Command::new("bash").args(["-n", "-c", &script]).status();
    match bash {
        Ok(status) => assert!(status.success()),
        Err(_) => eprintln!("not compared: bash is absent"),
    }
}

#[test]
fn hidden_roles_get_their_arguments_untouched() {
    let host = TestHost::default();
    assert_eq!(run(&host, &["gateway", "--config", "f", "--help", "--json"]).code, 4);
    assert_eq!(run(&host, &["keyguard", "--config", "f", "--behind", "serve"]).code, 99);
    assert_eq!(run(&host, &["keyguard", "--config", "f"]).code, 1);
    let version = run(&host, &["version", "--json"]).json();
    assert_eq!(version["schema"], "chancery.version/1");
    assert_eq!(run(&host, &["init", "d", "--host", "h", "--organisation", "o"]).out, "d/chancery.toml\n");
}
