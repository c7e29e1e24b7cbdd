//! How a signature is made. Read [`sign`] and [`produce`]: the numbers are those of DESIGN section 4.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::evidence::Possession;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::message::{Der, Signed};
use chancery_core::port::sequencer::{Append, Change};
use chancery_core::port::step::Step;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::request::Request;
use chancery_core::time::Time;
use chancery_format::stamped::stamped;
use chancery_ledger::event::{Body, Outcome};
use chancery_policy::decide::admit;
use chancery_policy::profile::{Profile, Timestamping};
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::act;
use crate::attach;
use crate::attested;
use crate::denied::{self, Who};
use crate::facade;
use crate::failure::Failure;
use crate::flights::Alone;
use crate::gateway::Gateway;
use crate::governance::Governance;
use crate::identify::{self, Identified, Shown, identify};
use crate::intent::{self, Decided, Logged, encode, internal};
use crate::order::{self, Closing, Ready};
use crate::pending;
use crate::reconcile;
use crate::rehearse;
use crate::released::{Made, Proof, Released};
use crate::session;
use crate::stampers;
use crate::statement::{self, Prepared};

/// Statements that go to the keyguard in one message; at most [`chancery_core::order::MAX_ORDERS`].
const TOGETHER: usize = 32;
/// Messages of one request that are on their way at the same time.
const AT_ONCE: usize = 4;

/// What a caller sends.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The request.
    pub request: Request,
    /// The token, if one was sent.
    pub token: Option<String>,
    /// The session key's signature over the request, if one was sent.
    pub possession: Option<Possession>,
    /// Attestations that the profile may demand: Sigstore bundles, JSON.
    pub attestations: Vec<String>,
}

/// The results of a request, in the order of its statements.
#[derive(Debug)]
pub struct Answer {
    /// The request's id.
    pub request: RequestId,
    /// One per statement.
    pub results: Vec<Released>,
}

/// Signs a request, or says why not. A refusal is answered only after it is in the ledger.
pub async fn sign(gateway: &Arc<Gateway>, ask: Ask) -> Result<Answer, Failure> {
    let governance = gateway.governance()?;
    let mut caller = None;
    match attempt(gateway, &governance, &ask, &mut caller).await {
        Err(Failure::Refused(refusal)) => {
            record(gateway, &governance, &ask, caller.as_ref(), &refusal).await?;
            Err(Failure::Refused(refusal))
        }
        other => other,
    }
}

async fn attempt(
    gateway: &Arc<Gateway>,
    governance: &Arc<Governance>,
    ask: &Ask,
    known: &mut Option<Identified>,
) -> Result<Answer, Failure> {
    let request = &ask.request;
    // 2 identity
    let identified = identify(gateway, governance, ask.token.as_deref(), Shown::For(request)).await?;
    *known = Some(identified.clone());
    let identified = session::complete(gateway, identified, ask.possession.as_ref(), request.id()).await?;
    // 3 admission
    let profile = admit(&governance.policy, &identified.caller, request.profile())?;
    let identified = attested::bring(identified, profile, &ask.attestations)?;
    stopped(gateway, profile, &identified, request)?;
    facade::certificate::comes_alone(request)?;
    // 4 statements, and the same wish joins the same request: one task at a time
    let alone = gateway.flights.alone(request.id()).await;
    reconcile::take_up(gateway, request.id()).await?;
    let (recalled, mut fresh) = split(gateway, profile, &identified, request).await?;
    attach::check(gateway, &fresh).await?;
    if fresh.is_empty() {
        single_use(gateway, &identified, request.id()).await?;
    }
    // 5 decision
    attested::find(gateway, governance, &identified, profile, &mut fresh)?;
    rehearse::decide_recalled(gateway, governance, &identified, profile, &recalled).await?;
    let (settled, taken) = decide(gateway, governance, identified, profile, (request, &fresh)).await?;
    let (identified, exception) = settled;
    gateway.parts.steps.reached(Step::Decided);
    let decided = (governance.version, profile.environment());
    let decided = Arc::new(Decided::new(request.clone(), identified, decided, taken)?.under(exception));
    // 6 to 13
    let mut results = recalled;
    let made = detached(gateway, decided, profile.timestamp(), (fresh, alone)).await;
    if exception.is_some() {
        // The keyguard counted its uses.
        act::refresh(gateway).await?;
    }
    results.extend(made?);
    results.sort_by_key(|released| released.made().statement_id);
    gateway.parts.steps.reached(Step::ReadyToReply);
    Ok(Answer { request: request.id(), results })
}

