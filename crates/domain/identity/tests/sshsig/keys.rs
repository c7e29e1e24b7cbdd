//! Public keys: lines and bytes that are refused, each with its reason.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_identity::sshsig::key::{InvalidSshKey, SshKeyType, SshPublicKey};
use chancery_testkit::ssh::{SshTestKey, mpint, string};

#[test]
fn every_kind_is_read_whatever_its_comment() {
    for kind in SshTestKey::KINDS {
        let line = SshTestKey::generate(kind).line();
        let key = SshPublicKey::parse_line(&line).unwrap();
        assert_eq!((key.kind().name(), key.line()), (kind, line.clone()));
        assert_eq!(SshPublicKey::parse_line(&format!("{line} alice at her laptop\n")).unwrap(), key);
    }
}

#[test]
fn lines_with_a_second_reading_are_refused() {
    let line = SshTestKey::ed25519().line();
    let (kind, encoded) = line.split_once(' ').unwrap();
    for bad in [
        String::new(),
        kind.to_owned(),
        format!("{line}\n\n"),
        format!("{line}\n{line}"),
        format!("{line} a\u{1b}[0m"),
        format!("{line}="),
        format!("{kind}  {encoded}"),
        format!("{kind}\t{encoded}"),
        format!("{kind} {}", encoded.strip_suffix(|_: char| true).unwrap()),
    ] {
        assert!(matches!(SshPublicKey::parse_line(&bad), Err(InvalidSshKey::Line)), "{bad:?}");
    }
    let refused = |line: &str| SshPublicKey::parse_line(line).unwrap_err();
    assert!(matches!(refused(&format!(" {line}")), InvalidSshKey::Type(_)));
    assert!(matches!(refused(&format!("no-pty {line}")), InvalidSshKey::Type(_)));
    assert!(matches!(refused(&format!("ssh-rsa {encoded}")), InvalidSshKey::Mismatch { .. }));
    assert!(matches!(refused(&format!("{line} {}", "x".repeat(5000))), InvalidSshKey::Size(_)));
    assert!(matches!(
        refused(&format!("ssh-ed25519-cert-v01@openssh.com {encoded}")),
        InvalidSshKey::Type(_)
    ));
}

#[test]
fn other_types_cut_bytes_and_appended_bytes_are_refused() {
    for kind in SshTestKey::KINDS {
        let blob = SshTestKey::generate(kind).blob();
        for end in 0..blob.len() {
            assert!(SshPublicKey::parse(&blob[..end]).is_err(), "{kind} {end}");
        }
        assert!(SshPublicKey::parse(&[blob.as_slice(), b"\0"].concat()).is_err(), "{kind}");
    }
    for kind in ["ssh-dss", "ecdsa-sha2-nistp521", "ssh-ed448", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"]
    {
        let blob = [string(kind.as_bytes()), string(&[1; 32])].concat();
        assert_eq!(SshPublicKey::parse(&blob).unwrap_err(), InvalidSshKey::Type(kind.to_owned()));
    }
    assert!(SshKeyType::ALL.iter().all(|kind| !kind.name().contains("521")));
}

#[test]
fn weak_keys_are_refused() {
    let point = |curve: &str, point: &[u8]| {
        let kind = format!("ecdsa-sha2-{curve}");
        [string(kind.as_bytes()), string(curve.as_bytes()), string(point)].concat()
    };
    let rsa = |n: &[u8], e: &[u8]| [string(b"ssh-rsa"), mpint(e), mpint(n)].concat();
    let odd = |length: usize| vec![0xff; length];
    let rows = [
        point("nistp256", &[[4].as_slice(), &[1; 64]].concat()),
        // Points of order 4 and 1: anyone can sign under them.
        [string(b"ssh-ed25519"), string(&[0; 32])].concat(),
        [string(b"ssh-ed25519"), string(&[[1].as_slice(), &[0; 31]].concat())].concat(),
        rsa(&odd(383), &[1, 0, 1]),
        rsa(&odd(1025), &[1, 0, 1]),
        rsa(&odd(384), &[3]),
        rsa(&odd(384), &[1, 0, 0]),
        rsa(&[odd(383), vec![0xfe]].concat(), &[1, 0, 1]),
    ];
    for blob in rows {
        assert_eq!(SshPublicKey::parse(&blob).unwrap_err(), InvalidSshKey::Weak, "{blob:02x?}");
    }
    // The same key in a second spelling: a compressed point, the other curve's name, a number with a leading zero.
    let key = SshTestKey::generate("ecdsa-sha2-nistp256").blob();
    let full = &key[key.len() - 65..];
    let compressed = [&[2 + (full[64] & 1)], &full[1..33]].concat();
    let padded = [string(b"ssh-rsa"), string(&[0, 1, 0, 1]), mpint(&odd(384))].concat();
    let renamed = [string(b"ecdsa-sha2-nistp256"), string(b"nistp384"), string(full)].concat();
    for blob in [point("nistp256", &compressed), padded, renamed] {
        assert!(matches!(SshPublicKey::parse(&blob), Err(InvalidSshKey::Malformed(_))), "{blob:02x?}");
    }
}

#[test]
fn security_keys_of_web_sites_are_refused() {
    let mut key = SshTestKey::generate("sk-ssh-ed25519@openssh.com");
    key.application = "https://shop.example".to_owned();
    let line = format!("sk-ssh-ed25519@openssh.com {}", STANDARD.encode(key.blob()));
    assert!(matches!(SshPublicKey::parse_line(&line), Err(InvalidSshKey::Application(_))));
    let mut named = |application: &str| {
        key.application = application.to_owned();
        SshPublicKey::parse_line(&key.line()).unwrap()
    };
    let (one, other) = (named("ssh:release"), named("ssh:"));
    assert_ne!(one, other);
    assert_eq!(one.pair(), other.pair());
}
