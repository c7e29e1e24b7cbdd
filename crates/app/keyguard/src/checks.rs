//! What stands between an order and a signature. Everything is checked here again, from the evidence; nothing is
//! taken from the gateway but bytes.

use std::sync::{Arc, OnceLock};

use chancery_core::algorithm::PublicKey;
use chancery_core::caller::Caller;
use chancery_core::decision::{Decision, Trace, in_words};
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::order::{LeafPlan, Order};
use chancery_core::port::custodian::{KeyDescription, Signature};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::warrant::{Checks, Duty, Rebuilt, Signable, ToBeSigned};
use chancery_format::seam::Signer;
use chancery_format::table;
use chancery_ledger::event::Intent;
use chancery_policy::act::book::Open;
use chancery_policy::decide::decide;
use chancery_policy::facts::Facts;
use chancery_policy::limit::Counts;
use chancery_policy::profile::Profile;
use chancery_policy::standing::Exception;
use chancery_x509::profile::identity_leaf::{self, Holder};
use chancery_x509::profile::planned;
use chancery_x509::sct::{self, Sct};

use crate::duty;
use crate::established::{Established, UnusableAuthority};
use crate::facade;
use crate::intents::NotSpendable;
use crate::keyguard::Keyguard;
use crate::opened::Opened;
use crate::standing;

/// How far the planned leaf may start from the keyguard's own clock, in seconds.
const MAX_SKEW: i64 = 60;

/// One order among those that were opened together.
#[derive(Debug)]
pub struct OrderChecks<'a> {
    opened: &'a Opened<'a>,
    keyguard: &'a Keyguard,
    statement: &'a Statement,
    /// The key of a Sigstore client, where a certificate over it is ordered.
    wished: Option<PublicKey>,
    /// The intent as it stands in the ledger.
    intent: Arc<Intent>,
    /// The planned leaf's TBSCertificate, once it was rebuilt.
    planned: OnceLock<Option<Vec<u8>>>,
}

/// The refusal of an order that is not what it should be.
pub(crate) fn invalid(what: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::OrderInvalid, what)
}

fn text(digest: Option<Sha256>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}

fn differs(what: &str, actual: impl ToString, expected: impl ToString) -> Refusal {
    invalid(format!("intent and order differ in {what}")).because(actual.to_string(), expected.to_string())
}

impl<'a> OrderChecks<'a> {
    /// Finds the statement in the request, and the intent among those that were seen logged and not spent.
    pub fn new(opened: &'a Opened<'a>, order: &Order) -> Result<Self, Refusal> {
        let statement = opened.request.statement(order.statement);
        let statement = statement.ok_or_else(|| invalid("the request does not hold the statement"))?;
        let keyguard = opened.keyguard;
        let intent = keyguard.followed.with_intents(|intents| intents.find(order.intent));
        let intent = spendable(order.intent, intent)?;
        let wished = facade::wished(opened, statement)?;
        Ok(Self { opened, keyguard, statement, wished, intent, planned: OnceLock::new() })
    }