/// Works on in a task of its own: a caller that hangs up must not leave an intent or a signature half done.
async fn detached(
    gateway: &Arc<Gateway>,
    decided: Arc<Decided>,
    timestamp: &Timestamping,
    (fresh, alone): (Vec<Prepared>, Alone),
) -> Result<Vec<Released>, Failure> {
    let (gateway, timestamp) = (Arc::clone(gateway), timestamp.clone());
    let work = async move {
        let _alone = alone;
        produce_all(&gateway, &decided, &timestamp, fresh).await
    };
    tokio::spawn(work).await.map_err(internal)?
}

/// Nothing is signed, and nothing that was signed is given out again, while a freeze covers it.
fn stopped(
    gateway: &Gateway,
    profile: &Profile,
    identified: &Identified,
    request: &Request,
) -> Result<(), Failure> {
    let (book, now) = (gateway.book(), gateway.parts.clock.now());
    for (_, statement) in request.statements() {
        let Some(key) = profile.key(statement.family) else { continue };
        if let Some(stop) = book.stop(&identified.caller, profile.name(), key, now) {
            return Err(stop.refusal().into());
        }
    }
    Ok(())
}

/// A token is good for its first request only. The transaction of the intents sees to that; where nothing is made, and
/// so no intent is logged, it is looked up here.
async fn single_use(gateway: &Gateway, identified: &Identified, request: RequestId) -> Result<(), Failure> {
    match gateway.parts.state.token_use(identified.caller.token_use).await? {
        Some(first) if first != request => {
            Err(chancery_core::port::sequencer::AppendError::TokenReplayed(first).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Statements that were released before, completed with fresh receipts, and those that are to be made.
async fn split(
    gateway: &Gateway,
    profile: &Profile,
    identified: &Identified,
    request: &Request,
) -> Result<(Vec<Released>, Vec<Prepared>), Failure> {
    let (mut recalled, mut fresh) = (Vec::new(), Vec::new());
    for (id, statement) in request.statements() {
        match recall(gateway, request.id(), *id).await? {
            Some(released) => recalled.push(released),
            None => fresh.push(statement::prepare(gateway, profile, &identified.caller, (*id, statement))?),
        }
    }
    Ok((recalled, fresh))
}

/// A released result, verified again and with a receipt at the latest checkpoint; `None` too where it lost its trust.
pub async fn recall(
    gateway: &Gateway,
    request: RequestId,
    statement: StatementId,
) -> Result<Option<Released>, Failure> {
    let Some(recalled) = gateway.parts.state.released(request, statement).await? else { return Ok(None) };
    let made: Made = serde_json::from_str(&recalled.result).map_err(internal)?;
    let Some(proof) = made.verify_again(gateway)? else { return Ok(None) };
    let gone =
        || Failure::Internal(format!("ledger entry {} of a released result is missing", recalled.leaf));
    let leaf = gateway.parts.ledger.leaf(recalled.leaf).await?.ok_or_else(gone)?;
    let receipt = gateway.parts.ledger.receipt(recalled.leaf).await?.ok_or_else(gone)?;
    made.release(gateway, Proof::Statement(proof), (leaf, receipt)).map(Some)
}

/// Decides, and takes places in the limits. Two requests may have counted on the same last place: the second is decided
/// about anew, with the place gone.
async fn decide(
    gateway: &Gateway,
    governance: &Governance,
    identified: Identified,
    profile: &Profile,
    wanted: (&Request, &[Prepared]),
) -> Result<((Identified, Option<Sha256>), Time), Failure> {
    let settled = pending::settle(gateway, governance, identified.clone(), profile, wanted).await?;
    match take_places(gateway, profile, wanted.1.len(), room(&settled)) {
        Ok(taken) => Ok((settled, taken)),
        Err(_) => {
            let settled = pending::settle(gateway, governance, identified, profile, wanted).await?;
            let taken = take_places(gateway, profile, wanted.1.len(), room(&settled))?;
            Ok((settled, taken))
        }
    }
}

/// Whether people or an exception allowed it beyond the limits: then places are taken whether they are there or not.
const fn room((identified, exception): &(Identified, Option<Sha256>)) -> Room {
    if identified.evidence.approval.is_some() || exception.is_some() { Room::Beyond } else { Room::Within }
}

/// Where places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Beyond the limits too.
    Beyond,
    /// Within them.
    Within,
}

fn take_places(gateway: &Gateway, profile: &Profile, wanted: usize, room: Room) -> Result<Time, Failure> {
    let now = gateway.parts.clock.now();
    if room == Room::Beyond {
        gateway.limits.take_freely(profile.name(), profile.limits(), wanted, now);
        return Ok(now);
    }
    gateway.limits.take(profile.name(), profile.limits(), wanted, now).map_err(|limit| {
        let what = format!("the limit of profile `{}` is spent", profile.name());
        Refusal::new(RefusalCode::LimitSpent, what)
            .because(format!("{wanted} more"), format!("at most {} in {}", limit.count, limit.window))
            .hint("wait until the window has moved on")
    })?;
    Ok(now)
}

/// Works on all statements, a message to the keyguard at a time. After a failure nothing new begins, but what began
/// ends: an intent that was logged is closed by whoever logged it.
async fn produce_all(
    gateway: &Arc<Gateway>,
    decided: &Arc<Decided>,
    timestamp: &Timestamping,
    mut waiting: Vec<Prepared>,
) -> Result<Vec<Released>, Failure> {
    let mut running = JoinSet::new();
    let mut results = Vec::new();
    let mut failed = None;
    loop {
        while running.len() < AT_ONCE && failed.is_none() && !waiting.is_empty() {
            let together = waiting.split_off(waiting.len().saturating_sub(TOGETHER));
            let (gateway, decided, timestamp) = (Arc::clone(gateway), Arc::clone(decided), timestamp.clone());
            running.spawn(async move { produce(&gateway, &decided, &timestamp, together).await });
        }
        let Some(ended) = running.join_next().await else { break };
        for outcome in ended.map_err(internal)? {
            match outcome {
                Ok(released) => results.push(released),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
    }
    gateway.limits.give_back(decided.request.profile(), waiting.len(), decided.at);
    failed.map_or(Ok(results), Err)
}

/// Steps 6 to 13 for the statements of one message: each for itself, in shared commits.
async fn produce(
    gateway: &Gateway,
    decided: &Decided,
    timestamp: &Timestamping,
    together: Vec<Prepared>,
) -> Vec<Result<Released, Failure>> {
    // 6 intents, durable and cosigned
    let logged = join_all(together.into_iter().map(|prepared| log(gateway, decided, prepared))).await;
    gateway.parts.steps.reached(Step::IntentLogged);
    // 7 signatures, with the timestamps of the built-in authority
    let signed = order::sign(gateway, decided, timestamp, logged).await;
    // 8 to 13
    join_all(signed.into_iter().map(|one| end(gateway, decided, timestamp, one))).await
}

async fn log(gateway: &Gateway, decided: &Decided, prepared: Prepared) -> Ready {
    let logged = intent::log(gateway, decided, &prepared).await.inspect_err(|_| {
        gateway.limits.give_back(decided.request.profile(), 1, decided.at);
    })?;
    Ok((prepared, logged))
}

async fn end(
    gateway: &Gateway,
    decided: &Decided,
    timestamp: &Timestamping,
    signed: Result<Unfinished, Failure>,
) -> Result<Released, Failure> {
    let unfinished = signed?;
    let (intent, statement) = (unfinished.logged.index, unfinished.prepared.id);
    let closing = Closing { intent, request: decided.request.id(), statement };
    let outcome = finish(gateway, decided, timestamp, unfinished).await;
    match &outcome {
        Ok(_) => {}
        // Signed and unreleased: taken up when the same wish comes back, or by the reconciler.
        Err(Failure::Temporary(_)) => gateway.flights.leave(closing.request, closing.statement),
        Err(failure) => order::abandon(gateway, closing, &failure.to_string()).await,
    }
    outcome
}

/// A signature that was made and not yet released.
#[derive(Debug)]
pub struct Unfinished {
    /// Its statement.
    pub prepared: Prepared,
    /// Its intent.
    pub logged: Logged,
    /// The keyguard's answer.
    pub signed: Signed,
}

/// Steps 8 to 13: also where the reconciler takes a signature up again.
pub async fn finish(
    gateway: &Gateway,
    decided: &Decided,
    timestamp: &Timestamping,
    unfinished: Unfinished,
) -> Result<Released, Failure> {
    let Unfinished { prepared, logged, mut signed } = unfinished;
    // 8 timestamp
    let token = match signed.timestamp.take() {
        Some(token) => Some(token),
        None => {
            let (format, key) = (prepared.statement.format, &prepared.key.public_key);
            let value = stamped(format, key, &signed.signature.0).map_err(internal)?;
            stampers::stamp(gateway, timestamp, &value).await?.map(|token| Der(token.token))
        }
    };
    gateway.parts.steps.reached(Step::Stamped);
    let mut made = made(decided, &prepared, signed, token);
    // 9 verification
    let verified = made.verify(gateway)?;
    gateway.parts.steps.reached(Step::Verified);
    // 10 result
    made.entry = made.hashedrekord(&sigstore_digest(&prepared))?;
    let first = log_result(gateway, &made, logged.index, verified.verdict().signer.signed_at).await?;
    gateway.parts.steps.reached(Step::ResultLogged);
    // 11 to 13 attach, prove, release
    made.release(gateway, Proof::Statement(verified), first)
}

fn made(decided: &Decided, prepared: &Prepared, signed: Signed, token: Option<Der>) -> Made {
    Made {
        request: decided.request.id(),
        statement_id: prepared.id,
        statement: prepared.statement.clone(),
        profile: decided.request.profile().clone(),
        caller: decided.identified.caller.clone(),
        key: prepared.key.id.clone(),
        public_key: prepared.key.public_key.clone(),
        signature: signed.signature.0,
        chain: signed.chain,
        token,
        at: signed.at,
        entry: None,
    }
}

/// What a Sigstore entry names: SHA-256 of the signed message, or the artifact's digest where only that is signed.
fn sigstore_digest(prepared: &Prepared) -> Sha256 {
    use chancery_core::warrant::ToBeSigned;
    match &prepared.to_be_signed {
        ToBeSigned::Message(bytes) => Sha256::of(bytes),
        ToBeSigned::Prehashed(_, _) => prepared.statement.artifact.digest,
    }
}

/// Step 10: the entry and the result in one batch; answers with the first of them and its receipt.
async fn log_result(
    gateway: &Gateway,
    made: &Made,
    intent: u64,
    signed_at: Option<Time>,
) -> Result<(String, chancery_core::receipt::Receipt), Failure> {
    let hashedrekord = made.entry.as_ref().map(|entry| chancery_ledger::merkle::leaf_hash(entry.as_bytes()));
    let outcome = Outcome {
        request: made.request,
        statement: made.statement_id,
        intent,
        signature: Sha256::of(&made.signature),
        certificate: made.chain.first().map(|leaf| Sha256::of(&leaf.0)),
        hashedrekord,
        timestamp: signed_at,
        token: made.token.as_ref().map(|token| Sha256::of(&token.0)),
        depth: made.statement.depth,
        format: made.statement.format,
    };
    let result = encode(gateway.parts.clock.now(), Body::Result(outcome))?;
    let leaves: Vec<String> = made.entry.iter().cloned().chain([result]).collect();
    let first = leaves.first().cloned().unwrap_or_default();
    let change = Change::Release {
        index: intent,
        request: made.request,
        statement: made.statement_id,
        result: serde_json::to_string(made).map_err(internal)?,
    };
    let changes = std::iter::once(change).chain(facade::leaf::kept(made, intent)?).collect();
    let receipts = gateway.parts.sequencer.append(Append { leaves, changes }).await?;
    let receipt = receipts.into_iter().next().ok_or_else(|| internal("append without a receipt"))?;
    Ok((first, receipt))
}

/// Puts a refusal into the ledger.
pub(crate) async fn record(
    gateway: &Gateway,
    governance: &Governance,
    ask: &Ask,
    known: Option<&Identified>,
    refusal: &Refusal,
) -> Result<(), Failure> {
    let issuer = identify::issuer_name(governance, ask.token.as_deref());
    let caller = known.map(|identified| &identified.caller);
    let who = Who { caller, issuer: &issuer, request: &ask.request };
    let events = gateway.denied.leaves(&who, refusal, gateway.parts.clock.now());
    denied::record(gateway.parts.sequencer.as_ref(), events).await
}
