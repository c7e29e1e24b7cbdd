//! Step 6: the intent, with the planned identity leaf as a certificate event, durable and cosigned before any key is
//! touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_core::caller::Caller;
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::evidence::Evidence;
use chancery_core::id::PolicyVersion;
use chancery_core::order::LeafPlan;
use chancery_core::port::sequencer::{Append, Change};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Certificate as CertificateEvent, CertificatePurpose, Event, Intent};
use chancery_x509::certificate::Certificate;
use chancery_x509::profile::planned;

use crate::denied::stable_claims;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::identify::Identified;
use crate::statement::Prepared;

/// What was decided about a request, shared by its statements.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The request.
    pub request: Request,
    /// Caller and evidence.
    pub identified: Identified,
    /// The policy version under which it was decided.
    pub policy: PolicyVersion,
    /// The profile's environment.
    pub environment: Environment,
    /// When its places in the profile's limits were taken.
    pub at: Time,
    /// The exception that is used up by each of its signatures.
    pub exception: Option<Sha256>,
    shared: Shared,
}

/// What every intent of the request says or is kept with, made once.
#[derive(Debug, Clone)]
struct Shared {
    claims: BTreeMap<String, String>,
    evidence: Sha256,
    wish: Arc<str>,
}

impl Decided {
    /// Brings together what was decided. Errors when the evidence has no canonical form.
    pub fn new(
        request: Request,
        identified: Identified,
        (policy, environment): (PolicyVersion, Environment),
        at: Time,
    ) -> Result<Self, Failure> {
        let evidence = canonical::digest(&identified.evidence).map_err(internal)?;
        let claims = stable_claims(&identified.caller);
        let kept = Wish {
            caller: identified.caller.clone(),
            evidence: identified.evidence.clone(),
            request: request.canonical().to_owned(),
        };
        let wish = serde_json::to_string(&kept).map_err(internal)?.into();
        let exception = None;
        Ok(Self {
            request,
            identified,
            policy,
            environment,
            at,
            exception,
            shared: Shared { claims, evidence, wish },
        })
    }
}

impl Decided {
    /// The same, under an exception.
    #[must_use]
    pub const fn under(mut self, exception: Option<Sha256>) -> Self {
        self.exception = exception;
        self
    }
}

/// An intent that is in the ledger.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its index.
    pub index: u64,
    /// The planned identity leaf.
    pub plan: Option<LeafPlan>,
}

/// What the intents of a request are kept with, so that an interrupted signature can be taken up.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Who asked.
    pub caller: Caller,
    /// Token and keys.
    pub evidence: Evidence,
    /// The request, canonical.
    pub request: String,
}

/// Plans, logs and waits for the cosigned checkpoint.
pub async fn log(gateway: &Gateway, decided: &Decided, prepared: &Prepared) -> Result<Logged, Failure> {
    let now = gateway.parts.clock.now();
    let planned = plan(gateway, &decided.identified.caller, prepared, now)?;
    let intent = intent(decided, prepared, planned.as_ref())?;
    let leaf = encode(now, Body::Intent(Box::new(intent)))?;
    let mut leaves = Vec::with_capacity(2);
    if let Some(planned) = &planned {
        leaves.push(encode(now, Body::Certificate(planned.event(gateway)?))?);
    }
    leaves.push(leaf);
    let plan = planned.map(|planned| planned.plan);
    let changes = changes(decided, prepared, plan.as_ref())?;
    let receipts = gateway.parts.sequencer.append(Append { leaves, changes }).await?;
    let index = receipts.last().map(|receipt| receipt.index);
    let index = index.ok_or_else(|| Failure::Internal("append without a receipt".to_owned()))?;
    Ok(Logged { index, plan })
}

struct Planned {
    plan: LeafPlan,
    tbs: Vec<u8>,
}

impl Planned {
    fn event(&self, gateway: &Gateway) -> Result<CertificateEvent, Failure> {
        let issuing = gateway.trust()?.issuing_at(self.plan.not_before)?.key.clone();
        let serial = hex(&self.plan.serial);
        let (purpose, tbs) = (CertificatePurpose::Precertificate, self.tbs.clone());
        Ok(CertificateEvent { purpose, issuer_key: issuing, serial, tbs })
    }
}

fn plan(
    gateway: &Gateway,
    caller: &Caller,
    prepared: &Prepared,
    now: Time,
) -> Result<Option<Planned>, Failure> {
    if !prepared.statement.family.has_identity_leaf() {
        return Ok(None);
    }
    let trust = gateway.trust()?;
    let mut serial = gateway.parts.entropy.sixteen();
    if let Some(first) = serial.first_mut() {
        // RFC 5280 §4.1.2.2: positive, and the same length every time.
        *first = (*first & 0x7f) | 0x40;
    }
    // Whole seconds, as certificates have them; the SCT carries the same moment.
    let not_before = Time::from_seconds(now.seconds());
    let plan = LeafPlan { serial: serial.to_vec(), not_before, key: prepared.key.id.clone() };
    let issuing: &Certificate = &trust.issuing_at(not_before)?.value;
    let tbs = planned::precertificate(issuing, &plan, prepared.certified(), &caller.claims)
        .map_err(|error| Failure::Internal(format!("identity leaf: {error}")))?;
    Ok(Some(Planned { plan, tbs }))
}

fn intent(decided: &Decided, prepared: &Prepared, planned: Option<&Planned>) -> Result<Intent, Failure> {
    let caller = &decided.identified.caller;
    Ok(Intent {
        request: decided.request.id(),
        statement: prepared.id,
        profile: decided.request.profile().clone(),
        environment: decided.environment,
        format: prepared.statement.format,
        depth: prepared.statement.depth,
        family: prepared.statement.family,
        key: prepared.key.id.clone(),
        policy: decided.policy,
        artifact: prepared.statement.artifact.digest,
        to_be_signed: prepared.to_be_signed_digest(),
        issuer: caller.issuer_name.to_string(),
        claims: decided.shared.claims.clone(),
        token_use: caller.token_use,
        evidence: decided.shared.evidence,
        precertificate: planned.map(|planned| Sha256::of(&planned.tbs)),
        exception: decided.exception,
    })
}

fn changes(decided: &Decided, prepared: &Prepared, plan: Option<&LeafPlan>) -> Result<Vec<Change>, Failure> {
    let caller = &decided.identified.caller;
    let request = decided.request.id();
    let plan = serde_json::to_string(&plan).map_err(internal)?;
    let (wish, statement) = (Arc::clone(&decided.shared.wish), prepared.id);
    Ok(vec![
        Change::TokenUse { token: caller.token_use, request, expires: caller.expires_at },
        Change::Intent { request, statement, wish, plan },
    ])
}

/// Encodes an event as a leaf.
pub fn encode(time: Time, body: Body) -> Result<String, Failure> {
    Event { time, body }.encode().map_err(internal)
}

/// A fault of ours.
pub fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::Internal(error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
