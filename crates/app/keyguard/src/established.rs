//! The authorities as the hot path needs them: parsed once, when they are made or loaded, and never per order.

use chancery_core::message::Authorities;
use chancery_ledger::vkey::VerifierKey;
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
    /// Issuing CA.
    pub issuing: Certificate,
    /// Root of time stamping.
    pub tsa_root: Certificate,
    /// Time stamping certificate.
    pub tsa: Certificate,
    /// How the time stamping key signs.
    pub tsa_scheme: SignatureScheme,
    /// The CT log's key.
    pub ct: VerifyingKey,
    /// The cosigning key.
    pub cosigner: VerifierKey,
    /// The key of `trust.json`.
    pub trust: VerifierKey,
}

impl Established {
    /// Parses all of them or none.
    pub fn new(shown: Authorities) -> Result<Self, UnusableAuthority> {
        let certificate = |what, der: &[u8]| Certificate::parse(der).map_err(|error| unusable(what, error));
        let vkey = |what, text: &str| VerifierKey::parse(text).map_err(|error| unusable(what, error));
        let tsa = certificate("time stamping certificate", &shown.tsa.0)?;
        let tsa_key = tsa.key().map_err(|error| unusable("time stamping key", error))?;
        let tsa_key = tsa_key.signing_key().ok_or_else(|| unusable("time stamping key", "unknown kind"))?;
        Ok(Self {
            root: certificate("root", &shown.root.0)?,
            issuing: certificate("issuing certificate", &shown.issuing.0)?,
            tsa_root: certificate("root of time stamping", &shown.tsa_root.0)?,
            tsa_scheme: SignatureScheme::of(tsa_key.algorithm),
            tsa,
            ct: VerifyingKey::parse(&shown.ct_key.0).map_err(|error| unusable("CT key", error))?,
            cosigner: vkey("cosigning key", &shown.cosigner_vkey)?,
            trust: vkey("trust key", &shown.trust_vkey)?,
            shown,
        })
    }
    /// The time stamping authority. Nothing stands between it and its root, so a token carries one certificate.
    #[must_use]
    pub const fn stamper(&self) -> token::Authority<'_> {
        token::Authority { certificate: &self.tsa, issuers: &[], scheme: self.tsa_scheme }
    }
}

fn unusable(what: &'static str, why: impl std::fmt::Display) -> UnusableAuthority {
    UnusableAuthority { what, why: why.to_string() }
}