    /// Whose checks.
    pub(crate) const fn keyguard(&self) -> &'a Keyguard {
        self.keyguard
    }
    fn profile(&self) -> Result<&Profile, Refusal> {
        self.opened.profile()
    }
    fn artifact_key(&self) -> Result<KeyDescription, Refusal> {
        let profile = self.profile()?;
        let family = self.statement.family;
        let missing =
            || Refusal::new(RefusalCode::KeyUnusable, format!("profile has no key for family `{family}`"));
        let key = duty::key(&self.keyguard.parts.custodians, profile.key(family).ok_or_else(missing)?)?;
        if key.environment != profile.environment() {
            let refusal =
                Refusal::new(RefusalCode::KeyUnusable, format!("key `{}` is of another environment", key.id));
            return Err(refusal.because(key.environment.name(), profile.environment().name()));
        }
        if key.family.uses_certificate() && self.keyguard.chains.of(&key.id).is_empty() {
            let refusal =
                Refusal::new(RefusalCode::KeyUnusable, format!("key `{}` has no certificate", key.id));
            let way = format!("an operator issues one: chancery key certify {}", key.id);
            return Err(refusal.because("none", "a certificate of this key").hint(way));
        }
        Ok(key)
    }
    fn established(&self) -> Result<Arc<Established>, Refusal> {
        self.keyguard.established().ok_or_else(|| invalid("not initialised"))
    }
    /// The key that issues the planned leaf: the one of its own moment, so that gateway and keyguard mean the same.
    fn issuing(&self, plan: &LeafPlan) -> Result<KeyId, Refusal> {
        let established = self.established()?;
        let issuing = established.issuing_at(plan.not_before).map_err(|error| invalid(error.to_string()))?;
        Ok(issuing.key.clone())
    }
    /// The exception that the intent uses up, if it names one: accepted, of this profile, in force, and not spent.
    fn granted(&self, profile: &Profile, now: Time) -> Result<Option<Exception>, Refusal> {
        let Some(name) = &self.intent.exception else { return Ok(None) };
        let open = self.keyguard.followed.book().0.exceptions().get(name).cloned();
        // The intent itself is among those that were counted when it was followed.
        let in_force =
            |open: &Open| open.profile == *profile.name() && now < open.until && open.used <= open.count;
        let open = open.filter(in_force).ok_or_else(|| {
            let what = "the exception that the intent names is not in force";
            invalid(what).because(name.to_string(), "an exception of this profile with uses left")
        })?;
        Ok(Some(open.granted(name)))
    }
    /// The planned leaf, rebuilt; made once and used for the intent, the SCT and the leaf itself.
    fn precertificate(&self, order: &Order, caller: &Caller) -> Result<Option<&[u8]>, Refusal> {
        if let Some(planned) = self.planned.get() {
            return Ok(planned.as_deref());
        }
        let planned = order.leaf.as_ref().map(|plan| self.plan(plan, caller)).transpose()?;
        Ok(self.planned.get_or_init(|| planned).as_deref())
    }
    fn plan(&self, plan: &LeafPlan, caller: &Caller) -> Result<Vec<u8>, Refusal> {
        let key = self.artifact_key()?;
        if plan.key != key.id {
            return Err(differs("the certified key", &plan.key, &key.id));
        }
        let skew = self.keyguard.parts.clock.now().seconds_since(plan.not_before);
        if skew.abs() > MAX_SKEW {
            return Err(
                invalid("the planned leaf does not start now").because(format!("{skew} s"), "within 60 s")
            );
        }
        let wished = self.wished.as_ref().map(|wished| (wished, Holder::Client));
        let certified = wished.unwrap_or((&key.public_key, Holder::Custody));
        let established = self.established()?;
        let issuing = established.issuing_at(plan.not_before).map_err(|error| invalid(error.to_string()))?;
        planned::precertificate(&issuing.value, plan, certified, &caller.claims)
            .map_err(|error| invalid(error.to_string()))
    }
}

/// An intent that may be spent, or why not.
fn spendable<T>(index: u64, intent: Option<Result<T, NotSpendable>>) -> Result<T, Refusal> {
    let refuse =
        |why: String| Refusal::new(RefusalCode::IntentInvalid, why).because(format!("index {index}"), "");
    intent
        .ok_or_else(|| refuse("no ledger is followed".to_owned()))?
        .map_err(|error| refuse(error.to_string()))
}

