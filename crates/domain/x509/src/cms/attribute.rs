//! CMS attributes (RFC 5652 §5.3): `30 L  06 L type  31 L values`.

use const_oid::ObjectIdentifier;

use super::{elements, oid};
use crate::tlv::{self, Reader, TlvError};

/// Attributes per set, and values per attribute.
pub const MAX_ATTRIBUTES: usize = 32;

/// One attribute with its values as whole DER elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// attrType.
    pub oid: ObjectIdentifier,
    /// attrValues, each a whole element, in the order found.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// An attribute with one value, given as a whole DER element.
    #[must_use]
    pub fn single(oid: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self { oid, values: vec![value] }
    }
    /// DER, values in SET OF order.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        tlv::write(
            tlv::SEQUENCE,
            &[&oid::write(&self.oid), &tlv::write_set_of(tlv::SET, self.values.clone())],
        )
    }
    /// The value where there is exactly one.
    #[must_use]
    pub fn only_value(&self) -> Option<&[u8]> {
        match self.values.as_slice() {
            [value] => Some(value),
            [] | [_, _, ..] => None,
        }
    }
}

/// Reads the attributes from the value bytes of their SET; each has at least one value.
pub(crate) fn parse_set(value: &[u8]) -> Result<Vec<Attribute>, TlvError> {
    elements::all(Reader::new(value), MAX_ATTRIBUTES)?
        .into_iter()
        .map(|element| {
            let mut reader = tlv::only(element.raw, tlv::SEQUENCE)?;
            let oid = oid::read(&mut reader)?;
            let values = elements::all(reader.inner(tlv::SET)?, MAX_ATTRIBUTES)?;
            reader.finish()?;
            if values.is_empty() {
                return Err(TlvError::Value("attribute without values"));
            }
            Ok(Attribute { oid, values: values.into_iter().map(|value| value.raw.to_vec()).collect() })
        })
        .collect()
}
