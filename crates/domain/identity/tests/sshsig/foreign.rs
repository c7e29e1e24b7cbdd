//! OpenSSH's own `ssh-keygen`: we verify what it signs, it verifies what we build, and we agree on fingerprints.
#![expect(clippy::print_stdout, reason = "says what was not compared")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use chancery_identity::sshsig::key::{InvalidSshKey, SshPublicKey};
use chancery_identity::sshsig::signature::{InvalidSshSignature, SshSignature};
use chancery_testkit::ssh::SshTestKey;

use crate::{MESSAGE, NAMESPACE};

fn is_absent() -> bool {
    let absent = Command::new("ssh-keygen").arg("-?").output().is_err();
    if absent {
        println!("not compared: ssh-keygen is absent");
    }
    absent
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("ssh-keygen").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn make(folder: &Path, kind: &[&str]) -> String {
    let fixed = ["-q", "-N", "", "-C", "alice", "-f", "key"];
    run(folder, &[kind, &fixed].concat());
    fs::read_to_string(folder.join("key.pub")).unwrap()
}

#[test]
fn what_ssh_keygen_signs_is_verified() {
    if is_absent() {
        return;
    }
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "3072"],
    ] {
        for hash in ["sha256", "sha512"] {
            let folder = tempfile::tempdir().unwrap();
            let line = make(folder.path(), kind);
            fs::write(folder.path().join("message"), MESSAGE).unwrap();
            let hash = format!("hashalg={hash}");
            run(folder.path(), &["-Y", "sign", "-q", "-n", NAMESPACE, "-O", &hash, "-f", "key", "message"]);
            let armoured = fs::read_to_string(folder.path().join("message.sig")).unwrap();
            check_theirs(&line, &armoured);
            let key = SshPublicKey::parse_line(&line).unwrap();
            let listed = run(folder.path(), &["-l", "-f", "key.pub"]);
            assert!(listed.contains(&key.fingerprint()), "{listed}");
        }
    }
}

fn check_theirs(line: &str, armoured: &str) {
    let key = SshPublicKey::parse_line(line).unwrap();
    let signature = SshSignature::parse_armoured(armoured).unwrap();
    assert_eq!(signature.verify(&key, NAMESPACE, MESSAGE).unwrap().key(), &key);
    assert_eq!(signature.verify(&key, NAMESPACE, b"").unwrap_err(), InvalidSshSignature::Untrue);
    assert!(matches!(signature.verify(&key, "file", MESSAGE), Err(InvalidSshSignature::Namespace { .. })));
    // Flips in the whole armoured text: none is accepted, whatever it hits.
    for at in 0..armoured.len() {
        let mut changed = armoured.as_bytes().to_vec();
        changed[at] ^= 1;
        let text = String::from_utf8(changed).unwrap();
        let accepted =
            SshSignature::parse_armoured(&text).is_ok_and(|sig| sig.verify(&key, NAMESPACE, MESSAGE).is_ok());
        assert!(!accepted, "{line}: character {at}");
    }
}

#[test]
fn short_rsa_and_dsa_like_kinds_of_ssh_keygen_are_refused() {
    if is_absent() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let line = make(folder.path(), &["-t", "rsa", "-b", "2048"]);
    assert_eq!(SshPublicKey::parse_line(&line).unwrap_err(), InvalidSshKey::Weak);
    let folder = tempfile::tempdir().unwrap();
    let line = make(folder.path(), &["-t", "ecdsa", "-b", "521"]);
    assert!(matches!(SshPublicKey::parse_line(&line), Err(InvalidSshKey::Type(_))));
}

/// Also for security keys: OpenSSH needs no device to verify, so it judges what the test kit makes of them.
#[test]
fn ssh_keygen_accepts_what_the_test_kit_signs() {
    if is_absent() {
        return;
    }
    for kind in SshTestKey::KINDS {
        let folder = tempfile::tempdir().unwrap();
        let key = SshTestKey::generate(kind);
        fs::write(folder.path().join("allowed"), format!("alice {}\n", key.line())).unwrap();
        fs::write(folder.path().join("signature"), key.sign(NAMESPACE, MESSAGE)).unwrap();
        let arguments = ["-Y", "verify", "-f", "allowed", "-I", "alice", "-n", NAMESPACE, "-s", "signature"];
        let mut child = Command::new("ssh-keygen")
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(MESSAGE).unwrap();
        assert!(child.wait().unwrap().success(), "{kind}");
    }
}
