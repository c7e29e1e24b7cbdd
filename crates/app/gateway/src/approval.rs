//! Requests that wait for people: the document that they sign, their signatures, and how many of them count.
//!
//! What is kept is evidence, not authority: every signature is verified again when the request comes back, here and in the
//! keyguard. A row that was put into the database by somebody else counts for nothing.

use std::collections::BTreeMap;

use chancery_core::decision::Trace;
use chancery_core::digest::Sha256;
use chancery_core::evidence::{Approved, Evidence};
use chancery_core::id::{PersonId, RequestId};
use chancery_core::port::sequencer::{Append, Change, Record, RecordKind};
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_ledger::act::{Approval as ApprovalEvent, Pending as PendingEvent, Verdict};
use chancery_ledger::event::Body;
use chancery_policy::approval::count::{MAX_SIGNATURES, Occasion, signer};
use chancery_policy::approval::document::{ApprovalDocument, Rejection, Wish};
use chancery_policy::approval::refused::ApprovalRefused;
use chancery_policy::profile::Profile;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::{Identified, Shown, identify};
use crate::intent::{encode, internal};

/// Documents of one request that are looked at: it may wait for several callers, one after another.
const MOST: u32 = 64;
/// Documents that are looked through for the last release.
const COMPARED: u32 = 50;
/// Artifacts that a pending event names.
const NAMED: usize = 64;

/// What is kept of a request that waits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    document: String,
    request: String,
    /// What policy evaluated; shown to approvers as the service's word.
    #[serde(default)]
    trace: Trace,
}

/// What is kept when the pipeline takes a request back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptCancellation {
    cancelled: Evidence,
}

/// What is kept of a rejection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptRejection {
    document: String,
    signature: String,
}

/// A request that waits, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The bytes that approvers sign.
    pub text: String,
    /// The same, read.
    pub document: ApprovalDocument,
    /// The request, canonical.
    pub request: String,
    /// What policy evaluated when it began to wait.
    pub trace: Trace,
    /// Whether its own pipeline took it back.
    pub cancelled: bool,
    /// Who approved, with their signatures; everything that counts now.
    pub approvals: BTreeMap<PersonId, String>,
    /// Who rejected it, and why.
    pub rejected: Option<(PersonId, String)>,
}

impl Waiting {
    fn of(kept: Kept) -> Option<Self> {
        let Kept { document: text, request, trace } = kept;
        let document = ApprovalDocument::parse(&text).ok()?;
        Some(Self {
            text,
            document,
            request,
            trace,
            cancelled: false,
            approvals: BTreeMap::new(),
            rejected: None,
        })
    }
    /// SHA-256 of the document.
    #[must_use]
    pub fn id(&self) -> Sha256 {
        Sha256::of(self.text.as_bytes())
    }
    /// How many people approved.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.approvals.len()).unwrap_or(u32::MAX)
    }
    /// What goes to the keyguard.
    #[must_use]
    pub fn evidence(&self) -> Approved {
        let mut signatures: Vec<String> = self.approvals.values().cloned().collect();
        signatures.sort();
        Approved { document: self.text.clone(), signatures }
    }
}

fn refused(error: ApprovalRefused) -> Failure {
    Refusal::new(RefusalCode::ApprovalInvalid, format!("{} {error}", error.code())).into()
}

/// The newest document about exactly this wish of this caller that still counts.
pub async fn find(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    request: &Request,
) -> Result<Option<Waiting>, Failure> {
    let ledger = gateway.trust()?.origin.to_string();
    let profile = governance.policy.profile(request.profile());
    let wish = Wish {
        life: profile.map_or(0, |profile| i64::from(profile.approvals().expires.seconds())),
        ledger: &ledger,
        request: request.id(),
        profile: request.profile(),
        policy: governance.version,
        caller: &identified.caller,
        now: gateway.parts.clock.now(),
    };
    for kept in documents(gateway, request.id()).await? {
        let Some(mut waiting) = Waiting::of(kept) else { continue };
        if waiting.document.check(&wish).is_err() {
            continue;
        }
        let occasion = Occasion {
            roster: governance.policy.roster(),
            profile: request.profile(),
            caller: Some(&identified.caller),
            now: wish.now,
        };
        collect(gateway, &mut waiting, &occasion).await?;
        if waiting.cancelled {
            continue;
        }
        return Ok(Some(waiting));
    }
    Ok(None)
}

/// The documents of a request with the request itself, newest first.
async fn documents(gateway: &Gateway, request: RequestId) -> Result<Vec<Kept>, Failure> {
    let records = gateway.parts.state.records(RecordKind::Pending, Some(request.to_string()), MOST).await?;
    let kept = records.into_iter().rev().filter_map(|record| serde_json::from_str(&record.body).ok());
    Ok(kept.collect())
}

