//! `<name>.key`: one key. Canonical JSON and one newline; any other spelling of the same content is refused.
//!
//! ```json
//! {"ciphertext":"<AES-256-GCM of PKCS#8, tag last, base64>","description":{"algorithm"...},"kek":"<32 hex digits>",
//!  "nonce":"<12 bytes, base64>","schema":"chancery.software-key/1"}
//! ```
//!
//! Everything but ciphertext and nonce is the associated data, as the canonical JSON of
//! `{"description":…,"kek":…,"schema":…}`: a file cannot be renamed, given to another family or environment, or made
//! active again by an edit.

use chancery_core::canonical;
use chancery_core::port::custodian::KeyDescription;

use crate::kek::{Kek, NONCE, Wrapped};
use crate::pair::Pair;

const SCHEMA: &str = "chancery.software-key/1";
/// RSA-4096 comes to about 5 KB.
pub(crate) const MAX_SIZE: u64 = 32 * 1024;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(with = "chancery_core::order::base64_bytes")]
    ciphertext: Vec<u8>,
    description: KeyDescription,
    kek: String,
    #[serde(with = "chancery_core::order::base64_bytes")]
    nonce: Vec<u8>,
    schema: String,
}

#[derive(serde::Serialize)]
struct Associated<'a> {
    description: &'a KeyDescription,
    kek: &'a str,
    schema: &'a str,
}

/// Why a key file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// It was changed, or it is under another KEK than it says.
    #[error("does not decrypt: it was changed")]
    Altered,
    /// It holds another key than it describes.
    #[error("holds another key than it describes")]
    Contradiction,
    /// It is not canonical JSON of the known schema.
    #[error("is not a key file of schema `{SCHEMA}`")]
    Malformed,
    /// The cryptographic provider failed.
    #[error("cannot be made: cryptographic provider failed")]
    Provider,
    /// It is under a KEK that was not given.
    #[error("is under key-encryption key {0}, which was not given")]
    OtherKek(String),
}

/// Encrypts a key: the text of its file.
pub(crate) fn seal(description: &KeyDescription, pkcs8: &[u8], kek: &Kek) -> Result<String, KeyFileError> {
    let associated = associated(description, kek.id())?;
    let wrapped = kek.wrap(pkcs8, associated.as_bytes()).ok_or(KeyFileError::Provider)?;
    let file = File {
        ciphertext: wrapped.ciphertext,
        description: description.clone(),
        kek: kek.id().to_owned(),
        nonce: wrapped.nonce.to_vec(),
        schema: SCHEMA.to_owned(),
    };
    canonical::encode(&file).map(|text| text + "\n").map_err(|_| KeyFileError::Malformed)
}

/// A key file that decrypted, holds the key that it describes, and says under which KEK it was.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) description: KeyDescription,
    pub(crate) pair: Pair,
    pub(crate) kek: String,
}

/// Decrypts the text of a key file under the one of `keks` that it names.
pub(crate) fn open(text: &[u8], keks: &[&Kek]) -> Result<Opened, KeyFileError> {
    let text = std::str::from_utf8(text).map_err(|_| KeyFileError::Malformed)?;
    let text = text.strip_suffix('\n').ok_or(KeyFileError::Malformed)?;
    let file: File = canonical::decode(text).map_err(|_| KeyFileError::Malformed)?;
    let nonce = <[u8; NONCE]>::try_from(file.nonce).map_err(|_| KeyFileError::Malformed)?;
    if file.schema != SCHEMA {
        return Err(KeyFileError::Malformed);
    }
    let Some(kek) = keks.iter().find(|kek| kek.id() == file.kek) else {
        return Err(KeyFileError::OtherKek(file.kek.chars().take(32).collect()));
    };
    let associated = associated(&file.description, &file.kek)?;
    let wrapped = Wrapped { nonce, ciphertext: file.ciphertext };
    let pkcs8 = kek.unwrap(&wrapped, associated.as_bytes()).ok_or(KeyFileError::Altered)?;
    let pair =
        Pair::from_pkcs8(file.description.public_key.algorithm, &pkcs8).ok_or(KeyFileError::Contradiction)?;
    if pair.public_key().map_err(|_| KeyFileError::Provider)? != file.description.public_key {
        return Err(KeyFileError::Contradiction);
    }
    Ok(Opened { description: file.description, pair, kek: file.kek })
}

fn associated(description: &KeyDescription, kek: &str) -> Result<String, KeyFileError> {
    canonical::encode(&Associated { description, kek, schema: SCHEMA }).map_err(|_| KeyFileError::Malformed)
}
