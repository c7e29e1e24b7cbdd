//! What is on the disk: who can read it, what survives tampering (nothing), rotation of the KEK, foreign verification.
#![expect(clippy::unwrap_used, reason = "test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::{Custodian as _, CustodyError, KeyDescription, KeySpec, KeyState};
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_custody_software::custodian::OpenError;
use chancery_custody_software::{KekSource, SoftwareCustodian};
use chancery_testkit::checks::warrant;
use chancery_testkit::conformance::signature::verifies;

/// A temporary directory with secrets and a key directory.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }
    fn keys(&self) -> PathBuf {
        self.root.path().join("keys")
    }
    fn file(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
    fn credential(&self, byte: u8) -> KekSource {
        KekSource::Credential(self.file(&format!("credential-{byte}"), &[byte; 32], 0o600))
    }
    fn passphrase(&self, text: &str) -> KekSource {
        KekSource::Passphrase(self.file("passphrase", text.as_bytes(), 0o600))
    }
    fn open(&self, kek: &KekSource) -> Result<SoftwareCustodian, OpenError> {
        SoftwareCustodian::open(&self.keys(), kek)
    }
    fn with_key(&self, kek: &KekSource, algorithm: KeyAlgorithm) -> KeyDescription {
        self.open(kek).unwrap().create(&spec("k", algorithm), Time::from_seconds(1)).unwrap()
    }
}

fn spec(id: &str, algorithm: KeyAlgorithm) -> KeySpec {
    KeySpec {
        id: KeyId::parse(id).unwrap(),
        algorithm,
        family: if algorithm == KeyAlgorithm::Ed25519 { Family::Cosignature } else { Family::Cms },
        environment: Environment::Production,
        owner: "release".to_owned(),
        purpose: "test".to_owned(),
    }
}

/// An error with its causes, as logs print it.
fn chain(error: &OpenError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn replace(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
}

#[test]
fn every_changed_byte_of_a_key_file_is_refused() {
    let world = World::new();
    let kek = world.credential(7);
    world.with_key(&kek, KeyAlgorithm::EcdsaP256);
    let path = world.keys().join("k.key");
    let good = fs::read(&path).unwrap();
    assert!(!good.windows(7).any(|window| window == b"PRIVATE"));
    for index in 0..good.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[index] ^= flip;
            replace(&path, &bad);
            assert!(world.open(&kek).is_err(), "byte {index} xor {flip:#x}");
        }
        replace(&path, &good[..index]);
        assert!(world.open(&kek).is_err(), "truncated to {index}");
    }
    for tail in [&b"\n"[..], b" ", b"{}", b"\0"] {
        replace(&path, &[&good[..], tail].concat());
        assert!(world.open(&kek).is_err(), "appended {tail:?}");
    }
    replace(&path, &good);
    world.open(&kek).unwrap();
}

#[test]
fn a_description_cannot_be_edited_or_exchanged() {
    let world = World::new();
    let kek = world.credential(7);
    let custodian = world.open(&kek).unwrap();
    custodian.create(&spec("k", KeyAlgorithm::EcdsaP256), Time::from_seconds(1)).unwrap();
    custodian.create(&spec("l", KeyAlgorithm::EcdsaP256), Time::from_seconds(1)).unwrap();
    custodian.disable(&KeyId::parse("k").unwrap()).unwrap();
    drop(custodian);
    let path = world.keys().join("k.key");
    let good = fs::read_to_string(&path).unwrap();
    let edits = [
        ("\"disabled\"", "\"active\""),
        ("\"cms\"", "\"timestamp\""),
        ("\"production\"", "\"staging\""),
        ("\"release\"", "\"somebody\""),
        ("\"id\":\"k\"", "\"id\":\"m\""),
    ];
    for (from, to) in edits {
        assert!(good.contains(from), "{from} in {good}");
        replace(&path, good.replace(from, to).as_bytes());
        let error = chain(&world.open(&kek).unwrap_err());
        assert!(error.contains("it was changed"), "{error}");
    }
    fs::rename(world.keys().join("l.key"), &path).unwrap();
    let error = chain(&world.open(&kek).unwrap_err());
    assert!(error.contains("holds another key"), "{error}");
}

#[test]
fn a_wrong_secret_is_named_as_such() {
    let world = World::new();
    let right = world.passphrase("correct horse battery staple\n");
    world.with_key(&right, KeyAlgorithm::Ed25519);
    let wrong = KekSource::Passphrase(world.file("wrong", b"correct horse battery stable", 0o600));
    for kek in [wrong, world.credential(1)] {
        let error = world.open(&kek).unwrap_err();
        assert!(matches!(error, OpenError::WrongKek(_)), "{error:?}");
        assert!(error.to_string().starts_with("wrong passphrase or credential"), "{error}");
    }
    world.open(&right).unwrap();
    // The same passphrase without its newline is the same passphrase.
    world.open(&world.passphrase("correct horse battery staple")).unwrap();
}

