//! Reads a ContentInfo with SignedData (RFC 5652 §5) without judging it; every part keeps its bytes as found.
//!
//! DER with definite, minimal lengths. Two liberties, both seen in the wild and without effect on what is signed: SETs
//! need not be sorted, and a PKCS#7 style content (an element that is not an OCTET STRING) is read, as Authenticode
//! demands. Not read: BER, attribute certificates, other certificate formats, signers without signed attributes.

use chancery_core::digest::DigestAlgorithm;
use const_oid::ObjectIdentifier;

use super::algorithm::{self, AlgorithmError};
use super::attribute::{self, Attribute};
use super::signed_attributes::{self, SIGNED_ATTRS};
use super::{elements, oid};
use crate::serial::Serial;
use crate::signature::SignatureScheme;
use crate::tlv::{self, Element, Reader, TlvError};

/// Largest ContentInfo in bytes.
pub const MAX_SIZE: usize = 16 << 20;
/// Most certificates in one bag.
pub const MAX_CERTIFICATES: usize = 32;
/// Largest bag of certificates in bytes, all together.
pub const MAX_CERTIFICATES_SIZE: usize = 256 << 10;
/// Most SignerInfo in one SignedData.
pub const MAX_SIGNERS: usize = 8;

/// `[0]` constructed: content, certificates, signedAttrs.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]` constructed: crls, unsignedAttrs.
pub(crate) const CONTEXT_1: u8 = 0xa1;
/// `[0]` primitive: subjectKeyIdentifier of a signer.
const SUBJECT_KEY_IDENTIFIER: u8 = 0x80;

/// Why bytes are not a SignedData that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Larger than [`MAX_SIZE`] or with a larger bag than [`MAX_CERTIFICATES_SIZE`].
    #[error("cms structure is too large")]
    TooLarge,
    /// The structure is not DER of the wanted shape.
    #[error("cms structure is malformed at {at}")]
    Der {
        /// Which part.
        at: &'static str,
        /// What is wrong.
        #[source]
        source: TlvError,
    },
    /// The ContentInfo holds something else.
    #[error("content type `{0}` is not signed data")]
    NotSignedData(ObjectIdentifier),
    /// The version is not the one that the content calls for (§5.1, §5.3).
    #[error("version {found} where {expected} is due")]
    Version {
        /// The version in the structure.
        found: u32,
        /// The version by the rules.
        expected: u32,
    },
    /// A signer's algorithm is not accepted.
    #[error("signer uses an algorithm that is not accepted")]
    Algorithm(#[source] AlgorithmError),
    /// A signer's digest algorithm is not announced in digestAlgorithms.
    #[error("digest algorithm of the signer is not announced")]
    DigestNotAnnounced,
    /// A SignerInfo has no signed attributes.
    #[error("signer has no signed attributes")]
    NoSignedAttributes,
    /// Signed attributes are malformed, duplicated, or lack contentType or messageDigest (§11).
    #[error("signed attributes are incomplete, duplicated or malformed")]
    SignedAttributes,
}

/// The encapsulated content as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Tag byte of the content element: `04` in CMS, `30` in Authenticode.
    pub tag: u8,
    /// Its value bytes without tag and length: what the message digest covers in both.
    pub value: Vec<u8>,
}

/// How a signer names its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerId {
    /// issuerAndSerialNumber.
    IssuerSerial {
        /// Name, DER, byte for byte.
        issuer: Vec<u8>,
        /// Its serial number.
        serial: Serial,
    },
    /// subjectKeyIdentifier.
    SubjectKeyId(Vec<u8>),
}

/// One SignerInfo, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerInfo {
    /// Which certificate it claims.
    pub id: SignerId,
    /// Digest over the content and the attributes.
    pub digest: DigestAlgorithm,
    /// Signature scheme; its digest is [`Self::digest`].
    pub scheme: SignatureScheme,
    /// Signed attributes, each type once.
    pub signed_attributes: Vec<Attribute>,
    /// contentType attribute.
    pub content_type: ObjectIdentifier,
    /// messageDigest attribute.
    pub message_digest: Vec<u8>,
    /// Signature value.
    pub signature: Vec<u8>,
    /// Unsigned attributes in the order found; empty where there are none.
    pub unsigned_attributes: Vec<Attribute>,
    /// The signed attributes as found, with the SET tag: what the signature covers.
    pub(crate) to_be_verified: Vec<u8>,
}

