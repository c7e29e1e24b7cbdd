//! What every custodian must do, whatever stands behind it.
//!
//! The suite makes its own keys under names that start with `c-`; the backend must be empty of those.

#![expect(clippy::expect_used, reason = "a suite fails by panicking")]

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::DigestAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::{
    Custodian, CustodyClass, CustodyError, KeyDescription, KeySpec, KeyState,
};
use chancery_core::time::Time;
use chancery_core::warrant::ToBeSigned;

use super::signature::{is_well_formed, verifies};
use crate::checks::warrant;

const THREADS: usize = 8;
const SIGNATURES_PER_THREAD: usize = 50;

/// An implementation under test.
pub struct Backend<'a> {
    /// Opens the same backend again; the suite drops one opening before it makes the next.
    pub open: &'a dyn Fn() -> Box<dyn Custodian>,
    /// What it can make keys of; every other algorithm must be refused.
    pub algorithms: &'a [KeyAlgorithm],
    /// What its keys must say of themselves.
    pub custody: CustodyClass,
}

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

/// Runs the whole suite.
///
/// # Panics
/// When the implementation does not conform.
pub fn run(backend: &Backend<'_>) {
    let custodian = (backend.open)();
    custodian.health().expect("healthy at first");
    unknown_keys_are_unknown(&*custodian);
    let keys = every_combination_is_made_or_refused(backend, &*custodian);
    listed_as_described(&*custodian, &keys);
    names_are_unique(&*custodian, &keys);
    for key in &keys {
        signs(&*custodian, key);
        refuses_other_families(&*custodian, key);
        refuses_other_digests(&*custodian, key);
    }
    signs_concurrently(&*custodian, &keys);
    let disabled = disabling_stops(&*custodian);
    custodian.health().expect("healthy at last");
    drop(custodian);
    keys_outlive_an_opening(backend, &keys, &disabled);
}

fn name(text: &str) -> KeyId {
    KeyId::parse(text).expect("key name")
}

fn spec(id: &str, algorithm: KeyAlgorithm, family: Family) -> KeySpec {
    KeySpec {
        id: name(id),
        algorithm,
        family,
        environment: Environment::Staging,
        owner: "owner \"ä\"\n\\".to_owned(),
        purpose: format!("conformance of {algorithm}"),
    }
}

fn made_at() -> Time {
    Time::from_millis(1_763_000_000_123)
}

fn message(text: &str) -> ToBeSigned {
    ToBeSigned::Message(text.as_bytes().to_vec())
}

fn is_unusable<T>(result: &Result<T, CustodyError>, id: &KeyId) -> bool {
    matches!(result, Err(CustodyError::Unusable { id: found, .. }) if found == id)
}

fn unknown_keys_are_unknown(custodian: &dyn Custodian) {
    let id = name("c-nobody");
    let unknown = CustodyError::Unknown(id.clone());
    assert_eq!(custodian.describe(&id), Err(unknown.clone()));
    assert_eq!(custodian.disable(&id), Err(unknown.clone()));
    assert_eq!(custodian.sign(warrant(&id, Family::Message, message("m"))), Err(unknown));
}

fn every_combination_is_made_or_refused(
    backend: &Backend<'_>,
    custodian: &dyn Custodian,
) -> Vec<KeyDescription> {
    let mut keys = Vec::new();
    for algorithm in KeyAlgorithm::ALL {
        for family in Family::ALL {
            let spec = spec(&format!("c-{algorithm}-{family}"), algorithm, family);
            let made = custodian.create(&spec, made_at());
            if family.accepts(algorithm) && backend.algorithms.contains(&algorithm) {
                let made = made.expect("a key that the family accepts");
                assert_as_specified(&made, &spec, backend.custody);
                keys.push(made);
            } else {
                assert!(is_unusable(&made, &spec.id), "{family} took {algorithm}: {made:?}");
                assert_eq!(custodian.describe(&spec.id), Err(CustodyError::Unknown(spec.id.clone())));
            }
        }
    }
    assert!(!keys.is_empty(), "the backend makes no keys at all");
    keys
}

fn assert_as_specified(made: &KeyDescription, spec: &KeySpec, custody: CustodyClass) {
    let expected = KeyDescription {
        id: spec.id.clone(),
        family: spec.family,
        environment: spec.environment,
        custody,
        state: KeyState::Active,
        owner: spec.owner.clone(),
        purpose: spec.purpose.clone(),
        created: made_at(),
        public_key: made.public_key.clone(),
        attributes: made.attributes.clone(),
    };
    assert_eq!(*made, expected);
    assert_eq!(made.public_key.algorithm, spec.algorithm);
}

fn listed_as_described(custodian: &dyn Custodian, keys: &[KeyDescription]) {
    let listed = custodian.list().expect("list");
    let names: Vec<_> = listed.iter().map(|key| key.id.clone()).collect();
    assert!(names.is_sorted(), "list is by name: {names:?}");
    let ours: Vec<_> = listed.iter().filter(|key| key.id.as_str().starts_with("c-")).collect();
    assert_eq!(ours.len(), keys.len());
    for key in keys {
        assert_eq!(custodian.describe(&key.id).as_ref(), Ok(key));
        assert!(ours.contains(&key), "{} is listed as it is described", key.id);
    }
    let mut publics: Vec<_> = keys.iter().map(|key| &key.public_key.spki).collect();
    publics.sort();
    publics.dedup();
    assert_eq!(publics.len(), keys.len(), "no two keys are the same");
}

