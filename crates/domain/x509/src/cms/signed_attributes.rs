//! Phase 1 of a CMS signature: the signed attributes, which are the bytes that a key signs.
//!
//! ```text
//! 31 L                                          SET, written with its own tag for signing (RFC 5652 §5.4)
//!    30 18 06 09 …01 09 03 31 0b 06 09 …        contentType
//!    30 2f 06 09 …01 09 04 31 22 04 20 …        messageDigest
//!    …                                          further attributes, in DER order
//! ```

use const_oid::ObjectIdentifier;

use super::attribute::{self, Attribute, MAX_ATTRIBUTES};
use super::oid;
use crate::tlv::{self, Reader, TlvError};

/// Signed attributes in DER: the input of one signature and a part of the SignerInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAttributes {
    set: Vec<u8>,
}

/// Why attributes cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// The same type twice; contentType and messageDigest are added here.
    #[error("attribute `{0}` is given twice")]
    Duplicate(ObjectIdentifier),
    /// More than [`MAX_ATTRIBUTES`].
    #[error("more than {MAX_ATTRIBUTES} attributes")]
    TooMany,
    /// A value is not exactly one DER element.
    #[error("value of attribute `{oid}` is not one element")]
    Value {
        /// The attribute.
        oid: ObjectIdentifier,
        /// What is wrong.
        #[source]
        source: TlvError,
    },
}

impl SignedAttributes {
    /// Builds contentType, messageDigest and `extra` (type, value as one whole DER element) in DER order.
    /// The digest input is the caller's choice: for an OCTET STRING its octets, for Authenticode the value bytes of the
    /// SpcIndirectDataContent without its outer tag and length.
    pub fn build(
        content_type: ObjectIdentifier,
        message_digest: &[u8],
        extra: &[(ObjectIdentifier, Vec<u8>)],
    ) -> Result<Self, AttributesError> {
        let mut attributes = vec![
            Attribute::single(oid::CONTENT_TYPE, oid::write(&content_type)),
            Attribute::single(oid::MESSAGE_DIGEST, tlv::write(tlv::OCTET_STRING, &[message_digest])),
        ];
        for (oid, value) in extra {
            if attributes.iter().any(|known| known.oid == *oid) {
                return Err(AttributesError::Duplicate(*oid));
            }
            one_element(value).map_err(|source| AttributesError::Value { oid: *oid, source })?;
            attributes.push(Attribute::single(*oid, value.clone()));
        }
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(AttributesError::TooMany);
        }
        let encoded: Vec<Vec<u8>> = attributes.iter().map(Attribute::to_der).collect();
        Ok(Self { set: tlv::write_set_of(tlv::SET, encoded) })
    }
    /// The bytes to be signed: the SET with tag 0x31.
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.set
    }
    /// The same as it stands in a SignerInfo: tag 0xa0.
    pub(crate) fn in_signer_info(&self) -> Vec<u8> {
        retag(&self.set, SIGNED_ATTRS)
    }
}

/// The tag of signedAttrs in SignerInfo: `[0] IMPLICIT`.
pub(crate) const SIGNED_ATTRS: u8 = 0xa0;

/// The element with another tag byte.
pub(crate) fn retag(element: &[u8], tag: u8) -> Vec<u8> {
    let mut out = element.to_vec();
    if let Some(first) = out.first_mut() {
        *first = tag;
    }
    out
}

fn one_element(value: &[u8]) -> Result<(), TlvError> {
    let mut reader = Reader::new(value);
    reader.any()?;
    reader.finish()
}

/// What was found in a parsed set of signed attributes, with the rules of RFC 5652 §11 applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) content_type: ObjectIdentifier,
    pub(crate) message_digest: Vec<u8>,
    pub(crate) attributes: Vec<Attribute>,
}

/// Reads signed attributes from the value bytes of their SET. `None` when contentType or messageDigest is missing, has
/// not exactly one value of its type, or when any attribute type occurs twice.
pub(crate) fn read(value: &[u8]) -> Option<Found> {
    let attributes = attribute::parse_set(value).ok()?;
    for (at, attribute) in attributes.iter().enumerate() {
        if attributes.iter().take(at).any(|earlier| earlier.oid == attribute.oid) {
            return None;
        }
    }
    let single = |oid| attributes.iter().find(|a| a.oid == oid).and_then(Attribute::only_value);
    let content_type = oid::read(&mut Reader::new(single(oid::CONTENT_TYPE)?)).ok()?;
    let message_digest = Reader::new(single(oid::MESSAGE_DIGEST)?).value(tlv::OCTET_STRING).ok()?.to_vec();
    Some(Found { content_type, message_digest, attributes })
}
