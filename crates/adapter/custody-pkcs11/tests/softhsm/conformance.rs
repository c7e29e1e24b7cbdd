//! The shared suite, and what is particular to tokens: confinement, binding to the public key, the key book.

use std::fs;
use std::process::Command;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::port::custodian::{Custodian as _, CustodyClass, CustodyError};
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;
use chancery_custody_pkcs11::Pkcs11Custodian;
use chancery_testkit::checks::warrant;
use chancery_testkit::conformance::custodian::{Backend, run};

use crate::world::{World, make, sign, spec};

pub(crate) fn conforms() {
    let Some(world) = World::new() else { return };
    run(&Backend {
        open: &|| Box::new(world.open()),
        algorithms: &[
            KeyAlgorithm::EcdsaP256,
            KeyAlgorithm::EcdsaP384,
            KeyAlgorithm::Rsa3072,
            KeyAlgorithm::Rsa4096,
        ],
        custody: CustodyClass::Pkcs11,
    });
}

pub(crate) fn extractable_keys_are_refused() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    let key = make(&custodian, "inside", KeyAlgorithm::EcdsaP256);
    for wanted in [
        "CKA_SENSITIVE=true",
        "CKA_ALWAYS_SENSITIVE=true",
        "CKA_EXTRACTABLE=false",
        "CKA_NEVER_EXTRACTABLE=true",
        "CKA_LOCAL=true",
        "token=t o k",
    ] {
        assert!(
            key.attributes.iter().any(|attribute| attribute == wanted),
            "{wanted} in {:?}",
            key.attributes
        );
    }
    for (name, flags) in [("outside", &["--extractable"][..]), ("made-inside", &["--sensitive"][..])] {
        let arguments = [&["--keypairgen", "--key-type", "EC:prime256v1", "--label", name], flags].concat();
        if world.pkcs11_tool(&arguments).is_none() {
            return;
        }
    }
    let now = Time::from_seconds(1);
    let refused = custodian.adopt(&spec("outside", KeyAlgorithm::EcdsaP256), now);
    let Err(CustodyError::Unusable { why, .. }) = &refused else { panic!("{refused:?}") };
    assert!(why.contains("CKA_EXTRACTABLE=true") && why.contains("CKA_NEVER_EXTRACTABLE=false"), "{why}");
    assert!(matches!(
        custodian.describe(&spec("outside", KeyAlgorithm::EcdsaP256).id),
        Err(CustodyError::Unknown(_))
    ));
    let other = custodian.adopt(&spec("made-inside", KeyAlgorithm::EcdsaP384), now);
    assert!(matches!(other, Err(CustodyError::Unusable { .. })), "{other:?}");
    let taken = custodian.create(&spec("made-inside", KeyAlgorithm::EcdsaP256), now);
    assert!(matches!(taken, Err(CustodyError::Exists(_))), "a label is not used twice: {taken:?}");
    let adopted = custodian.adopt(&spec("made-inside", KeyAlgorithm::EcdsaP256), now).unwrap();
    assert_eq!(sign(&custodian, &adopted, "m"), Ok(true));
    let absent = custodian.adopt(&spec("absent", KeyAlgorithm::EcdsaP256), now);
    assert!(matches!(absent, Err(CustodyError::Unknown(_))), "{absent:?}");
}

pub(crate) fn another_key_under_the_name_is_refused() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    let key = make(&custodian, "k", KeyAlgorithm::EcdsaP256);
    assert_eq!(sign(&custodian, &key, "m"), Ok(true));
    drop(custodian);
    let generate =
        ["--keypairgen", "--key-type", "EC:prime256v1", "--sensitive", "--label", "k", "--id", "77"];
    if world.pkcs11_tool(&generate).is_none() {
        return;
    }
    let unusable = |expected: &str| {
        let answer = sign(&world.open(), &key, "m");
        let Err(CustodyError::Unusable { why, .. }) = &answer else { panic!("{answer:?}") };
        assert!(why.contains(expected), "{why}");
    };
    unusable("several keys of this name");
    let id = chancery_core::digest::Sha256::of(b"k").to_string();
    for class in ["privkey", "pubkey"] {
        world.pkcs11_tool(&["--delete-object", "--type", class, "--id", &id]);
    }
    unusable("another key of this name");
    for class in ["privkey", "pubkey"] {
        world.pkcs11_tool(&["--delete-object", "--type", class, "--id", "77"]);
    }
    unusable("no such key");
}

pub(crate) fn the_key_book_is_strict() {
    let Some(world) = World::new() else { return };
    let custodian = world.open();
    make(&custodian, "k", KeyAlgorithm::EcdsaP256);
    assert!(Pkcs11Custodian::open(world.config()).is_err(), "one process at a time");
    drop(custodian);
    let path = world.path("book").join("t_o_k.keys.json");
    let good = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("/1", "/2"),
        ("\"t o k\"", "\"other\""),
        ("\"pkcs11\"", "\"software\""),
        ("\"cms\"", "\"cosignature\""),
        ("\"ecdsa-p256\"", "\"ecdsa-p384\""),
        ("MFkw", "MFkx"),
        ("{\"keys\"", "{ \"keys\""),
        ("}\n", "}"),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        fs::write(&path, good.replace(from, to)).unwrap();
        assert!(Pkcs11Custodian::open(world.config()).is_err(), "{from} became {to}");
    }
    fs::write(&path, &good).unwrap();
    world.open();
}

pub(crate) fn openssl_verifies() {
    let Some(world) = World::new() else { return };
    if Command::new("openssl").arg("version").output().is_err() {
        println!("not compared: openssl is absent");
        return;
    }
    let custodian = world.open();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072] {
        let key = make(&custodian, algorithm.name(), algorithm);
        let wish = ToBeSigned::Message(b"message".to_vec());
        let signature = custodian.sign(warrant(&key.id, key.family, wish)).unwrap();
        fs::write(world.path("public"), &key.public_key.spki).unwrap();
        fs::write(world.path("signature"), &signature.0).unwrap();
        for (message, expected) in [("message", true), ("massage", false)] {
            fs::write(world.path("message"), message).unwrap();
            let paths = ["public", "signature", "message"].map(|name| world.path(name).display().to_string());
            let digest = format!("-{}", algorithm.digest().unwrap().name());
            let [public, signature, message] = &paths;
            let arguments =
                ["dgst", "-keyform", "DER", &digest, "-verify", public, "-signature", signature, message];
            assert_eq!(world.try_util("openssl", &arguments).status.success(), expected, "{algorithm}");
        }
    }
}
