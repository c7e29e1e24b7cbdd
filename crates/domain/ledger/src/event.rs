//! `chancery.event/1` leaves: what happened, as canonical JSON.
//!
//! ```json
//! {"kind":"root","schema":"chancery.event/1","sha256":"9f86…","time":1795210023000}
//! ```
//!
//! Only integers, strings, lists, maps of strings and null. Tiles are public, so no event names a person: no subject,
//! no actor. A new kind is a struct, a variant of [`Body`] and a row in the test's table.

use std::collections::BTreeMap;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::canonical::{self, NotCanonical};
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{IssuerName, KeyId, PolicyVersion, ProfileName, RequestId, StatementId};
use chancery_core::order::base64_bytes;
use chancery_core::port::custodian::CustodyClass;
use chancery_core::port::sequencer::MAX_LEAF;
use chancery_core::refusal::RefusalCode;
use chancery_core::time::Time;
use serde_json::{Map, Value};

use crate::act;

/// The schema that every event names.
pub const SCHEMA: &str = "chancery.event/1";

/// Claims that could name a person; they never enter an event.
const PERSONAL: [&str; 6] = ["actor", "actor_id", "email", "subject", "user_email", "user_login"];

/// An event that cannot be a leaf, or a leaf that is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// A field is missing, unknown, or not of its type.
    #[error("event is not well formed: {0}")]
    Fields(String),
    /// No canonical form.
    #[error("event is not canonical JSON")]
    NotCanonical(#[source] NotCanonical),
    /// A claim that could name a person.
    #[error("claim `{0}` may not enter the ledger")]
    Personal(String),
    /// Another schema, or none.
    #[error("schema is not `chancery.event/1`")]
    Schema,
    /// Larger than a leaf may be.
    #[error("event of {0} bytes; at most 65535")]
    Size(usize),
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the gateway's clock.
    pub time: Time,
    /// What.
    pub body: Body,
}

/// What happened. The variant's name is the event's `kind`. Exhaustive on purpose: whoever reads events has to decide
/// about a new kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// An intent is closed without a result.
    Abandoned(Closed),
    /// Somebody approved or rejected a request.
    Approval(act::Approval),
    /// A certificate is about to be signed, or was made by a ceremony.
    Certificate(Certificate),
    /// A known caller was refused.
    Denied(Denied),
    /// Refusals of callers that no grant names, counted.
    DeniedCount(DeniedCount),
    /// A signature of a Sigstore client was taken into the ledger.
    Entry(Entry),
    /// A permission to deviate comes into force.
    Exception(act::Exception),
    /// Something is stopped. Whoever reads this stops it, whoever signed: stopping needs no authority here.
    Freeze(act::Freeze),
    /// A signature is about to be made.
    Intent(Box<Intent>),
    /// The keyguard fetched the keys of an issuer.
    IssuerKeys(IssuerKeys),
    /// A key appeared or was stopped.
    Key(Key),
    /// A request waits for people, other builders or time.
    Pending(Box<act::Pending>),
    /// A policy version takes effect.
    Policy(Policy),
    /// A restored ledger goes on.
    Reanchor(act::Reanchor),
    /// A signature was made and verified.
    Result(Outcome),
    /// An exception was looked at.
    Review(act::Review),
    /// The root document: entry 0.
    Root(Root),
    /// A token was exchanged for the key of a session.
    Session(Session),
    /// Verifiers are told whom to believe, once the signatures behind it were verified.
    Trust(act::Trust),
    /// A freeze is lifted, once the signatures behind it were verified.
    Unfreeze(act::Unfreeze),
    /// A result that did not survive the last check; nothing left the service.
    Withdrawn(Closed),
}

/// The root document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// SHA-256 of the canonical root document.
    pub sha256: Sha256,
}

/// A policy version.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The version.
    pub version: PolicyVersion,
    /// Counts up by one; a rollback is refused.
    pub sequence: u64,
    /// SHA-256 of the header and the signatures that bring it into force.
    pub signatures: Sha256,
}

