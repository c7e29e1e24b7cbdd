//! An entry for a signature that a Sigstore client made: taken only under a live certificate of this service.
//!
//! ```text
//! certificate ─▶ issued to a client? live? not frozen? ─▶ signature over the digest? ─▶ [entry, event] ─▶ receipt
//! ```
//! ATTACK: an identity leaf over a key in custody means nothing without its entry, so entries for such keys are made by
//! [`crate::sign`] alone: what is not found among the certificates that were issued to clients is refused.

use chancery_core::digest::Sha256;
use chancery_core::id::KeyId;
use chancery_core::port::sequencer::{Append, Change, Record, RecordKind};
use chancery_core::receipt::Receipt;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::time::Time;
use chancery_ledger::event::{Body, Entry};
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_ledger::merkle::leaf_hash;
use chancery_policy::facade::ENTRIES;
use chancery_x509::certificate::Certificate;
use chancery_x509::key;

use super::leaf::{self, Origin};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::{encode, internal};
use crate::released::Made;

/// What a client wants recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The digest that was signed.
    pub digest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// An entry that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its canonical body.
    pub body: String,
    /// Proof that it is there.
    pub receipt: Receipt,
    /// Identifies the ledger's key, as Sigstore clients know it.
    pub log_id: Sha256,
}

/// Takes an entry, or says why not. The same entry again is answered with its first place.
pub async fn entry(gateway: &Gateway, wanted: &Wanted) -> Result<Taken, Failure> {
    let certificate = Sha256::of(&wanted.certificate);
    let (origin, made) = leaf::find(gateway, certificate).await?.ok_or_else(foreign)?;
    let now = gateway.parts.clock.now();
    let body = checked(gateway, wanted, &made, now)?;
    let hash = leaf_hash(body.as_bytes());
    // One at a time for each certificate: two of the same entry would both be the first, and the last place be taken twice.
    let _alone = gateway.flights.alone(origin.request).await;
    let receipt = match gateway.parts.state.kept_with(hash).await? {
        Some(index) => {
            gateway.parts.ledger.receipt(index).await?.ok_or_else(|| internal("an entry is missing"))?
        }
        None => {
            has_room(gateway, &made, certificate).await?;
            append(gateway, (&body, now), (hash, certificate), &origin).await?
        }
    };
    let log_id = gateway.trust()?.log_id(&receipt)?;
    Ok(Taken { body, receipt, log_id })
}

fn foreign() -> Refusal {
    let what = "the certificate is not one that this service issued to a Sigstore client";
    Refusal::new(RefusalCode::LeafForeign, what)
        .because(
            "an unknown certificate",
            "a certificate from /api/v2/signingCert, not older than ten minutes",
        )
        .hint("signatures of keys in custody are recorded by the service itself: chancery sign")
}

/// The entry's body, once everything about it holds.
fn checked(gateway: &Gateway, wanted: &Wanted, made: &Made, now: Time) -> Result<String, Failure> {
    let leaf = Certificate::parse(&wanted.certificate).map_err(internal)?;
    live(&leaf, now)?;
    let issuing: &KeyId = &made.key;
    if let Some(stop) = gateway.book().stop(&made.caller, &made.profile, issuing, now) {
        return Err(stop.refusal().into());
    }
    let refuse = |why: String| Refusal::new(RefusalCode::StatementInvalid, why);
    let key =
        leaf.key().ok().and_then(|key| key.signing_key()).ok_or_else(|| internal("a leaf without a key"))?;
    let record = HashedRekord::new(
        key.algorithm,
        wanted.digest.clone(),
        wanted.signature.clone(),
        wanted.certificate.clone(),
    );
    let record = record.map_err(|error| refuse(error.to_string()))?;
    key::verify_prehashed(&key, &wanted.digest, &wanted.signature).map_err(|_| {
        refuse("the signature is not one of the certificate's key over this digest".to_owned())
            .because(hex(&wanted.digest), "the digest that was signed")
    })?;
    Ok(record.encode().map_err(|error| refuse(error.to_string()))?)
}

fn live(leaf: &Certificate, now: Time) -> Result<(), Refusal> {
    let validity = leaf.validity();
    if validity.contains(now) {
        return Ok(());
    }
    let what = "the certificate is over: entries are taken while it is valid";
    let window = format!("{} to {}", validity.not_before(), validity.not_after());
    Err(Refusal::new(RefusalCode::LeafForeign, what)
        .because(now.to_string(), window)
        .hint("sign again; the client asks for a new certificate"))
}

/// One certificate is good for a bounded number of signatures.
async fn has_room(gateway: &Gateway, made: &Made, certificate: Sha256) -> Result<(), Failure> {
    let governance = gateway.governance()?;
    let facade = governance.policy.profile(&made.profile).and_then(|profile| profile.facade());
    let most = facade.map_or(ENTRIES, chancery_policy::facade::Facade::entries);
    let topic = Some(certificate.to_string());
    let known = gateway.parts.state.records(RecordKind::Entry, topic, most).await?;
    if known.len() < usize::try_from(most).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let what = format!("the limit of entries for one certificate of profile `{}` is spent", made.profile);
    let refusal = Refusal::new(RefusalCode::LimitSpent, what)
        .because(known.len().to_string(), format!("fewer than {most}"));
    Err(refusal.hint("sign again; the client asks for a new certificate").into())
}

async fn append(
    gateway: &Gateway,
    (body, now): (&str, Time),
    (hash, certificate): (Sha256, Sha256),
    origin: &Origin,
) -> Result<Receipt, Failure> {
    let event = Entry { certificate, hashedrekord: hash, intent: origin.intent };
    let event = encode(now, Body::Entry(event))?;
    let (kind, topic) = (RecordKind::Entry, certificate.to_string());
    let kept = Change::Keep(Record { sha256: hash, kind, topic, body: String::new() });
    let append = Append { leaves: vec![body.to_owned(), event], changes: vec![kept] };
    let receipts = gateway.parts.sequencer.append(append).await?;
    receipts.into_iter().next().ok_or_else(|| internal("append without a receipt"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
