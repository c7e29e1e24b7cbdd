//! What every profile shares: issuer, serial, validity, and the TBSCertificate that they are written into.
//!
//! ```text
//! 30 82 …
//!   a0 03 02 01 02          version 3
//!   02 10 …                 serial
//!   30 0a …                 algorithm of the issuer's key
//!   30 … 30 1e … 30 …       issuer, validity, subject
//!   30 59 …                 the subject's SubjectPublicKeyInfo, byte for byte
//!   a3 … 30 …               extensions, in the order of the profile
//! ```

use chancery_core::algorithm::{KeyAlgorithm, PublicKey};

use crate::certificate::{Certificate, CertificateError, MAX_SIZE};
use crate::extension::{self, Extension};
use crate::key::{self, KeyError, VerifyingKey};
use crate::name::Name;
use crate::serial::Serial;
use crate::signature::SignatureScheme;
use crate::tlv;
use crate::validity::Validity;

/// Why a certificate cannot be made like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The claims have no place in a certificate.
    #[error("claims cannot be certified")]
    Claims(#[source] crate::fulcio::FulcioError),
    /// The issuer's certificate cannot issue.
    #[error("issuer's certificate cannot be used")]
    Issuer(#[source] CertificateError),
    /// The subject's key is malformed or weak.
    #[error("subject's key cannot be certified")]
    Key(#[source] KeyError),
    /// The result would be larger than 16 KiB less room for the signature.
    #[error("certificate would have {0} bytes before its signature; expected at most 15360")]
    Size(usize),
    /// A name that the profile needs is empty.
    #[error("subject name is empty")]
    Subject,
    /// Text that is not a URI of visible ASCII characters with a scheme.
    #[error("`{0}` is not an absolute ASCII URI")]
    Uri(String),
}

/// Who issues: name, key and key identifier, as they stand in the issuer's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    name: Name,
    key: VerifyingKey,
    algorithm: KeyAlgorithm,
    identifier: Vec<u8>,
}

impl Issuer {
    /// From the issuer's own certificate.
    pub fn of(certificate: &Certificate) -> Result<Self, ProfileError> {
        let key = certificate.key().map_err(ProfileError::Issuer)?.clone();
        let known = certificate.known().subject_key_identifier.clone();
        let identifier = known.unwrap_or_else(|| key.identifier().to_vec());
        Self::new(certificate.subject().clone(), key, identifier)
    }
    /// From a name and key, for an issuer that issues to itself.
    pub fn itself(name: &Name, key: &PublicKey) -> Result<Self, ProfileError> {
        let key = key::checked(key).map_err(ProfileError::Key)?;
        let identifier = key.identifier().to_vec();
        Self::new(name.clone(), key, identifier)
    }
    fn new(name: Name, key: VerifyingKey, identifier: Vec<u8>) -> Result<Self, ProfileError> {
        if name.is_empty() {
            return Err(ProfileError::Subject);
        }
        let algorithm = key.signing_key().ok_or(ProfileError::Key(KeyError::Mismatch))?.algorithm;
        Ok(Self { name, key, algorithm, identifier })
    }
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }
    /// The algorithm of its key, which phase 2 needs.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }
    /// Its key identifier.
    #[must_use]
    pub fn identifier(&self) -> &[u8] {
        &self.identifier
    }
}

/// What every certificate needs, whatever its profile.
#[derive(Debug, Clone, Copy)]
pub struct Issuance<'a> {
    /// Who issues.
    pub issuer: &'a Issuer,
    /// Serial number, drawn by the caller.
    pub serial: &'a Serial,
    /// When it is valid.
    pub validity: Validity,
    /// The key that is certified.
    pub key: &'a PublicKey,
}

/// Writes a TBSCertificate. Subject and authority key identifiers are put after the profile's own extensions.
pub(crate) fn write(
    issuance: &Issuance<'_>,
    subject: &Name,
    mut extensions: Vec<Extension>,
) -> Result<Vec<u8>, ProfileError> {
    let key = key::checked(issuance.key).map_err(ProfileError::Key)?;
    extensions.push(extension::subject_key_identifier(&key.identifier()));
    extensions.push(extension::authority_key_identifier(&issuance.issuer.identifier));
    let tbs = tlv::write(
        tlv::SEQUENCE,
        &[
            &[tlv::context(0), 3, tlv::INTEGER, 1, 2],
            &issuance.serial.to_der(),
            &SignatureScheme::of(issuance.issuer.algorithm).to_der(),
            issuance.issuer.name.as_der(),
            &issuance.validity.to_der(),
            subject.as_der(),
            key.spki(),
            &tlv::write(tlv::context(3), &[&extension::write_all(&extensions)]),
        ],
    );
    if tbs.len() > MAX_SIZE.saturating_sub(1024) {
        return Err(ProfileError::Size(tbs.len()));
    }
    Ok(tbs)
}

/// Refuses what is not an absolute URI of visible ASCII characters, at most 1024.
pub(crate) fn check_uri(uri: &str) -> Result<&str, ProfileError> {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let is_visible = uri.bytes().all(|byte| byte.is_ascii_graphic());
    let has_rest = uri.len() > scheme.len().saturating_add(1) && uri.len() <= 1024;
    if is_scheme && is_visible && has_rest {
        return Ok(uri);
    }
    Err(ProfileError::Uri(uri.chars().filter(|c| !c.is_control()).take(80).collect()))
}
