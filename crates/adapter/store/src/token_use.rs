//! Tokens that were used, each bound to its first request.

use std::collections::HashMap;

use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::time::Time;
use sqlx::{Any, AnyConnection, QueryBuilder, Row as _};

use crate::database::{Database, StoreError};

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
    tx: &mut AnyConnection,
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
    for row in query.build().fetch_all(tx).await? {
        let token = Sha256::parse_hex(&row.try_get::<String, _>(0)?);
        let token = token.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        bound.insert(token, parse(&row.try_get::<String, _>(1)?)?);
    }
    Ok(bound)
}

/// Binds tokens that are not bound yet.
pub(crate) async fn bind(
    tx: &mut AnyConnection,
    fresh: &[(Sha256, RequestId, Time)],
) -> Result<(), StoreError> {
    if fresh.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Any>::new("INSERT INTO token_use (token, request, expires) ");
    query.push_values(fresh, |mut row, (token, request, expires)| {
        row.push_bind(token.to_string()).push_bind(request.to_string()).push_bind(expires.millis());
    });
    query.build().execute(tx).await?;
    Ok(())
}

/// Forgets tokens that expired a day before `now`: no check would accept them any more.
pub(crate) async fn prune(tx: &mut AnyConnection, now: Time) -> Result<(), StoreError> {
    let before = now.plus_seconds(KEEP_SECONDS.saturating_neg()).millis();
    sqlx::query("DELETE FROM token_use WHERE expires < $1").bind(before).execute(tx).await?;
    Ok(())
}

fn parse(request: &str) -> Result<RequestId, StoreError> {
    RequestId::parse(request).map_err(|error| StoreError::Corrupt(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tx::write_tx;

    #[tokio::test]
    async fn tokens_are_forgotten_a_day_after_they_expired() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("a?b#c%.db")).await.unwrap();
        let request = RequestId::new(Sha256::of(b"r"));
        let tokens = [Sha256::of(b"old"), Sha256::of(b"new")];
        let now = Time::from_seconds(1_000_000);
        let mut tx = write_tx(&database).await.unwrap();
        let fresh = [
            (tokens[0], request, now.plus_seconds(-86_401)),
            (tokens[1], request, now.plus_seconds(-86_399)),
        ];
        bind(&mut tx, &fresh).await.unwrap();
        prune(&mut tx, now).await.unwrap();
        assert_eq!(bindings(&mut tx, &tokens).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        assert_eq!(bound_to(&database, tokens[0]).await.unwrap(), None);
        assert_eq!(bound_to(&database, tokens[1]).await.unwrap(), Some(request));
    }
}
