//! GitLab: a token that the job asked for with `id_tokens:`; its audience is fixed in `.gitlab-ci.yml`.

use super::{AmbientError, Environment, Token, variable};

const SOURCE: &str = "gitlab";

/// `CHANCERY_ID_TOKEN` was looked for already; `SIGSTORE_ID_TOKEN` is what jobs for cosign have.
pub(super) fn find(env: Environment<'_>) -> Option<Result<Token, AmbientError>> {
    variable(env, "GITLAB_CI").filter(|value| value == "true")?;
    let Some(text) = variable(env, "SIGSTORE_ID_TOKEN") else {
        return Some(Err(AmbientError::NotPermitted {
            source_name: SOURCE,
            fix: "add `id_tokens: { CHANCERY_ID_TOKEN: { aud: \"chancery:<host>\" } }` to the job",
        }));
    };
    Some(Token::new(&text, SOURCE))
}