/// Every signature that counts. One that counted when it came and does not any more (a person who left) is passed over.
async fn collect(gateway: &Gateway, waiting: &mut Waiting, occasion: &Occasion<'_>) -> Result<(), Failure> {
    let topic = waiting.id().to_string();
    let most = u32::try_from(MAX_SIGNATURES).unwrap_or(u32::MAX);
    for record in gateway.parts.state.records(RecordKind::Approval, Some(topic), most).await? {
        if serde_json::from_str::<KeptCancellation>(&record.body).is_ok() {
            waiting.cancelled = true;
            continue;
        }
        match serde_json::from_str::<KeptRejection>(&record.body) {
            Ok(kept) => {
                let rejection = Rejection::parse(&kept.document).ok();
                let rejection = rejection.filter(|rejection| rejection.approval == waiting.id());
                if let (Some(rejection), Ok(person)) =
                    (rejection, signer(&kept.document, &kept.signature, occasion))
                {
                    waiting.rejected = Some((person, rejection.reason));
                }
            }
            Err(_) => {
                if let Ok(person) = signer(&waiting.text, &record.body, occasion) {
                    waiting.approvals.insert(person, record.body);
                }
            }
        }
    }
    Ok(())
}

/// Lets a request wait: its document is logged and kept, so that people can sign it.
pub async fn wait(
    gateway: &Gateway,
    governance: &Governance,
    identified: &Identified,
    (profile, request, trace): (&Profile, &Request, &Trace),
) -> Result<(), Failure> {
    let now = gateway.parts.clock.now();
    let ledger = gateway.trust()?.origin.to_string();
    let expires = now.plus_seconds(i64::from(profile.approvals().expires.seconds()));
    let named = (request.id(), request.profile().clone());
    let document =
        ApprovalDocument::new(named, &identified.caller, (ledger, governance.version), (now, expires));
    let text = document.canonical().map_err(internal)?;
    let sha256 = Sha256::of(text.as_bytes());
    let artifacts = request.statements().iter().take(NAMED).map(|(_, one)| one.artifact.digest).collect();
    let event = PendingEvent {
        request: request.id(),
        approval: sha256,
        profile: request.profile().clone(),
        policy: governance.version,
        issuer: document.issuer.to_string(),
        artifacts,
        claims: document.claims.clone(),
    };
    let kept = Kept { document: text, request: request.canonical().to_owned(), trace: trace.clone() };
    let body = serde_json::to_string(&kept).map_err(internal)?;
    let topic = request.id().to_string();
    let record = Record { sha256, kind: RecordKind::Pending, topic, body };
    append(gateway, now, Body::Pending(Box::new(event)), record).await?;
    Ok(())
}

/// Takes a request back, by a job like the one that asked: what was approved of it counts no more.
pub async fn cancel(gateway: &Gateway, request: RequestId, token: Option<&str>) -> Result<Noted, Failure> {
    let governance = gateway.governance()?;
    let identified = identify(gateway, &governance, token, Shown::About(request)).await?;
    let kept = documents(gateway, request).await?.into_iter().next();
    let known = kept.and_then(|kept| Request::parse(&kept.request).ok());
    let found = match &known {
        Some(known) => find(gateway, &governance, &identified, known).await?,
        None => None,
    };
    let waiting = found.ok_or_else(|| {
        let what = "no request of this job waits";
        Refusal::new(RefusalCode::ApprovalInvalid, what)
            .because(request.to_string(), "a request that it asked for")
    })?;
    let body =
        serde_json::to_string(&KeptCancellation { cancelled: identified.evidence }).map_err(internal)?;
    let (subject, sha256) = (waiting.id(), Sha256::of(body.as_bytes()));
    let verdict = Verdict::Cancel;
    let event = ApprovalEvent { request, approval: subject, signature: sha256, verdict };
    let record = Record { sha256, kind: RecordKind::Approval, topic: subject.to_string(), body };
    let index = append(gateway, gateway.parts.clock.now(), Body::Approval(event), record).await?;
    Ok(Noted { person: None, verdict, index: Some(index) })
}

async fn append(gateway: &Gateway, now: Time, body: Body, record: Record) -> Result<u64, Failure> {
    let append = Append { leaves: vec![encode(now, body)?], changes: vec![Change::Keep(record)] };
    let receipts = gateway.parts.sequencer.append(append).await?;
    receipts.first().map(|receipt| receipt.index).ok_or_else(|| internal("append without a receipt"))
}

/// What somebody sends about a request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The document that was signed: of the approval, or a rejection.
    pub document: String,
    /// The armoured signature over it.
    pub signature: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Who said it; nobody when the pipeline took it back.
    pub person: Option<PersonId>,
    /// What.
    pub verdict: Verdict,
    /// Its entry in the ledger; none where it was known already.
    pub index: Option<u64>,
}

