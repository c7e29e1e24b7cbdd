//! Phase 2 of a CMS signature: ContentInfo from signed attributes and their signature.
//!
//! Deterministic: the same parts give the same bytes. Certificates stand in DER SET order, because strict readers refuse
//! any other (RFC 5652 §5.1 wants DER only where it is signed, so ours is the narrower reading).

use const_oid::ObjectIdentifier;

use super::algorithm;
use super::oid;
use super::parse::{self, CONTEXT_0, ParseError};
use super::signed_attributes::SignedAttributes;
use crate::certificate::Certificate;
use crate::signature::SignatureScheme;
use crate::tlv;

/// What the SignedData carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncapsulatedContent<'a> {
    /// Nothing: the verifier has the content.
    Detached,
    /// Octets, written as an OCTET STRING (RFC 5652 §5.2).
    Octets(&'a [u8]),
    /// One whole DER element, written as it is, with SignedData version 1 (PKCS#7 v1.5): Authenticode.
    Pkcs7(&'a [u8]),
}

/// The parts of a SignedData with one signer.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// eContentType; the same as in the signed attributes.
    pub content_type: ObjectIdentifier,
    /// What is carried.
    pub content: EncapsulatedContent<'a>,
    /// The certificate of the key that signed.
    pub signer: &'a Certificate,
    /// Which certificates to carry, usually the signer's and its issuers without the root. Doubles are written once.
    pub certificates: &'a [Certificate],
    /// The attributes that were signed.
    pub attributes: &'a SignedAttributes,
    /// The scheme of the signature; its digest is also the content's.
    pub scheme: SignatureScheme,
    /// The signature over [`SignedAttributes::to_be_signed`].
    pub signature: &'a [u8],
}

/// Why parts do not make a SignedData.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// Our own reader would not read the result: contradicting or oversized parts.
    #[error("parts do not make a readable cms structure")]
    Unreadable(#[source] ParseError),
    /// The scheme has no digest (Ed25519), which CMS keys here do not use.
    #[error("signature scheme has no digest")]
    Scheme,
}

/// ContentInfo, DER. Does not verify the signature.
pub fn assemble(parts: &Parts<'_>) -> Result<Vec<u8>, AssembleError> {
    let version: u8 =
        match parts.content {
            EncapsulatedContent::Pkcs7(_) => 1,
            EncapsulatedContent::Detached | EncapsulatedContent::Octets(_) => {
                if parts.content_type == oid::DATA { 1 } else { 3 }
            }
        };
    let digest = algorithm::digest_identifier(parts.scheme.digest().ok_or(AssembleError::Scheme)?);
    let signed_data = tlv::write(
        tlv::SEQUENCE,
        &[
            &tlv::write_unsigned(&[version]),
            &tlv::write(tlv::SET, &[&digest]),
            &encapsulated(parts),
            &certificate_set(parts.certificates),
            &tlv::write(tlv::SET, &[&signer_info(parts, &digest)]),
        ],
    );
    let content = tlv::write(CONTEXT_0, &[&signed_data]);
    let out = tlv::write(tlv::SEQUENCE, &[&oid::write(&oid::SIGNED_DATA), &content]);
    parse::parse(&out).map_err(AssembleError::Unreadable)?;
    Ok(out)
}

fn encapsulated(parts: &Parts<'_>) -> Vec<u8> {
    let content = match parts.content {
        EncapsulatedContent::Detached => Vec::new(),
        EncapsulatedContent::Octets(octets) => {
            tlv::write(CONTEXT_0, &[&tlv::write(tlv::OCTET_STRING, &[octets])])
        }
        EncapsulatedContent::Pkcs7(element) => tlv::write(CONTEXT_0, &[element]),
    };
    tlv::write(tlv::SEQUENCE, &[&oid::write(&parts.content_type), &content])
}

fn certificate_set(certificates: &[Certificate]) -> Vec<u8> {
    if certificates.is_empty() {
        return Vec::new();
    }
    let mut encoded: Vec<Vec<u8>> = certificates.iter().map(|one| one.as_der().to_vec()).collect();
    encoded.sort_unstable();
    encoded.dedup();
    tlv::write_set_of(CONTEXT_0, encoded)
}

fn signer_info(parts: &Parts<'_>, digest: &[u8]) -> Vec<u8> {
    let serial = parts.signer.serial().to_der();
    tlv::write(
        tlv::SEQUENCE,
        &[
            &tlv::write_unsigned(&[1]),
            &tlv::write(tlv::SEQUENCE, &[parts.signer.issuer().as_der(), &serial]),
            digest,
            &parts.attributes.in_signer_info(),
            &algorithm::scheme_identifier(parts.scheme),
            &tlv::write(tlv::OCTET_STRING, &[parts.signature]),
        ],
    )
}
