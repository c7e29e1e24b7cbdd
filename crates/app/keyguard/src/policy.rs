//! Policy in the keyguard: only the version that the ledger names, evaluated by the same library on the same facts.

use std::sync::{Arc, PoisonError};

use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;
use chancery_core::port::memory::{Memory, Piece};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::refused::GovernanceRefused;
use chancery_policy::governance::root::{self, RootDocument};
use chancery_policy::governance::signed::{self, Position, SignatureSet, SignedVersion};
use chancery_policy::policy::Policy;
use chancery_verify::gates::Gates;

use crate::follow::FollowStateError;
use crate::keyguard::{CallError, Keyguard};

/// Governance that the root's people signed.
#[derive(Debug)]
pub struct Governance {
    /// Its version.
    pub version: PolicyVersion,
    /// The documents with what was signed about them.
    pub signed: SignedVersion,
    /// Profiles, grants, guardrails.
    pub policy: Policy,
    /// Registered issuers.
    pub issuers: Issuers,
    /// Verification policies, which a trust snapshot must hold, and what they name.
    pub gates: Gates,
}

/// The version in force as it is kept: all that the next one is measured by. The documents themselves are told by the
/// gateway again after a restart.
#[derive(Debug, Clone)]
pub struct Accepted {
    header: Header,
    root: RootDocument,
    signatures: Sha256,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    header: String,
    root: String,
    signatures: Sha256,
}

/// Largest root document in bytes: it has to fit into what the keyguard keeps.
const MAX_ROOT: usize = 128 * 1024;

impl Accepted {
    /// The version in force when the last process ended.
    pub fn recall(memory: &dyn Memory) -> Result<Option<Self>, FollowStateError> {
        let fail = |error: String| FollowStateError::Kept(format!("governance: {error}"));
        let kept = memory.read(Piece::Governance).map_err(|error| fail(error.to_string()))?;
        let Some(bytes) = kept else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        let header = Header::parse(&kept.header).map_err(|error| fail(error.to_string()))?;
        let root = RootDocument::parse(&kept.root).map_err(|error| fail(error.to_string()))?;
        Ok(Some(Self { header, root, signatures: kept.signatures }))
    }
    /// The root document in force.
    #[must_use]
    pub const fn root(&self) -> &RootDocument {
        &self.root
    }
    /// Counts up by one with each version.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.header.sequence
    }
    fn keep(signed: &SignedVersion, memory: &dyn Memory) -> Result<Self, CallError> {
        let root = signed.documents().file(root::FILE).unwrap_or_default();
        if root.len() > MAX_ROOT {
            return Err(invalid("root.toml is larger than 128 KiB"));
        }
        let header = signed.header().canonical().map_err(|error| unsigned(&error))?;
        let kept = Kept { header, root: root.to_owned(), signatures: signed.signatures() };
        let bytes = serde_json::to_vec(&kept).map_err(|error| invalid(&error.to_string()))?;
        memory.write(Piece::Governance, &bytes).map_err(|error| CallError::Failed(error.to_string()))?;
        Ok(Self {
            header: signed.header().clone(),
            root: signed.root().clone(),
            signatures: signed.signatures(),
        })
    }
}

impl Governance {
    fn new(signed: SignedVersion) -> Result<Self, CallError> {
        let documents = signed.documents();
        let text = documents.file("issuers.toml").unwrap_or_default();
        let issuers = issuers_toml::load(text).map_err(|error| invalid(&error.to_string()))?;
        let policy = Policy::load(documents).map_err(|error| invalid(&error.to_string()))?;
        let demanded = policy.profiles().flat_map(|profile| profile.attestations());
        let gates = Gates::load(documents.files(), demanded).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self { version: documents.version(), policy, issuers, gates, signed })
    }
}

/// Takes documents into use, if the ledger names them with these signatures and enough people of the root signed that they
/// follow the version in force.
pub fn load(keyguard: &Keyguard, documents: &str, signatures: &str) -> Result<PolicyVersion, CallError> {
    let parsed = Documents::parse(documents).map_err(|error| invalid(&error.to_string()))?;
    let version = parsed.version();
    let set = SignatureSet::parse(signatures).map_err(|error| unsigned(&error))?;
    let signatures = set.sha256().map_err(|error| unsigned(&error))?;
    let (_, named) = keyguard.followed.position();
    let is_named = named.is_some_and(|named| (named.version, named.signatures) == (version, signatures));
    if !is_named {
        let what = "documents and signatures are not those that the ledger names";
        let expected = named.map_or_else(|| "none yet".to_owned(), |named| named.version.to_string());
        return Err(Refusal::new(RefusalCode::PolicyVersionWrong, what)
            .because(version.to_string(), expected)
            .into());
    }
    let mut accepted = keyguard.accepted.lock().unwrap_or_else(PoisonError::into_inner);
    let signed = match accepted.as_ref() {
        Some(current) if current.signatures == signatures && current.header.version == version => {
            signed::recall(parsed, &set)
        }
        Some(current) => {
            signed::accept(parsed, &set, &Position::InForce { header: &current.header, root: &current.root })
        }
        None => {
            let (root, ledger) = keyguard.followed.pinned().ok_or_else(|| invalid("no ledger is pinned"))?;
            signed::accept(parsed, &set, &Position::Beginning { root, ledger: &ledger })
        }
    };
    let signed = signed.map_err(|error| unsigned(&error))?;
    let is_new = accepted.as_ref().is_none_or(|current| current.header.version != version);
    let governance = Governance::new(signed)?;
    if is_new {
        let next = Accepted::keep(&governance.signed, &keyguard.memory)?;
        keyguard.followed.accepted(next.sequence());
        *accepted = Some(next);
    }
    *keyguard.governance.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(governance));
    Ok(version)
}

fn unsigned(error: &GovernanceRefused) -> CallError {
    let what = format!("policy is not signed as it has to be: {} {error}", error.code());
    Refusal::new(RefusalCode::PolicyUnsigned, what).into()
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
