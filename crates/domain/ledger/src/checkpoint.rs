//! Checkpoints (C2SP tlog-checkpoint): origin, tree size, root hash.
//!
//! ```text
//! log2026.sign.example\n
//! 20852163\n
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n
//! ```
//!
//! Extension lines are refused: no monitor could audit them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;

use crate::merkle::{Head, MAX_SIZE};
use crate::note::{InvalidNote, KeyName, Note, NoteSignature, assemble};
use crate::vkey::{KeyError, VerifierKey};

/// A checkpoint that is not well formed or not signed by the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheckpoint {
    /// Not a signed note.
    #[error("checkpoint is not a signed note")]
    Note(#[source] InvalidNote),
    /// Not a bare host name.
    #[error("origin `{0}` is not a bare host name")]
    Origin(String),
    /// The key's name and the origin differ.
    #[error("checkpoint is of `{actual}`, expected `{expected}`")]
    OtherOrigin {
        /// The origin found.
        actual: Origin,
        /// The ledger's key name.
        expected: String,
    },
    /// Not signed by the ledger's key.
    #[error("checkpoint is not signed by the ledger")]
    Signature(#[source] KeyError),
    /// Not three lines of origin, decimal size and base64 root.
    #[error("checkpoint text is not origin, size and root")]
    Text,
}

/// A ledger's identity: a bare lower-case host name, `log2026.sign.example`. Sigstore clients take the host of the
/// ledger's URL as the note's key name, so a path would lose them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(KeyName);

impl Origin {
    /// Parses a host name of at most 253 bytes: labels of `a-z 0-9 -` between dots. It holds no space, so it can never
    /// end in ` - <digits>`, which means Rekor v1 to Sigstore clients.
    pub fn parse(text: &str) -> Result<Self, InvalidCheckpoint> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(legal)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let invalid =
            || InvalidCheckpoint::Origin(text.chars().filter(|c| !c.is_control()).take(80).collect());
        if text.len() > 253 || !text.split('.').all(label) {
            return Err(invalid());
        }
        KeyName::parse(text).map(Self).map_err(|_| invalid())
    }
    /// The host name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// The same as a key name: the ledger's key is named after its origin.
    #[must_use]
    pub const fn key_name(&self) -> &KeyName {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a ledger says about its tree. Plain data: whether it was signed is [`SignedCheckpoint`]'s matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: Origin,
    /// Size and root.
    pub head: Head,
}

impl Checkpoint {
    /// The note text, its final newline included.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.head.size, STANDARD.encode(self.head.root.as_bytes()))
    }
    /// Parses a note text, strictly: any other spelling of the same checkpoint is refused.
    pub fn parse_text(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(InvalidCheckpoint::Text);
        let origin = Origin::parse(line()?)?;
        let size =
            line()?.parse::<u64>().ok().filter(|size| *size <= MAX_SIZE).ok_or(InvalidCheckpoint::Text)?;
        let root = STANDARD.decode(line()?).map_err(|_| InvalidCheckpoint::Text)?;
        let root = Sha256::from_slice(&root).map_err(|_| InvalidCheckpoint::Text)?;
        let checkpoint = Self { origin, head: Head { size, root } };
        if checkpoint.text() == text { Ok(checkpoint) } else { Err(InvalidCheckpoint::Text) }
    }
}

/// Puts the ledger's signature over a checkpoint's text; `signature` is raw Ed25519 (64 bytes) by `key`.
#[must_use]
pub fn sign_with(checkpoint: &Checkpoint, key: &VerifierKey, signature: &[u8]) -> String {
    let line = NoteSignature { name: key.name().clone(), key_id: key.id(), bytes: signature.to_vec() }.line();
    assemble(&checkpoint.text(), [line.as_str()])
}

/// A checkpoint whose ledger signature was verified; born only in [`SignedCheckpoint::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Parses a note and verifies the signature of the ledger, whose key must be named as the origin.
    pub fn open(note: &str, ledger: &VerifierKey) -> Result<Self, InvalidCheckpoint> {
        let note = Note::parse(note).map_err(InvalidCheckpoint::Note)?;
        ledger.verify(&note).map_err(InvalidCheckpoint::Signature)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        if checkpoint.origin.key_name() != ledger.name() {
            let expected = ledger.name().to_string();
            return Err(InvalidCheckpoint::OtherOrigin { actual: checkpoint.origin, expected });
        }
        Ok(Self { checkpoint, note })
    }
    /// What the ledger said.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.checkpoint.head
    }
    /// The note, for the cosignatures on it.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}
