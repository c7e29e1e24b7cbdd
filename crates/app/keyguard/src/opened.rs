//! Orders of one message, opened: the request is parsed, the governance found and the token verified once for all of
//! them. What depends on the single statement is in [`crate::checks`].

use std::sync::{Arc, OnceLock};

use chancery_core::attested::check_size;
use chancery_core::caller::{Caller, CallerKind};
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::order::{MAX_ORDERS, Orders};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_identity::audience::Audience;
use chancery_identity::authenticate::{Expectation, authenticate, peek};
use chancery_identity::issuer::Issuer;
use chancery_identity::jwk::KeySet;
use chancery_policy::approval::count::approvers;
use chancery_policy::approval::document::Wish;
use chancery_policy::profile::Profile;

use crate::attested::Judging;
use crate::checks::invalid;
use crate::keyguard::Keyguard;
use crate::policy::{self, Governance};
use crate::session;

/// What the orders of a message have in common.
#[derive(Debug)]
pub struct Opened<'a> {
    /// Whose orders.
    pub keyguard: &'a Keyguard,
    /// The request, parsed strictly.
    pub request: Request,
    /// The governance that is in force, of the version that the orders name.
    pub governance: Arc<Governance>,
    /// SHA-256 of the canonical evidence.
    pub evidence: Sha256,
    orders: &'a Orders,
    caller: OnceLock<Result<Caller, Refusal>>,
    judging: OnceLock<Result<Judging, Refusal>>,
}

impl<'a> Opened<'a> {
    /// Opens a message. Errors refuse all of its orders.
    pub fn new(keyguard: &'a Keyguard, orders: &'a Orders) -> Result<Self, Refusal> {
        if orders.orders.len() > MAX_ORDERS {
            let refusal = invalid("too many orders in one message");
            return Err(refusal.because(orders.orders.len().to_string(), format!("at most {MAX_ORDERS}")));
        }
        let request = Request::parse(&orders.request).map_err(|error| invalid(error.to_string()))?;
        let governance = policy::in_force(keyguard, orders.policy)?;
        let evidence = canonical::digest(&orders.evidence).map_err(|error| invalid(error.to_string()))?;
        check_size(&orders.evidence.attestations).map_err(|error| invalid(error.to_string()))?;
        let (caller, judging) = (OnceLock::new(), OnceLock::new());
        Ok(Self { keyguard, request, governance, evidence, orders, caller, judging })
    }

    /// The caller, from the token. A message is worked on within a moment, so one verification is good for all of it.
    pub fn caller(&self) -> Result<&Caller, Refusal> {
        self.caller.get_or_init(|| self.authenticate()).as_ref().map_err(Clone::clone)
    }

    /// The attestations of the evidence, taken apart, with this installation as whom to trust.
    pub(crate) fn judging(&self, now: Time) -> Result<&Judging, Refusal> {
        let judging = self.judging.get_or_init(|| {
            let established = self.keyguard.established().ok_or_else(|| invalid("not initialised"))?;
            Judging::new(&established, &self.orders.evidence.attestations, now)
        });
        judging.as_ref().map_err(Clone::clone)
    }

    /// The attestations of the evidence, as they came.
    pub(crate) fn brought(&self) -> &[String] {
        &self.orders.evidence.attestations
    }

    fn authenticate(&self) -> Result<Caller, Refusal> {
        let issuers = &self.governance.issuers;
        let evidence = &self.orders.evidence;
        let peeked = peek(&evidence.token, issuers)?;
        let now = self.keyguard.parts.clock.now();
        let keys = self.keys(peeked.issuer, now)?;
        let expected = Expectation {
            audience_host: &self.keyguard.parts.audience_host,
            audience: Audience::of(&self.request),
            request: Some(self.request.id()),
            kind: Some(CallerKind::Workload),
            now,
        };
        let caller = authenticate(&evidence.token, issuers, &keys, &expected)?;
        session::complete(self.keyguard, caller, evidence, self.request.id())
    }

    /// The issuer's keys: pinned, or fetched by this keyguard. The evidence must hold the same, for it is kept.
    fn keys(&self, issuer: &Issuer, now: Time) -> Result<Arc<KeySet>, Refusal> {
        let shown = &self.orders.evidence.issuer_keys;
        let Some(pinned) = issuer.pinned_keys() else {
            return self.keyguard.issuer_keys.known(issuer, shown, now);
        };
        if pinned != shown {
            let what = "the keys of the issuer are not those that the policy pins";
            let digest = |text: &str| Sha256::of(text.as_bytes()).to_string();
            let refusal = Refusal::new(RefusalCode::IssuerKeysForeign, what);
            return Err(refusal.because(digest(shown), digest(pinned)));
        }
        KeySet::parse(issuer, pinned).map(Arc::new).map_err(|error| invalid(error.to_string()))
    }

    /// How many people approved exactly this wish; whoever asks never counts. Approvals that do not count refuse the order.
    pub fn approvers(&self, caller: &Caller) -> Result<u32, Refusal> {
        let Some(approved) = &self.orders.evidence.approval else { return Ok(0) };
        let (_, ledger) = self.keyguard.followed.pinned().ok_or_else(|| invalid("no ledger is pinned"))?;
        let wish = Wish {
            life: i64::from(self.profile()?.approvals().expires.seconds()),
            ledger: &ledger,
            request: self.request.id(),
            profile: self.request.profile(),
            policy: self.governance.version,
            caller,
            now: self.keyguard.parts.clock.now(),
        };
        let roster = self.governance.policy.roster();
        let counted = approvers(&approved.document, &approved.signatures, &wish, roster);
        let counted = counted.map_err(|error| {
            Refusal::new(RefusalCode::ApprovalInvalid, format!("{} {error}", error.code()))
        })?;
        Ok(counted.count())
    }

    /// The profile that the request names.
    pub fn profile(&self) -> Result<&Profile, Refusal> {
        let name = self.request.profile();
        let unknown = || Refusal::new(RefusalCode::ProfileUnknown, format!("no profile `{name}`"));
        self.governance.policy.profile(name).ok_or_else(unknown)
    }
}
