//! The shared suite on key files, with both kinds of KEK source.
#![expect(clippy::unwrap_used, reason = "test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::custodian::CustodyClass;
use chancery_custody_software::{KekSource, SoftwareCustodian};
use chancery_testkit::conformance::custodian::{Backend, run};

fn secret(directory: &Path, content: &[u8]) -> PathBuf {
    let path = directory.join("secret");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn conforms(content: &[u8], source: fn(PathBuf) -> KekSource) {
    let directory = tempfile::tempdir().unwrap();
    let source = source(secret(directory.path(), content));
    let keys = directory.path().join("keys");
    run(&Backend {
        open: &|| Box::new(SoftwareCustodian::open(&keys, &source).unwrap()),
        algorithms: &KeyAlgorithm::ALL,
        custody: CustodyClass::Software,
    });
}

#[test]
fn under_a_passphrase() {
    conforms(b"correct horse battery staple\n", KekSource::Passphrase);
}

#[test]
fn under_a_credential() {
    conforms(&[0x5a; 32], KekSource::Credential);
}
