//! GitHub Actions: `ACTIONS_ID_TOKEN_REQUEST_URL` is asked with the audience and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.

use chancery_core::port::dialer::Reach;
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{AmbientError, Environment, Token, variable};
use crate::http::{Http, Limits};

const SOURCE: &str = "github";

#[derive(Deserialize)]
struct Answer {
    value: String,
}

pub(super) async fn find(env: Environment<'_>, audience: &str) -> Option<Result<Token, AmbientError>> {
    variable(env, "GITHUB_ACTIONS").filter(|value| value == "true")?;
    let url = variable(env, "ACTIONS_ID_TOKEN_REQUEST_URL");
    let bearer = variable(env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN").map(Zeroizing::new);
    let (Some(url), Some(bearer)) = (url, bearer) else {
        return Some(Err(AmbientError::NotPermitted {
            source_name: SOURCE,
            fix: "add `permissions: id-token: write` to the job (runs of forked pull requests cannot have it)",
        }));
    };
    Some(request(&url, &bearer, audience).await)
}

async fn request(url: &str, bearer: &str, audience: &str) -> Result<Token, AmbientError> {
    let failed = |why: String| AmbientError::Failed { source_name: SOURCE, why };
    let mut url = Url::parse(url).map_err(|_| failed("ACTIONS_ID_TOKEN_REQUEST_URL is not a url".into()))?;
    url.query_pairs_mut().append_pair("audience", audience);
    // Enterprise runners ask a server inside their network; plain HTTP is for this machine only.
    let reach = if url.scheme() == "http" { Reach::Loopback } else { Reach::Private };
    let http = Http::new(reach, Limits::default()).map_err(|error| failed(error.to_string()))?;
    let body = http.get_as(url.as_str(), bearer).await.map_err(|error| failed(error.to_string()))?;
    let body = Zeroizing::new(body);
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| failed("the answer holds no token".into()))?;
    Token::new(&Zeroizing::new(answer.value), SOURCE)
}
