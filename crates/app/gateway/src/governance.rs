//! The governance documents in force, and how a new version comes into force: put, logged, told to the keyguard, used.

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_core::id::PolicyVersion;
use chancery_core::message::{Call, Reply};
use chancery_core::port::sequencer::Append;
use chancery_core::port::state::CurrentPolicy;
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_ledger::event::{Body, Event, Policy as PolicyEvent};
use chancery_policy::documents::Documents;
use chancery_policy::policy::Policy;
use chancery_verify::policy::VerificationPolicy;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::internal;

/// Loaded governance documents.
#[derive(Debug)]
pub struct Governance {
    /// Their version.
    pub version: PolicyVersion,
    /// Counts up by one.
    pub sequence: u64,
    /// Profiles, grants, guardrails.
    pub policy: Policy,
    /// Registered issuers.
    pub issuers: Arc<Issuers>,
    /// Verification policies by name, exported with `trust.json`.
    pub verification: BTreeMap<String, VerificationPolicy>,
    /// The documents.
    pub documents: Documents,
}

/// Documents that cannot be taken into force: every problem, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidGovernance(pub String);

impl Governance {
    /// Loads all documents or none.
    pub fn load(documents: Documents, sequence: u64) -> Result<Self, InvalidGovernance> {
        let invalid = |error: &dyn std::fmt::Display| InvalidGovernance(error.to_string());
        let policy = Policy::load(&documents).map_err(|error| invalid(&error))?;
        let text = documents.file("issuers.toml").unwrap_or_default();
        let issuers = Arc::new(issuers_toml::load(text).map_err(|error| invalid(&error))?);
        let verification = verification(&documents)?;
        Ok(Self { version: documents.version(), sequence, policy, issuers, verification, documents })
    }
}

fn verification(documents: &Documents) -> Result<BTreeMap<String, VerificationPolicy>, InvalidGovernance> {
    let mut policies = BTreeMap::new();
    for (path, text) in documents.files() {
        let Some(name) = path.strip_prefix("verification/").and_then(|name| name.strip_suffix(".toml"))
        else {
            continue;
        };
        let policy = VerificationPolicy::parse_toml(text);
        let policy = policy.map_err(|error| InvalidGovernance(format!("{path}: {error}")))?;
        policies.insert(name.to_owned(), policy);
    }
    Ok(policies)
}

/// Takes new documents into force. The order is the promise: they are kept, then logged under a cosigned checkpoint,
/// then given to the keyguard, and only then used.
pub async fn apply(gateway: &Gateway, documents: Documents) -> Result<PolicyVersion, Failure> {
    let current = gateway.parts.state.policy_current().await?;
    if let Some(current) = &current
        && current.version == documents.version()
    {
        return Ok(current.version);
    }
    let sequence = current.map_or(1, |current| current.sequence.saturating_add(1));
    let governance =
        Governance::load(documents, sequence).map_err(|error| Failure::Internal(error.to_string()))?;
    let (version, canonical) = (governance.version, governance.documents.canonical().to_owned());
    let event =
        Event { time: gateway.parts.clock.now(), body: Body::Policy(PolicyEvent { version, sequence }) };
    let leaf = event.encode().map_err(|error| Failure::Internal(error.to_string()))?;
    let kept = CurrentPolicy { version, sequence, documents: canonical };
    gateway.parts.state.policy_put(kept).await?;
    gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes: Vec::new() }).await?;
    enforce(gateway, governance).await?;
    Ok(version)
}

/// Gives logged documents to the keyguard and uses them.
pub async fn enforce(gateway: &Gateway, governance: Governance) -> Result<(), Failure> {
    let version = tell(gateway, governance.documents.canonical().to_owned()).await?;
    adopt(gateway, governance, version)
}

/// As [`enforce`], for documents that were in force before: both processes load them at the same time.
pub async fn resume(gateway: &Gateway, documents: Documents, sequence: u64) -> Result<(), Failure> {
    let canonical = documents.canonical().to_owned();
    let load = tokio::task::spawn_blocking(move || Governance::load(documents, sequence));
    let version = tell(gateway, canonical).await?;
    adopt(gateway, load.await.map_err(internal)?.map_err(internal)?, version)
}

async fn tell(gateway: &Gateway, documents: String) -> Result<PolicyVersion, Failure> {
    let reply = gateway.parts.keyguard.call(Call::Policy { documents }).await?;
    let Reply::Policy(version) = reply else { return Err(unexpected("policy", &reply)) };
    Ok(version)
}

fn adopt(gateway: &Gateway, governance: Governance, version: PolicyVersion) -> Result<(), Failure> {
    if version != governance.version {
        return Err(Failure::Internal(format!("keyguard took policy {version} into use")));
    }
    gateway.use_governance(governance);
    Ok(())
}

/// A reply that does not belong to its call.
#[must_use]
pub fn unexpected(call: &str, reply: &Reply) -> Failure {
    match reply {
        Reply::Unavailable(why) => Failure::Temporary(why.clone()),
        Reply::Refused(refusal) => Failure::Refused(refusal.clone()),
        Reply::Failed(why) => Failure::Internal(format!("keyguard: {call}: {why}")),
        Reply::Authorities(_)
        | Reply::Chain(_)
        | Reply::Cosigned(_)
        | Reply::Healthy(_)
        | Reply::Hello(_)
        | Reply::Key(_)
        | Reply::Keys(_)
        | Reply::NotCosigned(_)
        | Reply::Policy(_)
        | Reply::Ordered(_)
        | Reply::Stamped(_)
        | Reply::TrustSigned(_) => {
            Failure::Internal(format!("keyguard answered `{call}` with another reply"))
        }
    }
}
