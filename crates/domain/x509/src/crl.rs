//! Certificate revocation lists, version 2 (RFC 5280 §5): written in two phases, read, looked up.
//!
//! ```text
//! 30 82 …
//!   30 82 …                              TBSCertList
//!     02 01 01                             version 2
//!     30 0a …  30 …                        algorithm, issuer
//!     17 0d …  17 0d …                     thisUpdate, nextUpdate (mandatory here)
//!     30 … (30 … 02 10 serial  17 0d date  30 0c … 0a 01 01)…      revoked, sorted by serial
//!     a0 …                                 authority key identifier, CRL number
//!   30 0a …  03 48 …                     algorithm, signature
//! ```

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;

use crate::certificate::{Certificate, CertificateError};
use crate::extension::{self, Criticality, Extension, KeyUsage};
use crate::key::VerifyingKey;
use crate::name::Name;
use crate::oid;
use crate::profile::draft::Issuer;
use crate::serial::Serial;
use crate::signature::SignatureScheme;
use crate::tlv::{self, Reader, TlvError};
use crate::validity::{Validity, read_time, write_time};

/// Largest list in bytes.
pub const MAX_SIZE: usize = 8 * 1024 * 1024;

/// Why a certificate was revoked (§5.3.1). Held certificates and delta lists do not exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// The subject's name or relation changed.
    AffiliationChanged,
    /// The issuing authority is compromised.
    AuthorityCompromise,
    /// No longer needed.
    CessationOfOperation,
    /// The key is, or may be, in other hands.
    KeyCompromise,
    /// A right was taken away: it signed suspect code.
    PrivilegeWithdrawn,
    /// Replaced by another certificate.
    Superseded,
    /// No reason given, or one that is not listed here; the entry counts all the same.
    Unspecified,
}

impl RevocationReason {
    const ALL: [Self; 7] = [
        Self::AffiliationChanged,
        Self::AuthorityCompromise,
        Self::CessationOfOperation,
        Self::KeyCompromise,
        Self::PrivilegeWithdrawn,
        Self::Superseded,
        Self::Unspecified,
    ];
    /// The name as RFC 5280 §5.3.1 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AffiliationChanged => "affiliationChanged",
            Self::AuthorityCompromise => "cACompromise",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::KeyCompromise => "keyCompromise",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::Superseded => "superseded",
            Self::Unspecified => "unspecified",
        }
    }
    const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::AuthorityCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::PrivilegeWithdrawn => 9,
        }
    }
}

