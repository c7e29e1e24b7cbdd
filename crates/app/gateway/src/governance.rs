//! The governance documents in force, and how a new version comes into force: put, logged, told to the keyguard, used.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;
use chancery_core::message::{Call, Reply};
use chancery_core::port::sequencer::Append;
use chancery_core::port::state::CurrentPolicy;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_ledger::event::{Body, Policy as PolicyEvent};
use chancery_policy::documents::Documents;
use chancery_policy::governance::refused::GovernanceRefused;
use chancery_policy::governance::root::RootDocument;
use chancery_policy::governance::signed::{self, Position, SignatureSet, SignedVersion};
use chancery_policy::policy::Policy;
use chancery_verify::gates::Gates;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::{encode, internal};

/// Governance that the root's people signed.
#[derive(Debug)]
pub struct Governance {
    /// Its version.
    pub version: PolicyVersion,
    /// Counts up by one.
    pub sequence: u64,
    /// The documents with what was signed about them.
    pub signed: SignedVersion,
    /// Profiles, grants, guardrails.
    pub policy: Policy,
    /// Registered issuers.
    pub issuers: Arc<Issuers>,
    /// Verification policies, exported with `trust.json`, and what they name.
    pub gates: Gates,
}

/// Documents that cannot be taken into force: every problem, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidGovernance(pub String);

impl Governance {
    /// Loads all documents or none.
    pub fn load(signed: SignedVersion) -> Result<Self, InvalidGovernance> {
        let Rules { policy, issuers, gates } = Rules::load(signed.documents())?;
        let header = signed.header();
        Ok(Self { version: header.version, sequence: header.sequence, policy, issuers, gates, signed })
    }
}

/// What documents say, whoever signed them.
#[derive(Debug)]
pub struct Rules {
    policy: Policy,
    issuers: Arc<Issuers>,
    gates: Gates,
}

impl Rules {
    /// Loads all documents or none: also the check of documents that are to be signed.
    pub fn load(documents: &Documents) -> Result<Self, InvalidGovernance> {
        let invalid = |error: &dyn std::fmt::Display| InvalidGovernance(error.to_string());
        let policy = Policy::load(documents).map_err(|error| invalid(&error))?;
        let text = documents.file("issuers.toml").unwrap_or_default();
        let issuers = Arc::new(issuers_toml::load(text).map_err(|error| invalid(&error))?);
        let demanded = policy.profiles().flat_map(|profile| profile.attestations());
        let gates = Gates::load(documents.files(), demanded).map_err(|error| invalid(&error))?;
        Ok(Self { policy, issuers, gates })
    }
}

/// Takes new documents into force, signed by the people of the root in force. The order is the promise: the signatures are
/// verified, then all is kept, then logged under a cosigned checkpoint, then given to the keyguard, which verifies again,
/// and only then used.
pub async fn apply(
    gateway: &Gateway,
    documents: Documents,
    set: SignatureSet,
) -> Result<PolicyVersion, Failure> {
    let _alone = gateway.applying.lock().await;
    let current = gateway.governance()?;
    if current.version == documents.version() {
        return Ok(current.version);
    }
    let signed = signed::accept(documents, &set, &current.signed.position()).map_err(unsigned)?;
    enforce(gateway, signed, &set).await
}

/// Takes the first documents into force. The keyguard has pinned their root document already.
pub async fn begin(gateway: &Gateway, documents: Documents, set: SignatureSet) -> Result<(), Failure> {
    let root = RootDocument::of(&documents).map_err(internal)?.sha256();
    let ledger = gateway.trust()?.origin.to_string();
    let position = Position::Beginning { root, ledger: &ledger };
    let signed = signed::accept(documents, &set, &position).map_err(unsigned)?;
    enforce(gateway, signed, &set).await.map(|_| ())
}

async fn enforce(
    gateway: &Gateway,
    signed: SignedVersion,
    set: &SignatureSet,
) -> Result<PolicyVersion, Failure> {
    let governance = Governance::load(signed).map_err(internal)?;
    let (version, sequence) = (governance.version, governance.sequence);
    let documents = governance.signed.documents().canonical().to_owned();
    let signatures = set.canonical().map_err(internal)?;
    let kept = CurrentPolicy { version, sequence, documents, signatures };
    gateway.parts.state.policy_put(kept.clone()).await?;
    log(gateway, &kept).await?;
    let told = tell(gateway, kept).await?;
    adopt(gateway, governance, told)?;
    Ok(version)
}

/// Names a version in the ledger.
pub async fn log(gateway: &Gateway, kept: &CurrentPolicy) -> Result<(), Failure> {
    let signatures = Sha256::of(kept.signatures.as_bytes());
    let event = PolicyEvent { version: kept.version, sequence: kept.sequence, signatures };
    let leaf = encode(gateway.parts.clock.now(), Body::Policy(event))?;
    gateway.parts.sequencer.append(Append { leaves: vec![leaf], changes: Vec::new() }).await?;
    Ok(())
}

/// Takes up what was in force before: both processes load it at the same time.
pub async fn resume(gateway: &Gateway, kept: CurrentPolicy) -> Result<(), Failure> {
    let documents = Documents::parse(&kept.documents).map_err(internal)?;
    let set = SignatureSet::parse(&kept.signatures).map_err(internal)?;
    let load = tokio::task::spawn_blocking(move || {
        let signed = signed::recall(documents, &set).map_err(internal)?;
        Governance::load(signed).map_err(internal)
    });
    let version = tell(gateway, kept).await?;
    adopt(gateway, load.await.map_err(internal)??, version)
}

/// What is wrong with the signatures is the operator's to read.
fn unsigned(error: GovernanceRefused) -> Failure {
    let what = format!("{} {error}", error.code());
    Refusal::new(RefusalCode::PolicyUnsigned, what).hint("chancery policy sign DIR").into()
}

async fn tell(gateway: &Gateway, kept: CurrentPolicy) -> Result<PolicyVersion, Failure> {
    let CurrentPolicy { documents, signatures, .. } = kept;
    let reply = gateway.parts.keyguard.call(Call::Policy { documents, signatures }).await?;
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
        | Reply::IssuerKeys(_)
        | Reply::Key(_)
        | Reply::Keys(_)
        | Reply::NotCosigned(_)
        | Reply::Book(_)
        | Reply::Policy(_)
        | Reply::Ordered(_)
        | Reply::Stamped(_)
        | Reply::Tunnel(_)
        | Reply::TrustSigned(_)
        | Reply::Tuf(_)
        | Reply::Witnessed(_) => Failure::Internal(format!("keyguard answered `{call}` with another reply")),
    }
}
