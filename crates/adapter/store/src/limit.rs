//! How much was signed lately: counts of intents, from which the gateway rebuilds its windows at start-up.

use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use sqlx::Row as _;

use crate::database::{Database, StoreError};

/// Intents of `profile` at or after `since`, whatever became of them.
pub async fn count(database: &Database, profile: &ProfileName, since: Time) -> Result<u64, StoreError> {
    let query = "SELECT COUNT(*) FROM intent WHERE at >= $1 AND profile = $2";
    let query = sqlx::query_scalar(query).bind(since.millis()).bind(profile.as_str().to_owned());
    let count: i64 = query.fetch_one(database.readers()).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Every profile's intents at or after `since`, one moment each, oldest first, at most `limit`.
pub async fn moments(
    database: &Database,
    since: Time,
    limit: u32,
) -> Result<Vec<(ProfileName, Time)>, StoreError> {
    let query = "SELECT profile, at FROM intent WHERE at >= $1 AND profile <> '' ORDER BY at LIMIT $2";
    let query = sqlx::query(query).bind(since.millis()).bind(i64::from(limit));
    let mut moments = Vec::new();
    for row in query.fetch_all(database.readers()).await? {
        let profile = ProfileName::parse(&row.try_get::<String, _>(0)?);
        let profile = profile.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        moments.push((profile, Time::from_millis(row.try_get(1)?)));
    }
    Ok(moments)
}