impl std::fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its serial number.
    pub serial: Serial,
    /// From when on it is invalid; may lie before the moment of publication (CSBR 4.9.1).
    pub since: Time,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// The algorithm inside the signed part is not the outer one, or not accepted.
    #[error("signature algorithm of the revocation list is not accepted")]
    Algorithm,
    /// The same serial twice.
    #[error("serial {0} occurs twice in the revocation list")]
    Duplicate(Serial),
    /// Not DER, or not the structure of a list.
    #[error("revocation list is malformed")]
    Malformed(#[source] TlvError),
    /// The issuer's certificate may not sign lists, or has another name.
    #[error("revocation list is not by `{0}`")]
    NotIssuer(String),
    /// More than 8 MiB.
    #[error("revocation list has {0} bytes; expected at most 8388608")]
    Size(usize),
    /// Not yet, or no longer, in force.
    #[error("revocation list is in force from {from} until {until}, not at {at}")]
    Stale {
        /// Its thisUpdate.
        from: Time,
        /// Its nextUpdate.
        until: Time,
        /// The moment.
        at: Time,
    },
    /// A critical extension that is not evaluated here: a delta, indirect or partitioned list.
    #[error("revocation list has the critical extension {0}, which is not understood")]
    UnknownCritical(String),
    /// Not signed by the issuer.
    #[error("signature of the revocation list is wrong")]
    WrongSignature(#[source] CertificateError),
}

impl From<TlvError> for CrlError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

/// Phase 1: the TBSCertList, DER. `in_force` is thisUpdate to nextUpdate; `number` only ever grows.
pub fn tbs(
    issuer: &Issuer,
    in_force: Validity,
    number: u64,
    revoked: &[Revocation],
) -> Result<Vec<u8>, CrlError> {
    let mut sorted: Vec<&Revocation> = revoked.iter().collect();
    sorted.sort_by(|a, b| a.serial.cmp(&b.serial));
    for pair in sorted.windows(2) {
        if let [a, b] = pair
            && a.serial == b.serial
        {
            return Err(CrlError::Duplicate(a.serial.clone()));
        }
    }
    let entries: Vec<u8> = sorted.into_iter().flat_map(write_entry).collect();
    // §5.1.2.6: absent, not empty, where nothing is revoked.
    let entries = if entries.is_empty() { entries } else { tlv::write(tlv::SEQUENCE, &[&entries]) };
    let number = tlv::write_unsigned(&number.to_be_bytes());
    let extensions = [
        extension::authority_key_identifier(issuer.identifier()),
        Extension::new(oid::CRL_NUMBER, Criticality::Optional, number),
    ];
    let tbs = tlv::write(
        tlv::SEQUENCE,
        &[
            &[tlv::INTEGER, 1, 1],
            &SignatureScheme::of(issuer.algorithm()).to_der(),
            issuer.name().as_der(),
            &write_time(in_force.not_before()),
            &write_time(in_force.not_after()),
            &entries,
            &tlv::write(tlv::context(0), &[&extension::write_all(&extensions)]),
        ],
    );
    if tbs.len() > MAX_SIZE.saturating_sub(1024) { Err(CrlError::Size(tbs.len())) } else { Ok(tbs) }
}

/// Phase 2: joins a TBSCertList with the signature that was made over it.
pub fn assemble(tbs: &[u8], algorithm: KeyAlgorithm, signature: &[u8]) -> Result<Crl, CrlError> {
    let scheme = SignatureScheme::of(algorithm).to_der();
    Crl::parse(&tlv::write(tlv::SEQUENCE, &[tbs, &scheme, &tlv::write_bit_string(signature)]))
}

fn write_entry(revocation: &Revocation) -> Vec<u8> {
    // §5.3.1: the code unspecified is left out rather than written.
    let extensions = if revocation.reason == RevocationReason::Unspecified {
        Vec::new()
    } else {
        let reason = tlv::write(tlv::ENUMERATED, &[&[revocation.reason.number()]]);
        extension::write_all(&[Extension::new(oid::CRL_REASON, Criticality::Optional, reason)])
    };
    tlv::write(tlv::SEQUENCE, &[&revocation.serial.to_der(), &write_time(revocation.since), &extensions])
}

/// A list as read; says nothing about who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crl {
    raw: Vec<u8>,
    tbs: Vec<u8>,
    scheme: SignatureScheme,
    signature: Vec<u8>,
    issuer: Name,
    in_force: Validity,
    number: Vec<u8>,
    /// INVARIANT: sorted by serial, without duplicates.
    revoked: Vec<Revocation>,
}

/// A list whose signature and time were checked: born only in [`Crl::verify`].
#[derive(Debug, Clone)]
pub struct VerifiedCrl {
    crl: Crl,
    key: VerifyingKey,
}

impl VerifiedCrl {
    /// Looks a serial up among the revoked ones of this list's issuer.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<&Revocation> {
        let at = self.crl.revoked.binary_search_by(|entry| entry.serial.cmp(serial)).ok()?;
        self.crl.revoked.get(at)
    }
    /// Looks a certificate up that this issuer issued; `None` also where the list is another issuer's, be it of the same
    /// name.
    #[must_use]
    pub fn revocation_of(&self, certificate: &Certificate, issuer: &Certificate) -> Option<&Revocation> {
        let is_issuer = certificate.issuer() == &self.crl.issuer && issuer.key() == Ok(&self.key);
        if is_issuer { self.find(certificate.serial()) } else { None }
    }
    /// The list.
    #[must_use]
    pub const fn list(&self) -> &Crl {
        &self.crl
    }
}

