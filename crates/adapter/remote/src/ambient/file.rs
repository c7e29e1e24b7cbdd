//! `CHANCERY_ID_TOKEN_FILE`: a file that something else keeps fresh, such as a projected Kubernetes token.

use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::{AmbientError, Environment, MAX_TOKEN, Token, variable};

const SOURCE: &str = "CHANCERY_ID_TOKEN_FILE";

pub(super) async fn find(env: Environment<'_>) -> Option<Result<Token, AmbientError>> {
    let path = variable(env, SOURCE)?;
    Some(read(&path).await)
}

async fn read(path: &str) -> Result<Token, AmbientError> {
    let failed = |why: std::io::Error| AmbientError::Failed {
        source_name: SOURCE,
        why: format!("`{path}`: {}", why.kind()),
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut text = Zeroizing::new(String::new());
    let limit = u64::try_from(MAX_TOKEN).unwrap_or(u64::MAX).saturating_add(2);
    file.take(limit).read_to_string(&mut text).await.map_err(failed)?;
    Token::new(&text, SOURCE)
}
