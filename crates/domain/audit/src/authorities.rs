//! Authorities and certificates: those that the auditor trusts must be those that the ledger shows, and every
//! code-signing certificate must have been shown before it is used.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_ledger::event::{Certificate as Event, CertificatePurpose};
use chancery_verify::snapshot::TrustSnapshot;
use chancery_x509::certificate::{self, Certificate};

use crate::finding::{Code, Finding};
use crate::keys::Keys;

/// Phase 2 needs a signature to be parsable; this one never leaves.
const NO_SIGNATURE: &[u8] = &[0];

/// A certificate from its TBSCertificate; its signature means nothing.
pub(crate) fn unsigned(tbs: &[u8], algorithm: KeyAlgorithm) -> Result<Certificate, String> {
    certificate::assemble(tbs, algorithm, NO_SIGNATURE).map_err(|error| error.to_string())
}

/// Where an authority has to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Remote time stamping authorities are trusted and never shown.
    Anywhere,
    Ledger,
}

/// Whether the ledger has shown an authority that the auditor trusts.
#[derive(Debug)]
struct Trusted {
    name: String,
    is_shown: bool,
    place: Place,
}

/// What the ledger has shown so far.
#[derive(Debug)]
pub(crate) struct Authorities {
    trusted: BTreeMap<Sha256, Trusted>,
    /// Hashes of the TBSCertificates of long-lived code-signing certificates.
    code_signing: BTreeSet<Sha256>,
    /// Public keys by the hash of their SubjectPublicKeyInfo.
    public: BTreeMap<Sha256, PublicKey>,
}

impl Authorities {
    pub(crate) fn new(trust: &TrustSnapshot) -> Self {
        let mut trusted = BTreeMap::new();
        let mut add = |certificate: &Certificate, place| {
            let name = certificate.subject().to_string();
            let fresh = Trusted { name, is_shown: false, place };
            // What is listed as both is one of our own.
            trusted.entry(Sha256::of(certificate.tbs())).or_insert(fresh);
        };
        let chains = trust.roots.authorities.iter().flat_map(|authority| authority.chain());
        chains.chain(&trust.native_roots).for_each(|certificate| add(certificate, Place::Ledger));
        let stampers = trust.roots.timestamp_authorities.iter().flat_map(|authority| authority.chain());
        stampers.for_each(|certificate| add(certificate, Place::Anywhere));
        Self { trusted, code_signing: BTreeSet::new(), public: BTreeMap::new() }
    }
    /// Whether a code-signing certificate was shown.
    pub(crate) fn has_shown(&self, tbs: &[u8]) -> bool {
        self.code_signing.contains(&Sha256::of(tbs))
    }
    /// The public key of a key, where a certificate of it was shown.
    pub(crate) fn public(&self, spki: &Sha256) -> Option<&PublicKey> {
        self.public.get(spki)
    }

    /// Takes note of a certificate event that is no precertificate.
    pub(crate) fn record(&mut self, index: u64, event: &Event, keys: &Keys) -> Option<Finding> {
        let finding = |what: String| Some(Finding::new(index, Code::Certificate, what));
        match event.purpose {
            CertificatePurpose::Ca | CertificatePurpose::Tsa => {
                match self.trusted.get_mut(&Sha256::of(&event.tbs)) {
                    Some(trusted) => {
                        trusted.is_shown = true;
                        None
                    }
                    None if is_successor(event, keys) => None,
                    None => finding(format!(
                        "an authority of key `{}` is not among those that are trusted",
                        event.issuer_key
                    )),
                }
            }
            CertificatePurpose::CodeSigning => match self.code_signing(event, keys) {
                Ok(()) => None,
                Err(why) => finding(why),
            },
            CertificatePurpose::Precertificate => None,
        }
    }

    fn code_signing(&mut self, event: &Event, keys: &Keys) -> Result<(), String> {
        let issuer = keys.find(&event.issuer_key);
        let issuer = issuer.ok_or_else(|| format!("issuing key `{}` is not known", event.issuer_key))?;
        let certificate = unsigned(&event.tbs, issuer.algorithm)?;
        let key = certificate.key().map_err(|error| error.to_string())?;
        if let Some(key) = key.signing_key() {
            self.public.insert(Sha256::of(certificate.spki()), key);
        }
        self.code_signing.insert(Sha256::of(&event.tbs));
        Ok(())
    }

    /// What is trusted and was never shown; names of trusted authorities outside of the ledger.
    pub(crate) fn finish(self) -> (Vec<Finding>, Vec<String>) {
        let (mut findings, mut outside) = (Vec::new(), Vec::new());
        for trusted in self.trusted.into_values().filter(|trusted| !trusted.is_shown) {
            if trusted.place == Place::Ledger {
                let what = format!("authority `{}` is trusted and not in the ledger", trusted.name);
                findings.push(Finding::new(0, Code::Certificate, what));
            } else {
                outside.push(trusted.name);
            }
        }
        (findings, outside)
    }
}

/// Whether it is over a key that the ledger named before as one for this work: made to take over, and listed by nobody yet.
/// Nothing that it issues would be accepted.
fn is_successor(event: &Event, keys: &Keys) -> bool {
    let family = match event.purpose {
        CertificatePurpose::Ca => Family::Certificate,
        CertificatePurpose::Tsa => Family::Timestamp,
        CertificatePurpose::CodeSigning | CertificatePurpose::Precertificate => return false,
    };
    let Some(issuer) = keys.find(&event.issuer_key) else { return false };
    unsigned(&event.tbs, issuer.algorithm)
        .is_ok_and(|certificate| keys.has(family, &Sha256::of(certificate.spki())))
}
