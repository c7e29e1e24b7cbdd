//! Long-lived certificates: authorities, timestamp leaves, code-signing leaves, each with its chain.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::time::Time;
use chancery_ledger::event::CertificatePurpose;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::database::{Database, StoreError};
use crate::tx::write_tx;

/// A certificate with its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCertificate {
    /// The key that it certifies.
    pub key: KeyId,
    /// What it is for.
    pub purpose: CertificatePurpose,
    /// DER, the certificate itself first, its root last.
    pub chain: Vec<Vec<u8>>,
    /// When it was stored.
    pub created_at: Time,
}

/// Keeps a certificate; the same one again is no error. Errors when the chain is empty.
pub async fn put(database: &Database, certificate: &StoredCertificate) -> Result<(), StoreError> {
    let first = certificate.chain.first();
    let first = first.ok_or_else(|| StoreError::Value("certificate chain is empty".into()))?;
    let encoded: Vec<String> = certificate.chain.iter().map(|der| STANDARD.encode(der)).collect();
    let insert = "INSERT INTO certificate (id, key_id, purpose, chain, created_at) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (id) DO NOTHING";
    let mut tx = write_tx(database).await?;
    sqlx::query(insert)
        .bind(Sha256::of(first).to_string())
        .bind(certificate.key.as_str().to_owned())
        .bind(name(certificate.purpose))
        .bind(encoded.join(" "))
        .bind(certificate.created_at.millis())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// The certificates of a key, newest first.
pub async fn for_key(database: &Database, key: &KeyId) -> Result<Vec<StoredCertificate>, StoreError> {
    let query = "SELECT key_id, purpose, chain, created_at FROM certificate \
                 WHERE key_id = $1 ORDER BY created_at DESC, id";
    let query = sqlx::query(query).bind(key.as_str().to_owned());
    query.fetch_all(database.readers()).await?.iter().map(read).collect()
}

/// Every certificate, newest first.
pub async fn all(database: &Database) -> Result<Vec<StoredCertificate>, StoreError> {
    let query = "SELECT key_id, purpose, chain, created_at FROM certificate ORDER BY created_at DESC, id";
    sqlx::query(query).fetch_all(database.readers()).await?.iter().map(read).collect()
}

const PURPOSES: [CertificatePurpose; 4] = [
    CertificatePurpose::Ca,
    CertificatePurpose::CodeSigning,
    CertificatePurpose::Precertificate,
    CertificatePurpose::Tsa,
];

const fn name(purpose: CertificatePurpose) -> &'static str {
    match purpose {
        CertificatePurpose::Ca => "ca",
        CertificatePurpose::CodeSigning => "code-signing",
        CertificatePurpose::Precertificate => "precertificate",
        CertificatePurpose::Tsa => "tsa",
    }
}

fn read(row: &AnyRow) -> Result<StoredCertificate, StoreError> {
    let corrupt = |what: &dyn std::fmt::Display| StoreError::Corrupt(what.to_string());
    let purpose = row.try_get::<String, _>(1)?;
    let known = PURPOSES.into_iter().find(|known| name(*known) == purpose);
    let chain = row.try_get::<String, _>(2)?;
    let chain: Result<Vec<_>, _> = chain.split(' ').map(|der| STANDARD.decode(der)).collect();
    Ok(StoredCertificate {
        key: KeyId::parse(&row.try_get::<String, _>(0)?).map_err(|error| corrupt(&error))?,
        purpose: known.ok_or_else(|| corrupt(&format!("certificate purpose `{purpose}`")))?,
        chain: chain.map_err(|error| corrupt(&error))?,
        created_at: Time::from_millis(row.try_get(3)?),
    })
}
