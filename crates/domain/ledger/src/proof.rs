//! `.tlog-proof` files (C2SP tlog-proof): a receipt as text.
//!
//! ```text
//! c2sp.org/tlog-proof@v1\n
//! extra base64(leaf)\n                 optional
//! index 73894\n
//! base64(hash)\n                       leaf's sibling first, zero or more
//! \n
//! <signed checkpoint, verbatim>
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use chancery_core::port::sequencer::MAX_LEAF;
use chancery_core::receipt::Receipt;

use crate::checkpoint::{Checkpoint, InvalidCheckpoint};
use crate::merkle::{MAX_PROOF, MAX_SIZE, leaf_hash};
use crate::note::{MAX_NOTE, Note};

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// Text that is not a proof, or one without the leaf that a receipt needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTlogProof {
    /// The checkpoint in it is not well formed.
    #[error("proof holds no well-formed checkpoint")]
    Checkpoint(#[source] InvalidCheckpoint),
    /// A line that is not what the format says.
    #[error("proof has no well-formed {0}")]
    Line(&'static str),
    /// Too large, or too many hashes.
    #[error("proof is too large")]
    Size,
}

/// A proof, taken apart but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Extra data, not authenticated by the format; here the leaf, which the proof then authenticates.
    pub extra: Option<Vec<u8>>,
    /// Zero-based index.
    pub index: u64,
    /// The inclusion path, leaf to root.
    pub hashes: Vec<Sha256>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl TlogProof {
    /// Writes a receipt down, with its leaf as extra data when it is given.
    #[must_use]
    pub fn from_receipt(receipt: &Receipt, leaf: Option<&[u8]>) -> Self {
        Self {
            extra: leaf.map(<[u8]>::to_vec),
            index: receipt.index,
            hashes: receipt.proof.clone(),
            checkpoint: receipt.checkpoint.clone(),
        }
    }
    /// The receipt for `leaf`; still to be verified.
    pub fn receipt(&self, leaf: &[u8]) -> Result<Receipt, InvalidTlogProof> {
        let note = Note::parse(&self.checkpoint).map_err(InvalidCheckpoint::Note);
        let checkpoint = note.and_then(|note| Checkpoint::parse_text(note.text()));
        let checkpoint = checkpoint.map_err(InvalidTlogProof::Checkpoint)?;
        Ok(Receipt {
            origin: checkpoint.origin.to_string(),
            index: self.index,
            size: checkpoint.head.size,
            leaf_hash: leaf_hash(leaf),
            proof: self.hashes.clone(),
            checkpoint: self.checkpoint.clone(),
        })
    }
    /// The file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = HEADER.to_owned();
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }
    /// Parses a file, strictly; the checkpoint is taken verbatim.
    pub fn parse(text: &str) -> Result<Self, InvalidTlogProof> {
        if text.len() > MAX_NOTE.saturating_add(MAX_LEAF.saturating_mul(2)) {
            return Err(InvalidTlogProof::Size);
        }
        let rest = text.strip_prefix(HEADER).ok_or(InvalidTlogProof::Line("header"))?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or(InvalidTlogProof::Line("blank line"))?;
        let mut lines = head.split('\n').peekable();
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(parse_extra).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(parse_index).ok_or(InvalidTlogProof::Line("index"))?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_PROOF {
                return Err(InvalidTlogProof::Size);
            }
            hashes.push(parse_hash(line).ok_or(InvalidTlogProof::Line("hash"))?);
        }
        let proof = Self { extra, index, hashes, checkpoint: checkpoint.to_owned() };
        Note::parse(checkpoint)
            .map_err(|error| InvalidTlogProof::Checkpoint(InvalidCheckpoint::Note(error)))?;
        Ok(proof)
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, InvalidTlogProof> {
    let encoded = line.strip_prefix("extra ").unwrap_or_default();
    let extra = STANDARD.decode(encoded).map_err(|_| InvalidTlogProof::Line("extra data"))?;
    if extra.len() > MAX_LEAF { Err(InvalidTlogProof::Size) } else { Ok(extra) }
}

fn parse_index(text: &str) -> Option<u64> {
    let index = text.parse::<u64>().ok().filter(|index| *index < MAX_SIZE)?;
    (index.to_string() == text).then_some(index)
}

fn parse_hash(line: &str) -> Option<Sha256> {
    Sha256::from_slice(&STANDARD.decode(line).ok()?).ok()
}
