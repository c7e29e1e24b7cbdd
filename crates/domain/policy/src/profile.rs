//! Profiles: named ways to sign.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::attested::Requirement;
use chancery_core::depth::Depth;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, ProfileName};

use crate::brake::{Approvals, Quorum, StepUp};
use crate::facade::Facade;
use crate::grant::Grant;
use crate::limit::{Limit, Window};
use crate::trigger::{Events, Runners};
use crate::vouch::Vouch;

/// How tightly a token must be bound to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Audience `sigstore`, for certificates to Sigstore clients: good for whatever its bearer asks. Such a profile takes no
    /// other token, and no other profile takes such a token.
    Sigstore,
    /// A fixed audience is enough; a request-bound one is accepted too.
    Fixed,
    /// A fixed audience that was exchanged for a session, whose key signed the request; a request-bound one is accepted
    /// too.
    Session,
    /// The audience must carry the request id.
    Request,
}

impl Binding {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::Fixed => "fixed",
            Self::Session => "session",
            Self::Request => "request",
        }
    }
}

/// Where a signature's trusted time comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timestamping {
    /// The keyguard's own RFC 3161 authority.
    Builtin,
    /// None at all.
    None,
    /// Remote authorities by name, in order of preference.
    Remote(Vec<String>),
}

/// What a profile says about one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatRule {
    /// The families of signed bytes that may be asked for.
    pub families: BTreeSet<Family>,
    /// The least depth.
    pub depth: Depth,
}

/// A profile as read and linted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub(crate) name: ProfileName,
    pub(crate) environment: Environment,
    pub(crate) owner: String,
    pub(crate) purpose: String,
    pub(crate) binding: Binding,
    pub(crate) timestamp: Timestamping,
    pub(crate) facade: Option<Facade>,
    pub(crate) keys: BTreeMap<Family, KeyId>,
    pub(crate) formats: BTreeMap<FormatName, FormatRule>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) approvals: Approvals,
    pub(crate) quorum: Option<Quorum>,
    pub(crate) hold: Option<Window>,
    pub(crate) step_up: Option<StepUp>,
    pub(crate) events: Events,
    pub(crate) runners: Runners,
    pub(crate) attestations: Vec<Requirement>,
    pub(crate) vouch: Option<Vouch>,
    pub(crate) grants: Vec<Grant>,
}

impl Profile {
    /// Its name: the file's stem.
    #[must_use]
    pub const fn name(&self) -> &ProfileName {
        &self.name
    }
    /// Where its signatures count.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }
    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }
    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }
    /// How tightly a token must be bound.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }
    /// Where the trusted time comes from.
    #[must_use]
    pub const fn timestamp(&self) -> &Timestamping {
        &self.timestamp
    }
    /// What it issues to Sigstore clients; absent in every profile that signs.
    #[must_use]
    pub const fn facade(&self) -> Option<&Facade> {
        self.facade.as_ref()
    }
    /// The key of a family; every family of every format has one.
    #[must_use]
    pub fn key(&self, family: Family) -> Option<&KeyId> {
        self.keys.get(&family)
    }
    /// The keys by family.
    #[must_use]
    pub const fn keys(&self) -> &BTreeMap<Family, KeyId> {
        &self.keys
    }
    /// What it says about each format that it allows.
    #[must_use]
    pub const fn formats(&self) -> &BTreeMap<FormatName, FormatRule> {
        &self.formats
    }
    /// Its limits, by window, shortest first.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }
    /// How many people must approve, and for how long it counts.
    #[must_use]
    pub const fn approvals(&self) -> Approvals {
        self.approvals
    }
    /// Its digest quorum.
    #[must_use]
    pub const fn quorum(&self) -> Option<Quorum> {
        self.quorum
    }
    /// How long a request must have been in the ledger before it is signed.
    #[must_use]
    pub const fn hold(&self) -> Option<Window> {
        self.hold
    }
    /// What happens when a habit is broken.
    #[must_use]
    pub const fn step_up(&self) -> Option<&StepUp> {
        self.step_up.as_ref()
    }
    /// Which events may start a job.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }
    /// Which runners a job may run on.
    #[must_use]
    pub const fn runners(&self) -> &Runners {
        &self.runners
    }
    /// What it vouches for, where it is a verifier's.
    #[must_use]
    pub const fn vouch(&self) -> Option<&Vouch> {
        self.vouch.as_ref()
    }
    /// The attestations that it demands before it signs.
    #[must_use]
    pub fn attestations(&self) -> &[Requirement] {
        &self.attestations
    }
    /// Its grants, sorted by name.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }
}
