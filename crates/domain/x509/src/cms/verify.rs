//! Verifies one SignerInfo against its content and names the certificate whose key did it.
//!
//! Not judged here: the chain, the purpose, the time. Callers go on with [`VerifiedSigner::certificate`] and no other
//! (threat T4: the certificate that was checked is the one that is used).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chancery_core::digest::DigestAlgorithm;
use const_oid::ObjectIdentifier;

use super::attribute::Attribute;
use super::parse::{SignedData, SignerId, SignerInfo};
use crate::certificate::{Certificate, CertificateError};
use crate::key::KeyError;

/// What the messageDigest attribute must be the digest of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Bytes whose digest was taken while streaming. The signer must have used this algorithm.
    Digest(DigestAlgorithm, &'a [u8]),
    /// The value bytes of the content inside the SignedData.
    Embedded,
}

/// What the caller demands of the SignedData.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// eContentType, and the contentType attribute.
    pub content_type: ObjectIdentifier,
    /// What was signed.
    pub message: Message<'a>,
    /// Certificates that the caller knows besides the bag, for signatures that carry none.
    pub known: &'a [Certificate],
}

/// A signer whose signature holds over the content and the attributes. Born in [`verify`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSigner {
    certificate: Certificate,
    signer: SignerInfo,
}

/// Why a SignedData is not verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is not exactly one signer.
    #[error("expected one signer, found {0}")]
    Signers(usize),
    /// The content or the contentType attribute is of another type.
    #[error("content type is `{found}`, expected `{expected}`")]
    ContentType {
        /// What the structure says.
        found: ObjectIdentifier,
        /// What the caller demands.
        expected: ObjectIdentifier,
    },
    /// The content should be inside and is not.
    #[error("content is detached")]
    Detached,
    /// The content is inside and is not what the caller gave.
    #[error("embedded content differs from the given content")]
    EmbeddedDiffers,
    /// The caller's digest is of another algorithm than the signer's.
    #[error("signer used another digest: {}", .0.name())]
    DigestAlgorithm(DigestAlgorithm),
    /// The messageDigest attribute is not the digest of the content.
    #[error("message digest differs from the content")]
    MessageDigest,
    /// No certificate matches the signer's issuer and serial number or key identifier.
    #[error("certificate of the signer is missing")]
    CertificateMissing,
    /// Different certificates match the signer.
    #[error("more than one certificate matches the signer")]
    CertificateAmbiguous,
    /// The signature does not verify with the key of the signer's certificate.
    #[error("signature of the signer does not verify")]
    Signature(#[source] KeyError),
    /// The key of the signer's certificate is weak or of a kind that is not accepted.
    #[error("key of the signer is not accepted")]
    Key(#[source] CertificateError),
}

/// Verifies the one signer of `signed`.
pub fn verify(signed: &SignedData, expected: &Expected<'_>) -> Result<VerifiedSigner, VerifyError> {
    let [signer] = signed.signers.as_slice() else {
        return Err(VerifyError::Signers(signed.signers.len()));
    };
    for found in [signed.content_type, signer.content_type] {
        if found != expected.content_type {
            return Err(VerifyError::ContentType { found, expected: expected.content_type });
        }
    }
    let digest = message_digest(signed, signer, expected.message)?;
    if verify_slices_are_equal(&digest, &signer.message_digest).is_err() {
        return Err(VerifyError::MessageDigest);
    }
    let certificate = signer_certificate(signed, signer, expected.known)?;
    let key = certificate.key().map_err(VerifyError::Key)?;
    key.verify(signer.scheme, &signer.to_be_verified, &signer.signature).map_err(VerifyError::Signature)?;
    Ok(VerifiedSigner { certificate, signer: signer.clone() })
}

impl VerifiedSigner {
    /// The certificate whose key verified the signature.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
    /// The digest over content and attributes.
    #[must_use]
    pub const fn digest(&self) -> DigestAlgorithm {
        self.signer.digest
    }
    /// The messageDigest attribute.
    #[must_use]
    pub fn message_digest(&self) -> &[u8] {
        &self.signer.message_digest
    }
    /// The signed attribute of this type.
    #[must_use]
    pub fn signed_attribute(&self, oid: ObjectIdentifier) -> Option<&Attribute> {
        self.signer.signed_attributes.iter().find(|attribute| attribute.oid == oid)
    }
    /// All signed attributes, each type once.
    #[must_use]
    pub fn signed_attributes(&self) -> &[Attribute] {
        &self.signer.signed_attributes
    }
    /// The unsigned attributes: nothing is known about them, they are not covered by the signature.
    #[must_use]
    pub fn unsigned_attributes(&self) -> &[Attribute] {
        &self.signer.unsigned_attributes
    }
    /// The signature value: what a timestamp token of this signature covers.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signer.signature
    }
}

fn message_digest(
    signed: &SignedData,
    signer: &SignerInfo,
    message: Message<'_>,
) -> Result<Vec<u8>, VerifyError> {
    let content = signed.content.as_ref().map(|content| content.value.as_slice());
    match (message, content) {
        (Message::Embedded, Some(content)) => Ok(signer.digest.hash(content)),
        (Message::Embedded, None) => Err(VerifyError::Detached),
        // A second content inside, not the one that was judged, must not travel along (T5: verified is used).
        (Message::Bytes(bytes), Some(content)) if bytes != content => Err(VerifyError::EmbeddedDiffers),
        (Message::Bytes(bytes), _) => Ok(signer.digest.hash(bytes)),
        (Message::Digest(algorithm, _), _) if algorithm != signer.digest => {
            Err(VerifyError::DigestAlgorithm(signer.digest))
        }
        (Message::Digest(algorithm, digest), Some(content)) if algorithm.hash(content) != digest => {
            Err(VerifyError::EmbeddedDiffers)
        }
        (Message::Digest(_, digest), _) => Ok(digest.to_vec()),
    }
}

// Certificates that our strict reader refuses cannot be the signer's: a signature that needs one has no certificate.
fn signer_certificate(
    signed: &SignedData,
    signer: &SignerInfo,
    known: &[Certificate],
) -> Result<Certificate, VerifyError> {
    let is_new = |der: &&Vec<u8>| !known.iter().any(|known| known.as_der() == der.as_slice());
    let bag = signed.certificates.iter().filter(is_new).filter_map(|der| Certificate::parse(der).ok());
    let mut matching = known.iter().cloned().chain(bag).filter(|one| matches(&signer.id, one));
    let first = matching.next().ok_or(VerifyError::CertificateMissing)?;
    if matching.any(|other| other != first) {
        return Err(VerifyError::CertificateAmbiguous);
    }
    Ok(first)
}

fn matches(id: &SignerId, certificate: &Certificate) -> bool {
    match id {
        SignerId::IssuerSerial { issuer, serial } => {
            certificate.issuer().as_der() == issuer.as_slice() && certificate.serial() == serial
        }
        SignerId::SubjectKeyId(key_id) => certificate.known().subject_key_identifier.as_ref() == Some(key_id),
    }
}
