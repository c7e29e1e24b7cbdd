//! Events of what people signed. Each names the signed document and its signatures by their hashes; both are evidence
//! beside the ledger, because they name people.
//!
//! ```json
//! {"act":"9f86…","from":null,"kind":"freeze","schema":"chancery.event/1","scope":{"profile":"acme-release"},"signatures":"60bf…",
//!  "time":1795210023000,"until":null}
//! ```

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::freeze::Scope;
use chancery_core::id::{PolicyVersion, ProfileName, RequestId};
use chancery_core::time::Time;

/// A request that cannot be signed yet. The keyguard counts hold periods from here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the document that people sign to approve it.
    pub approval: Sha256,
    /// The profile.
    pub profile: ProfileName,
    /// The policy version under which it was decided.
    pub policy: PolicyVersion,
    /// The issuer's registered name.
    pub issuer: String,
    /// The artifacts, at most 64 of them.
    pub artifacts: Vec<Sha256>,
    /// The caller's stable claims.
    pub claims: BTreeMap<String, String>,
}

/// What somebody said about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Go ahead.
    Approve,
    /// The pipeline itself took it back; what is named is its evidence.
    Cancel,
    /// Do not.
    Reject,
}

/// An approval or rejection, as it came in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The request.
    pub request: RequestId,
    /// SHA-256 of the document that was signed.
    pub approval: Sha256,
    /// SHA-256 of the armoured signature.
    pub signature: Sha256,
    /// What it says.
    pub verdict: Verdict,
}

/// A stop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// SHA-256 of the signed document; also the freeze's name.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
    /// What is stopped.
    pub scope: Scope,
    /// When it begins; at once where absent.
    pub from: Option<Time>,
    /// When it ends by itself; never where absent.
    pub until: Option<Time>,
}

/// The end of a stop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfreeze {
    /// SHA-256 of the signed document.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
    /// The freeze that ends.
    pub freeze: Sha256,
}

/// A permission to deviate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// SHA-256 of the signed document; also the exception's name.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
    /// For which profile.
    pub profile: ProfileName,
    /// When it ends.
    pub until: Time,
    /// How many signatures it is good for.
    pub count: u32,
    /// When its review is due.
    pub review: Time,
    /// Whether it was opened by approvers in an emergency.
    pub emergency: bool,
}

/// A review of an exception.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// SHA-256 of the signed document.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
    /// The exception.
    pub exception: Sha256,
}

/// A ledger that was restored goes on from here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reanchor {
    /// SHA-256 of the signed document.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
    /// The size from which it goes on.
    pub size: u64,
    /// Its root at that size.
    pub root: Sha256,
}

/// Whom verifiers believe from now on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// SHA-256 of the signed document, which holds the whole list.
    pub act: Sha256,
    /// SHA-256 of its signatures.
    pub signatures: Sha256,
}
