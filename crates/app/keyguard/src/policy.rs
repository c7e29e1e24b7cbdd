//! Policy in the keyguard: only the version that the ledger names, evaluated by the same library on the same facts.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use chancery_core::id::PolicyVersion;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_verify::policy::VerificationPolicy;

use crate::keyguard::{CallError, Keyguard};

/// Loaded governance documents.
#[derive(Debug)]
pub struct Governance {
    /// Their version.
    pub version: PolicyVersion,
    /// Profiles, grants, guardrails.
    pub policy: Policy,
    /// Registered issuers.
    pub issuers: Issuers,
    /// Verification policies by name: what a trust snapshot must hold.
    pub verification: BTreeMap<String, VerificationPolicy>,
}

/// Takes documents into use, if the ledger names their version.
pub fn load(keyguard: &Keyguard, documents: &str) -> Result<PolicyVersion, CallError> {
    let documents = Documents::parse(documents).map_err(|error| invalid(&error.to_string()))?;
    let version = documents.version();
    let (_, named) = keyguard.followed.position();
    let named = named.map(|named| named.version);
    if named != Some(version) {
        let what = "documents are not those that the ledger names";
        let expected = named.map_or_else(|| "none yet".to_owned(), |version| version.to_string());
        return Err(Refusal::new(RefusalCode::PolicyVersionWrong, what)
            .because(version.to_string(), expected)
            .into());
    }
    let text = documents.file("issuers.toml").unwrap_or_default();
    let issuers = issuers_toml::load(text).map_err(|error| invalid(&error.to_string()))?;
    let policy = Policy::load(&documents).map_err(|error| invalid(&error.to_string()))?;
    let verification = verification(&documents)?;
    let governance = Arc::new(Governance { version, policy, issuers, verification });
    *keyguard.governance.write().unwrap_or_else(PoisonError::into_inner) = Some(governance);
    Ok(version)
}

fn verification(documents: &Documents) -> Result<BTreeMap<String, VerificationPolicy>, CallError> {
    let named = documents.files().iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("verification/")?.strip_suffix(".toml")?;
        Some((name.to_owned(), VerificationPolicy::parse_toml(text)))
    });
    let read = named.map(|(name, policy)| match policy {
        Ok(policy) => Ok((name, policy)),
        Err(error) => Err(invalid(&format!("verification policy `{name}`: {error}"))),
    });
    read.collect()
}

/// The governance that is loaded and that the ledger names.
pub fn loaded(keyguard: &Keyguard) -> Option<Arc<Governance>> {
    let governance = keyguard.governance.read().unwrap_or_else(PoisonError::into_inner).clone()?;
    let (_, named) = keyguard.followed.position();
    named.is_some_and(|named| named.version == governance.version).then_some(governance)
}

/// The governance under which an order was decided: loaded, named by the ledger, and the same version.
pub fn in_force(keyguard: &Keyguard, version: PolicyVersion) -> Result<Arc<Governance>, Refusal> {
    let governance = keyguard.governance.read().unwrap_or_else(PoisonError::into_inner).clone();
    let (_, named) = keyguard.followed.position();
    match governance {
        Some(governance) if governance.version == version && named.is_some_and(|n| n.version == version) => {
            Ok(governance)
        }
        other => {
            let expected = named.map_or_else(|| "none".to_owned(), |named| named.version.to_string());
            let loaded =
                other.map_or_else(|| "none loaded".to_owned(), |other| format!("loaded {}", other.version));
            let what = format!("policy version is not in force ({loaded})");
            Err(Refusal::new(RefusalCode::PolicyVersionWrong, what).because(version.to_string(), expected))
        }
    }
}

fn invalid(why: &str) -> CallError {
    CallError::Failed(format!("governance documents cannot be used: {why}"))
}
