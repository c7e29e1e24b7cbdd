//! The ledger's own signing key: Ed25519 in a PKCS#8 file, mode 0600.
//!
//! It makes no authority: a checkpoint counts only with the follower's cosignature.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_ledger::checkpoint::{Checkpoint, Origin, sign_with};
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_private_file::file::{self as private_file, Readers};

use crate::database::StoreError;

/// Largest key file in bytes.
const MAX_SIZE: u64 = 4096;

/// The key pair with its name. `Debug` shows the public half alone.
pub struct LedgerKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl std::fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerKey({})", self.verifier)
    }
}

impl LedgerKey {
    /// Loads the key, or makes it when the file does not exist. Errors when others may read the file.
    pub fn load_or_create(path: &Path, origin: &Origin) -> Result<Self, StoreError> {
        if !path.exists() {
            create(path)?;
        }
        Self::load(path, origin)
    }
    /// Loads the key: PKCS#8 DER (RFC 8410 §7).
    pub fn load(path: &Path, origin: &Origin) -> Result<Self, StoreError> {
        let bytes = private_file::read(path, Readers::Owner, MAX_SIZE);
        let bytes = bytes.map_err(|error| StoreError::Value(private_file::in_full(&error)))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes);
        let pair =
            pair.map_err(|_| StoreError::Value("ledger key file holds no Ed25519 key in PKCS#8".into()))?;
        let public = pair.public_key().as_ref().try_into();
        let public = public.map_err(|_| StoreError::Value("ledger key is not of 32 bytes".into()))?;
        Ok(Self { pair, verifier: VerifierKey::new(origin.key_name().clone(), KeyKind::Ledger, public) })
    }
    /// The public half, named as the origin.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }
    /// The checkpoint as a signed note.
    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> String {
        let signature = self.pair.sign(checkpoint.text().as_bytes());
        sign_with(checkpoint, &self.verifier, signature.as_ref())
    }
}

/// Never overwrites: a second key under one origin would be a second ledger.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = || StoreError::file("write the ledger key");
    let unspecified = |_| StoreError::Value("no Ed25519 key could be made".into());
    let pair = Ed25519KeyPair::generate().map_err(unspecified)?;
    let document = pair.to_pkcs8v1().map_err(unspecified)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed())?;
    file.write_all(document.as_ref()).and_then(|()| file.sync_all()).map_err(failed())
}
