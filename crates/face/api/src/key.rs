//! Keys: public halves and what is said about them.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::order::base64_bytes;
use chancery_core::port::custodian::{CustodyClass, KeyDescription, KeyState};

/// `GET /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Keys {
    /// All keys, by name.
    pub keys: Vec<Key>,
}

/// `GET /v1/keys/{id}`. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Key {
    /// Its name.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// Algorithm and size.
    #[schema(value_type = String)]
    pub algorithm: KeyAlgorithm,
    /// The one family of bytes that it signs.
    #[schema(value_type = String)]
    pub family: Family,
    /// Its environment.
    #[schema(value_type = String)]
    pub environment: Environment,
    /// Where the private half lives.
    #[schema(value_type = String)]
    pub custody: CustodyClass,
    /// Whether it may sign.
    #[schema(value_type = String)]
    pub state: KeyState,
    /// Who answers for it.
    pub owner: String,
    /// What it is for.
    pub purpose: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// What the backend says of it.
    pub attributes: Vec<String>,
    /// SubjectPublicKeyInfo, DER, base64.
    #[serde(with = "base64_bytes")]
    #[schema(value_type = String, format = Byte)]
    pub spki: Vec<u8>,
    /// SHA-256 of it.
    #[schema(value_type = String)]
    pub spki_sha256: Sha256,
}

impl From<KeyDescription> for Key {
    fn from(key: KeyDescription) -> Self {
        Self {
            id: key.id,
            algorithm: key.public_key.algorithm,
            family: key.family,
            environment: key.environment,
            custody: key.custody,
            state: key.state,
            owner: key.owner,
            purpose: key.purpose,
            created: key.created.to_string(),
            attributes: key.attributes,
            spki_sha256: Sha256::of(&key.public_key.spki),
            spki: key.public_key.spki,
        }
    }
}
