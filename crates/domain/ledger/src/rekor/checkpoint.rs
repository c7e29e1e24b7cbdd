//! Checkpoints of other people's logs: any origin, any extension lines, any kind of key.
//!
//! ```text
//! rekor.sigstore.dev - 2605736670972794746\n      Rekor v1: host name and tree; v2: the origin alone
//! 23083062\n
//! dauhleYK4YyAdxwwDtR0l0KnSOWZdG2bwqHftlanvcI=\n
//! Timestamp: 1689177396617352539\n                extension lines are signed, and not understood
//! \n
//! — rekor.sigstore.dev wNI9ajBF…\n                 first four bytes: those of the log id
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;

use crate::merkle::{Head, MAX_SIZE};
use crate::note::{InvalidNote, Note, NoteKeyId};

/// Most lines of text.
const MAX_LINES: usize = 16;

/// A checkpoint that cannot be read, or has no signature line of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForeignCheckpoint {
    /// Not a signed note.
    #[error("checkpoint is not a signed note")]
    Note(#[source] InvalidNote),
    /// Not origin, decimal size and base64 root.
    #[error("checkpoint text does not start with origin, size and root hash")]
    Text,
    /// None or several lines that claim the log's key.
    #[error("checkpoint has {0} signature lines of the log; expected 1")]
    Lines(usize),
}

/// A checkpoint, taken apart but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCheckpoint {
    origin: String,
    head: Head,
    note: Note,
}

impl ForeignCheckpoint {
    /// Reads a signed note whose text is a checkpoint.
    pub fn parse(text: &str) -> Result<Self, InvalidForeignCheckpoint> {
        let note = Note::parse(text).map_err(InvalidForeignCheckpoint::Note)?;
        let (origin, head) = read(note.text()).ok_or(InvalidForeignCheckpoint::Text)?;
        Ok(Self { origin, head, note })
    }
    /// The first line.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
    /// Size and root.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }
    /// The signed bytes.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.note.text().as_bytes()
    }
    /// The signature of the one line that claims this key under the name of the origin; lines of others are ignored,
    /// for whoever cosigns is not known here.
    pub fn signature(&self, key: NoteKeyId) -> Result<&[u8], InvalidForeignCheckpoint> {
        let named = |name: &str| {
            self.origin.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" - "))
        };
        let lines = self.note.signatures().iter();
        let own: Vec<_> = lines.filter(|line| line.key_id == key && named(line.name.as_str())).collect();
        match own.as_slice() {
            [one] => Ok(&one.bytes),
            [] | [_, ..] => Err(InvalidForeignCheckpoint::Lines(own.len())),
        }
    }
}

fn read(text: &str) -> Option<(String, Head)> {
    let text = text.strip_suffix('\n')?;
    if text.split('\n').count() > MAX_LINES {
        return None;
    }
    let mut lines = text.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let number = size.parse::<u64>().ok().filter(|number| *number <= MAX_SIZE)?;
    let root = Sha256::from_slice(&STANDARD.decode(root).ok()?).ok()?;
    let is_well_formed =
        !origin.is_empty() && number.to_string() == size && lines.all(|line| !line.is_empty());
    is_well_formed.then(|| (origin.to_owned(), Head { size: number, root }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "dauhleYK4YyAdxwwDtR0l0KnSOWZdG2bwqHftlanvcI=";
    const ID: NoteKeyId = NoteKeyId([0xc0, 0xd2, 0x3d, 0x6a]);

    fn note(text: &str, lines: &[&str]) -> String {
        format!("{text}\n{}", lines.concat())
    }

    #[test]
    fn both_generations_are_read() {
        let line = "\u{2014} rekor.example wNI9agECAw==\n";
        for origin in ["rekor.example - 2605736670972794746", "rekor.example"] {
            for more in ["", "Timestamp: 1689177396617352539\n"] {
                let checkpoint =
                    ForeignCheckpoint::parse(&note(&format!("{origin}\n7\n{ROOT}\n{more}"), &[line]))
                        .unwrap();
                assert_eq!((checkpoint.origin(), checkpoint.head().size), (origin, 7));
                assert_eq!(checkpoint.signature(ID).unwrap(), [1, 2, 3]);
            }
        }
    }

    #[test]
    fn the_line_must_be_the_logs_own_and_alone() {
        let text = format!("rekor.example\n7\n{ROOT}\n");
        let own = "\u{2014} rekor.example wNI9agECAw==\n";
        let cases = [
            (vec!["\u{2014} rekor.example wNI9awECAw==\n"], 0),
            (vec!["\u{2014} rekor.exampl wNI9agECAw==\n"], 0),
            (vec!["\u{2014} rekor.example.evil wNI9agECAw==\n"], 0),
            (vec![own, own], 2),
        ];
        for (lines, found) in cases {
            let checkpoint = ForeignCheckpoint::parse(&note(&text, &lines)).unwrap();
            assert_eq!(checkpoint.signature(ID), Err(InvalidForeignCheckpoint::Lines(found)), "{lines:?}");
        }
        let cosigned = note(&text, &["\u{2014} witness.example AAAAAAEC\n", own]);
        assert_eq!(ForeignCheckpoint::parse(&cosigned).unwrap().signature(ID).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn incomplete_texts_are_refused() {
        let line = "\u{2014} rekor.example wNI9agECAw==\n";
        for text in [
            format!("7\n{ROOT}\n"),
            format!("rekor.example\n{ROOT}\n"),
            "rekor.example\n7\n".to_owned(),
            format!("rekor.example\n07\n{ROOT}\n"),
            format!("rekor.example\n7\n{}\n", ROOT.split_at(4).1),
            format!("\n7\n{ROOT}\n"),
            format!("rekor.example\n7\n{ROOT}\n{}", "x\n".repeat(MAX_LINES)),
        ] {
            assert!(ForeignCheckpoint::parse(&note(&text, &[line])).is_err(), "{text}");
        }
        assert!(ForeignCheckpoint::parse(&format!("rekor.example\n7\n{ROOT}\n")).is_err());
    }
}
