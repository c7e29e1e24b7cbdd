//! Signed notes (C2SP signed-note): text, a blank line, signature lines.
//!
//! ```text
//! log2026.sign.example\n
//! 42\n
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n
//! \n
//! — log2026.sign.example base64(4-byte key id || signature)\n
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;

/// Largest note in bytes, signatures included.
pub const MAX_NOTE: usize = 256 * 1024;
/// Most signature lines in a note; the specification demands at least 16.
pub const MAX_SIGNATURES: usize = 64;
/// Longest key name in bytes.
pub const MAX_KEY_NAME: usize = 255;

const PREFIX: &str = "\u{2014} ";

/// A note that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNote {
    /// A control character other than newline.
    #[error("note holds a control character")]
    Control,
    /// A key name that is empty, too long, or holds spaces or a plus sign.
    #[error("`{0}` is not a key name")]
    KeyName(String),
    /// A signature line that is not `— name base64`.
    #[error("signature line {0} is not `— name base64`")]
    Line(usize),
    /// No text, no signatures, or no blank line between them.
    #[error("note is not text, a blank line and signature lines")]
    Shape,
    /// Larger than [`MAX_NOTE`], or more than [`MAX_SIGNATURES`] lines.
    #[error("note is too large")]
    Size,
}

/// A checked key name: not empty, at most 255 bytes, no spaces, no plus sign, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Parses a key name.
    pub fn parse(name: &str) -> Result<Self, InvalidNote> {
        let illegal = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > MAX_KEY_NAME || name.contains(illegal) {
            return Err(InvalidNote::KeyName(name.chars().filter(|c| !c.is_control()).take(80).collect()));
        }
        Ok(Self(name.to_owned()))
    }
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a key in a signature line: first four bytes of SHA-256(name || "\n" || type || key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoteKeyId(pub [u8; 4]);

/// The untruncated key hash SHA-256(name || "\n" || signature type || key). With type 0x01 and the ledger's key it is
/// also the log id that Sigstore trusted roots name.
#[must_use]
pub fn key_hash(name: &KeyName, signature_type: u8, key: &[u8]) -> Sha256 {
    let mut bytes = Vec::with_capacity(name.as_str().len().saturating_add(key.len()).saturating_add(2));
    bytes.extend_from_slice(name.as_str().as_bytes());
    bytes.extend_from_slice(&[b'\n', signature_type]);
    bytes.extend_from_slice(key);
    Sha256::of(&bytes)
}

/// The first four bytes of a key hash.
#[must_use]
pub const fn key_id(hash: &Sha256) -> NoteKeyId {
    let [a, b, c, d, ..] = *hash.as_bytes();
    NoteKeyId([a, b, c, d])
}

/// One signature line, taken apart but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Who claims to have signed.
    pub name: KeyName,
    /// Which key.
    pub key_id: NoteKeyId,
    /// The signature; for cosignatures, a timestamp and a signature.
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    /// The line: `— name base64\n`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut bytes = self.key_id.0.to_vec();
        bytes.extend_from_slice(&self.bytes);
        format!("{PREFIX}{} {}\n", self.name, STANDARD.encode(bytes))
    }
    /// Parses exactly one line, its newline included.
    pub fn parse_line(line: &str) -> Result<Self, InvalidNote> {
        let line = line.strip_suffix('\n').ok_or(InvalidNote::Line(1))?;
        Self::parse_at(line, 1)
    }
    fn parse_at(line: &str, number: usize) -> Result<Self, InvalidNote> {
        let bad = InvalidNote::Line(number);
        let (name, encoded) =
            line.strip_prefix(PREFIX).and_then(|rest| rest.split_once(' ')).ok_or(bad.clone())?;
        let name = KeyName::parse(name)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| bad.clone())?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(bad.clone())?;
        if signature.is_empty() {
            return Err(bad);
        }
        Ok(Self { name, key_id: NoteKeyId(*id), bytes: signature.to_vec() })
    }
}

/// A well-formed note. Nothing in it is trusted until a signature of a known key was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Parses a note; the text is separated from the signatures by its last empty line.
    pub fn parse(note: &str) -> Result<Self, InvalidNote> {
        if note.len() > MAX_NOTE {
            return Err(InvalidNote::Size);
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(InvalidNote::Control);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(InvalidNote::Shape)?;
        let lines = lines.strip_suffix('\n').ok_or(InvalidNote::Shape)?;
        if text.is_empty() || lines.is_empty() {
            return Err(InvalidNote::Shape);
        }
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(InvalidNote::Size);
        }
        let parse = |(index, line): (usize, &str)| NoteSignature::parse_at(line, index.saturating_add(1));
        let signatures = lines.split('\n').enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }
    /// The signed text, its final newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The signature lines in order, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// Puts a note together: `text` must end in a newline, and so must every line of `lines`.
#[must_use]
pub fn assemble<'a>(text: &str, lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut note = format!("{text}\n");
    note.extend(lines);
    note
}
