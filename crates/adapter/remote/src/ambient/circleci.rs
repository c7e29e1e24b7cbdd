//! CircleCI: its command line hands out tokens for any audience; `CIRCLE_OIDC_TOKEN_V2` has a fixed one.

use super::{AmbientError, Environment, Token, run, variable};

const SOURCE: &str = "circleci";

pub(super) async fn find(env: Environment<'_>, audience: &str) -> Option<Result<Token, AmbientError>> {
    variable(env, "CIRCLECI").filter(|value| value == "true")?;
    let claims = serde_json::json!({ "aud": audience }).to_string();
    let asked = run(env, SOURCE, "circleci", &["run", "oidc", "get", "--claims", &claims]).await;
    let fixed = variable(env, "CIRCLE_OIDC_TOKEN_V2").or_else(|| variable(env, "CIRCLE_OIDC_TOKEN"));
    match (asked, fixed) {
        (Ok(token), _) => Some(Ok(token)),
        (Err(_), Some(text)) => Some(Token::new(&text, SOURCE)),
        (Err(error), None) => Some(Err(error)),
    }
}
