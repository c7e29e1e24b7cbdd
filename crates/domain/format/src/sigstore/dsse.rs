//! DSSE v1: the pre-authentication encoding, and an envelope that can hold exactly one signature.
//!
//! ```text
//! DSSEv1 <len(type)> <type> <len(payload)> <payload>      lengths in ASCII decimal, one space between
//! ```

use super::bundle::InvalidBundle;

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope with exactly one signature. None or several cannot be written down (T17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The payload as signed, byte for byte.
    pub payload: Vec<u8>,
    /// The media type of the payload; it is signed too.
    pub payload_type: String,
    /// The signature over [`Envelope::to_be_signed`]: ECDSA as DER.
    pub signature: Vec<u8>,
}

impl Envelope {
    /// The bytes that were signed.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        encode(&self.payload_type, &self.payload)
    }
    /// Refuses what is not an in-toto payload: any other type gives the same bytes another meaning.
    pub(super) fn check_type(&self) -> Result<(), InvalidBundle> {
        if self.payload_type == IN_TOTO {
            return Ok(());
        }
        Err(InvalidBundle::PayloadType(self.payload_type.chars().take(80).collect()))
    }
}

/// The pre-authentication encoding (DSSE protocol, "PAE"). Injective: lengths stand before what they measure.
#[must_use]
pub fn encode(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut out = head.into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_the_protocol_says() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(encode("http://example.com/HelloWorld", b"hello world"), expected);
        assert_ne!(encode("a", b"b 1 c"), encode("a b", b"1 c"));
    }
}