impl Crl {
    /// Reads a list, DER, at most 8 MiB, with nothing after it. nextUpdate and the CRL number are mandatory.
    pub fn parse(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > MAX_SIZE {
            return Err(CrlError::Size(der.len()));
        }
        let mut outer = tlv::only(der, tlv::SEQUENCE)?;
        let tbs = outer.element(tlv::SEQUENCE)?;
        let algorithm = outer.element(tlv::SEQUENCE)?.raw;
        let signature = outer.bit_string()?.to_vec();
        outer.finish()?;
        let scheme = SignatureScheme::parse(algorithm).map_err(|_| CrlError::Algorithm)?;
        let mut reader = Reader::new(tbs.value);
        if reader.small()? != 1 {
            return Err(TlvError::Value("version").into());
        }
        if reader.element(tlv::SEQUENCE)?.raw != algorithm {
            return Err(CrlError::Algorithm);
        }
        let issuer = Name::read(&mut reader)?;
        let (from, until) = (read_time(reader.any()?)?, read_time(reader.any()?)?);
        let in_force = Validity::new(from, until).map_err(|_| TlvError::Value("validity"))?;
        let revoked = match reader.optional(tlv::SEQUENCE)? {
            Some(entries) => read_entries(entries)?,
            None => Vec::new(),
        };
        let number = read_extensions(reader.value(tlv::context(0))?)?;
        reader.finish()?;
        let (raw, tbs) = (der.to_vec(), tbs.raw.to_vec());
        Ok(Self { raw, tbs, scheme, signature, issuer, in_force, number, revoked })
    }
    /// Checks that the issuer may sign lists, signed this one, and that it is in force at the moment.
    pub fn verify(self, issuer: &Certificate, at: Time) -> Result<VerifiedCrl, CrlError> {
        let may_sign = issuer.known().key_usage.is_none_or(|(usage, _)| usage.includes(KeyUsage::CRL_SIGN));
        if issuer.subject() != &self.issuer || issuer.subject().is_empty() || !may_sign {
            return Err(CrlError::NotIssuer(issuer.subject().to_string()));
        }
        let key = issuer.key().map_err(CrlError::WrongSignature)?;
        key.verify(self.scheme, &self.tbs, &self.signature)
            .map_err(|error| CrlError::WrongSignature(CertificateError::WrongSignature(error)))?;
        if !self.in_force.contains(at) {
            let (from, until) = (self.in_force.not_before(), self.in_force.not_after());
            return Err(CrlError::Stale { from, until, at });
        }
        let key = key.clone();
        Ok(VerifiedCrl { crl: self, key })
    }
    /// The whole list, DER, as it came.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.raw
    }
    /// The list as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::certificate::write_pem("X509 CRL", &self.raw)
    }
    /// Who issued it.
    #[must_use]
    pub const fn issuer(&self) -> &Name {
        &self.issuer
    }
    /// thisUpdate to nextUpdate.
    #[must_use]
    pub const fn in_force(&self) -> Validity {
        self.in_force
    }
    /// The CRL number, big-endian magnitude of at most 20 octets.
    #[must_use]
    pub fn number(&self) -> &[u8] {
        &self.number
    }
    /// All entries, sorted by serial.
    #[must_use]
    pub fn revoked(&self) -> &[Revocation] {
        &self.revoked
    }
}

fn read_entries(entries: &[u8]) -> Result<Vec<Revocation>, CrlError> {
    let mut reader = Reader::new(entries);
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(read_entry(reader.inner(tlv::SEQUENCE)?)?);
    }
    if all.is_empty() {
        return Err(TlvError::Value("list of revoked certificates").into());
    }
    all.sort_by(|a, b| a.serial.cmp(&b.serial));
    let twice = all.windows(2).find_map(|pair| match pair {
        [a, b] if a.serial == b.serial => Some(a.serial.clone()),
        [..] => None,
    });
    twice.map_or(Ok(all), |serial| Err(CrlError::Duplicate(serial)))
}

fn read_entry(mut entry: Reader<'_>) -> Result<Revocation, CrlError> {
    let serial = Serial::found(entry.unsigned()?).map_err(|_| TlvError::Value("serial number"))?;
    let since = read_time(entry.any()?)?;
    let mut reason = RevocationReason::Unspecified;
    if !entry.is_empty() {
        for extension in extension::read_all(entry.element(tlv::SEQUENCE)?.raw)? {
            refuse_critical(&extension)?;
            if extension.oid() == oid::CRL_REASON {
                reason = read_reason(extension.value())?;
            }
        }
    }
    entry.finish()?;
    Ok(Revocation { serial, since, reason })
}

fn read_reason(value: &[u8]) -> Result<RevocationReason, TlvError> {
    let mut reader = Reader::new(value);
    let code = reader.value(tlv::ENUMERATED)?;
    reader.finish()?;
    let known = RevocationReason::ALL.into_iter().find(|reason| code == [reason.number()]);
    match (known, code) {
        (Some(reason), _) => Ok(reason),
        // Held or removed: the entry stands, which is the safe reading of a code that we never write.
        (None, [6 | 8 | 10]) => Ok(RevocationReason::Unspecified),
        (None, [..]) => Err(TlvError::Value("revocation reason")),
    }
}

/// The CRL number. Delta, indirect and partitioned lists announce themselves by critical extensions (§5.2.4, §5.2.5).
fn read_extensions(list: &[u8]) -> Result<Vec<u8>, CrlError> {
    let mut number = None;
    for extension in extension::read_all(list)? {
        refuse_critical(&extension)?;
        if extension.oid() == oid::CRL_NUMBER {
            let mut reader = Reader::new(extension.value());
            number = Some(reader.unsigned()?.to_vec());
            reader.finish()?;
        }
    }
    let number = number.filter(|number| number.len() <= 20);
    number.ok_or(CrlError::Malformed(TlvError::Value("revocation list number")))
}

fn refuse_critical(extension: &Extension) -> Result<(), CrlError> {
    match extension.criticality() {
        Criticality::Critical => Err(CrlError::UnknownCritical(oid::dotted(extension.oid()))),
        Criticality::Optional => Ok(()),
    }
}
