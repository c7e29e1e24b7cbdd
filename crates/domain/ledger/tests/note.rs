//! Notes, verifier keys, checkpoints and cosignatures: known vectors and everything that must be refused.
#![expect(clippy::unwrap_used, reason = "test")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_ledger::checkpoint::{Checkpoint, InvalidCheckpoint, Origin, SignedCheckpoint, sign_with};
use chancery_ledger::cosignature;
use chancery_ledger::merkle::Head;
use chancery_ledger::note::{InvalidNote, KeyName, Note, NoteSignature};
use chancery_ledger::vkey::{KeyError, KeyKind, VerifierKey};

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn vkey(seed: u8, name: &str, kind: KeyKind) -> VerifierKey {
    let public = pair(seed).public_key().as_ref().try_into().unwrap();
    VerifierKey::new(KeyName::parse(name).unwrap(), kind, public)
}

/// The example in the documentation of Go's `sumdb/note`: key and note made by another implementation.
#[test]
fn verifies_a_note_of_another_implementation() {
    let key =
        VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\n\
                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    key.verify(&Note::parse(note).unwrap()).unwrap();
    let changed = Note::parse(&note.replace("answer", "Answer")).unwrap();
    assert_eq!(key.verify(&changed), Err(KeyError::Wrong(key.name().clone())));
    // Go's checksum database: the text form has one spelling.
    let sum = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(VerifierKey::parse(sum).unwrap().to_string(), sum);
    for wrong in
        [sum.replace("033de0ae", "033de0af"), sum.replace("033de0ae", "033DE0AE"), sum.replace("+Ac", "+Bc")]
    {
        assert!(VerifierKey::parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn takes_the_examples_of_the_specifications_apart() {
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let parsed = Note::parse(note).unwrap();
    assert_eq!(parsed.signatures().len(), 2);
    assert_eq!(
        parsed.signatures().iter().map(NoteSignature::line).collect::<String>(),
        note.split_once("\n\n").unwrap().1
    );
    // 8 bytes of time, 64 of signature; the time is that of the specification's text.
    let cosignature = &parsed.signatures().last().unwrap().bytes;
    assert_eq!(cosignature.len(), 72);
    assert_eq!(u64::from_be_bytes(*cosignature.first_chunk().unwrap()), 1_679_315_147);
    // Origins with a path lose Sigstore clients, so they are not ours.
    assert!(matches!(Checkpoint::parse_text(parsed.text()), Err(InvalidCheckpoint::Origin(_))));
    let bare = parsed.text().replace("/behind-the-sofa", "");
    assert_eq!(Checkpoint::parse_text(&bare).unwrap().head.size, 20_852_163);
}

#[test]
fn refuses_notes_that_could_be_read_twice() {
    let line = "\u{2014} a AAAAAAA=\n";
    let good = format!("text\n\n{line}");
    assert!(Note::parse(&good).is_ok());
    for (bad, why) in [
        (String::new(), "empty"),
        ("text\n".into(), "no signatures"),
        (format!("text\n{line}"), "no blank line"),
        (format!("\n\n{line}"), "no text"),
        (good.trim_end().to_owned(), "no newline at the end"),
        (format!("{good}x"), "bytes after the end"),
        (format!("text\n\n{line}garbage\n"), "a line that is no signature"),
        (good.replace("text", "te\txt"), "tab"),
        (good.replace("text", "te\rxt"), "carriage return"),
        (good.replace("text", "te\u{85}xt"), "C1 control"),
        (good.replace(" a ", " a+b "), "plus in a name"),
        (good.replace(" a ", " a\u{a0}b "), "Unicode space in a name"),
        (good.replace("AAAAAAA=", "AAAAAAB="), "bits behind the base64"),
        (good.replace("AAAAAAA=", "AAAAAA=="), "no signature after the key id"),
        (good.replace('\u{2014}', "-"), "hyphen"),
        (format!("text\n\n{}", line.repeat(65)), "too many"),
        (format!("{}\n\n{line}", "x".repeat(300_000)), "too large"),
    ] {
        assert!(Note::parse(&bad).is_err(), "{why}");
    }
    assert_eq!(KeyName::parse(""), Err(InvalidNote::KeyName(String::new())));
}

fn checkpoint() -> Checkpoint {
    let origin = Origin::parse("log2026.sign.example").unwrap();
    Checkpoint { origin, head: Head { size: 7, root: Sha256::of(b"root") } }
}

#[test]
fn checkpoints_have_one_spelling() {
    let text = checkpoint().text();
    assert_eq!(Checkpoint::parse_text(&text).unwrap(), checkpoint());
    for bad in [
        text.replace("\n7\n", "\n07\n"),
        text.replace("\n7\n", "\n+7\n"),
        text.replace("\n7\n", "\n-7\n"),
        text.replace("\n7\n", "\n9223372036854775808\n"),
        text.replace('=', ""),
        text.trim_end().to_owned(),
        format!("{text}extension\n"),
        format!("{text}\n"),
        text.replace("log2026", "LOG2026"),
        text.replace("log2026.sign.example", "log2026.sign.example - 123"),
        text.replace("log2026.sign.example", ""),
    ] {
        assert!(Checkpoint::parse_text(&bad).is_err(), "{bad:?}");
    }
    for origin in
        ["", ".", "a..b", "-a", "a-", "a/b", "a:1", "a b", "a_b", &"a".repeat(64), &"a.".repeat(127)]
    {
        assert!(Origin::parse(origin).is_err(), "{origin}");
    }
}

#[test]
fn signatures_and_cosignatures_do_not_replace_each_other() {
    let (log, keyguard) = (pair(1), pair(2));
    let ledger = vkey(1, "log2026.sign.example", KeyKind::Ledger);
    let cosigner = vkey(2, "keyguard.sign.example", KeyKind::Cosigner);
    let text = checkpoint().text();
    let note = sign_with(&checkpoint(), &ledger, log.sign(text.as_bytes()).as_ref());
    let at = Time::from_seconds(1_700_000_000);
    let line = cosignature::line(&cosigner, at, keyguard.sign(&cosignature::message(&text, at)).as_ref());
    let both = format!("{note}{line}");
    let signed = SignedCheckpoint::open(&both, &ledger).unwrap();
    assert_eq!(cosignature::verify(&signed, &cosigner), Ok(at));
    assert_eq!(signed.checkpoint(), &checkpoint());

    // A plain signature by the cosigner's key is no cosignature, nor the other way round.
    let plain = NoteSignature {
        name: cosigner.name().clone(),
        key_id: cosigner.id(),
        bytes: keyguard.sign(text.as_bytes()).as_ref().to_vec(),
    };
    let forged = SignedCheckpoint::open(&format!("{note}{}", plain.line()), &ledger).unwrap();
    assert!(matches!(cosignature::verify(&forged, &cosigner), Err(KeyError::Wrong(_))));
    assert!(matches!(cosignature::verify(&signed, &ledger), Err(KeyError::Kind(_))));
    // Twice the same key, another origin, an absent line.
    let twice = SignedCheckpoint::open(&format!("{both}{line}"), &ledger).unwrap();
    assert!(matches!(cosignature::verify(&twice, &cosigner), Err(KeyError::Twice(_))));
    let alone = SignedCheckpoint::open(&note, &ledger).unwrap();
    assert!(matches!(cosignature::verify(&alone, &cosigner), Err(KeyError::Absent(_))));
    let elsewhere = vkey(1, "other.sign.example", KeyKind::Ledger);
    let note = sign_with(&checkpoint(), &elsewhere, log.sign(text.as_bytes()).as_ref());
    assert!(matches!(SignedCheckpoint::open(&note, &elsewhere), Err(InvalidCheckpoint::OtherOrigin { .. })));

    // Every byte of the whole note counts, except that lines of unknown keys are ignored: a flip in the cosigner's
    // name or key id makes its line unknown, never valid.
    for at in 0..both.len() {
        let mut bytes = both.clone().into_bytes();
        *bytes.get_mut(at).unwrap() ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let opened = SignedCheckpoint::open(&changed, &ledger).ok();
        let accepted = opened.and_then(|signed| cosignature::verify(&signed, &cosigner).ok());
        assert_eq!(accepted, None, "byte {at}");
    }
}
