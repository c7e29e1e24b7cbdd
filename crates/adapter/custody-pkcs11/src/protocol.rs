//! What custodian and worker say to each other over their socket pair.
//!
//! Every frame is a 32-bit big-endian length and that many bytes of JSON, at most [`MAX_FRAME`]:
//!
//! ```text
//! 00 00 00 29  {"id":7,"call":{"inspect":{"label":"k"}}}
//! 00 00 00 22  {"id":7,"answer":{"Err":"absent"}}
//! ```
//!
//! The first call is `open`; answers come in any order.

use std::io::{Read, Write};
use std::path::PathBuf;

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::Sha256;
use chancery_core::order::base64_bytes;

use crate::fault::Fault;

/// Largest frame in bytes.
pub(crate) const MAX_FRAME: usize = 64 * 1024;

/// Which token, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The token's label, without the padding.
    pub label: String,
    /// The token's serial number, where labels are not unique.
    pub serial: Option<String>,
    /// A file of mode 0600 or 0440 with the user PIN; one newline at its end is dropped. Read by the worker.
    pub pin_file: PathBuf,
    /// Sessions to open, each with a thread of its own; fewer are used where the token allows fewer.
    pub sessions: usize,
}

/// A call with its number.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallFrame {
    pub(crate) id: u64,
    pub(crate) call: Call,
}

/// What the custodian asks.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Call {
    /// Load the module, log in, open the sessions.
    Open(TokenConfig),
    /// Make a key that cannot leave.
    Generate { label: String, algorithm: KeyAlgorithm },
    /// Describe a key that is there.
    Inspect { label: String },
    /// Sign a digest.
    Sign(Sign),
    /// Ask the token whether it is there.
    Health,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub(crate) label: String,
    /// SHA-256 of the SubjectPublicKeyInfo that the key must have.
    pub(crate) public_key: Sha256,
    pub(crate) algorithm: KeyAlgorithm,
    #[serde(with = "base64_bytes")]
    pub(crate) digest: Vec<u8>,
}

/// An answer with the number of its call.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerFrame {
    pub(crate) id: u64,
    pub(crate) answer: Result<Answer, Fault>,
}

/// What the worker answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// To `Open`: how many sessions there are.
    Ready { sessions: usize },
    /// To `Generate` and `Inspect`.
    Key(TokenKey),
    /// To `Sign`: as the token gave it, r ‖ s for ECDSA.
    Signature(#[serde(with = "base64_bytes")] Vec<u8>),
    /// To `Health`.
    Healthy,
}

/// A key as the token describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenKey {
    pub(crate) public_key: PublicKey,
    pub(crate) held: Held,
    /// The token itself: label, model, serial number.
    pub(crate) token: Vec<String>,
}

/// How the token says that it holds a private key (PKCS#11 2.40 §4.9, table 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "five attributes that PKCS#11 defines as booleans")]
pub(crate) struct Held {
    pub(crate) sensitive: bool,
    pub(crate) always_sensitive: bool,
    pub(crate) extractable: bool,
    pub(crate) never_extractable: bool,
    pub(crate) local: bool,
}

impl Held {
    /// Whether the private half was made in the token, and has never been and cannot be outside.
    pub(crate) const fn is_confined(self) -> bool {
        self.sensitive && self.always_sensitive && !self.extractable && self.never_extractable && self.local
    }
    /// As text, for people and for policy.
    pub(crate) fn attributes(self) -> Vec<String> {
        vec![
            format!("CKA_SENSITIVE={}", self.sensitive),
            format!("CKA_ALWAYS_SENSITIVE={}", self.always_sensitive),
            format!("CKA_EXTRACTABLE={}", self.extractable),
            format!("CKA_NEVER_EXTRACTABLE={}", self.never_extractable),
            format!("CKA_LOCAL={}", self.local),
        ]
    }
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The other side is gone, or too slow.
    #[error("socket failed")]
    Io(#[from] std::io::Error),
    /// Not JSON of the expected type.
    #[error("frame is not understood")]
    Json(#[from] serde_json::Error),
    /// Larger than [`MAX_FRAME`].
    #[error("frame of {0} bytes; at most {MAX_FRAME}")]
    TooLarge(usize),
}

/// Writes one frame with one system call.
pub(crate) fn write<T: serde::Serialize>(writer: &mut impl Write, frame: &T) -> Result<(), FrameError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame)?;
    let size = bytes.len().saturating_sub(4);
    if size > MAX_FRAME {
        return Err(FrameError::TooLarge(size));
    }
    let length = u32::try_from(size).map_err(|_| FrameError::TooLarge(size))?;
    if let Some(prefix) = bytes.first_chunk_mut::<4>() {
        *prefix = length.to_be_bytes();
    }
    Ok(writer.write_all(&bytes)?)
}

/// Reads one frame.
pub(crate) fn read<T: serde::de::DeserializeOwned>(reader: &mut impl Read) -> Result<T, FrameError> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if size > MAX_FRAME {
        return Err(FrameError::TooLarge(size));
    }
    let mut bytes = vec![0; size];
    reader.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_hostile_ones_do_not() {
        let frame = CallFrame { id: 7, call: Call::Inspect { label: "k".to_owned() } };
        let mut bytes = Vec::new();
        write(&mut bytes, &frame).unwrap();
        assert_eq!(bytes, b"\0\0\0\x29{\"id\":7,\"call\":{\"inspect\":{\"label\":\"k\"}}}");
        let answer = AnswerFrame { id: 7, answer: Err(Fault::Absent) };
        let mut answered = Vec::new();
        write(&mut answered, &answer).unwrap();
        assert_eq!(answered, b"\0\0\0\x22{\"id\":7,\"answer\":{\"Err\":\"absent\"}}");
        assert_eq!(read::<CallFrame>(&mut &bytes[..]).unwrap().id, 7);
        for length in 0..bytes.len() {
            assert!(read::<CallFrame>(&mut &bytes[..length]).is_err());
        }
        let huge = [&[0xff; 4][..], &[b' '; 100]].concat();
        assert!(matches!(read::<CallFrame>(&mut &huge[..]), Err(FrameError::TooLarge(_))));
        let long = CallFrame { id: 7, call: Call::Inspect { label: "k".repeat(MAX_FRAME) } };
        assert!(matches!(write(&mut Vec::new(), &long), Err(FrameError::TooLarge(_))));
    }

    #[test]
    fn only_keys_that_never_were_outside_are_confined() {
        let confined = Held {
            sensitive: true,
            always_sensitive: true,
            extractable: false,
            never_extractable: true,
            local: true,
        };
        assert!(confined.is_confined());
        let others = [
            Held { sensitive: false, ..confined },
            Held { always_sensitive: false, ..confined },
            Held { extractable: true, ..confined },
            Held { never_extractable: false, ..confined },
            Held { local: false, ..confined },
        ];
        assert!(others.iter().all(|held| !held.is_confined()));
    }
}
