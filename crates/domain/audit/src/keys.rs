//! Keys as the ledger names them: made once, stopped once.

use std::collections::BTreeMap;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::KeyState;
use chancery_ledger::event::{Key, KeyAction};

use crate::finding::{Code, Finding};

/// What the ledger says of a key.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) family: Family,
    pub(crate) environment: Environment,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) spki: Sha256,
    pub(crate) state: KeyState,
}

/// Every key by name.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_id: BTreeMap<KeyId, KnownKey>,
}

impl Keys {
    pub(crate) fn find(&self, id: &KeyId) -> Option<&KnownKey> {
        self.by_id.get(id)
    }
    /// The key with this SubjectPublicKeyInfo, if one was ever in custody.
    pub(crate) fn holding(&self, spki: &Sha256) -> Option<&KeyId> {
        self.by_id.iter().find(|(_, known)| known.spki == *spki).map(|(id, _)| id)
    }
    /// Whether a key of this family and public half was made.
    pub(crate) fn has(&self, family: Family, spki: &Sha256) -> bool {
        self.by_id.values().any(|known| known.family == family && known.spki == *spki)
    }
    /// Takes note of a key event.
    pub(crate) fn record(&mut self, index: u64, event: &Key) -> Option<Finding> {
        let finding = |what: String| Some(Finding::new(index, Code::Key, what));
        let state = match event.action {
            KeyAction::Created => KeyState::Active,
            KeyAction::Disabled => KeyState::Disabled,
        };
        let fresh = KnownKey {
            family: event.family,
            environment: event.environment,
            algorithm: event.algorithm,
            spki: event.spki_sha256,
            state,
        };
        let known = self.by_id.insert(event.key.clone(), fresh);
        match (known, event.action) {
            (None, KeyAction::Created) => None,
            (Some(_), KeyAction::Created) => finding(format!("key `{}` was made twice", event.key)),
            (None, KeyAction::Disabled) => finding(format!("key `{}` was stopped and never made", event.key)),
            (Some(known), KeyAction::Disabled) => {
                let same = known.spki == event.spki_sha256
                    && known.family == event.family
                    && known.environment == event.environment
                    && known.algorithm == event.algorithm;
                if same { None } else { finding(format!("key `{}` is another one than before", event.key)) }
            }
        }
    }
}