/// An issuer's keys, as the keyguard fetched them itself: it cosigns no other. Tokens are believed under keys whose
/// digest is in the ledger, so the evidence can be checked after the issuer rotated them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKeys {
    /// The issuer's registered name.
    pub issuer: IssuerName,
    /// SHA-256 of the JWK set as received.
    pub sha256: Sha256,
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAction {
    /// It was made.
    Created,
    /// It was stopped.
    Disabled,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name.
    pub key: KeyId,
    /// Its family.
    pub family: Family,
    /// Its environment.
    pub environment: Environment,
    /// Its algorithm.
    pub algorithm: KeyAlgorithm,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Sha256,
    /// Where it lives.
    pub custody: CustodyClass,
    /// What happened.
    pub action: KeyAction,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificatePurpose {
    /// An authority.
    Ca,
    /// A long-lived code-signing leaf.
    CodeSigning,
    /// An identity leaf before its SCT.
    Precertificate,
    /// A timestamp authority's leaf.
    Tsa,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What for.
    pub purpose: CertificatePurpose,
    /// The key that signs it.
    pub issuer_key: KeyId,
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// TBSCertificate, DER.
    #[serde(with = "base64_bytes")]
    pub tbs: Vec<u8>,
}

/// A token with a fixed audience, exchanged: from here on it counts only with a signature of the key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The issuer's registered name.
    pub issuer: String,
    /// SHA-256 of the session's public key.
    pub key: Sha256,
    /// Which token: `Caller::token_use`.
    pub token_use: Sha256,
}

/// A signature to be made, before any key is touched.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The request.
    pub request: RequestId,
    /// Which of its statements.
    pub statement: StatementId,
    /// The profile.
    pub profile: ProfileName,
    /// Its environment.
    pub environment: Environment,
    /// The native format.
    pub format: FormatName,
    /// How much of the artifact was seen.
    pub depth: Depth,
    /// The family of bytes.
    pub family: Family,
    /// The key.
    pub key: KeyId,
    /// The policy version under which it was decided.
    pub policy: PolicyVersion,
    /// SHA-256 of the unsigned artifact.
    pub artifact: Sha256,
    /// SHA-256 of the bytes to be signed.
    pub to_be_signed: Sha256,
    /// The issuer's registered name.
    pub issuer: String,
    /// The caller's stable claims.
    pub claims: BTreeMap<String, String>,
    /// Which token was used: `Caller::token_use`.
    pub token_use: Sha256,
    /// SHA-256 of the evidence that is kept beside the ledger.
    pub evidence: Sha256,
    /// SHA-256 of the planned leaf's TBSCertificate, where there is one.
    pub precertificate: Option<Sha256>,
    /// The exception under which it is made, where one is used up by it.
    pub exception: Option<Sha256>,
}

/// A signature that was made and verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The request.
    pub request: RequestId,
    /// The statement.
    pub statement: StatementId,
    /// Index of the intent.
    pub intent: u64,
    /// SHA-256 of the signature bytes.
    pub signature: Sha256,
    /// SHA-256 of the signing certificate, DER.
    pub certificate: Option<Sha256>,
    /// Leaf hash of the hashedrekord entry, for Sigstore formats.
    pub hashedrekord: Option<Sha256>,
    /// The timestamp's moment.
    pub timestamp: Option<Time>,
    /// SHA-256 of the RFC 3161 token, DER.
    pub token: Option<Sha256>,
    /// How much of the artifact was seen.
    pub depth: Depth,
    /// The native format.
    pub format: FormatName,
}

/// A refusal of a caller that some grant names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// The frozen code.
    pub code: RefusalCode,
    /// The profile as asked for; may not exist.
    pub profile: String,
    /// The issuer's registered name; empty when unknown.
    pub issuer: String,
    /// The request, when it got that far.
    pub request: Option<RequestId>,
    /// The artifacts asked for.
    pub artifacts: Vec<Sha256>,
    /// The caller's stable claims.
    pub claims: BTreeMap<String, String>,
}

