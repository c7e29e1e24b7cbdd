//! Credentials of registries, from the places where people have them.
//!
//! ```json
//! {"auths":{"registry.example":{"auth":"dXNlcjpwYXNz"}},
//!  "credHelpers":{"123.dkr.ecr.eu-west-1.amazonaws.com":"ecr-login"},"credsStore":"secretservice"}
//! ```
//! A helper is the program `docker-credential-<name>`: it is given the registry on its standard input after `get` and
//! answers `{"Username":"…","Secret":"…"}` (docker-credential-helpers). Files are read anew for each look-up, so that a
//! credential may be exchanged while the service runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroizing;

/// Largest file and largest answer of a helper in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Until a helper answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// What helpers say as user name where the secret is a token of the registry's identity service.
const TOKEN_USER: &str = "<token>";

/// A credential. `Debug` hides it.
#[derive(Clone)]
pub enum Credential {
    /// A refresh token of the registry's identity service.
    Identity(Zeroizing<String>),
    /// User name and password.
    Password {
        /// User name.
        user: String,
        /// Password.
        password: Zeroizing<String>,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential([hidden])")
    }
}

/// Where credentials are looked for.
#[derive(Debug, Clone, Default)]
pub struct Keychain {
    files: Vec<PathBuf>,
    /// Where helpers are, instead of in `PATH`.
    helpers: Option<PathBuf>,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}
#[derive(serde::Deserialize, Default)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
    username: Option<String>,
    password: Option<String>,
}
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Keychain {
    /// These files, in order; those that do not exist are passed over.
    #[must_use]
    pub const fn new(files: Vec<PathBuf>) -> Self {
        Self { files, helpers: None }
    }
    /// Where a person's tools keep them: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, `$REGISTRY_AUTH_FILE` or
    /// `$XDG_RUNTIME_DIR/containers/auth.json`.
    #[must_use]
    pub fn of_person(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let under = |name: &str, rest: &str| variable(name).map(|root| PathBuf::from(root).join(rest));
        let docker = under("DOCKER_CONFIG", "config.json").or_else(|| under("HOME", ".docker/config.json"));
        let podman = variable("REGISTRY_AUTH_FILE")
            .map(PathBuf::from)
            .or_else(|| under("XDG_RUNTIME_DIR", "containers/auth.json"));
        Self::new(podman.into_iter().chain(docker).collect())
    }
    /// The credential for a registry, if there is one. Errors in words, which never hold what stands in a file.
    pub async fn find(&self, registry: &str) -> Result<Option<Credential>, String> {
        for path in &self.files {
            let Some(config) = read(path).await? else { continue };
            if let Some(found) = config.find(registry, self.helpers.as_deref()).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

async fn read(path: &PathBuf) -> Result<Option<Config>, String> {
    let shown = path.display();
    match tokio::fs::metadata(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read `{shown}`: {error}")),
        Ok(found) if found.len() > MAX_FILE => return Err(format!("`{shown}` is larger than 1 MiB")),
        Ok(_) => {}
    }
    let text = tokio::fs::read(path).await.map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let text = Zeroizing::new(text);
    // Serde's words may quote what stands there.
    let parsed = serde_json::from_slice(&text);
    parsed.map(Some).map_err(|_| format!("`{shown}` is not a docker configuration"))
}

impl Config {
    async fn find(&self, registry: &str, helpers: Option<&Path>) -> Result<Option<Credential>, String> {
        let names = names(registry);
        if let Some(helper) = names.iter().find_map(|name| self.cred_helpers.get(name)) {
            return ask((helper, helpers), &names).await;
        }
        if let Some(auth) = names.iter().find_map(|name| self.auths.get(name))
            && let Some(found) = auth.credential()?
        {
            return Ok(Some(found));
        }
        match &self.creds_store {
            Some(store) => ask((store, helpers), &names).await,
            None => Ok(None),
        }
    }
}

impl Auth {
    fn credential(&self) -> Result<Option<Credential>, String> {
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::Identity(Zeroizing::new(token.clone()))));
        }
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            let password = Zeroizing::new(password.clone());
            return Ok(Some(Credential::Password { user: user.clone(), password }));
        }
        let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
        let malformed =
            || "an `auth` of the docker configuration is not base64 of `user:password`".to_owned();
        let decoded = Zeroizing::new(STANDARD.decode(auth.trim()).map_err(|_| malformed())?);
        let text = std::str::from_utf8(&decoded).map_err(|_| malformed())?;
        let (user, password) = text.split_once(':').ok_or_else(malformed)?;
        let password = Zeroizing::new(password.trim_end_matches('\0').to_owned());
        Ok(Some(Credential::Password { user: user.to_owned(), password }))
    }
}

/// The names under which files have a registry.
fn names(registry: &str) -> Vec<String> {
    let mut names =
        vec![registry.to_owned(), format!("https://{registry}"), format!("https://{registry}/v1/")];
    if registry == "docker.io" {
        names.push("https://index.docker.io/v1/".to_owned());
        names.push("index.docker.io".to_owned());
    }
    names
}

