//! Digest and signature algorithms of a SignerInfo: how they are written and read, and which belong together.
//!
//! ```text
//! sha256                 30 0d  06 09 608648016503040201  05 00      parameters NULL or absent when read
//! rsaEncryption          30 0d  06 09 2a864886f70d010101  05 00      PKCS#1 v1.5, the digest is the signer's
//! ecdsa-with-SHA256      30 0a  06 08 2a8648ce3d040302
//! ```

use chancery_core::digest::DigestAlgorithm;

use crate::oid::{self, Oid};
use crate::signature::{SchemeError, SignatureScheme};
use crate::tlv::{self, TlvError};

/// Why an algorithm is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// Not one of SHA-256, SHA-384, SHA-512. SHA-1 ends here.
    #[error("digest algorithm `{0}` is not accepted")]
    Digest(String),
    /// The digest inside the signature algorithm is not the signer's digest.
    #[error("signature algorithm and digest algorithm disagree")]
    Disagree,
    /// The structure is not an AlgorithmIdentifier.
    #[error("algorithm identifier is malformed")]
    Malformed(#[source] TlvError),
    /// Parameters that the algorithm does not have.
    #[error("algorithm `{0}` has unexpected parameters")]
    Parameters(String),
    /// Not a signature scheme that CMS uses here.
    #[error("signature algorithm of the signer is not accepted")]
    Scheme(#[source] SchemeError),
}

impl From<TlvError> for AlgorithmError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error)
    }
}

const fn digest_oid(digest: DigestAlgorithm) -> &'static Oid {
    match digest {
        DigestAlgorithm::Sha256 => oid::SHA256,
        DigestAlgorithm::Sha384 => oid::SHA384,
        DigestAlgorithm::Sha512 => oid::SHA512,
    }
}

/// AlgorithmIdentifier of a digest, DER, with NULL parameters as old readers expect them.
#[must_use]
pub fn digest_identifier(digest: DigestAlgorithm) -> Vec<u8> {
    tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[digest_oid(digest)]), &[tlv::NULL, 0]])
}

/// Reads the AlgorithmIdentifier of a digest, one whole element; parameters are NULL or absent (RFC 5754 §2).
pub fn parse_digest(der: &[u8]) -> Result<DigestAlgorithm, AlgorithmError> {
    let found = parse_identifier(der)?;
    [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512]
        .into_iter()
        .find(|digest| digest_oid(*digest) == found)
        .ok_or_else(|| AlgorithmError::Digest(oid::dotted(found)))
}

/// signatureAlgorithm of a SignerInfo, DER. RSA is written as rsaEncryption, which every CMS reader knows (RFC 3370
/// §3.2) and some Authenticode readers insist on.
#[must_use]
pub fn scheme_identifier(scheme: SignatureScheme) -> Vec<u8> {
    match scheme {
        SignatureScheme::Rsa(_) => {
            tlv::write(tlv::SEQUENCE, &[&tlv::write(tlv::OID, &[oid::RSA_ENCRYPTION]), &[tlv::NULL, 0]])
        }
        SignatureScheme::Ecdsa(_) | SignatureScheme::Ed25519 => scheme.to_der(),
    }
}

/// Reads signatureAlgorithm, one whole element, of a signer whose digest is known. Ed25519 is refused: the families of
/// CMS keys do not have it.
pub fn parse_scheme(der: &[u8], digest: DigestAlgorithm) -> Result<SignatureScheme, AlgorithmError> {
    if parse_identifier(der).is_ok_and(|found| found == oid::RSA_ENCRYPTION) {
        return Ok(SignatureScheme::Rsa(digest));
    }
    let scheme = SignatureScheme::parse(der).map_err(AlgorithmError::Scheme)?;
    if scheme.digest() == Some(digest) { Ok(scheme) } else { Err(AlgorithmError::Disagree) }
}

/// The identifier; its parameters must be NULL or absent.
fn parse_identifier(der: &[u8]) -> Result<&Oid, AlgorithmError> {
    let mut reader = tlv::only(der, tlv::SEQUENCE)?;
    let found = reader.value(tlv::OID)?;
    match reader.optional(tlv::NULL) {
        Ok(None | Some([])) if reader.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(AlgorithmError::Parameters(oid::dotted(found))),
    }
}
