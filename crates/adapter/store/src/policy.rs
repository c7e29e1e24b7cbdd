//! Governance documents: every version that was applied, canonical.

use chancery_core::id::PolicyVersion;
use chancery_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::database::{Database, StoreError};
use crate::tx::write_tx;

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The hash of the canonical documents.
    pub version: PolicyVersion,
    /// Counts up; a rollback is refused.
    pub sequence: u64,
    /// The canonical documents, JSON.
    pub document: String,
    /// Header and signatures, canonical JSON.
    pub signatures: String,
    /// When the service took it over.
    pub applied_at: Time,
}

/// Keeps a version. It may be kept before its event is logged: what counts is what the ledger names. The same version
/// again is no error; another version under a known sequence is.
pub async fn put(database: &Database, policy: &StoredPolicy) -> Result<(), StoreError> {
    let too_large = |_| StoreError::Value(format!("policy sequence {} is too large", policy.sequence));
    let sequence = i64::try_from(policy.sequence).map_err(too_large)?;
    let mut tx = write_tx(database).await?;
    let query = sqlx::query_scalar("SELECT version FROM policy WHERE sequence = $1").bind(sequence);
    let known: Option<String> = query.fetch_optional(&mut *tx).await?;
    match known {
        Some(known) if known == policy.version.to_string() => return Ok(()),
        Some(known) => {
            let why = format!("policy sequence {sequence} is version {known} already");
            return Err(StoreError::Value(why));
        }
        None => {}
    }
    let insert = "INSERT INTO policy (sequence, version, document, applied_at, signatures) \
                  VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(insert)
        .bind(sequence)
        .bind(policy.version.to_string())
        .bind(policy.document.clone())
        .bind(policy.applied_at.millis())
        .bind(policy.signatures.clone())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// The version with the highest sequence.
pub async fn latest(database: &Database) -> Result<Option<StoredPolicy>, StoreError> {
    let query = "SELECT sequence, version, document, applied_at, signatures FROM policy ORDER BY sequence DESC LIMIT 1";
    sqlx::query(query).fetch_optional(database.readers()).await?.as_ref().map(read).transpose()
}

/// A version by its hash.
pub async fn by_version(
    database: &Database,
    version: PolicyVersion,
) -> Result<Option<StoredPolicy>, StoreError> {
    let query = "SELECT sequence, version, document, applied_at, signatures FROM policy WHERE version = $1";
    let query = sqlx::query(query).bind(version.to_string());
    query.fetch_optional(database.readers()).await?.as_ref().map(read).transpose()
}

/// Every version, oldest first.
pub async fn all(database: &Database) -> Result<Vec<StoredPolicy>, StoreError> {
    let query = "SELECT sequence, version, document, applied_at, signatures FROM policy ORDER BY sequence";
    sqlx::query(query).fetch_all(database.readers()).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<StoredPolicy, StoreError> {
    let corrupt = |what: &dyn std::fmt::Display| StoreError::Corrupt(what.to_string());
    Ok(StoredPolicy {
        sequence: u64::try_from(row.try_get::<i64, _>(0)?).map_err(|error| corrupt(&error))?,
        version: PolicyVersion::parse(&row.try_get::<String, _>(1)?).map_err(|error| corrupt(&error))?,
        document: row.try_get(2)?,
        applied_at: Time::from_millis(row.try_get(3)?),
        signatures: row.try_get(4)?,
    })
}
