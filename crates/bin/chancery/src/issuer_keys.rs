//! Issuers' keys for the issuers of the policy in force.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use chancery_core::id::{IssuerName, PolicyVersion};
use chancery_core::port::Boxed;
use chancery_core::port::clock::Clock;
use chancery_core::port::issuer_keys::{IssuerKeys, IssuerKeysError};
use chancery_gateway::gateway::Gateway;
use chancery_identity::issuer::Issuers;
use chancery_remote::http::Limits;
use chancery_remote::issuer_keys::RegisteredKeys;
use chancery_remote::jwks::{Freshness, KeyCache};

/// A key cache that notices when another policy version registers other issuers.
#[derive(Debug)]
pub(crate) struct GovernedKeys {
    keys: RegisteredKeys,
    gateway: OnceLock<Weak<Gateway>>,
    seen: Mutex<Option<PolicyVersion>>,
}

impl GovernedKeys {
    /// A cache that knows no issuer yet.
    #[must_use]
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let cache = KeyCache::new(clock, Freshness::default(), Limits::default());
        let keys = RegisteredKeys::new(cache, Arc::new(Issuers::default()));
        Self { keys, gateway: OnceLock::new(), seen: Mutex::new(None) }
    }
    /// Follows the governance of this gateway.
    pub(crate) fn follow(&self, gateway: &Arc<Gateway>) {
        let _already = self.gateway.set(Arc::downgrade(gateway)).is_err();
    }
    fn renew(&self) {
        let Some(governance) = self.gateway.get().and_then(Weak::upgrade).and_then(|g| g.governance().ok())
        else {
            return;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != Some(governance.version) {
            self.keys.replace(Arc::clone(&governance.issuers));
            *seen = Some(governance.version);
        }
    }
}

impl IssuerKeys for GovernedKeys {
    fn keys<'a>(
        &'a self,
        issuer: &'a IssuerName,
        kid: Option<&'a str>,
    ) -> Boxed<'a, Result<String, IssuerKeysError>> {
        self.renew();
        self.keys.keys(issuer, kid)
    }
}
