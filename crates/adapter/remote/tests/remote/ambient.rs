//! Every CI, faked: the token is found without flags, and where there is none the error says what to do.

use std::collections::BTreeMap;

use crate::peer::{Answer, Peer, ok};
use chancery_remote::ambient::{AmbientError, Token, find};

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";
const AUDIENCE: &str = "chancery:sign.example:sha256:00ff";

async fn look(variables: &[(&str, &str)]) -> Result<Token, AmbientError> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    find(&move |name| variables.get(name).cloned(), AUDIENCE).await
}

#[tokio::test]
async fn nothing_found_says_what_was_looked_for() {
    let error = look(&[("CI", "true"), ("GITHUB_ACTIONS", "false")]).await.unwrap_err();
    let text = error.to_string();
    for name in [
        "CHANCERY_ID_TOKEN",
        "CHANCERY_ID_TOKEN_FILE",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "BUILDKITE",
        "CIRCLECI",
    ] {
        assert!(text.contains(name), "{text}");
    }
    assert!(error.hint().contains("CHANCERY_ID_TOKEN"));
}

#[tokio::test]
async fn a_variable_and_a_file() {
    let found = look(&[("CHANCERY_ID_TOKEN", TOKEN), ("GITHUB_ACTIONS", "true")]).await.unwrap();
    assert_eq!((found.expose(), found.source()), (TOKEN, "CHANCERY_ID_TOKEN"));
    assert!(!format!("{found:?}").contains("eyJ"), "debug hides the token");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let name = path.to_str().unwrap();
    std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
    assert_eq!(look(&[("CHANCERY_ID_TOKEN_FILE", name)]).await.unwrap().expose(), TOKEN);
    for content in ["", "no token", "a.b", "a.b.c.d", "a.b.c d", &format!("{TOKEN}{}", "A".repeat(20_000))] {
        std::fs::write(&path, content).unwrap();
        let error = look(&[("CHANCERY_ID_TOKEN_FILE", name)]).await.unwrap_err();
        assert!(matches!(error, AmbientError::Failed { .. }), "{error}");
        assert!(content.len() < 6 || !error.to_string().contains(content));
    }
    let absent = folder.path().join("absent");
    let error = look(&[("CHANCERY_ID_TOKEN_FILE", absent.to_str().unwrap())]).await.unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
}