/// A SignedData, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedData {
    /// eContentType.
    pub content_type: ObjectIdentifier,
    /// The content, unless detached.
    pub content: Option<Content>,
    /// The certificates as found, whole DER elements, nothing known about them.
    pub certificates: Vec<Vec<u8>>,
    /// The signers.
    pub signers: Vec<SignerInfo>,
}

/// Reads a ContentInfo that holds a SignedData; nothing may follow it.
pub fn parse(bytes: &[u8]) -> Result<SignedData, ParseError> {
    if bytes.len() > MAX_SIZE {
        return Err(ParseError::TooLarge);
    }
    let mut body = signed_data_body(bytes)?;
    let version = body.small().map_err(at("version"))?;
    let digests = read_set(&mut body).map_err(at("digestAlgorithms"))?;
    let (content_type, content) = read_content(&mut body).map_err(at("encapContentInfo"))?;
    let certificates = read_certificates(&mut body)?;
    elements::optional(&mut body, CONTEXT_1).map_err(at("crls"))?;
    let signers = read_set(&mut body).map_err(at("signerInfos"))?;
    body.finish().map_err(at("end"))?;
    let signers = signers.into_iter().map(read_signer).collect::<Result<Vec<_>, _>>()?;
    let parsed = SignedData { content_type, content, certificates, signers };
    check_version(version, &parsed)?;
    check_announced(&digests, &parsed)?;
    Ok(parsed)
}

fn read_set<'a>(body: &mut Reader<'a>) -> Result<Vec<Element<'a>>, TlvError> {
    elements::all(body.inner(tlv::SET)?, MAX_SIGNERS)
}

/// Reads what stands inside the SignedData SEQUENCE of a ContentInfo.
pub(crate) fn signed_data_body(bytes: &[u8]) -> Result<Reader<'_>, ParseError> {
    let mut info = tlv::only(bytes, tlv::SEQUENCE).map_err(at("ContentInfo"))?;
    let found = oid::read(&mut info).map_err(at("contentType"))?;
    if found != oid::SIGNED_DATA {
        return Err(ParseError::NotSignedData(found));
    }
    let content = info.value(CONTEXT_0).map_err(at("content"))?;
    info.finish().map_err(at("ContentInfo"))?;
    tlv::only(content, tlv::SEQUENCE).map_err(at("SignedData"))
}

fn at(at: &'static str) -> impl Fn(TlvError) -> ParseError {
    move |source| ParseError::Der { at, source }
}

fn read_content(body: &mut Reader<'_>) -> Result<(ObjectIdentifier, Option<Content>), TlvError> {
    let mut encapsulated = body.inner(tlv::SEQUENCE)?;
    let content_type = oid::read(&mut encapsulated)?;
    let explicit = encapsulated.optional(CONTEXT_0)?;
    encapsulated.finish()?;
    let Some(explicit) = explicit else { return Ok((content_type, None)) };
    let mut inner = Reader::new(explicit);
    let element = inner.any()?;
    inner.finish()?;
    // The tag is outside the digest: only the two that exist, and PKCS#7 too has data in an OCTET STRING.
    let expected = if element.tag == tlv::SEQUENCE { tlv::SEQUENCE } else { tlv::OCTET_STRING };
    if element.tag != expected || (content_type == oid::DATA && expected == tlv::SEQUENCE) {
        return Err(TlvError::Tag { found: element.tag, expected: tlv::OCTET_STRING });
    }
    Ok((content_type, Some(Content { tag: element.tag, value: element.value.to_vec() })))
}

fn read_certificates(body: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    let Some(bag) = body.optional(CONTEXT_0).map_err(at("certificates"))? else { return Ok(Vec::new()) };
    if bag.len() > MAX_CERTIFICATES_SIZE {
        return Err(ParseError::TooLarge);
    }
    let elements = elements::all(Reader::new(bag), MAX_CERTIFICATES).map_err(at("certificates"))?;
    elements
        .into_iter()
        .map(|element| match element.tag {
            tlv::SEQUENCE => Ok(element.raw.to_vec()),
            found => Err(at("certificates")(TlvError::Tag { expected: tlv::SEQUENCE, found })),
        })
        .collect()
}