/// Takes an approval or a rejection: verified, logged, kept. Whether it counts is decided when the request comes back.
pub async fn say(gateway: &Gateway, request: RequestId, said: Said) -> Result<Noted, Failure> {
    let governance = gateway.governance()?;
    let now = gateway.parts.clock.now();
    let rejection = Rejection::parse(&said.document).ok();
    let subject = rejection.as_ref().map_or_else(|| Sha256::of(said.document.as_bytes()), |one| one.approval);
    let known = documents(gateway, request).await?;
    let known = known.into_iter().find(|kept| Sha256::of(kept.document.as_bytes()) == subject);
    let Kept { document: text, .. } = known.ok_or_else(|| {
        Refusal::new(RefusalCode::ApprovalInvalid, "no such document waits")
            .because(subject.to_string(), "a document that chancery request show prints")
    })?;
    let document = ApprovalDocument::parse(&text).map_err(refused)?;
    if now >= document.expires {
        return Err(refused(ApprovalRefused::Expired { now, expires: document.expires }));
    }
    let roster = governance.policy.roster();
    let occasion = Occasion { roster, profile: &document.profile, caller: None, now };
    let person = signer(&said.document, &said.signature, &occasion).map_err(refused)?;
    let verdict = if rejection.is_some() { Verdict::Reject } else { Verdict::Approve };
    let body = match verdict {
        Verdict::Approve | Verdict::Cancel => said.signature.clone(),
        Verdict::Reject => {
            let kept = KeptRejection { document: said.document, signature: said.signature.clone() };
            serde_json::to_string(&kept).map_err(internal)?
        }
    };
    let sha256 = Sha256::of(body.as_bytes());
    if is_known(gateway, subject, sha256).await? {
        return Ok(Noted { person: Some(person), verdict, index: None });
    }
    let event = ApprovalEvent { request, approval: subject, signature: sha256, verdict };
    let record = Record { sha256, kind: RecordKind::Approval, topic: subject.to_string(), body };
    let index = append(gateway, now, Body::Approval(event), record).await?;
    tracing::info!(%request, ?verdict, index, "said about a request that waits");
    Ok(Noted { person: Some(person), verdict, index: Some(index) })
}

/// The same signature again is no news; and more signatures than people could give are not taken.
async fn is_known(gateway: &Gateway, subject: Sha256, signature: Sha256) -> Result<bool, Failure> {
    let most = u32::try_from(MAX_SIGNATURES).unwrap_or(u32::MAX);
    let known = gateway.parts.state.records(RecordKind::Approval, Some(subject.to_string()), most).await?;
    if known.iter().any(|record| record.sha256 == signature) {
        return Ok(true);
    }
    if known.len() >= MAX_SIGNATURES {
        return Err(refused(ApprovalRefused::TooMany(known.len().saturating_add(1))));
    }
    Ok(false)
}

/// Everything that waits or waited for approvals about one request, newest first; what counts is judged without knowing
/// who will ask again.
pub async fn of_request(gateway: &Gateway, request: RequestId) -> Result<Vec<Waiting>, Failure> {
    let governance = gateway.governance()?;
    let now = gateway.parts.clock.now();
    let mut all = Vec::new();
    for kept in documents(gateway, request).await? {
        let Some(mut waiting) = Waiting::of(kept) else { continue };
        let profile = waiting.document.profile.clone();
        let occasion = Occasion { roster: governance.policy.roster(), profile: &profile, caller: None, now };
        collect(gateway, &mut waiting, &occasion).await?;
        all.push(waiting);
    }
    Ok(all)
}

/// What was approved and released last under the same profile before a document: it is what people compare with.
pub async fn previous(
    gateway: &Gateway,
    document: &ApprovalDocument,
) -> Result<Option<(String, String)>, Failure> {
    let state = &gateway.parts.state;
    let records = state.records(RecordKind::Pending, None, COMPARED).await?;
    for record in records.into_iter().rev() {
        let Ok(kept) = serde_json::from_str::<Kept>(&record.body) else { continue };
        let Ok(found) = ApprovalDocument::parse(&kept.document) else { continue };
        let earlier =
            found.profile == document.profile && found.request != document.request && found.at <= document.at;
        let Ok(request) = Request::parse(&kept.request) else { continue };
        let Some((first, _)) = request.statements().first() else { continue };
        if earlier && state.released(request.id(), *first).await?.is_some() {
            return Ok(Some((kept.document, kept.request)));
        }
    }
    Ok(None)
}

/// The documents that wait now, newest first: not over, not taken back, not rejected, not released.
pub async fn waiting(gateway: &Gateway, most: u32) -> Result<Vec<ApprovalDocument>, Failure> {
    let governance = gateway.governance()?;
    let (now, state) = (gateway.parts.clock.now(), &gateway.parts.state);
    let records = state.records(RecordKind::Pending, None, most).await?;
    let mut all = Vec::new();
    for record in records.into_iter().rev() {
        let kept = serde_json::from_str::<Kept>(&record.body).ok();
        let Some(mut waiting) = kept.and_then(Waiting::of).filter(|one| now < one.document.expires) else {
            continue;
        };
        let profile = waiting.document.profile.clone();
        let occasion = Occasion { roster: governance.policy.roster(), profile: &profile, caller: None, now };
        collect(gateway, &mut waiting, &occasion).await?;
        let request = Request::parse(&waiting.request).ok();
        let first =
            request.as_ref().and_then(|request| Some((request.id(), request.statements().first()?.0)));
        let is_released = match first {
            Some((request, statement)) => state.released(request, statement).await?.is_some(),
            None => true,
        };
        if !waiting.cancelled && waiting.rejected.is_none() && !is_released {
            all.push(waiting.document);
        }
    }
    Ok(all)
}