fn names_are_unique(custodian: &dyn Custodian, keys: &[KeyDescription]) {
    let key = keys.first().expect("a key");
    let again = spec(key.id.as_str(), key.public_key.algorithm, key.family);
    assert_eq!(custodian.create(&again, made_at()), Err(CustodyError::Exists(key.id.clone())));
    assert_eq!(custodian.describe(&key.id).as_ref(), Ok(key), "the first key is untouched");
}

fn signs(custodian: &dyn Custodian, key: &KeyDescription) {
    let mut wishes = vec![message(""), message("bytes"), ToBeSigned::Message(vec![0xa5; 100_000])];
    if let Some(digest) = key.public_key.algorithm.digest() {
        wishes.push(ToBeSigned::Prehashed(digest, digest.hash(b"bytes")));
    }
    for wish in wishes {
        let signature = custodian.sign(warrant(&key.id, key.family, wish.clone())).expect("sign").0;
        assert!(is_well_formed(key.public_key.algorithm, &signature), "{}: {signature:02x?}", key.id);
        assert!(verifies(&key.public_key, &wish, &signature), "{} signs what it says", key.id);
        assert!(!verifies(&key.public_key, &message("other"), &signature), "{}: nothing else", key.id);
    }
    if let Some(digest) = key.public_key.algorithm.digest() {
        let wish = ToBeSigned::Prehashed(digest, digest.hash(b"bytes"));
        let signature = custodian.sign(warrant(&key.id, key.family, wish)).expect("sign").0;
        assert!(verifies(&key.public_key, &message("bytes"), &signature), "a digest stands for its message");
    }
}

fn refuses_other_families(custodian: &dyn Custodian, key: &KeyDescription) {
    for family in Family::ALL.into_iter().filter(|family| *family != key.family) {
        let answer = custodian.sign(warrant(&key.id, family, message("bytes")));
        assert!(is_unusable(&answer, &key.id), "{} signed {family}: {answer:?}", key.id);
    }
}

fn refuses_other_digests(custodian: &dyn Custodian, key: &KeyDescription) {
    let own = key.public_key.algorithm.digest();
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        let right = algorithm.hash(b"bytes");
        let mut sizes = vec![vec![], vec![1; 20], vec![1; right.len().saturating_sub(1)]];
        sizes.push(vec![1; right.len().saturating_add(1)]);
        if own != Some(algorithm) {
            sizes.push(right);
        }
        for digest in sizes {
            let wish = ToBeSigned::Prehashed(algorithm, digest.clone());
            let answer = custodian.sign(warrant(&key.id, key.family, wish));
            assert!(is_unusable(&answer, &key.id), "{} took {algorithm:?} {digest:02x?}", key.id);
        }
    }
}

/// Interleaves two keys where there are two, so that a mixed-up session shows as a wrong signature.
fn signs_concurrently(custodian: &dyn Custodian, keys: &[KeyDescription]) {
    let fast: Vec<_> =
        keys.iter().filter(|key| key.public_key.algorithm == KeyAlgorithm::EcdsaP256).take(2).collect();
    let fast = if fast.is_empty() { keys.iter().take(1).collect() } else { fast };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let fast = &fast;
            scope.spawn(move || {
                for (turn, key) in fast.iter().cycle().take(SIGNATURES_PER_THREAD).enumerate() {
                    let wish = message(&format!("{thread} {turn}"));
                    let signature = custodian.sign(warrant(&key.id, key.family, wish.clone())).expect("sign");
                    assert!(verifies(&key.public_key, &wish, &signature.0), "thread {thread} turn {turn}");
                }
            });
        }
    });
}

fn disabling_stops(custodian: &dyn Custodian) -> KeyDescription {
    let key = custodian.create(&spec("c-stopped", KeyAlgorithm::EcdsaP256, Family::Message), made_at());
    let key = key.expect("create");
    let wish = || warrant(&key.id, key.family, message("bytes"));
    custodian.sign(wish()).expect("active");
    let disabled = custodian.disable(&key.id).expect("disable");
    assert_eq!(disabled, KeyDescription { state: KeyState::Disabled, ..key.clone() });
    assert!(is_unusable(&custodian.sign(wish()), &key.id));
    assert_eq!(custodian.describe(&key.id).as_ref(), Ok(&disabled));
    assert_eq!(custodian.disable(&key.id).as_ref(), Ok(&disabled), "disabling twice is disabling");
    disabled
}

fn keys_outlive_an_opening(backend: &Backend<'_>, keys: &[KeyDescription], disabled: &KeyDescription) {
    let custodian = (backend.open)();
    for key in keys {
        assert_eq!(custodian.describe(&key.id).as_ref(), Ok(key));
        signs(&*custodian, key);
    }
    assert_eq!(custodian.describe(&disabled.id).as_ref(), Ok(disabled));
    let answer = custodian.sign(warrant(&disabled.id, disabled.family, message("bytes")));
    assert!(is_unusable(&answer, &disabled.id), "a disabled key stays disabled");
    let again = spec(disabled.id.as_str(), KeyAlgorithm::EcdsaP256, Family::Message);
    assert_eq!(custodian.create(&again, made_at()), Err(CustodyError::Exists(disabled.id.clone())));
}
