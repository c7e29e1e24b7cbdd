//! A key backend: the only place where a signature comes into being.

use crate::algorithm::{KeyAlgorithm, PublicKey};
use crate::environment::Environment;
use crate::family::Family;
use crate::id::KeyId;
use crate::time::Time;
use crate::warrant::Warrant;

/// Where the private key lives, recorded with every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustodyClass {
    /// A PKCS#11 token that says the key is sensitive, never extractable and made inside.
    Pkcs11,
    /// A file encrypted at rest.
    Software,
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// May sign.
    Active,
    /// May not sign; what it signed stays valid.
    Disabled,
}

/// What is known about a key. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDescription {
    /// Its name.
    pub id: KeyId,
    /// The one family of bytes that it signs.
    pub family: Family,
    /// Its environment.
    pub environment: Environment,
    /// Its public half.
    pub public_key: PublicKey,
    /// Where the private half lives.
    pub custody: CustodyClass,
    /// Whether it may sign.
    pub state: KeyState,
    /// Who answers for it.
    pub owner: String,
    /// What it is for, in words.
    pub purpose: String,
    /// When it was made.
    pub created: Time,
    /// What the backend says of the key, as text: `CKA_NEVER_EXTRACTABLE=true`.
    pub attributes: Vec<String>,
}

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// Its name.
    pub id: KeyId,
    /// Algorithm and size.
    pub algorithm: KeyAlgorithm,
    /// The one family of bytes that it will sign.
    pub family: Family,
    /// Its environment.
    pub environment: Environment,
    /// Who answers for it.
    pub owner: String,
    /// What it is for, in words.
    pub purpose: String,
}

/// Why a custodian did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum CustodyError {
    /// A key of this name exists.
    #[error("key `{0}` exists already")]
    Exists(KeyId),
    /// The backend is not reachable now; the same call may succeed later (exit 75).
    #[error("key backend is not available: {0}")]
    Unavailable(String),
    /// No such key.
    #[error("key `{0}` is not known here")]
    Unknown(KeyId),
    /// The key exists but may not be used like this.
    #[error("key `{id}` cannot be used: {why}")]
    Unusable {
        /// The key.
        id: KeyId,
        /// Why not.
        why: String,
    },
    /// The backend answered with something that is not a signature of the right size and form.
    #[error("key backend answered wrongly: {0}")]
    WrongAnswer(String),
}

/// Signature bytes as the scheme of the key defines them: ECDSA as DER, RSA as big-endian integer, Ed25519 raw.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Signature(#[serde(with = "crate::order::base64_bytes")] pub Vec<u8>);

/// A key backend. Implementations share a conformance suite (`dev/testkit`) and no code.
pub trait Custodian: Send + Sync + std::fmt::Debug {
    /// All keys, by name.
    fn list(&self) -> Result<Vec<KeyDescription>, CustodyError>;
    /// One key.
    fn describe(&self, id: &KeyId) -> Result<KeyDescription, CustodyError>;
    /// Makes a key; the private half never leaves.
    fn create(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError>;
    /// Stops a key; durable when it returns.
    fn disable(&self, id: &KeyId) -> Result<KeyDescription, CustodyError>;
    /// Signs what the warrant says, once. Hashes per the key's scheme; ECDSA answers are DER.
    /// Refuses a warrant whose family is not the key's, and any key that is not active.
    fn sign(&self, warrant: Warrant) -> Result<Signature, CustodyError>;
    /// Whether the backend answers now.
    fn health(&self) -> Result<(), CustodyError>;
}