impl Checks for OrderChecks<'_> {
    fn authenticate(&self, _: &Order) -> Result<Caller, Refusal> {
        let caller = self.opened.caller()?;
        if self.intent.token_use != caller.token_use {
            return Err(differs("the token", self.intent.token_use, caller.token_use));
        }
        Ok(caller.clone())
    }

    fn decide(&self, _: &Order, caller: &Caller) -> Result<Trace, Refusal> {
        let profile = self.profile()?;
        let now = self.keyguard.parts.clock.now();
        // The intent of this very order is among those that were followed, so it is not counted against itself.
        let counts = self.keyguard.followed.with_intents(|intents| {
            let mut counts = Counts::new();
            for limit in profile.limits() {
                let since = now.plus_seconds(-i64::from(limit.window.seconds()));
                counts.set(limit.window, intents.count_since(profile.name(), since).saturating_sub(1));
            }
            counts
        });
        let counts = counts.unwrap_or_default();
        let key = self.artifact_key()?.id;
        if let Some(stop) = self.keyguard.followed.stop(caller, profile.name(), &key, now) {
            return Err(stop.refusal());
        }
        let mut standing = standing::of_statement(self.opened, profile, self.statement, now)?;
        standing.approvers = self.opened.approvers(caller)?;
        standing.granted = self.granted(profile, now)?;
        let facts = Facts::of_statement(profile.name(), caller, self.statement, now, (&counts, &standing));
        let version = self.opened.governance.version;
        if self.intent.policy != version {
            return Err(differs("the policy version", self.intent.policy, version));
        }
        match decide(&self.opened.governance.policy, &facts) {
            Decision::Allowed(trace) => Ok(trace),
            Decision::Refused(refusal) => Err(refusal),
            Decision::Pending { missing, trace } => {
                let refusal = invalid("the request is pending").with_trace(trace);
                Err(refusal.because(in_words(&missing), "nothing missing"))
            }
        }
    }

    fn spend_intent(&self, order: &Order, _: &Caller) -> Result<(), Refusal> {
        let now = self.keyguard.parts.clock.now();
        let spent = self.keyguard.followed.with_intents(|intents| intents.spend(order.intent, now));
        spendable(order.intent, spent)
    }

    fn rebuild(&self, order: &Order, caller: &Caller) -> Result<Rebuilt, Refusal> {
        let key = self.artifact_key()?;
        let builder = &self.keyguard.parts.builder;
        let signer =
            Signer { public_key: &key.public_key, caller, profile: self.opened.request.profile(), builder };
        let to_be_signed = table::of(self.statement.format)
            .and_then(|format| (format.to_be_signed)(self.statement, &signer))
            .map_err(|error| Refusal::new(RefusalCode::StatementInvalid, error.to_string()))?;
        let precertificate = self.precertificate(order, caller)?;
        let planned = precertificate.map(Sha256::of);
        self.same_intent(&self.expected(order, caller, (&key.id, &to_be_signed, planned))?)?;
        let sct = precertificate.map(|tbs| self.sct_signable(order, tbs)).transpose()?;
        let leaf = order.leaf.as_ref().map(|plan| self.issuing(plan)).transpose()?;
        if self.statement.family == Family::Certificate {
            return facade::rebuilt(sct, leaf);
        }
        // The family of the statement, not the key's: the warrant is refused where they differ.
        let artifact = Signable { key: key.id, family: self.statement.family, to_be_signed };
        Ok(Rebuilt { artifact, sct, leaf })
    }

    fn complete_leaf(&self, order: &Order, caller: &Caller, sct: &Signature) -> Result<Vec<u8>, Refusal> {
        let tbs = self.precertificate(order, caller)?.ok_or_else(|| invalid("no leaf is planned"))?;
        let sct = self.sct(order, sct)?;
        let whole = identity_leaf::final_tbs(tbs, &sct).map_err(|error| invalid(error.to_string()))?;
        identity_leaf::check_final(tbs, &whole).map_err(|error| invalid(error.to_string()))?;
        Ok(whole)
    }

    fn rebuild_duty(&self, duty: &Duty) -> Result<Signable, Refusal> {
        duty::rebuild_duty(self.keyguard, duty)
    }
    fn key(&self, id: &KeyId) -> Result<KeyDescription, Refusal> {
        duty::key(&self.keyguard.parts.custodians, id)
    }
}

