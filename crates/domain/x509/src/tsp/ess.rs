//! The signing-certificate attributes (RFC 5035, RFC 2634): a signer names its own certificate inside what it signs.
//!
//! ```text
//! SigningCertificateV2  30 L  30 L { 30 22 04 20 …sha256 of the certificate… }
//! SigningCertificate    30 L  30 L { 30 16 04 14 …sha1 of the certificate… [issuerSerial] }
//! ```
//!
//! Only the first entry names the signer's certificate; the rest are limits on the chain that are not evaluated.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use chancery_core::digest::DigestAlgorithm;

use crate::certificate::Certificate;
use crate::cms::verify::VerifiedSigner;
use crate::cms::{algorithm, oid};
use crate::tlv::{self, Reader, TlvError};

/// The attribute value for a certificate: SigningCertificateV2 with its SHA-256, which is the DEFAULT and therefore
/// not named.
#[must_use]
pub fn signing_certificate_v2(certificate: &Certificate) -> Vec<u8> {
    let hash = tlv::write(tlv::OCTET_STRING, &[&DigestAlgorithm::Sha256.hash(certificate.as_der())]);
    let id = tlv::write(tlv::SEQUENCE, &[&hash]);
    tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::SEQUENCE, &[&id])])
}

/// Whether the signer names the certificate that verified it: every signing-certificate attribute that is there must,
/// and one must be there (RFC 3161 §2.4.2, RFC 5816 §2.2).
///
/// SHA-1 is accepted here and nowhere else, in the attribute of RFC 2634 when no other is there: many authorities still
/// send nothing else. To gain from it, one needs a second certificate with the same SHA-1, the same issuer and serial
/// number, and a key that makes the same signature verify.
#[must_use]
pub(crate) fn names_its_certificate(signer: &VerifiedSigner) -> bool {
    let der = signer.certificate().as_der();
    let old = signer.signed_attribute(oid::SIGNING_CERTIFICATE);
    let new = signer.signed_attribute(oid::SIGNING_CERTIFICATE_V2);
    let holds = |value: Option<&[u8]>, check: fn(&[u8], &[u8]) -> Result<bool, TlvError>| {
        value.is_some_and(|value| check(value, der) == Ok(true))
    };
    (old.is_some() || new.is_some())
        && old.is_none_or(|attribute| holds(attribute.only_value(), matches_v1))
        && new.is_none_or(|attribute| holds(attribute.only_value(), matches_v2))
}

fn first_id(value: &[u8]) -> Result<Reader<'_>, TlvError> {
    tlv::only(value, tlv::SEQUENCE)?.inner(tlv::SEQUENCE)?.inner(tlv::SEQUENCE)
}

fn matches_v1(value: &[u8], der: &[u8]) -> Result<bool, TlvError> {
    let hash = first_id(value)?.value(tlv::OCTET_STRING)?;
    Ok(verify_slices_are_equal(hash, digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()).is_ok())
}

fn matches_v2(value: &[u8], der: &[u8]) -> Result<bool, TlvError> {
    let mut id = first_id(value)?;
    let algorithm = match id.peek() {
        Some(tlv::SEQUENCE) => algorithm::parse_digest(id.element(tlv::SEQUENCE)?.raw)
            .map_err(|_| TlvError::Value("hashAlgorithm"))?,
        Some(_) | None => DigestAlgorithm::Sha256,
    };
    let hash = id.value(tlv::OCTET_STRING)?;
    Ok(verify_slices_are_equal(hash, &algorithm.hash(der)).is_ok())
}
