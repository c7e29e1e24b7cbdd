//! What approvers sign: the request with everything that was decided about it.

use std::collections::BTreeMap;

use chancery_core::caller::Caller;
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::id::{IssuerName, PolicyVersion, ProfileName, RequestId};
use chancery_core::time::Time;

use super::refused::ApprovalRefused;

const APPROVAL: &str = "chancery.approval/1";
const REJECTION: &str = "chancery.rejection/1";
/// Longest document in bytes.
pub const MAX_DOCUMENT: usize = 32 * 1024;
/// Longest reason in bytes.
pub const MAX_REASON: usize = 1000;
/// Longest life of an approval in seconds: seven days.
pub const MAX_LIFE: i64 = 7 * 86_400;

/// A request that waits, as people approve it. The request's id stands for its profile and statements, and so for every
/// digest in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDocument {
    /// Origin of the ledger; elsewhere the approval means nothing.
    pub ledger: String,
    /// The request.
    pub request: RequestId,
    /// Its profile.
    pub profile: ProfileName,
    /// The policy version under which it was decided.
    pub policy: PolicyVersion,
    /// The issuer's registered name.
    pub issuer: IssuerName,
    /// The caller's stable claims: commit, ref, workflow, event, environment.
    pub claims: BTreeMap<String, String>,
    /// When it began to wait.
    pub at: Time,
    /// Until when approvals of it count.
    pub expires: Time,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    at: Time,
    claims: BTreeMap<String, String>,
    expires: Time,
    issuer: IssuerName,
    ledger: String,
    policy: PolicyVersion,
    profile: ProfileName,
    request: RequestId,
    schema: String,
}

impl ApprovalDocument {
    /// The document about a request of a caller.
    #[must_use]
    pub fn new(
        (request, profile): (RequestId, ProfileName),
        caller: &Caller,
        (ledger, policy): (String, PolicyVersion),
        (at, expires): (Time, Time),
    ) -> Self {
        let claims = stable(caller);
        Self { ledger, request, profile, policy, issuer: caller.issuer_name.clone(), claims, at, expires }
    }
    /// The bytes that are signed.
    pub fn canonical(&self) -> Result<String, ApprovalRefused> {
        let wire = Wire {
            at: self.at,
            claims: self.claims.clone(),
            expires: self.expires,
            issuer: self.issuer.clone(),
            ledger: self.ledger.clone(),
            policy: self.policy,
            profile: self.profile.clone(),
            request: self.request,
            schema: APPROVAL.to_owned(),
        };
        canonical::encode(&wire).map_err(|_| ApprovalRefused::Malformed("it has no canonical form"))
    }
    /// Reads signed bytes, strictly: exactly one text gives each document.
    pub fn parse(text: &str) -> Result<Self, ApprovalRefused> {
        if text.len() > MAX_DOCUMENT {
            return Err(ApprovalRefused::Malformed("more than 32 KiB"));
        }
        let wire: Wire =
            canonical::decode(text).map_err(|_| ApprovalRefused::Malformed("not canonical json"))?;
        if wire.schema != APPROVAL {
            return Err(ApprovalRefused::Malformed("schema is not `chancery.approval/1`"));
        }
        if wire.expires <= wire.at || wire.expires.seconds_since(wire.at) > MAX_LIFE {
            return Err(ApprovalRefused::Malformed("`expires` is not within seven days of `at`"));
        }
        let Wire { at, claims, expires, issuer, ledger, policy, profile, request, .. } = wire;
        let document = Self { ledger, request, profile, policy, issuer, claims, at, expires };
        if document.canonical()? == text {
            Ok(document)
        } else {
            Err(ApprovalRefused::Malformed("not canonical json"))
        }
    }
    /// Whether it is about this wish of this caller, here and now; the first thing that differs is named.
    pub fn check(&self, wish: &Wish<'_>) -> Result<(), ApprovalRefused> {
        let differs = |what, actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
            Err(ApprovalRefused::Differs { what, actual: actual.to_string(), expected: expected.to_string() })
        };
        if self.ledger != wish.ledger {
            return differs("ledger", &self.ledger, &wish.ledger);
        }
        if self.request != wish.request || self.profile != *wish.profile {
            return differs("request", &self.request, &wish.request);
        }
        if self.policy != wish.policy {
            return differs("policy version", &self.policy, &wish.policy);
        }
        if self.issuer != wish.caller.issuer_name {
            return differs("issuer", &self.issuer, &wish.caller.issuer_name);
        }
        let claims = stable(wish.caller);
        if self.claims != claims {
            let names = self.claims.keys().chain(claims.keys());
            let name = names.into_iter().find(|name| self.claims.get(*name) != claims.get(*name));
            let text = |of: &BTreeMap<String, String>| {
                name.and_then(|name| of.get(name)).cloned().unwrap_or_default()
            };
            return differs("claims", &text(&self.claims), &text(&claims));
        }
        let life = self.expires.seconds_since(self.at);
        if life > wish.life {
            return differs("life in seconds", &life, &wish.life);
        }
        if wish.now < self.at.plus_seconds(-60) || wish.now >= self.expires {
            return Err(ApprovalRefused::Expired { now: wish.now, expires: self.expires });
        }
        Ok(())
    }
}

/// What an approval has to be about.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Origin of our ledger.
    pub ledger: &'a str,
    /// The request.
    pub request: RequestId,
    /// Its profile.
    pub profile: &'a ProfileName,
    /// The policy version in force.
    pub policy: PolicyVersion,
    /// How long an approval lives under the profile, in seconds: whoever wrote the document must not have given it more.
    pub life: i64,
    /// Who asks.
    pub caller: &'a Caller,
    /// Now.
    pub now: Time,
}

fn stable(caller: &Caller) -> BTreeMap<String, String> {
    caller.claims.stable().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What somebody signs who does not want a request to be signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// SHA-256 of the document that is rejected.
    pub approval: Sha256,
    /// Why.
    pub reason: String,
    schema: String,
}

impl Rejection {
    /// The rejection of a document.
    #[must_use]
    pub fn new(approval: Sha256, reason: &str) -> Self {
        Self { approval, reason: reason.to_owned(), schema: REJECTION.to_owned() }
    }
    /// The bytes that are signed.
    pub fn canonical(&self) -> Result<String, ApprovalRefused> {
        canonical::encode(self).map_err(|_| ApprovalRefused::Malformed("it has no canonical form"))
    }
    /// Reads signed bytes, strictly.
    pub fn parse(text: &str) -> Result<Self, ApprovalRefused> {
        let read: Self =
            canonical::decode(text).map_err(|_| ApprovalRefused::Malformed("not canonical json"))?;
        let is_plain = (1..=MAX_REASON).contains(&read.reason.len())
            && !read.reason.chars().any(crate::pattern::is_invisible);
        match (read.schema == REJECTION, is_plain) {
            (true, true) => Ok(read),
            (false, _) => Err(ApprovalRefused::Malformed("schema is not `chancery.rejection/1`")),
            (true, false) => Err(ApprovalRefused::Malformed("`reason` is not 1 to 1000 bytes of plain text")),
        }
    }
}
