//! `trust.json`: a trust snapshot as one signed, expiring, canonical JSON document.
//!
//! ```json
//! {"cosigners":[{"end":null,"start":"…","vkey":"keyguard.sign.example+…"}],"environment":"production",
//!  "expires":"…","issued":"…","ledgers":["log2026.sign.example+…"],"native_roots":["-----BEGIN CERTIFICATE-----…"],
//!  "policies":{"release":{…}},"quorum":1,"revocations":[],"schema":"chancery.trust/1","signatures":["— name …\n"],
//!  "stage":"real","trusted_root":{…}}
//! ```
//! Each member of `signatures` is the line of a signed note (C2SP signed-note, Ed25519, type 0x01) whose text is
//!
//! ```text
//! chancery.trust/1\n
//! <base64 SHA-256 of the canonical document with an empty list of signatures>\n
//! ```
//! which no checkpoint can be, because its first line is not a host name.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::environment::Environment;
use chancery_core::time::Time;
use chancery_ledger::note;
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::Crl;

use crate::policy::{InvalidPolicy, PolicyText, VerificationPolicy};
use crate::revocation::{Revocation, Target};
use crate::snapshot::{Cosigner, Stage, TrustSnapshot};
use crate::trusted_root::{InvalidRoot, TrustedRoot};
use crate::window::Window;

/// The schema of this document.
pub const SCHEMA: &str = "chancery.trust/1";
/// Largest document in bytes.
pub const MAX_SIZE: usize = 4 << 20;
/// Most entries of one list.
pub const MAX_ENTRIES: usize = 10_000;

