//! `kek.json`: which KEKs the key files may be under. One, or two while a rotation is under way. Canonical JSON:
//!
//! ```json
//! {"keks":[{"derivation":{"pbkdf2-hmac-sha256":{"rounds":600000,"salt":"<16 bytes, base64>"}},"id":"<32 hex digits>"}],
//!  "schema":"chancery.kek/1"}
//! ```
//!
//! A KEK that is read raw has `"derivation":"none"`.

use std::num::NonZeroU32;

use aws_lc_rs::rand;
use chancery_core::canonical;

use crate::kek::{Kek, KekError, MAX_ROUNDS, ROUNDS, SALT, Secret};

const SCHEMA: &str = "chancery.kek/1";
const MAX_KEKS: usize = 2;

/// How the KEK comes from its source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Derivation {
    /// It is the source.
    None,
    /// From a passphrase.
    #[serde(rename = "pbkdf2-hmac-sha256")]
    Pbkdf2 {
        rounds: u32,
        #[serde(with = "chancery_core::order::base64_bytes")]
        salt: Vec<u8>,
    },
}

/// One KEK as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KekEntry {
    pub(crate) derivation: Derivation,
    pub(crate) id: String,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KekFile {
    pub(crate) keks: Vec<KekEntry>,
    schema: String,
}

impl KekFile {
    pub(crate) fn new(keks: Vec<KekEntry>) -> Self {
        Self { keks, schema: SCHEMA.to_owned() }
    }
    /// Reads the file's text; `None` when it is not exactly what [`Self::text`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let file: Self = canonical::decode(text.strip_suffix('\n')?).ok()?;
        let sound = file.schema == SCHEMA
            && (1..=MAX_KEKS).contains(&file.keks.len())
            && file.keks.iter().all(|entry| match &entry.derivation {
                Derivation::None => true,
                Derivation::Pbkdf2 { rounds, salt } => {
                    (ROUNDS..=MAX_ROUNDS).contains(rounds) && salt.len() == SALT
                }
            });
        sound.then_some(file)
    }
    pub(crate) fn text(&self) -> Option<String> {
        canonical::encode(self).ok().map(|text| text + "\n")
    }
    /// The KEK of `secret` that this file knows, if the secret is right.
    pub(crate) fn find(&self, secret: &Secret) -> Option<Kek> {
        self.keks.iter().find_map(|entry| entry.open(secret))
    }
}

impl KekEntry {
    /// A new KEK from a secret, with a fresh salt where it needs one.
    pub(crate) fn make(secret: &Secret) -> Result<(Self, Kek), KekError> {
        let (derivation, kek) = match secret {
            Secret::Raw(root) => (Derivation::None, Kek::from_root(root)),
            Secret::Passphrase(passphrase) => {
                let mut salt = vec![0u8; SALT];
                rand::fill(&mut salt).map_err(|_| KekError::Random)?;
                let kek = derive(passphrase, &salt, ROUNDS);
                (Derivation::Pbkdf2 { rounds: ROUNDS, salt }, kek)
            }
        };
        let kek = kek.ok_or(KekError::Random)?;
        Ok((Self { derivation, id: kek.id().to_owned() }, kek))
    }
    /// The KEK that `secret` leads to, when its id is this entry's.
    fn open(&self, secret: &Secret) -> Option<Kek> {
        let kek = match (&self.derivation, secret) {
            (Derivation::None, Secret::Raw(root)) => Kek::from_root(root),
            (Derivation::Pbkdf2 { rounds, salt }, Secret::Passphrase(passphrase)) => {
                derive(passphrase, salt, *rounds)
            }
            (Derivation::None, Secret::Passphrase(_)) | (Derivation::Pbkdf2 { .. }, Secret::Raw(_)) => None,
        };
        kek.filter(|kek| kek.id() == self.id)
    }
}

fn derive(passphrase: &[u8], salt: &[u8], rounds: u32) -> Option<Kek> {
    Kek::derive(passphrase, salt, NonZeroU32::new(rounds)?)
}
