//! Adds an unsigned attribute to a finished SignedData; no other byte of content changes.
//!
//! Only the lengths of the enclosing elements grow: ContentInfo, `[0]`, SignedData, signerInfos, SignerInfo, and the set
//! of unsigned attributes where there is one. A timestamp token covers the signature value, so it can be attached later.

use super::attribute::{Attribute, MAX_ATTRIBUTES};
use super::parse::{self, CONTEXT_0, CONTEXT_1, ParseError};
use super::{elements, oid};
use crate::tlv::{self, Reader, TlvError};

/// Why an attribute cannot be attached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The structure is not a SignedData.
    #[error("signature to extend cannot be read")]
    Unreadable(#[source] ParseError),
    /// There is not exactly one signer.
    #[error("expected one signer, found {0}")]
    Signers(usize),
    /// The signer has an attribute of this type.
    #[error("signer has attribute `{0}` already")]
    Present(const_oid::ObjectIdentifier),
    /// No room for another attribute.
    #[error("more than {MAX_ATTRIBUTES} attributes")]
    TooMany,
    /// The extended structure cannot be read any more: the attribute is malformed or too large.
    #[error("signature cannot be read with the attribute")]
    Result(#[source] ParseError),
}

/// The ContentInfo with `attribute` among the unsigned attributes of its only signer.
pub fn attach(content_info: &[u8], attribute: &Attribute) -> Result<Vec<u8>, AttachError> {
    let before = parse::parse(content_info).map_err(AttachError::Unreadable)?;
    let [signer] = before.signers.as_slice() else {
        return Err(AttachError::Signers(before.signers.len()));
    };
    if signer.unsigned_attributes.iter().any(|known| known.oid == attribute.oid) {
        return Err(AttachError::Present(attribute.oid));
    }
    if signer.unsigned_attributes.len() >= MAX_ATTRIBUTES {
        return Err(AttachError::TooMany);
    }
    let body = parse::signed_data_body(content_info).map_err(AttachError::Unreadable)?;
    let extended = extend(body, attribute)
        .map_err(|source| AttachError::Unreadable(ParseError::Der { at: "signerInfos", source }))?;
    parse::parse(&extended).map_err(AttachError::Result)?;
    Ok(extended)
}

fn extend(mut reader: Reader<'_>, attribute: &Attribute) -> Result<Vec<u8>, TlvError> {
    let mut before = Vec::new();
    let infos = loop {
        let element = reader.any()?;
        // digestAlgorithms is a SET too; signerInfos is the last element.
        if reader.is_empty() {
            break element;
        }
        before.extend_from_slice(element.raw);
    };
    let mut signers = tlv::only(infos.raw, tlv::SET)?;
    let signer = extend_signer(signers.inner(tlv::SEQUENCE)?, attribute)?;
    signers.finish()?;
    let signed_data = tlv::write(tlv::SEQUENCE, &[&before, &tlv::write(tlv::SET, &[&signer])]);
    Ok(tlv::write(tlv::SEQUENCE, &[&oid::write(&oid::SIGNED_DATA), &tlv::write(CONTEXT_0, &[&signed_data])]))
}

fn extend_signer(mut reader: Reader<'_>, attribute: &Attribute) -> Result<Vec<u8>, TlvError> {
    let mut before = Vec::new();
    let mut encoded = vec![attribute.to_der()];
    // signedAttrs are [0], so the only [1] is unsignedAttrs, and it is last.
    while !reader.is_empty() {
        let element = reader.any()?;
        if element.tag == CONTEXT_1 {
            let known = elements::all(Reader::new(element.value), MAX_ATTRIBUTES)?;
            encoded.extend(known.into_iter().map(|known| known.raw.to_vec()));
        } else {
            before.extend_from_slice(element.raw);
        }
    }
    Ok(tlv::write(tlv::SEQUENCE, &[&before, &tlv::write_set_of(CONTEXT_1, encoded)]))
}