#[test]
fn bad_secrets_are_refused() {
    let world = World::new();
    let cases = [
        (KekSource::Passphrase(world.file("a", b"fifteen letters", 0o600)), "at least 16"),
        (KekSource::Passphrase(world.file("b", &[b'x'; 2000], 0o600)), "larger than 1024"),
        (KekSource::Passphrase(world.file("c", b"correct horse battery", 0o640)), "mode 0640"),
        (KekSource::Passphrase(world.file("d", b"correct horse battery", 0o604)), "mode 0604"),
        (KekSource::Passphrase(world.root.path().to_owned()), "not a regular file"),
        (KekSource::Passphrase(world.root.path().join("absent")), "No such file"),
        (KekSource::Credential(world.file("e", &[1; 31], 0o600)), "has 31 bytes"),
        (KekSource::Credential(world.file("f", &[b'g'; 64], 0o600)), "has 64 bytes"),
        (KekSource::Credential(world.file("g", &[1; 32], 0o444)), "mode 0444"),
    ];
    for (kek, expected) in cases {
        let error = chain(&world.open(&kek).unwrap_err());
        assert!(error.contains(expected), "`{error}` says `{expected}`");
    }
    let target = world.file("target", &[1; 32], 0o600);
    symlink(&target, world.root.path().join("link")).unwrap();
    let error = chain(&world.open(&KekSource::Credential(world.root.path().join("link"))).unwrap_err());
    assert!(error.contains("not a regular file"), "{error}");
    world.open(&KekSource::Credential(world.file("hex", "5A".repeat(32).as_bytes(), 0o440))).unwrap();
}