#[tokio::test]
async fn github_asks_with_the_audience() {
    let peer = Peer::start(|_| ok(format!(r#"{{"count":1,"value":"{TOKEN}"}}"#))).await;
    let url = format!("{}/token?api-version=2.0", peer.origin);
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-credential"),
    ];
    let found = look(&variables).await.unwrap();
    assert_eq!((found.expose(), found.source()), (TOKEN, "github"));
    let head = peer.requests.lock().unwrap().join("");
    assert!(
        head.starts_with(
            "GET /token?api-version=2.0&audience=chancery%3Asign.example%3Asha256%3A00ff HTTP/1.1"
        ),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer runner-credential"), "{head}");
    // The credential goes nowhere else, and no failure shows it.
    let elsewhere = Peer::start(|_| ok("{}")).await;
    let target = elsewhere.origin.clone();
    for answer in [
        Answer::Is(302, format!("location: {target}/\r\n"), String::new()),
        Answer::Is(403, String::new(), "no".to_owned()),
        ok("{}"),
        ok(r#"{"value":"not a token"}"#),
        ok("<html>"),
        Answer::Hangup,
    ] {
        peer.behave(move |_| answer.clone());
        let error = look(&variables).await.unwrap_err();
        assert!(matches!(error, AmbientError::Failed { .. }), "{error}");
        assert!(!error.to_string().contains("runner-credential"));
    }
    assert_eq!(elsewhere.hits(), 0);
}

#[tokio::test]
async fn github_without_permission_says_which() {
    for variables in [
        vec![("GITHUB_ACTIONS", "true")],
        vec![("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "")],
        vec![("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x.example")],
    ] {
        let error = look(&variables).await.unwrap_err();
        assert!(matches!(error, AmbientError::NotPermitted { .. }), "{error}");
        assert!(error.hint().contains("add `permissions: id-token: write`"), "{}", error.hint());
    }
    for url in [
        "http://runner.example/",
        "ftp://x",
        "nonsense",
        "https://169.254.169.254/",
        "https://user@x.example/",
    ] {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t"),
        ];
        assert!(matches!(look(&variables).await, Err(AmbientError::Failed { .. })), "{url}");
    }
}

#[tokio::test]
async fn gitlab_reads_what_the_job_declared() {
    let found = look(&[("GITLAB_CI", "true"), ("SIGSTORE_ID_TOKEN", TOKEN)]).await.unwrap();
    assert_eq!((found.expose(), found.source()), (TOKEN, "gitlab"));
    let found = look(&[("GITLAB_CI", "true"), ("CHANCERY_ID_TOKEN", TOKEN)]).await.unwrap();
    assert_eq!(found.expose(), TOKEN);
    let error = look(&[("GITLAB_CI", "true")]).await.unwrap_err();
    assert!(error.hint().contains("id_tokens"), "{}", error.hint());
}

/// Puts a program of this name on a search path of its own.
fn program(name: &str, script: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    // Another process writes it: a file that this one had open for writing may still be so in a child that another
    // test is just starting, and could then not be run.
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let path = folder.path().join(name);
    let status = std::process::Command::new("sh").args(["-c", write, "sh", script]).arg(path).status();
    assert!(status.unwrap().success());
    let search = format!("{}:/usr/bin:/bin", folder.path().display());
    (folder, search)
}

#[tokio::test]
async fn buildkite_runs_its_agent() {
    let script = format!(
        "[ \"$*\" = 'oidc request-token --audience {AUDIENCE} --claim organization_id --claim pipeline_id' ] || exit 9\necho {TOKEN}"
    );
    let (_folder, path) = program("buildkite-agent", &script);
    let found = look(&[("BUILDKITE", "true"), ("PATH", &path)]).await.unwrap();
    assert_eq!((found.expose(), found.source()), (TOKEN, "buildkite"));
    for script in ["exit 1", "echo secret output; exit 3", "echo no token", "true"] {
        let (_folder, path) = program("buildkite-agent", script);
        let error = look(&[("BUILDKITE", "true"), ("PATH", &path)]).await.unwrap_err();
        assert!(matches!(error, AmbientError::Failed { .. }), "{error}");
        assert!(!error.to_string().contains("secret output"));
    }
    let empty = tempfile::tempdir().unwrap();
    let error = look(&[("BUILDKITE", "true"), ("PATH", empty.path().to_str().unwrap())]).await.unwrap_err();
    assert!(error.to_string().contains("did not start"), "{error}");
}

#[tokio::test]
async fn circleci_asks_its_command_line_first() {
    let script =
        format!("[ \"$*\" = 'run oidc get --claims {{\"aud\":\"{AUDIENCE}\"}}' ] || exit 9\necho {TOKEN}");
    let (_folder, path) = program("circleci", &script);
    let fixed = TOKEN.replace("c2ln", "Zml4");
    let found =
        look(&[("CIRCLECI", "true"), ("PATH", &path), ("CIRCLE_OIDC_TOKEN_V2", &fixed)]).await.unwrap();
    assert_eq!((found.expose(), found.source()), (TOKEN, "circleci"));
    let empty = tempfile::tempdir().unwrap();
    let none = empty.path().to_str().unwrap();
    let found =
        look(&[("CIRCLECI", "true"), ("PATH", none), ("CIRCLE_OIDC_TOKEN_V2", &fixed)]).await.unwrap();
    assert_eq!(found.expose(), fixed);
    assert!(look(&[("CIRCLECI", "true"), ("PATH", none)]).await.is_err());
}