/// A signature that a Sigstore client made with its own key, under a certificate of this service that was live. Stands
/// right after the entry that it names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// SHA-256 of the certificate, DER.
    pub certificate: Sha256,
    /// Leaf hash of the hashedrekord entry.
    pub hashedrekord: Sha256,
    /// Index of the intent of the certificate.
    pub intent: u64,
}

/// How many strangers were refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeniedCount {
    /// The issuer's registered name; empty when unknown.
    pub issuer: String,
    /// The minute, as whole minutes since the epoch.
    pub minute: u64,
    /// How many.
    pub count: u64,
}

/// An intent that ends without a release.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Index of the intent.
    pub intent: u64,
    /// The request.
    pub request: RequestId,
    /// The statement.
    pub statement: StatementId,
    /// Why, one line.
    pub why: String,
}

impl Event {
    /// The leaf: canonical JSON. Errors when it is too large or names a person.
    pub fn encode(&self) -> Result<String, InvalidEvent> {
        self.check_claims()?;
        let body =
            serde_json::to_value(&self.body).map_err(|error| InvalidEvent::Fields(error.to_string()))?;
        let Value::Object(mut fields) = body else {
            return Err(InvalidEvent::Fields("not an object".into()));
        };
        fields.insert("schema".into(), SCHEMA.into());
        fields.insert("time".into(), self.time.millis().into());
        let leaf = canonical::to_string(&Value::Object(fields)).map_err(InvalidEvent::NotCanonical)?;
        if leaf.len() > MAX_LEAF { Err(InvalidEvent::Size(leaf.len())) } else { Ok(leaf) }
    }

    /// Reads a leaf, strictly: exactly one text gives each event.
    pub fn decode(leaf: &str) -> Result<Self, InvalidEvent> {
        if leaf.len() > MAX_LEAF {
            return Err(InvalidEvent::Size(leaf.len()));
        }
        let mut fields: Map<String, Value> = canonical::decode(leaf).map_err(InvalidEvent::NotCanonical)?;
        if fields.remove("schema").as_ref().and_then(Value::as_str) != Some(SCHEMA) {
            return Err(InvalidEvent::Schema);
        }
        let time = fields.remove("time").as_ref().and_then(Value::as_i64);
        let time = Time::from_millis(time.ok_or_else(|| InvalidEvent::Fields("`time` is missing".into()))?);
        let body = serde_json::from_value(Value::Object(fields))
            .map_err(|error| InvalidEvent::Fields(error.to_string()))?;
        let event = Self { time, body };
        // An absent optional field and an explicit null would be two readings of one event.
        if event.encode()? != leaf {
            return Err(InvalidEvent::NotCanonical(NotCanonical::Text));
        }
        Ok(event)
    }

    fn check_claims(&self) -> Result<(), InvalidEvent> {
        let claims = match &self.body {
            Body::Intent(intent) => &intent.claims,
            Body::Denied(denied) => &denied.claims,
            Body::Pending(pending) => &pending.claims,
            Body::Abandoned(_)
            | Body::Approval(_)
            | Body::Certificate(_)
            | Body::DeniedCount(_)
            | Body::Entry(_)
            | Body::Exception(_)
            | Body::Freeze(_)
            | Body::IssuerKeys(_)
            | Body::Key(_)
            | Body::Policy(_)
            | Body::Reanchor(_)
            | Body::Result(_)
            | Body::Review(_)
            | Body::Root(_)
            | Body::Session(_)
            | Body::Trust(_)
            | Body::Unfreeze(_)
            | Body::Withdrawn(_) => return Ok(()),
        };
        match PERSONAL.into_iter().find(|name| claims.contains_key(*name)) {
            Some(name) => Err(InvalidEvent::Personal(name.to_owned())),
            None => Ok(()),
        }
    }
}
