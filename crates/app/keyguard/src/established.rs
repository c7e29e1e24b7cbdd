//! The authorities as the hot path needs them: parsed once, when they are made or loaded, and never per order.

use chancery_core::message::Authorities;
use chancery_core::port::cosigner::CosignError;
use chancery_core::time::Time;
use chancery_ledger::note::Note;
use chancery_ledger::vkey::VerifierKey;
use chancery_verify::lineage::{Around, InvalidLineage, Lineage, Own};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::VerifyingKey;
use chancery_x509::signature::SignatureScheme;
use chancery_x509::tsp::token;

/// Kept authorities that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used: {why}")]
pub struct UnusableAuthority {
    /// Which of them.
    pub what: &'static str,
    /// Why not.
    pub why: String,
}

/// The authorities of this installation, parsed.
#[derive(Debug)]
pub struct Established {
    /// As they are kept and shown.
    pub shown: Authorities,
    /// Root of code signing.
    pub root: Certificate,
    /// Root of time stamping.
    pub tsa_root: Certificate,
    /// Who issues, promises and stamps at which moment, and what verifiers believe.
    pub lineage: Lineage,
    /// The cosigning key.
    pub cosigner: VerifierKey,
    /// The key of `trust.json`.
    pub trust: VerifierKey,
}

impl Established {
    /// Parses all of them or none.
    pub fn new(shown: Authorities, around: &Around<'_>) -> Result<Self, UnusableAuthority> {
        let certificate = |what, der: &[u8]| Certificate::parse(der).map_err(|error| unusable(what, error));
        let vkey = |what, text: &str| VerifierKey::parse(text).map_err(|error| unusable(what, error));
        let lineage = Lineage::new(&shown, around).map_err(|error| unusable("lineage", in_full(&error)))?;
        Ok(Self {
            root: certificate("root", &shown.root.0)?,
            tsa_root: certificate("root of time stamping", &shown.tsa_root.0)?,
            cosigner: vkey("cosigning key", &shown.cosigner_vkey)?,
            trust: vkey("trust key", &shown.trust_vkey)?,
            lineage,
            shown,
        })
    }
    /// The issuing CA of a moment. Errors when none counts then: nothing may be issued.
    pub fn issuing_at(&self, at: Time) -> Result<&Own<Certificate>, UnusableAuthority> {
        self.lineage.issuing_at(at).ok_or_else(|| unusable("issuing CA", "none is in use"))
    }
    /// The CT key of a moment.
    pub fn ct_at(&self, at: Time) -> Result<&Own<VerifyingKey>, UnusableAuthority> {
        self.lineage.ct_at(at).ok_or_else(|| unusable("CT key", "none is in use"))
    }
    /// The ledger's keys that count at a moment. A checkpoint by one that was replaced is signed anew by a gateway that is
    /// honest: it did not hear of the new list yet.
    pub fn ledger_keys(&self, checkpoint: &str, now: Time) -> Result<Vec<VerifierKey>, CosignError> {
        let keys = self.lineage.ledgers_around(now);
        let Ok(note) = Note::parse(checkpoint) else { return Ok(keys) };
        let is_replaced = |key: &VerifierKey| key.is_named_in(&note) && !keys.contains(key);
        if self.lineage.ledgers().iter().any(|own| is_replaced(&own.value)) {
            return Err(CosignError::Unavailable("a key of the ledger that does not count now".to_owned()));
        }
        Ok(keys)
    }
    /// The time stamping certificate of a moment, and how its key signs.
    pub fn stamping_at(&self, at: Time) -> Result<(&Own<Certificate>, SignatureScheme), UnusableAuthority> {
        let own =
            self.lineage.stamping_at(at).ok_or_else(|| unusable("own time stamping", "none is in use"))?;
        let key = own.value.key().map_err(|error| unusable("time stamping key", error))?;
        let key = key.signing_key().ok_or_else(|| unusable("time stamping key", "unknown kind"))?;
        Ok((own, SignatureScheme::of(key.algorithm)))
    }
}

/// Who stamps. Nothing stands between it and its root, so a token carries one certificate.
#[must_use]
pub const fn stamper(certificate: &Certificate, scheme: SignatureScheme) -> token::Authority<'_> {
    token::Authority { certificate, issuers: &[], scheme }
}

fn in_full(error: &InvalidLineage) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
}

fn unusable(what: &'static str, why: impl std::fmt::Display) -> UnusableAuthority {
    UnusableAuthority { what, why: why.to_string() }
}
