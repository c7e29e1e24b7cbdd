//! The job's own token, found where its CI leaves it, so that nobody passes a token by flag.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use zeroize::Zeroizing;

mod buildkite;
mod circleci;
mod environment;
mod file;
mod github;
mod gitlab;

/// Longest token in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Looks up an environment variable.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A token that was found, and where. `Debug` hides it; its memory is cleared.
#[derive(Clone)]
pub struct Token {
    text: Zeroizing<String>,
    source: &'static str,
}

impl Token {
    /// Takes text that looks like a compact JWS; it is not checked any further.
    fn new(text: &str, source: &'static str) -> Result<Self, AmbientError> {
        let text = text.trim();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_jws = text.bytes().filter(|byte| *byte == b'.').count() == 2;
        if text.len() > MAX_TOKEN || !is_jws || !text.bytes().all(legal) {
            return Err(AmbientError::Failed {
                source_name: source,
                why: "what it gave is not a token".into(),
            });
        }
        Ok(Self { text: Zeroizing::new(text.to_owned()), source })
    }
    /// The token, for the `Authorization` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
    /// Where it was found: `github`.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, [hidden])", self.source)
    }
}

/// No token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmbientError {
    /// A CI was recognised, or a variable is set, but it did not give a token.
    #[error("identity token from {source_name}: {why}")]
    Failed {
        /// Where it was looked for.
        source_name: &'static str,
        /// What went wrong; never the token.
        why: String,
    },
    /// Nowhere.
    #[error("no identity token found; looked for {}", looked_for.join(", "))]
    NotFound {
        /// Everything that was looked for.
        looked_for: Vec<&'static str>,
    },
    /// The CI knows tokens, but this job may not have one.
    #[error("{source_name} gives this job no identity token")]
    NotPermitted {
        /// The CI.
        source_name: &'static str,
        /// What to add to the job.
        fix: &'static str,
    },
}

impl AmbientError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Failed { .. } => "run the command again; a token is short-lived and cannot be kept",
            Self::NotFound { .. } => {
                "run inside a CI that gives identity tokens, or put one into CHANCERY_ID_TOKEN or a file named by CHANCERY_ID_TOKEN_FILE"
            }
            Self::NotPermitted { fix, .. } => fix,
        }
    }
}

/// Finds a token for `audience`.
///
/// In this order: `CHANCERY_ID_TOKEN`, `CHANCERY_ID_TOKEN_FILE`, GitHub Actions, GitLab, Buildkite, CircleCI. The first
/// place that is there decides: when it fails, no other is tried. Where the audience is fixed (a variable, a file,
/// GitLab), `audience` cannot be asked for and the token is returned as it is.
pub async fn find(env: Environment<'_>, audience: &str) -> Result<Token, AmbientError> {
    if let Some(found) = environment::find(env) {
        return found;
    }
    if let Some(found) = file::find(env).await {
        return found;
    }
    if let Some(found) = github::find(env, audience).await {
        return found;
    }
    if let Some(found) = gitlab::find(env) {
        return found;
    }
    if let Some(found) = buildkite::find(env, audience).await {
        return found;
    }
    if let Some(found) = circleci::find(env, audience).await {
        return found;
    }
    let looked_for = vec![
        "CHANCERY_ID_TOKEN",
        "CHANCERY_ID_TOKEN_FILE",
        "GitHub Actions (GITHUB_ACTIONS)",
        "GitLab (GITLAB_CI)",
        "Buildkite (BUILDKITE)",
        "CircleCI (CIRCLECI)",
    ];
    Err(AmbientError::NotFound { looked_for })
}

/// A variable that is set and not empty.
fn variable(env: Environment<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// Runs a CI's own helper and takes its standard output as the token. Nothing of its output reaches an error.
async fn run(
    env: Environment<'_>,
    source: &'static str,
    program: &str,
    arguments: &[&str],
) -> Result<Token, AmbientError> {
    let failed = |why: String| AmbientError::Failed { source_name: source, why };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    if let Some(path) = variable(env, "PATH") {
        command.env("PATH", path);
    }
    let output = tokio::time::timeout(Duration::from_secs(30), command.output())
        .await
        .map_err(|_| failed(format!("`{program}` did not answer in 30 seconds")))?
        .map_err(|error| failed(format!("`{program}` did not start: {}", error.kind())))?;
    if !output.status.success() {
        return Err(failed(format!("`{program}` ended with {}", output.status)));
    }
    let text = Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned());
    Token::new(&text, source)
}
