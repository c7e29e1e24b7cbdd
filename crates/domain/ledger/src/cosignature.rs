//! Cosignatures (C2SP tlog-cosignature, Ed25519, type 0x04): that a follower saw this checkpoint as the newest.
//!
//! ```text
//! message    cosignature/v1\n  time 1679315147\n  <the checkpoint's note text>
//! in a note  — name base64(4-byte key id || 8-byte big-endian seconds || 64-byte signature)\n
//! ```

use chancery_core::time::Time;

use crate::checkpoint::SignedCheckpoint;
use crate::note::NoteSignature;
use crate::vkey::{KeyError, KeyKind, VerifierKey};

/// The bytes that a cosigner signs; `checkpoint` is the note text with its final newline. Times before the epoch
/// count as the epoch.
#[must_use]
pub fn message(checkpoint: &str, at: Time) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{checkpoint}", seconds(at)).into_bytes()
}

/// The note line `— name base64\n` for a raw Ed25519 signature (64 bytes) over [`message`].
#[must_use]
pub fn line(key: &VerifierKey, at: Time, signature: &[u8]) -> String {
    let mut bytes = seconds(at).to_be_bytes().to_vec();
    bytes.extend_from_slice(signature);
    NoteSignature { name: key.name().clone(), key_id: key.id(), bytes }.line()
}

/// Verifies the cosignature of `key` on a checkpoint and tells when it was made.
pub fn verify(checkpoint: &SignedCheckpoint, key: &VerifierKey) -> Result<Time, KeyError> {
    if key.kind() != KeyKind::Cosigner {
        return Err(KeyError::Kind(key.name().clone()));
    }
    check(checkpoint.note().text(), key.signature_in(checkpoint.note())?, key)
}

/// Verifies one line by `key` over the note text of a checkpoint that the caller itself has just signed, and tells when
/// it was made. A checkpoint that came from elsewhere is [`verify`]'s matter.
pub fn verify_line(text: &str, line: &NoteSignature, key: &VerifierKey) -> Result<Time, KeyError> {
    if key.kind() != KeyKind::Cosigner {
        return Err(KeyError::Kind(key.name().clone()));
    }
    if line.name != *key.name() || line.key_id != key.id() {
        return Err(KeyError::Absent(key.name().clone()));
    }
    check(text, &line.bytes, key)
}

fn check(text: &str, bytes: &[u8], key: &VerifierKey) -> Result<Time, KeyError> {
    let wrong = || KeyError::Wrong(key.name().clone());
    let (stamp, signature) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
    // The specification caps timestamps at 2^63 - 1; milliseconds must fit as well.
    let stamp = i64::from_be_bytes(*stamp);
    if !(0..=i64::MAX / 1000).contains(&stamp) {
        return Err(wrong());
    }
    let at = Time::from_seconds(stamp);
    key.check(&message(text, at), signature)?;
    Ok(at)
}

fn seconds(at: Time) -> u64 {
    u64::try_from(at.seconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;
    use crate::note::KeyName;

    fn key(seed: u8, name: &str, kind: KeyKind) -> (Ed25519KeyPair, VerifierKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, VerifierKey::new(KeyName::parse(name).unwrap(), kind, public))
    }

    #[test]
    fn one_line_holds_for_its_key_and_its_text_alone() {
        let text = "log2026.sign.example\n1\nAAAA\n";
        let at = Time::from_seconds(1_795_210_023);
        let (pair, own) = key(1, "keyguard.example", KeyKind::Cosigner);
        let signed = line(&own, at, pair.sign(&message(text, at)).as_ref());
        let parsed = NoteSignature::parse_line(&signed).unwrap();
        assert_eq!(verify_line(text, &parsed, &own), Ok(at));
        let wrong = Err(KeyError::Wrong(own.name().clone()));
        assert_eq!(verify_line("log2026.sign.example\n2\nAAAA\n", &parsed, &own), wrong);
        for place in 0..parsed.bytes.len() {
            let mut flipped = parsed.clone();
            flipped.bytes[place] ^= 1;
            assert!(verify_line(text, &flipped, &own).is_err(), "byte {place}");
        }
        let mut short = parsed.clone();
        short.bytes.truncate(7);
        assert_eq!(verify_line(text, &short, &own), wrong);
        for other in
            [key(2, "keyguard.example", KeyKind::Cosigner).1, key(1, "other.example", KeyKind::Cosigner).1]
        {
            assert_eq!(verify_line(text, &parsed, &other), Err(KeyError::Absent(other.name().clone())));
        }
        let ledger = key(1, "keyguard.example", KeyKind::Ledger).1;
        assert_eq!(verify_line(text, &parsed, &ledger), Err(KeyError::Kind(ledger.name().clone())));
    }
}