/// Asks a helper under each name until one answers.
async fn ask((helper, place): (&str, Option<&Path>), names: &[String]) -> Result<Option<Credential>, String> {
    let fits = !helper.is_empty()
        && helper.len() <= 64
        && helper.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !fits || helper.starts_with('.') {
        return Err("a credential helper has a name that is none".to_owned());
    }
    for name in names {
        if let Some(found) = run((helper, place), name).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn run((helper, place): (&str, Option<&Path>), server: &str) -> Result<Option<Credential>, String> {
    let program = format!("docker-credential-{helper}");
    let failed = |error: std::io::Error| format!("credential helper `{program}`: {error}");
    let found = place.map_or_else(|| PathBuf::from(&program), |place| place.join(&program));
    let mut command = tokio::process::Command::new(found);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let work = async move {
        if let Some(mut input) = child.stdin.take() {
            // A helper that answers without reading has closed the pipe; its answer counts.
            drop(input.write_all(server.as_bytes()).await);
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PATIENCE, work).await;
    let output =
        output.map_err(|_| format!("credential helper `{program}` does not answer"))?.map_err(failed)?;
    if !output.status.success() {
        // Helpers end so when they have nothing for this registry.
        return Ok(None);
    }
    let said = Zeroizing::new(output.stdout);
    let answer: Answer = serde_json::from_slice(&said)
        .map_err(|_| format!("credential helper `{program}` answers something else than a credential"))?;
    let secret = Zeroizing::new(answer.secret);
    Ok(Some(if answer.username == TOKEN_USER {
        Credential::Identity(secret)
    } else {
        Credential::Password { user: answer.username, password: secret }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    async fn found(text: &str, registry: &str) -> Result<Option<(String, String)>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        let found = Keychain::new(vec![directory.path().join("absent"), path]).find(registry).await?;
        Ok(found.map(|credential| match credential {
            Credential::Identity(token) => ("".into(), token.to_string()),
            Credential::Password { user, password } => (user, password.to_string()),
        }))
    }

    #[tokio::test]
    async fn files_are_read_as_docker_writes_them() {
        let text = r#"{"auths":{"r.example":{"auth":"dXNlcjpwYTpzcw=="},"https://index.docker.io/v1/":{"auth":"YTpi"},
            "t.example":{"identitytoken":"token"},"empty.example":{}},"HttpHeaders":{}}"#;
        let pair = |user: &str, password: &str| Ok(Some((user.to_owned(), password.to_owned())));
        assert_eq!(found(text, "r.example").await, pair("user", "pa:ss"));
        assert_eq!(found(text, "docker.io").await, pair("a", "b"));
        assert_eq!(found(text, "t.example").await, pair("", "token"));
        assert_eq!(found(text, "empty.example").await, Ok(None));
        assert_eq!(found(text, "r.example:5000").await, Ok(None));
        for bad in ["", "[]", r#"{"auths":{"r.example":{"auth":"hunter2"}}}"#] {
            let error = found(bad, "r.example").await.unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_helper_is_a_program_of_its_name_and_no_path() {
        for helper in ["../x", "a/b", "", "x y", ".."] {
            let text = format!(r#"{{"credsStore":"{helper}"}}"#);
            assert!(found(&text, "r.example").await.is_err(), "{helper}");
        }
        let absent =
            found(r#"{"credHelpers":{"r.example":"chancery-none"}}"#, "r.example").await.unwrap_err();
        assert!(absent.contains("docker-credential-chancery-none"), "{absent}");
    }

    #[tokio::test]
    async fn a_helpers_answer_is_the_credential() {
        let directory = tempfile::tempdir().unwrap();
        let helper = |name: &str, script: &str| {
            let program = directory.path().join(format!("docker-credential-{name}"));
            std::fs::write(
                &program,
                format!("#!/bin/sh\n[ \"$1\" = get ] || exit 3\nread -r server\n{script}\n"),
            )
            .unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let answer = |user: &str| {
            format!("printf '{{\"ServerURL\":\"x\",\"Username\":\"{user}\",\"Secret\":\"s3cret\"}}'")
        };
        helper("good", &format!("[ \"$server\" = r.example ] || exit 1\n{}", answer("user")));
        helper("token", &answer("<token>"));
        helper("odd", "echo s3cret");
        let path = directory.path().join("config.json");
        std::fs::write(
            &path,
            r#"{"credHelpers":{"r.example":"good","t.example":"token","o.example":"odd"},"credsStore":"good"}"#,
        )
        .unwrap();
        let keychain = Keychain { files: vec![path], helpers: Some(directory.path().to_owned()) };
        let found = keychain.find("r.example").await.unwrap();
        assert!(
            matches!(&found, Some(Credential::Password { user, password }) if user == "user" && **password == "s3cret")
        );
        assert_eq!(format!("{found:?}"), "Some(Credential([hidden]))");
        let token = keychain.find("t.example").await.unwrap();
        assert!(matches!(token, Some(Credential::Identity(token)) if *token == "s3cret"));
        // Nothing for this one, says the helper; no credential then.
        assert!(keychain.find("x.example").await.unwrap().is_none());
        let error = keychain.find("o.example").await.unwrap_err();
        assert!(error.contains("docker-credential-odd") && !error.contains("s3cret"), "{error}");
    }
}
