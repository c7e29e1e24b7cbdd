//! A custodian in memory, stricter than any real one, which can be told to misbehave.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_core::id::KeyId;
use chancery_core::port::custodian::{
    Custodian, CustodyClass, CustodyError, KeyDescription, KeySpec, KeyState, Signature,
};
use chancery_core::time::Time;
use chancery_core::warrant::{ToBeSigned, Warrant};

use crate::keys::TestKey;

/// How the next signature goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The call fails with this.
    Error(CustodyError),
    /// The answer has one bit flipped in its last byte: a faulty HSM, or a Bellcore attack.
    FlippedBit,
    /// The answer is empty.
    Empty,
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<KeyId, (KeyDescription, Arc<TestKey>)>,
    faults: VecDeque<Fault>,
    signatures: u64,
}

/// The fake. Clones share their keys, as two openings of one backend do.
#[derive(Debug, Clone, Default)]
pub struct FakeCustodian(Arc<Mutex<State>>);

impl FakeCustodian {
    /// A custodian without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a fault; each is used up by one call of `sign`, in order.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }
    /// How many signatures were made; faulty ones count.
    #[must_use]
    pub fn signatures(&self) -> u64 {
        self.state().signatures
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unusable(id: &KeyId, why: impl Into<String>) -> CustodyError {
    CustodyError::Unusable { id: id.clone(), why: why.into() }
}

impl Custodian for FakeCustodian {
    fn list(&self) -> Result<Vec<KeyDescription>, CustodyError> {
        Ok(self.state().keys.values().map(|(description, _)| description.clone()).collect())
    }

    fn describe(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let state = self.state();
        let (description, _) = state.keys.get(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        Ok(description.clone())
    }

    fn create(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError> {
        if !spec.family.accepts(spec.algorithm) {
            return Err(unusable(&spec.id, "family does not take this algorithm"));
        }
        if spec.owner.is_empty() || spec.purpose.is_empty() {
            return Err(unusable(&spec.id, "owner or purpose is empty"));
        }
        if self.state().keys.contains_key(&spec.id) {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        let key = TestKey::generate(spec.algorithm);
        let description = KeyDescription {
            id: spec.id.clone(),
            family: spec.family,
            environment: spec.environment,
            public_key: key.public_key(),
            custody: CustodyClass::Software,
            state: KeyState::Active,
            owner: spec.owner.clone(),
            purpose: spec.purpose.clone(),
            created: now,
            attributes: vec!["fake".to_owned()],
        };
        let mut state = self.state();
        if state.keys.contains_key(&spec.id) {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        state.keys.insert(spec.id.clone(), (description.clone(), Arc::new(key)));
        Ok(description)
    }

    fn disable(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let mut state = self.state();
        let (description, _) = state.keys.get_mut(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        description.state = KeyState::Disabled;
        Ok(description.clone())
    }

    fn sign(&self, warrant: Warrant) -> Result<Signature, CustodyError> {
        let mut state = self.state();
        let id = warrant.key();
        let (description, key) = state.keys.get(id).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        if description.state != KeyState::Active {
            return Err(unusable(id, "it is disabled"));
        }
        if description.family != warrant.family() {
            return Err(unusable(id, "it is of another family"));
        }
        let key = Arc::clone(key);
        let fault = state.faults.pop_front();
        if let Some(Fault::Error(e)) = fault {
            return Err(e);
        }
        state.signatures = state.signatures.saturating_add(1);
        drop(state);
        let mut signature = match warrant.to_be_signed() {
            ToBeSigned::Message(message) => key.sign(message),
            ToBeSigned::Prehashed(algorithm, digest) => key
                .sign_digest(*algorithm, digest)
                .ok_or_else(|| unusable(id, "digest is not of the key's algorithm"))?,
        };
        match fault {
            Some(Fault::FlippedBit) => signature.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1),
            Some(Fault::Empty) => signature.clear(),
            Some(Fault::Error(_)) | None => {}
        }
        Ok(Signature(signature))
    }

    fn health(&self) -> Result<(), CustodyError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::warrant;
    use crate::conformance::custodian::{Backend, run};
    use crate::conformance::signature::verifies;
    use chancery_core::algorithm::KeyAlgorithm;
    use chancery_core::environment::Environment;
    use chancery_core::family::Family;

    #[test]
    fn conforms() {
        let fake = FakeCustodian::new();
        run(&Backend {
            open: &|| Box::new(fake.clone()),
            algorithms: &KeyAlgorithm::ALL,
            custody: CustodyClass::Software,
        });
    }

    #[test]
    fn faults_are_used_up_in_order() {
        let fake = FakeCustodian::new();
        let spec = KeySpec {
            id: KeyId::parse("k").unwrap(),
            algorithm: KeyAlgorithm::EcdsaP256,
            family: Family::Message,
            environment: Environment::Development,
            owner: "o".to_owned(),
            purpose: "p".to_owned(),
        };
        let key = fake.create(&spec, Time::from_seconds(1)).unwrap();
        fake.fail_next(Fault::FlippedBit);
        fake.fail_next(Fault::Error(CustodyError::Unavailable("gone".to_owned())));
        let sign = || {
            fake.sign(warrant(&key.id, Family::Message, ToBeSigned::Message(b"m".to_vec())))
                .map(|s| verifies(&key.public_key, &ToBeSigned::Message(b"m".to_vec()), &s.0))
        };
        assert_eq!(sign(), Ok(false));
        assert_eq!(sign(), Err(CustodyError::Unavailable("gone".to_owned())));
        assert_eq!(sign(), Ok(true));
        assert_eq!(fake.signatures(), 2);
    }
}
