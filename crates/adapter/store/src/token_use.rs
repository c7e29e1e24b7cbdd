//! Tokens that were used, each bound to its first request.

use std::collections::HashMap;

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::time::Time;
use sqlx::{Any, AnyConnection, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};
use crate::tx::Script;

/// Rows are kept this long after the token expired.
const KEEP_SECONDS: i64 = 86_400;

/// The request that a token is bound to, if it was used.
pub async fn bound_to(database: &Database, token: Sha256) -> Result<Option<RequestId>, StoreError> {
    let query = sqlx::query_scalar("SELECT request FROM token_use WHERE token = $1").bind(token.to_string());
    let request: Option<String> = query.fetch_optional(database.readers()).await?;
    request.map(|request| parse(&request)).transpose()
}

/// The bindings of those of `tokens` that were used.
pub(crate) async fn bindings(
    connection: &mut AnyConnection,
    tokens: &[Sha256],
) -> Result<HashMap<Sha256, RequestId>, StoreError> {
    if tokens.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Any>::new("SELECT token, request FROM token_use WHERE token IN (");
    let mut list = query.separated(", ");
    for token in tokens {
        list.push_bind(token.to_string());
    }
    query.push(")");
    let mut bound = HashMap::new();
    for row in query.build().persistent(false).fetch_all(connection).await? {
        let token = Sha256::parse_hex(&row.try_get::<String, _>(0)?);
        let token = token.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        bound.insert(token, parse(&row.try_get::<String, _>(1)?)?);
    }
    Ok(bound)
}

/// Binds tokens. One that is bound already makes the script conflict.
pub(crate) fn bind(script: &mut Script, fresh: &[(Sha256, RequestId, Time)]) {
    if fresh.is_empty() {
        return;
    }
    let query = script.statement(fresh.len()).push("INSERT INTO token_use (token, request, expires) ");
    query.push_values(fresh, |mut row, (token, request, expires)| {
        row.push_bind(token.to_string()).push_bind(request.to_string()).push_bind(expires.millis());
    });
}

/// Forgets tokens that expired a day before `now`: no check would accept them any more.
pub(crate) fn prune(script: &mut Script, now: Time) {
    let before = now.plus_seconds(KEEP_SECONDS.saturating_neg()).millis();
    script.statement(1).push("DELETE FROM token_use WHERE expires < ").push_bind(before);
}

fn parse(request: &str) -> Result<RequestId, StoreError> {
    RequestId::parse(request).map_err(|error| StoreError::Corrupt(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tx::Ran;

    #[tokio::test]
    async fn tokens_are_forgotten_a_day_after_they_expired() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("a?b#c%.db")).await.unwrap();
        let request = RequestId::new(Sha256::of(b"r"));
        let tokens = [Sha256::of(b"old"), Sha256::of(b"new")];
        let now = Time::from_seconds(1_000_000);
        let mut connection = database.connect().await.unwrap();
        let mut script = Script::begin();
        let fresh = [
            (tokens[0], request, now.plus_seconds(-86_401)),
            (tokens[1], request, now.plus_seconds(-86_399)),
        ];
        bind(&mut script, &fresh);
        prune(&mut script, now);
        assert_eq!(script.commit(&mut connection).await.unwrap(), Ran::Committed);
        assert_eq!(bindings(&mut connection, &tokens).await.unwrap().len(), 1);
        assert_eq!(bound_to(&database, tokens[0]).await.unwrap(), None);
        assert_eq!(bound_to(&database, tokens[1]).await.unwrap(), Some(request));
    }
}
