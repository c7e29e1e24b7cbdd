//! All key backends of this keyguard as one: finds the backend that holds a key.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chancery_core::id::KeyId;
use chancery_core::port::custodian::{Custodian, CustodyError, KeyDescription, KeySpec, Signature};
use chancery_core::time::Time;
use chancery_core::warrant::Warrant;

/// A backend with the name that configuration gives it.
#[derive(Debug, Clone)]
pub struct Backend {
    /// `software`, or the token's name.
    pub name: String,
    /// The backend.
    pub custodian: Arc<dyn Custodian>,
}

/// Backends in the order of configuration; the first is where service keys live.
#[derive(Debug)]
pub struct Custodians {
    backends: Vec<Backend>,
    artifact_keys: String,
    known: RwLock<HashMap<KeyId, (usize, KeyDescription)>>,
}

impl Custodians {
    /// Takes the backends and lists their keys; new artifact keys are made in the backend `artifact_keys`. Errors when a name occurs in two backends: which one signs would then
    /// depend on the order of configuration.
    pub fn new(backends: Vec<Backend>, artifact_keys: &str) -> Result<Self, CustodyError> {
        let mut known = HashMap::new();
        for (index, backend) in backends.iter().enumerate() {
            for key in backend.custodian.list()? {
                let id = key.id.clone();
                if known.insert(id.clone(), (index, key)).is_some() {
                    return Err(CustodyError::Exists(id));
                }
            }
        }
        Ok(Self { backends, artifact_keys: artifact_keys.to_owned(), known: RwLock::new(known) })
    }

    /// All keys, by name.
    #[must_use]
    pub fn list(&self) -> Vec<KeyDescription> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<_> = known.values().map(|(_, key)| key.clone()).collect();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        keys
    }
    /// One key.
    pub fn describe(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        self.find(id).map(|(_, key)| key)
    }
    /// Makes a key: service keys in the first backend, artifact keys where configuration says.
    pub fn create(&self, spec: &KeySpec, now: Time) -> Result<KeyDescription, CustodyError> {
        if self.find(&spec.id).is_ok() {
            return Err(CustodyError::Exists(spec.id.clone()));
        }
        let elsewhere = spec.family.is_for_artifacts();
        let wanted = |entry: &(usize, &Backend)| !elsewhere || entry.1.name == self.artifact_keys;
        let found = self.backends.iter().enumerate().find(wanted);
        let missing = || CustodyError::Unavailable(format!("no backend `{}`", self.artifact_keys));
        let (index, backend) = found.ok_or_else(missing)?;
        let key = backend.custodian.create(spec, now)?;
        self.remember(index, &key);
        Ok(key)
    }
    /// Stops a key.
    pub fn disable(&self, id: &KeyId) -> Result<KeyDescription, CustodyError> {
        let (index, _) = self.find(id)?;
        let backend = self.backends.get(index).ok_or_else(|| CustodyError::Unknown(id.clone()))?;
        let key = backend.custodian.disable(id)?;
        self.remember(index, &key);
        Ok(key)
    }
    /// Spends a warrant with the backend that holds its key.
    pub fn sign(&self, warrant: Warrant) -> Result<Signature, CustodyError> {
        let (index, _) = self.find(warrant.key())?;
        let unknown = || CustodyError::Unknown(warrant.key().clone());
        let backend = self.backends.get(index).ok_or_else(unknown)?;
        backend.custodian.sign(warrant)
    }
    /// Each backend's health.
    #[must_use]
    pub fn health(&self) -> Vec<(String, Result<(), CustodyError>)> {
        self.backends.iter().map(|backend| (backend.name.clone(), backend.custodian.health())).collect()
    }

    fn find(&self, id: &KeyId) -> Result<(usize, KeyDescription), CustodyError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(id).cloned().ok_or_else(|| CustodyError::Unknown(id.clone()))
    }
    fn remember(&self, index: usize, key: &KeyDescription) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key.id.clone(), (index, key.clone()));
    }
}
