//! Certificates, read strictly and kept byte for byte (RFC 5280 §4.1).
//!
//! ```text
//! 30 82 …                       Certificate
//!   30 82 …                       TBSCertificate: the signed bytes, kept as they came
//!     a0 03 02 01 02                version 3
//!     02 10 …                       serial
//!     30 0a …                       signature algorithm, equal to the outer one
//!     30 … 30 1e … 30 …             issuer, validity, subject
//!     30 59 …                       SubjectPublicKeyInfo
//!     a3 …                          extensions
//!   30 0a 06 08 2a8648ce3d040302  signature algorithm
//!   03 48 00 …                    signature
//! ```
//! Reading says that the bytes are a certificate, nothing about trust: that is [`crate::chain`]'s.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::digest::Sha256;

use crate::extension::{self, AltName, Extension, Known};
use crate::key::{KeyError, VerifyingKey};
use crate::name::Name;
use crate::oid::Oid;
use crate::serial::Serial;
use crate::signature::{SchemeError, SignatureScheme};
use crate::tlv::{self, Reader, TlvError};
use crate::validity::Validity;

/// Largest certificate in bytes.
pub const MAX_SIZE: usize = 16 * 1024;

/// Why bytes are not a certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The key is malformed, weak, or of a kind that is not accepted.
    #[error("public key of the certificate cannot be used")]
    Key(#[source] KeyError),
    /// Not DER, or not the structure of a certificate.
    #[error("certificate is malformed")]
    Malformed(#[source] TlvError),
    /// Text that is not exactly one PEM certificate.
    #[error("text is not a PEM certificate")]
    Pem,
    /// The signature algorithm is not accepted.
    #[error("signature algorithm of the certificate is not accepted")]
    Scheme(#[source] SchemeError),
    /// The algorithm inside the signed part is not the outer one.
    #[error("certificate names two different signature algorithms")]
    SchemesDiffer,
    /// More than 16 KiB.
    #[error("certificate has {0} bytes; expected at most 16384")]
    Size(usize),
    /// Signed by another key, or altered.
    #[error("signature of the certificate is wrong")]
    WrongSignature(#[source] KeyError),
}

impl From<TlvError> for CertificateError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

/// A certificate as read. Equality is equality of bytes; a clone is the same one.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    raw: Vec<u8>,
    tbs: Vec<u8>,
    serial: Serial,
    scheme: Result<SignatureScheme, SchemeError>,
    signature: Vec<u8>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: Vec<u8>,
    key: Result<VerifyingKey, KeyError>,
    extensions: Vec<Extension>,
    known: Known,
    /// The key that was found to have made the signature, SubjectPublicKeyInfo. That never changes, so the certificates
    /// that are in memory for long, authorities, are verified once.
    signed_by: OnceLock<Vec<u8>>,
}

struct Tbs {
    serial: Serial,
    algorithm: Vec<u8>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
}

impl Certificate {
    /// Reads a certificate, DER, at most 16 KiB, with nothing after it. Algorithms that are not accepted are errors of
    /// [`Certificate::key`] and [`Certificate::scheme`], so that a bag may hold foreign certificates that nobody uses.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_SIZE {
            return Err(CertificateError::Size(der.len()));
        }
        let mut outer = tlv::only(der, tlv::SEQUENCE)?;
        let tbs = outer.element(tlv::SEQUENCE)?;
        let algorithm = outer.element(tlv::SEQUENCE)?.raw;
        let signature = outer.bit_string()?.to_vec();
        outer.finish()?;
        let parts = read_tbs(tbs.value)?;
        // RFC 5280 §4.1.1.2: equal, or the signature would cover another algorithm than the one it is checked with.
        if parts.algorithm != algorithm {
            return Err(CertificateError::SchemesDiffer);
        }
        let known = Known::read(&parts.extensions)?;
        Ok(Self(Arc::new(Inner {
            raw: der.to_vec(),
            tbs: tbs.raw.to_vec(),
            serial: parts.serial,
            scheme: SignatureScheme::parse(algorithm),
            signature,
            issuer: parts.issuer,
            validity: parts.validity,
            subject: parts.subject,
            key: VerifyingKey::parse(&parts.spki),
            spki: parts.spki,
            extensions: parts.extensions,
            known,
            signed_by: OnceLock::new(),
        })))
    }
    /// Reads one PEM certificate (RFC 7468 §5); explanatory text before or after it is refused.
    pub fn parse_pem(text: &str) -> Result<Self, CertificateError> {
        match parse_pem_bundle(text)?.as_slice() {
            [only] => Ok(only.clone()),
            [] | [..] => Err(CertificateError::Pem),
        }
    }
    /// The certificate as PEM, lines of 64 characters.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::certificate::write_pem("CERTIFICATE", &self.0.raw)
    }
    /// The whole certificate, DER, as it came.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0.raw
    }
    /// TBSCertificate, DER, as it came: the signed bytes.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        &self.0.tbs
    }
    /// Serial number.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.0.serial
    }
    /// The scheme it was signed with; an error when that is not accepted.
    pub fn scheme(&self) -> Result<SignatureScheme, CertificateError> {
        self.0.scheme.clone().map_err(CertificateError::Scheme)
    }
    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }
    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }
    /// Whom it names; may be empty.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }
    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.0.validity
    }
    /// SubjectPublicKeyInfo, DER, as it came.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }
    /// The subject's key; an error when it is weak or of a kind that is not accepted.
    pub fn key(&self) -> Result<&VerifyingKey, CertificateError> {
        self.0.key.as_ref().map_err(|error| CertificateError::Key(error.clone()))
    }
    /// All extensions, in order.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.0.extensions
    }
    /// One extension.
    #[must_use]
    pub fn extension(&self, oid: &Oid) -> Option<&Extension> {
        self.0.extensions.iter().find(|extension| extension.oid() == oid)
    }
    /// What the known extensions say.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.0.known
    }
    /// The URIs among the subject alternative names.
    pub fn alt_uris(&self) -> impl Iterator<Item = &str> {
        self.0.known.alt_names.iter().filter_map(|name| match name {
            AltName::Uri(uri) => Some(uri.as_str()),
            AltName::Email(_) | AltName::Other(..) => None,
        })
    }
    /// Whether issuer and subject are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.issuer == self.0.subject
    }
    /// Whether it carries the marker of development authorities.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.extension(crate::oid::DEV_MARKER).is_some()
    }
    /// Whether it says that its key is held by a Sigstore client, and not by this service.
    #[must_use]
    pub fn is_of_client(&self) -> bool {
        self.extension(crate::oid::CLIENT_KEY_MARKER).is_some()
    }
    /// SHA-256 of the whole certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.0.raw)
    }
    /// Checks the signature with an issuer's key. Says nothing about names, validity or trust.
    pub fn check_signature(&self, issuer: &VerifyingKey) -> Result<(), CertificateError> {
        if self.0.signed_by.get().is_some_and(|known| known == issuer.spki()) {
            return Ok(());
        }
        issuer
            .verify(self.scheme()?, &self.0.tbs, &self.0.signature)
            .map_err(CertificateError::WrongSignature)?;
        self.0.signed_by.get_or_init(|| issuer.spki().to_vec());
        Ok(())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.raw == other.0.raw
    }
}
impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, serial {}, by {})", self.0.subject, self.0.serial, self.0.issuer)
    }
}

