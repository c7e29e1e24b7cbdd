//! Verifier keys: who may sign a note, as text and as a check.
//!
//! ```text
//! log2026.sign.example+0123abcd+base64(type byte || 32-byte Ed25519 key)
//! ```

use std::fmt;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;

use crate::note::{KeyName, Note, NoteKeyId, key_hash, key_id};

/// How the SubjectPublicKeyInfo of an Ed25519 key begins (RFC 8410 §4); the 32 bytes of the key follow.
pub const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What a verifier key signs (C2SP signed-note, signature types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// 0x04: timestamped cosignatures (C2SP tlog-cosignature).
    Cosigner,
    /// 0x01: notes themselves; the ledger's own signature.
    Ledger,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Cosigner => 0x04,
            Self::Ledger => 0x01,
        }
    }
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ledger),
            0x04 => Some(Self::Cosigner),
            _ => None,
        }
    }
}

/// Text that is not a verifier key, or a signature that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `name+hash+base64` of a known type, or the hash is not the key's.
    #[error("`{0}` is not a verifier key")]
    Text(String),
    /// No signature line is by this key.
    #[error("note has no signature by `{0}`")]
    Absent(KeyName),
    /// A signature line claims this key but does not verify.
    #[error("signature by `{0}` does not verify")]
    Wrong(KeyName),
    /// Two lines claim the same key: a second reading would be possible.
    #[error("note has two signatures by `{0}`")]
    Twice(KeyName),
    /// The key is of the other kind.
    #[error("key `{0}` is of another kind")]
    Kind(KeyName),
}

/// A named Ed25519 key with its kind; its id was computed from its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    public: [u8; 32],
    hash: Sha256,
}

impl VerifierKey {
    /// Names a key.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, public: [u8; 32]) -> Self {
        let hash = key_hash(&name, kind.byte(), &public);
        Self { name, kind, public, hash }
    }
    /// Names the key of a ledger, given as SubjectPublicKeyInfo (RFC 8410 §4); `None` where that is no Ed25519 key.
    #[must_use]
    pub fn from_spki(name: KeyName, spki: &[u8]) -> Option<Self> {
        let public: [u8; 32] = spki.strip_prefix(&ED25519_SPKI)?.try_into().ok()?;
        ParsedPublicKey::new(&ED25519, public).ok()?;
        Some(Self::new(name, KeyKind::Ledger, public))
    }
    /// Its SubjectPublicKeyInfo, 44 bytes.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        [ED25519_SPKI.as_slice(), &self.public].concat()
    }
    /// Parses the text form and checks its hash.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::parse_parts(text)
            .filter(|key| key.to_string() == text)
            .ok_or_else(|| KeyError::Text(text.chars().filter(|c| !c.is_control()).take(80).collect()))
    }
    fn parse_parts(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '+');
        let (name, _hash, encoded) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = STANDARD.decode(encoded).ok()?;
        let (kind, key) = bytes.split_first()?;
        Some(Self::new(KeyName::parse(name).ok()?, KeyKind::from_byte(*kind)?, key.try_into().ok()?))
    }
    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }
    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }
    /// The 32-byte public key (RFC 8032).
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }
    /// Its id in signature lines.
    #[must_use]
    pub const fn id(&self) -> NoteKeyId {
        key_id(&self.hash)
    }
    /// SHA-256(name || "\n" || type || key), 32 bytes: for the ledger's key, the log id of Sigstore.
    #[must_use]
    pub const fn log_id(&self) -> Sha256 {
        self.hash
    }
    /// The signature bytes of the one line by this key, unverified. Lines of unknown keys are ignored, even when they
    /// share the name or the id.
    pub(crate) fn signature_in<'a>(&self, note: &'a Note) -> Result<&'a [u8], KeyError> {
        let mut own =
            note.signatures().iter().filter(|line| line.name == self.name && line.key_id == self.id());
        let first = own.next().ok_or_else(|| KeyError::Absent(self.name.clone()))?;
        if own.next().is_some() {
            return Err(KeyError::Twice(self.name.clone()));
        }
        Ok(&first.bytes)
    }
    /// Whether a line of the note names this key; nothing is verified.
    #[must_use]
    pub fn is_named_in(&self, note: &Note) -> bool {
        note.signatures().iter().any(|line| line.name == self.name && line.key_id == self.id())
    }
    /// Checks an Ed25519 signature over `message`.
    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .map_err(|_| KeyError::Wrong(self.name.clone()))
    }
    /// Verifies the note's signature by this key (type 0x01: over the note text).
    pub fn verify(&self, note: &Note) -> Result<(), KeyError> {
        if self.kind != KeyKind::Ledger {
            return Err(KeyError::Kind(self.name.clone()));
        }
        self.check(note.text().as_bytes(), self.signature_in(note)?)
    }
}

/// `name+hash+base64(type || key)`, the hash as eight lower-case hexadecimal digits.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.public);
        let id = u32::from_be_bytes(self.id().0);
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}
