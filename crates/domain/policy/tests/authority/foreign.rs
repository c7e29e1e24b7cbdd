//! The whole way with OpenSSH: keys of `ssh-keygen`, signed with `ssh-keygen -Y sign` as the documentation says.

use std::path::Path;
use std::process::Command;

use chancery_core::digest::Sha256;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::signed::{Position, SignatureSet, accept};

use crate::world::{LEDGER, NAMESPACE, documents, root};

fn run(folder: &Path, arguments: &[&str]) {
    let output = Command::new("ssh-keygen").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn signatures_of_ssh_keygen_bring_a_version_into_force() {
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        println!("not compared: ssh-keygen is absent");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let people = [("alice", "ed25519"), ("bob", "ecdsa"), ("carol", "ed25519")].map(|(id, kind)| {
        run(folder, &["-q", "-t", kind, "-N", "", "-C", id, "-f", id]);
        let line = std::fs::read_to_string(folder.join(format!("{id}.pub"))).unwrap();
        format!("[[people]]\nid = \"{id}\"\nname = \"{id}\"\nkeys = [\"{}\"]\n", line.trim_end())
    });
    let root = root(1, None, 2, &people);
    let documents = documents(&root, None, "");
    let header =
        Header { ledger: LEDGER.to_owned(), previous: None, sequence: 1, version: documents.version() };
    let text = header.canonical().unwrap();
    let signatures = ["alice", "bob"].map(|id| {
        std::fs::write(folder.join("governance.canonical"), &text).unwrap();
        run(folder, &["-Y", "sign", "-q", "-n", NAMESPACE, "-f", id, "governance.canonical"]);
        let path = folder.join("governance.canonical.sig");
        let armoured = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        armoured
    });
    let set = SignatureSet::new(text, signatures.to_vec()).unwrap();
    let pinned = Position::Beginning { root: Sha256::of(root.as_bytes()), ledger: LEDGER };
    let accepted = accept(documents, &set, &pinned).unwrap();
    assert_eq!(accepted.signers().len(), 2);
}
