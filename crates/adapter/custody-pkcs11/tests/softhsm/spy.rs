//! The calls on the hot path, counted by OpenSC's `pkcs11-spy`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_custody_pkcs11::Pkcs11Custodian;

use crate::world::{World, make, sign};

const SPIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
    "/usr/lib64/pkcs11-spy.so",
];

/// G7: exactly one C_SignInit and one C_Sign per signature, and nothing else.
pub(crate) fn one_call_per_signature() {
    let Some(world) = World::new() else { return };
    let Some(spy) = SPIES.into_iter().map(PathBuf::from).find(|path| path.exists()) else {
        println!("not compared: pkcs11-spy is absent");
        return;
    };
    let log = world.path("spy.log");
    let mut config = world.config();
    config.token.module = spy;
    config.token.sessions = 1;
    config.worker.environment.push(("PKCS11SPY".into(), world.module.clone().into()));
    config.worker.environment.push(("PKCS11SPY_OUTPUT".into(), log.clone().into()));
    let custodian = Pkcs11Custodian::open(config).unwrap();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa3072] {
        let key = make(&custodian, algorithm.name(), algorithm);
        assert_eq!(sign(&custodian, &key, "first"), Ok(true));
        let before = counts(&fs::read_to_string(&log).unwrap());
        for turn in 0..100 {
            assert_eq!(sign(&custodian, &key, &turn.to_string()), Ok(true));
        }
        let after = counts(&fs::read_to_string(&log).unwrap());
        let made: BTreeMap<_, _> = after
            .iter()
            .map(|(name, count)| (name.as_str(), count - before.get(name).unwrap_or(&0)))
            .filter(|(_, count)| *count > 0)
            .collect();
        println!("{algorithm}: {made:?} for 100 signatures");
        assert_eq!(made, [("C_Sign", 100), ("C_SignInit", 100)].into());
    }
}

/// Every call is a line such as `27: C_SignInit`.
fn counts(log: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        if let Some((number, name)) = line.split_once(": ")
            && number.parse::<u32>().is_ok()
            && name.starts_with("C_")
        {
            *counts.entry(name.trim().to_owned()).or_insert(0) += 1;
        }
    }
    counts
}
