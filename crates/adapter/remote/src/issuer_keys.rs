//! The port through which the gateway asks for issuers' keys, answered by the cache.

use std::sync::{Arc, PoisonError, RwLock};

use chancery_core::id::IssuerName;
use chancery_core::port::Boxed;
use chancery_core::port::issuer_keys::{IssuerKeys, IssuerKeysError};
use chancery_identity::issuer::{Issuer, Issuers};

use crate::discovery::DiscoveryError;
use crate::jwks::{KeyCache, KeysError};

/// The keys of the issuers that are registered now. An issuer that is not registered is never asked.
#[derive(Debug)]
pub struct RegisteredKeys {
    cache: KeyCache,
    issuers: RwLock<Arc<Issuers>>,
}

impl RegisteredKeys {
    /// Answers for these issuers.
    #[must_use]
    pub fn new(cache: KeyCache, issuers: Arc<Issuers>) -> Self {
        Self { cache, issuers: RwLock::new(issuers) }
    }
    /// Answers for other issuers from now on: a new policy version took effect.
    pub fn replace(&self, issuers: Arc<Issuers>) {
        *self.issuers.write().unwrap_or_else(PoisonError::into_inner) = issuers;
    }
    fn registered(&self, name: &IssuerName) -> Option<Issuer> {
        self.issuers.read().unwrap_or_else(PoisonError::into_inner).named(name).cloned()
    }
}

impl IssuerKeys for RegisteredKeys {
    fn keys<'a>(
        &'a self,
        issuer: &'a IssuerName,
        kid: Option<&'a str>,
    ) -> Boxed<'a, Result<String, IssuerKeysError>> {
        Box::pin(async move {
            let Some(registered) = self.registered(issuer) else {
                let why = "it is not registered".to_owned();
                return Err(IssuerKeysError::Wrong { issuer: issuer.clone(), why });
            };
            let found = self.cache.keys(&registered, kid).await;
            found.map(|keys| keys.text.clone()).map_err(|error| refused(issuer, &error))
        })
    }
}

fn refused(issuer: &IssuerName, error: &KeysError) -> IssuerKeysError {
    let (issuer, why) = (issuer.clone(), chain(error));
    match error {
        // A peer that cannot be reached may be back soon; one that lies has to be looked at.
        KeysError::Unavailable { source: Some(DiscoveryError::Fetch { .. }) | None, .. }
        | KeysError::Client(_) => IssuerKeysError::Unavailable { issuer, why },
        KeysError::Unavailable { source: Some(_), .. } => IssuerKeysError::Wrong { issuer, why },
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