#[test]
fn nobody_else_can_read_or_place_key_files() {
    let world = World::new();
    let kek = world.credential(7);
    world.with_key(&kek, KeyAlgorithm::EcdsaP256);
    let path = world.keys().join("k.key");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&world.keys()), 0o700);
    for name in ["k.key", "kek.json", "lock"] {
        assert_eq!(mode(&world.keys().join(name)), 0o600, "{name}");
    }
    for bad in [0o640, 0o604, 0o620, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
        let error = chain(&world.open(&kek).unwrap_err());
        assert!(error.contains(&format!("mode {bad:04o}")), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(world.keys(), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(chain(&world.open(&kek).unwrap_err()).contains("mode 0770"));
    fs::set_permissions(world.keys(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(&path, world.root.path().join("elsewhere")).unwrap();
    symlink(world.root.path().join("elsewhere"), &path).unwrap();
    assert!(chain(&world.open(&kek).unwrap_err()).contains("not a regular file"));
}

#[test]
fn one_process_at_a_time() {
    let world = World::new();
    let kek = world.credential(7);
    let first = world.open(&kek).unwrap();
    assert!(matches!(world.open(&kek), Err(OpenError::Locked(_))));
    drop(first);
    world.open(&kek).unwrap();
}

#[test]
fn a_lost_or_damaged_kek_file_is_never_replaced() {
    let world = World::new();
    let kek = world.passphrase("correct horse battery staple");
    world.with_key(&kek, KeyAlgorithm::EcdsaP256);
    let path = world.keys().join("kek.json");
    let good = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(world.open(&kek), Err(OpenError::KekFileMissing(_))));
    let bads = [
        good.replace("600000", "599999"),
        good.replace("600000", "10000001"),
        good.replace("/1", "/2"),
        good.trim_end().to_owned(),
        String::new(),
        "{\"keks\":[],\"schema\":\"chancery.kek/1\"}\n".to_owned(),
    ];
    for bad in bads {
        fs::write(&path, &bad).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(world.open(&kek), Err(OpenError::KekFile(_))), "{bad}");
    }
    replace(&path, good.as_bytes());
    world.open(&kek).unwrap();
}

#[test]
fn every_changed_byte_of_the_kek_file_is_refused() {
    let world = World::new();
    let kek = world.credential(7);
    world.with_key(&kek, KeyAlgorithm::Ed25519);
    let path = world.keys().join("kek.json");
    let good = fs::read(&path).unwrap();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1;
        replace(&path, &bad);
        assert!(world.open(&kek).is_err(), "byte {index}");
        replace(&path, &good[..index]);
        assert!(world.open(&kek).is_err(), "truncated to {index}");
    }
    replace(&path, &good);
    world.open(&kek).unwrap();
}

#[test]
fn the_kek_rotates_and_may_be_interrupted() {
    let world = World::new();
    let (old, new) = (world.passphrase("correct horse battery staple"), world.credential(9));
    let custodian = world.open(&old).unwrap();
    for id in ["a", "b", "c"] {
        custodian.create(&spec(id, KeyAlgorithm::EcdsaP384), Time::from_seconds(1)).unwrap();
    }
    custodian.disable(&KeyId::parse("c").unwrap()).unwrap();
    let before = custodian.list().unwrap();
    drop(custodian);
    let (kek_file, b) = (world.keys().join("kek.json"), world.keys().join("b.key"));
    let (old_kek_file, old_b) = (fs::read(&kek_file).unwrap(), fs::read(&b).unwrap());

    // A file that does not open stops the rotation after `a` was encrypted anew and before `c` is.
    replace(&b, b"damaged");
    SoftwareCustodian::open_rotating(&world.keys(), &new, Some(&old)).unwrap_err();
    assert_ne!(fs::read(&kek_file).unwrap(), old_kek_file, "both KEKs are named meanwhile");
    replace(&b, &old_b);
    assert!(world.open(&old).is_err() && world.open(&new).is_err(), "neither suffices alone");
    let third = SoftwareCustodian::open_rotating(&world.keys(), &world.credential(10), Some(&old));
    assert!(matches!(third, Err(OpenError::Rotating(_))), "a third KEK has to wait: {third:?}");

    let custodian = SoftwareCustodian::open_rotating(&world.keys(), &new, Some(&old)).unwrap();
    assert_eq!(custodian.list().unwrap(), before);
    drop(custodian);
    assert_eq!(world.open(&new).unwrap().list().unwrap(), before);
    assert!(matches!(world.open(&old), Err(OpenError::WrongKek(_))));
    replace(&b, &old_b);
    let error = chain(&world.open(&new).unwrap_err());
    assert!(error.contains("which was not given"), "{error}");
}

#[test]
fn a_key_that_cannot_be_stored_is_not_made_and_a_disabled_one_never_signs_again() {
    let world = World::new();
    let kek = world.credential(7);
    let custodian = world.open(&kek).unwrap();
    let key = custodian.create(&spec("k", KeyAlgorithm::EcdsaP256), Time::from_seconds(1)).unwrap();
    fs::rename(world.keys(), world.root.path().join("gone")).unwrap();
    assert!(matches!(custodian.health(), Err(CustodyError::Unavailable(_))));
    let lost = custodian.create(&spec("l", KeyAlgorithm::EcdsaP256), Time::from_seconds(1));
    assert!(matches!(lost, Err(CustodyError::Unavailable(_))), "{lost:?}");
    assert_eq!(custodian.list().unwrap(), vec![key.clone()]);
    assert!(matches!(custodian.disable(&key.id), Err(CustodyError::Unavailable(_))));
    assert_eq!(custodian.describe(&key.id).unwrap().state, KeyState::Disabled);
    let answer = custodian.sign(warrant(&key.id, key.family, ToBeSigned::Message(vec![1])));
    assert!(matches!(answer, Err(CustodyError::Unusable { .. })), "{answer:?}");
}

#[test]
fn debug_shows_no_secret() {
    let world = World::new();
    let kek = world.passphrase("correct horse battery staple");
    let custodian = world.open(&kek).unwrap();
    custodian.create(&spec("k", KeyAlgorithm::EcdsaP256), Time::from_seconds(1)).unwrap();
    let text = format!("{custodian:?} {kek:?}");
    assert!(!text.contains("horse") && !text.contains("pair"), "{text}");
}

#[test]
fn openssl_verifies_every_algorithm() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("not compared: openssl is absent");
        return;
    }
    for algorithm in KeyAlgorithm::ALL {
        let world = World::new();
        let custodian = world.open(&world.credential(7)).unwrap();
        let key = custodian.create(&spec("k", algorithm), Time::from_seconds(1)).unwrap();
        let wish = ToBeSigned::Message(b"message".to_vec());
        let signature = custodian.sign(warrant(&key.id, key.family, wish.clone())).unwrap();
        assert!(verifies(&key.public_key, &wish, &signature.0));
        let message = world.file("message", b"message", 0o600);
        let public = world.file("public.der", &key.public_key.spki, 0o600);
        let signature = world.file("signature", &signature.0, 0o600);
        assert!(openssl(algorithm, [&public, &signature, &message]), "{algorithm}");
        replace(&message, b"massage");
        assert!(!openssl(algorithm, [&public, &signature, &message]), "{algorithm}: another message");
    }
}

fn openssl(algorithm: KeyAlgorithm, [public, signature, message]: [&PathBuf; 3]) -> bool {
    let mut command = Command::new("openssl");
    match algorithm.digest() {
        Some(digest) => command.args(["dgst", "-keyform", "DER", &format!("-{}", digest.name()), "-verify"]),
        None => command.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey"]),
    };
    command.arg(public);
    match algorithm.digest() {
        Some(_) => command.arg("-signature").arg(signature).arg(message),
        None => command.arg("-sigfile").arg(signature).arg("-in").arg(message),
    };
    command.output().unwrap().status.success()
}