/// A document that cannot be trusted as it is.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrust {
    /// A list that is too long, or a document that is.
    #[error("too large")]
    Size,
    /// Not canonical JSON of this schema.
    #[error("not a canonical `chancery.trust/1` document: {0}")]
    Text(String),
    /// A member that is malformed or contradicts another.
    #[error("{0} is malformed or contradicts another member")]
    Field(&'static str),
    /// A policy in it.
    #[error("verification policy `{name}` cannot be used")]
    Policy {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: InvalidPolicy,
    },
    /// The Sigstore part of it.
    #[error("trusted root cannot be used")]
    Root(#[source] InvalidRoot),
    /// No signature by the key that was demanded.
    #[error("not signed by `{0}`")]
    Signature(String),
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    cosigners: Vec<CosignerText>,
    environment: Environment,
    expires: String,
    issued: String,
    ledgers: Vec<String>,
    native_roots: Vec<String>,
    policies: BTreeMap<String, PolicyText>,
    quorum: usize,
    /// DER in base64; left out where there are none, as earlier versions of this document did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revocation_lists: Vec<String>,
    revocations: Vec<RevocationText>,
    schema: String,
    signatures: Vec<String>,
    stage: StageText,
    trusted_root: serde_json::Value,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum StageText {
    Development,
    Real,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CosignerText {
    end: Option<String>,
    start: String,
    vkey: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationText {
    from: Option<String>,
    target: Target,
    until: Option<String>,
    why: String,
}

/// The note text that a signer of trust signs, its final newline included.
pub fn to_be_signed(snapshot: &TrustSnapshot) -> Result<String, InvalidTrust> {
    Ok(note_text(&encode(snapshot, Vec::new())?))
}

/// The document with its signatures, each the line of a signed note, newline included.
pub fn seal(snapshot: &TrustSnapshot, signatures: Vec<String>) -> Result<String, InvalidTrust> {
    encode(snapshot, signatures)
}

/// Reads a document: canonical JSON and at most one newline after it. With a key, a signature by that key is demanded;
/// without one, whoever calls vouches for where the document came from (T13).
pub fn parse(text: &str, signer: Option<&VerifierKey>) -> Result<TrustSnapshot, InvalidTrust> {
    if text.len() > MAX_SIZE {
        return Err(InvalidTrust::Size);
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut document: Document = canonical::decode(text).map_err(|error| text_error(&error))?;
    if document.schema != SCHEMA {
        return Err(InvalidTrust::Text("another schema".into()));
    }
    // `null` for an absent member, or an array for a struct, would be a second spelling under one signature.
    if canonical::encode(&document).map_err(|error| text_error(&error))? != text {
        return Err(InvalidTrust::Text("a member has an unusual spelling".into()));
    }
    let signatures = std::mem::take(&mut document.signatures);
    if let Some(key) = signer {
        let unsigned = canonical::encode(&document).map_err(|error| text_error(&error))?;
        check_signature(&unsigned, &signatures, key)?;
    }
    document.into_snapshot()
}

fn check_signature(unsigned: &str, lines: &[String], key: &VerifierKey) -> Result<(), InvalidTrust> {
    let refused = || InvalidTrust::Signature(key.name().to_string());
    if lines.is_empty() || lines.iter().any(|line| note::NoteSignature::parse_line(line).is_err()) {
        return Err(refused());
    }
    let sealed = note::assemble(&note_text(unsigned), lines.iter().map(String::as_str));
    let parsed = note::Note::parse(&sealed).map_err(|_| refused())?;
    key.verify(&parsed).map_err(|_| refused())
}

fn note_text(unsigned: &str) -> String {
    format!("{SCHEMA}\n{}\n", STANDARD.encode(Sha256::of(unsigned.as_bytes()).as_bytes()))
}

fn encode(snapshot: &TrustSnapshot, signatures: Vec<String>) -> Result<String, InvalidTrust> {
    let policies = snapshot.policies.iter().map(|(name, policy)| (name.clone(), policy.to_text())).collect();
    let document = Document {
        cosigners: snapshot.cosigners.iter().map(CosignerText::of).collect(),
        environment: snapshot.environment,
        expires: snapshot.expires.to_string(),
        issued: snapshot.taken_at.to_string(),
        ledgers: snapshot.roots.ledgers.iter().map(|ledger| ledger.key().to_string()).collect(),
        native_roots: snapshot.native_roots.iter().map(Certificate::to_pem).collect(),
        policies,
        quorum: snapshot.quorum,
        revocation_lists: snapshot
            .revocation_lists
            .iter()
            .map(|list| STANDARD.encode(list.as_der()))
            .collect(),
        revocations: snapshot.revocations.iter().map(RevocationText::of).collect(),
        schema: SCHEMA.into(),
        signatures,
        stage: match snapshot.stage {
            Stage::Development => StageText::Development,
            Stage::Real => StageText::Real,
        },
        trusted_root: snapshot.roots.to_value(),
    };
    canonical::encode(&document).map_err(|error| text_error(&error))
}

impl Document {
    fn into_snapshot(self) -> Result<TrustSnapshot, InvalidTrust> {
        let sizes =
            [self.cosigners.len(), self.native_roots.len(), self.policies.len(), self.revocations.len()];
        let sizes = sizes.into_iter().chain([self.revocation_lists.len()]);
        if sizes.max() > Some(MAX_ENTRIES) {
            return Err(InvalidTrust::Size);
        }
        let roots = TrustedRoot::from_value(self.trusted_root).map_err(InvalidTrust::Root)?;
        let ledgers: Vec<String> = roots.ledgers.iter().map(|ledger| ledger.key().to_string()).collect();
        if ledgers != self.ledgers {
            return Err(InvalidTrust::Field("ledgers"));
        }
        let (taken_at, expires) = (moment(&self.issued)?, moment(&self.expires)?);
        if expires < taken_at {
            return Err(InvalidTrust::Field("expires"));
        }
        let stage = match self.stage {
            StageText::Development => Stage::Development,
            StageText::Real => Stage::Real,
        };
        // A development authority is refused by every trust that is not of development (DESIGN 9).
        if stage == Stage::Development && self.environment != Environment::Development {
            return Err(InvalidTrust::Field("stage"));
        }
        let cosigners: Vec<Cosigner> =
            self.cosigners.iter().map(CosignerText::read).collect::<Result<_, _>>()?;
        let pem =
            |text: &String| Certificate::parse_pem(text).map_err(|_| InvalidTrust::Field("native_roots"));
        let list = |text: &String| {
            let refused = || InvalidTrust::Field("revocation_lists");
            Crl::parse(&STANDARD.decode(text).map_err(|_| refused())?).map_err(|_| refused())
        };
        let snapshot = TrustSnapshot {
            environment: self.environment,
            stage,
            taken_at,
            expires,
            roots,
            cosigners,
            quorum: self.quorum,
            native_roots: self.native_roots.iter().map(pem).collect::<Result<_, _>>()?,
            revocations: self.revocations.into_iter().map(RevocationText::read).collect::<Result<_, _>>()?,
            revocation_lists: self.revocation_lists.iter().map(list).collect::<Result<_, _>>()?,
            policies: policies(self.policies)?,
        };
        if snapshot.roots.ledgers.iter().any(|ledger| snapshot.ledger_trust(ledger).is_err()) {
            return Err(InvalidTrust::Field("quorum"));
        }
        Ok(snapshot)
    }
}

impl CosignerText {
    fn of(cosigner: &Cosigner) -> Self {
        let Cosigner { key, window } = cosigner;
        let end = window.end().map(|end| end.to_string());
        Self { end, start: window.start().to_string(), vkey: key.to_string() }
    }
    fn read(&self) -> Result<Cosigner, InvalidTrust> {
        let refused = || InvalidTrust::Field("cosigners");
        let key = VerifierKey::parse(&self.vkey).map_err(|_| refused())?;
        let end = self.end.as_deref().map(moment).transpose()?;
        let window = Window::new(moment(&self.start)?, end).ok_or_else(refused)?;
        if key.kind() == KeyKind::Cosigner { Ok(Cosigner { key, window }) } else { Err(refused()) }
    }
}

impl RevocationText {
    fn of(revocation: &Revocation) -> Self {
        Self {
            from: revocation.from.map(|at| at.to_string()),
            target: revocation.target.clone(),
            until: revocation.until.map(|at| at.to_string()),
            why: revocation.why.clone(),
        }
    }
    fn read(self) -> Result<Revocation, InvalidTrust> {
        let from = self.from.as_deref().map(moment).transpose()?;
        let until = self.until.as_deref().map(moment).transpose()?;
        Ok(Revocation { target: self.target, from, until, why: self.why })
    }
}

fn policies(
    written: BTreeMap<String, PolicyText>,
) -> Result<BTreeMap<String, VerificationPolicy>, InvalidTrust> {
    let read = |(name, text): (String, PolicyText)| match VerificationPolicy::from_text(text) {
        Ok(policy) => Ok((name, policy)),
        Err(source) => Err(InvalidTrust::Policy { name, source }),
    };
    written.into_iter().map(read).collect()
}

fn moment(text: &str) -> Result<Time, InvalidTrust> {
    let found = Time::parse_rfc3339(text).filter(|at| at.to_string() == text);
    found.ok_or(InvalidTrust::Field("a moment"))
}

fn text_error(error: &dyn std::fmt::Display) -> InvalidTrust {
    InvalidTrust::Text(error.to_string().chars().take(160).collect())
}