fn read_signer(element: Element<'_>) -> Result<SignerInfo, ParseError> {
    let in_signer = at("SignerInfo");
    let mut body = tlv::only(element.raw, tlv::SEQUENCE).map_err(&in_signer)?;
    let version = body.small().map_err(&in_signer)?;
    let id = read_signer_id(&mut body).map_err(at("sid"))?;
    let expected = match id {
        SignerId::IssuerSerial { .. } => 1,
        SignerId::SubjectKeyId(_) => 3,
    };
    if version != expected {
        return Err(ParseError::Version { found: version, expected });
    }
    let digest = body.element(tlv::SEQUENCE).map_err(&in_signer)?;
    let digest = algorithm::parse_digest(digest.raw).map_err(ParseError::Algorithm)?;
    let attributes = elements::optional(&mut body, SIGNED_ATTRS).map_err(at("signedAttrs"))?;
    let attributes = attributes.ok_or(ParseError::NoSignedAttributes)?;
    let found = signed_attributes::read(attributes.value).ok_or(ParseError::SignedAttributes)?;
    let scheme = body.element(tlv::SEQUENCE).map_err(&in_signer)?;
    let scheme = algorithm::parse_scheme(scheme.raw, digest).map_err(ParseError::Algorithm)?;
    let signature = body.value(tlv::OCTET_STRING).map_err(at("signature"))?.to_vec();
    let unsigned_attributes = match body.optional(CONTEXT_1).map_err(at("unsignedAttrs"))? {
        Some(set) => attribute::parse_set(set).map_err(at("unsignedAttrs"))?,
        None => Vec::new(),
    };
    body.finish().map_err(&in_signer)?;
    Ok(SignerInfo {
        id,
        digest,
        scheme,
        signed_attributes: found.attributes,
        content_type: found.content_type,
        message_digest: found.message_digest,
        signature,
        unsigned_attributes,
        to_be_verified: signed_attributes::retag(attributes.raw, tlv::SET),
    })
}

fn read_signer_id(body: &mut Reader<'_>) -> Result<SignerId, TlvError> {
    if let Some(key_id) = body.optional(SUBJECT_KEY_IDENTIFIER)? {
        return Ok(SignerId::SubjectKeyId(key_id.to_vec()));
    }
    let mut both = body.inner(tlv::SEQUENCE)?;
    let issuer = both.element(tlv::SEQUENCE)?.raw.to_vec();
    let serial = Serial::found(both.unsigned()?).map_err(|_| TlvError::Value("serial number"))?;
    both.finish()?;
    Ok(SignerId::IssuerSerial { issuer, serial })
}

// RFC 5652 §5.1. PKCS#7 (Authenticode) stays at 1 with any content type; its content is not an OCTET STRING.
fn check_version(found: u32, parsed: &SignedData) -> Result<(), ParseError> {
    let is_pkcs7 = parsed.content.as_ref().is_some_and(|content| content.tag != tlv::OCTET_STRING);
    let by_key_id = parsed.signers.iter().any(|signer| matches!(signer.id, SignerId::SubjectKeyId(_)));
    let expected = if by_key_id || (parsed.content_type != oid::DATA && !is_pkcs7) { 3 } else { 1 };
    if found == expected { Ok(()) } else { Err(ParseError::Version { found, expected }) }
}

// RFC 5652 §5.1 lets a reader refuse a signer whose digest is not announced; one-pass readers would miss it.
fn check_announced(digests: &[Element<'_>], parsed: &SignedData) -> Result<(), ParseError> {
    let announced: Vec<_> = digests
        .iter()
        .filter(|element| element.tag == tlv::SEQUENCE)
        .filter_map(|element| algorithm::parse_digest(element.raw).ok())
        .collect();
    if parsed.signers.iter().all(|signer| announced.contains(&signer.digest)) {
        Ok(())
    } else {
        Err(ParseError::DigestNotAnnounced)
    }
}
