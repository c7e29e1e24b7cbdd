//! The key-encryption key: where it comes from, and what is done with it.
//!
//! PBKDF2-HMAC-SHA256 with 600,000 rounds and not argon2id: it comes with the one cryptographic provider (also in its
//! FIPS build), and costs about a tenth of a second at start. Its weakness against graphics cards is met by refusing short
//! passphrases: the file is meant to hold random text that a machine made. A systemd credential needs no derivation.

use std::num::NonZeroU32;
use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hmac, pbkdf2, rand};
use zeroize::Zeroizing;

use chancery_private_file::file::{self as private_file, PrivateFileError, Readers};

/// Rounds for new passphrase KEKs (OWASP 2023 for PBKDF2-HMAC-SHA256); fewer are refused on read.
pub(crate) const ROUNDS: u32 = 600_000;
/// More rounds than this are refused on read, so that a file cannot stop the start.
pub(crate) const MAX_ROUNDS: u32 = 10_000_000;
/// Salt size in bytes.
pub(crate) const SALT: usize = 16;
/// AES-GCM nonce size in bytes.
pub(crate) const NONCE: usize = 12;

const MIN_PASSPHRASE: usize = 16;
const MAX_PASSPHRASE: u64 = 1024;

/// Where a KEK comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KekSource {
    /// A file of mode 0600 that holds a passphrase of 16 to 1024 bytes; one newline at its end is dropped.
    Passphrase(PathBuf),
    /// A file of mode 0600 or 0440 that holds the KEK itself, 32 bytes raw or as 64 hexadecimal digits: the systemd
    /// credential `$CREDENTIALS_DIRECTORY/chancery-kek`.
    Credential(PathBuf),
}

/// Why a KEK cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file could not be read, or others can read it.
    #[error("key-encryption key is not readable")]
    File(#[source] PrivateFileError),
    /// Neither 32 raw bytes nor 64 hexadecimal digits.
    #[error("key-encryption key has {0} bytes; expected 32 raw bytes or 64 hexadecimal digits")]
    Form(usize),
    /// Shorter than 16 bytes.
    #[error("passphrase has {0} bytes; expected at least 16")]
    ShortPassphrase(usize),
    /// The provider failed.
    #[error("no random numbers for the key-encryption key")]
    Random,
}

/// A source that was read: what is left to do is the derivation with a salt.
pub(crate) enum Secret {
    Passphrase(Zeroizing<Vec<u8>>),
    Raw(Zeroizing<[u8; 32]>),
}

impl KekSource {
    pub(crate) fn read(&self) -> Result<Secret, KekError> {
        match self {
            Self::Passphrase(path) => {
                let mut bytes =
                    private_file::read(path, Readers::Owner, MAX_PASSPHRASE).map_err(KekError::File)?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
                if bytes.len() < MIN_PASSPHRASE {
                    return Err(KekError::ShortPassphrase(bytes.len()));
                }
                Ok(Secret::Passphrase(bytes))
            }
            Self::Credential(path) => {
                let bytes = private_file::read(path, Readers::OwnerAndGroup, 65).map_err(KekError::File)?;
                raw_key(&bytes).map(Secret::Raw).ok_or(KekError::Form(bytes.len()))
            }
        }
    }
}

/// 32 bytes are taken as they are; anything else must be 64 hexadecimal digits, perhaps with a newline.
fn raw_key(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0u8; 32]);
    if bytes.len() == key.len() {
        key.copy_from_slice(bytes);
        return Some(key);
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    hex::decode_to_slice(text, key.as_mut()).ok()?;
    Some(key)
}

/// A KEK in use. Its id is not secret: it tells a wrong passphrase from a damaged file.
pub(crate) struct Kek {
    id: String,
    wrap: LessSafeKey,
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

/// Ciphertext with its tag, and the nonce it was made with.
pub(crate) struct Wrapped {
    pub(crate) nonce: [u8; NONCE],
    pub(crate) ciphertext: Vec<u8>,
}

impl Kek {
    /// The KEK of a passphrase under this salt and number of rounds.
    pub(crate) fn derive(passphrase: &[u8], salt: &[u8], rounds: NonZeroU32) -> Option<Self> {
        let mut root = Zeroizing::new([0u8; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase, root.as_mut());
        Self::from_root(&root)
    }
    /// Id and wrapping key are two outputs of one PRF, so that the id says nothing about the wrapping key.
    pub(crate) fn from_root(root: &[u8; 32]) -> Option<Self> {
        let prf = hmac::Key::new(hmac::HMAC_SHA256, root);
        let id = hmac::sign(&prf, b"chancery kek id/1");
        let wrap = hmac::sign(&prf, b"chancery kek wrap/1");
        let id = hex::encode(id.as_ref().get(..16)?);
        let wrap = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, wrap.as_ref()).ok()?);
        Some(Self { id, wrap })
    }
    /// 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
    /// Encrypts under a fresh random nonce, and authenticates `associated` with it. `None` when the provider fails.
    pub(crate) fn wrap(&self, plain: &[u8], associated: &[u8]) -> Option<Wrapped> {
        let mut nonce = [0u8; NONCE];
        rand::fill(&mut nonce).ok()?;
        let tag_size = AES_256_GCM.tag_len();
        // The capacity is final, so that no plaintext is left behind by growth.
        let mut buffer = Vec::with_capacity(plain.len().saturating_add(tag_size));
        buffer.extend_from_slice(plain);
        let aad = Aad::from(associated);
        self.wrap.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut buffer).ok()?;
        Some(Wrapped { nonce, ciphertext: buffer })
    }
    /// Decrypts. `None` when ciphertext, nonce or `associated` is not what was encrypted under this KEK.
    pub(crate) fn unwrap(&self, wrapped: &Wrapped, associated: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(wrapped.ciphertext.clone());
        let nonce = Nonce::assume_unique_for_key(wrapped.nonce);
        let length = self.wrap.open_in_place(nonce, Aad::from(associated), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}