/// Phase 2: joins a TBSCertificate with the signature that was made over it by a key of this algorithm.
pub fn assemble(
    tbs: &[u8],
    algorithm: KeyAlgorithm,
    signature: &[u8],
) -> Result<Certificate, CertificateError> {
    let scheme = SignatureScheme::of(algorithm).to_der();
    Certificate::parse(&tlv::write(tlv::SEQUENCE, &[tbs, &scheme, &tlv::write_bit_string(signature)]))
}

/// Reads PEM certificates one after another, at most 64, with nothing but white space between them.
pub fn parse_pem_bundle(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut rest = text.trim();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (body, after) =
            rest.strip_prefix(BEGIN).and_then(|body| body.split_once(END)).ok_or(CertificateError::Pem)?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).map_err(|_| CertificateError::Pem)?;
        all.push(Certificate::parse(&der)?);
        if all.len() > 64 {
            return Err(CertificateError::Pem);
        }
        rest = after.trim_start();
    }
    if all.is_empty() { Err(CertificateError::Pem) } else { Ok(all) }
}

/// PEM text (RFC 7468 §2) with this label, lines of 64 characters, ending in a line feed.
#[must_use]
pub fn write_pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

fn read_tbs(value: &[u8]) -> Result<Tbs, CertificateError> {
    let mut reader = Reader::new(value);
    let version = reader.optional(tlv::context(0))?;
    let serial = Serial::found(reader.unsigned()?).map_err(|_| TlvError::Value("serial number"))?;
    let algorithm = reader.element(tlv::SEQUENCE)?.raw.to_vec();
    let issuer = Name::read(&mut reader)?;
    let validity = Validity::read(&mut reader)?;
    let subject = Name::read(&mut reader)?;
    let spki = reader.element(tlv::SEQUENCE)?.raw.to_vec();
    // issuerUniqueID and subjectUniqueID ([1], [2]) are refused: RFC 5280 §4.1.2.8 forbids to make them.
    let extensions = match reader.optional(tlv::context(3))? {
        Some(list) => extension::read_all(list)?,
        None => Vec::new(),
    };
    reader.finish()?;
    // Version 3 where there are extensions; without any, version 1, whose number is the default and left out.
    match (version, extensions.is_empty()) {
        (Some([2, 1, 2]), _) | (None, true) => {}
        (Some(_) | None, _) => return Err(TlvError::Value("version").into()),
    }
    Ok(Tbs { serial, algorithm, issuer, validity, subject, spki, extensions })
}