impl OrderChecks<'_> {
    /// The intent that this order should have logged, each member from what was checked here.
    fn expected(
        &self,
        order: &Order,
        caller: &Caller,
        (key, to_be_signed, precertificate): (&KeyId, &ToBeSigned, Option<Sha256>),
    ) -> Result<Intent, Refusal> {
        let profile = self.profile()?;
        let claims = caller.claims.stable().into_iter();
        Ok(Intent {
            request: self.opened.request.id(),
            statement: order.statement,
            profile: profile.name().clone(),
            environment: profile.environment(),
            format: self.statement.format,
            depth: self.statement.depth,
            family: self.statement.family,
            key: key.clone(),
            policy: self.opened.governance.version,
            artifact: self.statement.artifact.digest,
            to_be_signed: crate::sign::digest_of(to_be_signed),
            issuer: caller.issuer_name.to_string(),
            claims: claims.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            token_use: caller.token_use,
            evidence: self.opened.evidence,
            precertificate,
            // Whether this exception may be used is decided with the policy, in `decide`.
            exception: self.intent.exception,
        })
    }

    /// ATTACK: an intent that names another profile would escape that profile's limits, and one with other claims
    /// would lie to auditors. So the whole intent must be the expected one; the first member that differs is named.
    fn same_intent(&self, expected: &Intent) -> Result<(), Refusal> {
        let found = self.intent.as_ref();
        if found == expected {
            return Ok(());
        }
        let pairs = [
            ("the request", found.request.to_string(), expected.request.to_string()),
            ("the statement", found.statement.to_string(), expected.statement.to_string()),
            ("the profile", found.profile.to_string(), expected.profile.to_string()),
            ("the key", found.key.to_string(), expected.key.to_string()),
            ("the artifact", found.artifact.to_string(), expected.artifact.to_string()),
            ("the bytes to be signed", found.to_be_signed.to_string(), expected.to_be_signed.to_string()),
            ("the planned leaf", text(found.precertificate), text(expected.precertificate)),
            ("the evidence", found.evidence.to_string(), expected.evidence.to_string()),
        ];
        let first = pairs.into_iter().find(|(_, found, expected)| found != expected);
        let (what, found, expected) = first.unwrap_or_default();
        let what = if what.is_empty() {
            "environment, format, depth, family, policy, issuer or claims"
        } else {
            what
        };
        Err(differs(what, found, expected))
    }

    /// What the CT key signs. The SCT's time is the leaf's start: the precertificate was in the ledger before this
    /// order was made.
    fn sct_signable(&self, order: &Order, precertificate: &[u8]) -> Result<Signable, Refusal> {
        let plan = order.leaf.as_ref().ok_or_else(|| invalid("no leaf is planned"))?;
        let established = self.established()?;
        let unusable = |error: UnusableAuthority| invalid(error.to_string());
        let key = established.ct_at(plan.not_before).map_err(unusable)?.key.clone();
        let issuing = established.issuing_at(plan.not_before).map_err(unusable)?;
        let issuer = issuing.value.key().map_err(|error| invalid(error.to_string()))?;
        let bytes = sct::signed_data(precertificate, issuer, plan.not_before);
        let to_be_signed = ToBeSigned::Message(bytes.map_err(|error| invalid(error.to_string()))?);
        Ok(Signable { key, family: Family::Sct, to_be_signed })
    }
    fn sct(&self, order: &Order, signature: &Signature) -> Result<Sct, Refusal> {
        let plan = order.leaf.as_ref().ok_or_else(|| invalid("no leaf is planned"))?;
        let established = self.established()?;
        let ct = established.ct_at(plan.not_before).map_err(|error| invalid(error.to_string()))?;
        Sct::new(&ct.value, plan.not_before, &signature.0).map_err(|error| invalid(error.to_string()))
    }
}
