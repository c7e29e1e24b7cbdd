//! Serial numbers: positive, at most 20 octets (RFC 5280 §4.1.2.2). Callers draw them; nothing here is random.

use std::fmt;

use crate::tlv;

/// A serial number as big-endian magnitude without leading zeros.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

/// Bytes that are not a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("serial number is not positive or longer than 20 octets")]
pub struct InvalidSerial;

impl Serial {
    /// Takes a big-endian magnitude: 1 to 20 octets as encoded, the first not zero. Use 0x01 to 0x7f as the first
    /// octet of 16 for new ones.
    pub fn new(magnitude: &[u8]) -> Result<Self, InvalidSerial> {
        if magnitude.first().is_none_or(|first| *first == 0) {
            return Err(InvalidSerial);
        }
        Self::found(magnitude)
    }
    /// Takes a serial number as found in the wild, where zero occurs in old roots.
    pub(crate) fn found(magnitude: &[u8]) -> Result<Self, InvalidSerial> {
        let sign_octet = usize::from(magnitude.first().is_some_and(|first| *first >= 0x80));
        if magnitude.is_empty() || magnitude.len().saturating_add(sign_octet) > 20 {
            return Err(InvalidSerial);
        }
        Ok(Self(magnitude.to_vec()))
    }
    /// Takes the octets of an INTEGER in a timestamp: up to 160 bits (RFC 3161 §2.4.2). Some authorities write random octets
    /// as they are, every second one of which is a negative number; it is read as the magnitude that was meant.
    pub(crate) fn of_timestamp(octets: &[u8]) -> Result<Self, InvalidSerial> {
        let is_minimal = !matches!(octets, [0, next, ..] if *next < 0x80)
            && !matches!(octets, [0xff, next, ..] if *next >= 0x80);
        let magnitude = match octets {
            [0, rest @ ..] if !rest.is_empty() => rest,
            [..] => octets,
        };
        let fits = is_minimal && (1..=20).contains(&magnitude.len());
        if fits { Ok(Self(magnitude.to_vec())) } else { Err(InvalidSerial) }
    }
    /// The magnitude, big endian.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// Whether it is zero, which RFC 5280 forbids and old roots have.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0]
    }
    /// The INTEGER, DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        tlv::write_unsigned(&self.0)
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        assert!(Serial::new(&[1; 20]).is_ok());
        for bad in [&[][..], &[0], &[0, 1], &[1; 21], &[0x80; 20]] {
            assert_eq!(Serial::new(bad), Err(InvalidSerial));
        }
        let (long, negative) = ([&[0][..], &[0xe0; 20]].concat(), [0xde, 1, 2, 3]);
        assert_eq!(Serial::of_timestamp(&long).unwrap().as_bytes(), [0xe0; 20]);
        assert_eq!(Serial::of_timestamp(&negative).unwrap().as_bytes(), negative);
        assert_eq!(Serial::of_timestamp(&[0]).unwrap().as_bytes(), [0]);
        for bad in [&[][..], &[0, 1], &[0xff, 0x80], &[1; 21], &[0; 2]] {
            assert_eq!(Serial::of_timestamp(bad), Err(InvalidSerial), "{bad:?}");
        }
        assert_eq!(Serial::new(&[0x80]).unwrap().to_der(), [2, 2, 0, 0x80]);
    }
}
