//! DER elements: tag, length, value (X.690 §8.1, §10.1). A strict, bounded reader and a writer.
//!
//! ```text
//! 30 06        SEQUENCE, 6 bytes
//!   02 01 05     INTEGER 5
//!   0c 01 61     UTF8String "a"
//! ```
//! Refused: indefinite lengths, lengths that are not minimal, tags above 30, elements longer than 256 MiB. The reader
//! never recurses; callers descend explicitly, so depth is bounded by their code.

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// TeletexString, read as Latin-1.
pub const TELETEX_STRING: u8 = 0x14;
/// IA5String.
pub const IA5_STRING: u8 = 0x16;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// BMPString (UCS-2, big endian).
pub const BMP_STRING: u8 = 0x1e;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub const SET: u8 = 0x31;

const MAX_LENGTH: usize = 1 << 28;

/// Bytes that are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// A length that is indefinite, not minimal, or absurd.
    #[error("length is not canonical DER")]
    Length,
    /// Bytes after the end of the structure.
    #[error("trailing bytes after the structure")]
    Trailing,
    /// The input ends inside an element.
    #[error("structure is cut off")]
    Truncated,
    /// Another element than expected.
    #[error("unexpected element: tag 0x{found:02x} where 0x{expected:02x} belongs")]
    Tag {
        /// The tag as found.
        found: u8,
        /// The tag that belongs there.
        expected: u8,
    },
    /// A value that its type does not allow, or not in this form.
    #[error("{0} is not canonical DER")]
    Value(&'static str),
}

/// A context-specific constructed tag, `[n]` EXPLICIT or of a constructed type; `n` at most 30.
#[must_use]
pub const fn context(number: u8) -> u8 {
    0xa0 | (number & 0x1f)
}
/// A context-specific primitive tag, `[n]` IMPLICIT of a primitive type; `n` at most 30.
#[must_use]
pub const fn context_primitive(number: u8) -> u8 {
    0x80 | (number & 0x1f)
}

/// One element as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The contents octets.
    pub value: &'a [u8],
    /// Identifier, length and contents.
    pub raw: &'a [u8],
}

/// Reads elements one after another.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// The tag of the next element, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }
    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Element<'a>, TlvError> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(TlvError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(TlvError::Value("tag"));
        }
        let (length, body) = read_length(after_tag)?;
        let (value, rest) = body.split_at_checked(length).ok_or(TlvError::Truncated)?;
        let used = self.rest.len().saturating_sub(rest.len());
        let raw = self.rest.get(..used).ok_or(TlvError::Truncated)?;
        self.rest = rest;
        Ok(Element { tag, value, raw })
    }
    /// The next element, which must have this tag.
    pub fn element(&mut self, tag: u8) -> Result<Element<'a>, TlvError> {
        let found = self.any()?;
        if found.tag != tag {
            return Err(TlvError::Tag { found: found.tag, expected: tag });
        }
        Ok(found)
    }
    /// The contents of the next element, which must have this tag.
    pub fn value(&mut self, tag: u8) -> Result<&'a [u8], TlvError> {
        self.element(tag).map(|element| element.value)
    }
    /// A reader over the contents of the next element, which must have this tag.
    pub fn inner(&mut self, tag: u8) -> Result<Self, TlvError> {
        self.value(tag).map(Self::new)
    }
    /// The contents of the next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, TlvError> {
        if self.peek() == Some(tag) { self.value(tag).map(Some) } else { Ok(None) }
    }
    /// The contents of a non-negative, minimal INTEGER without its sign octet, big endian.
    pub fn unsigned(&mut self) -> Result<&'a [u8], TlvError> {
        unsigned(self.value(INTEGER)?)
    }
    /// A non-negative INTEGER of at most 32 bits.
    pub fn small(&mut self) -> Result<u32, TlvError> {
        let bytes = self.unsigned()?;
        if bytes.len() > 4 {
            return Err(TlvError::Value("small INTEGER"));
        }
        Ok(bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }
    /// A BOOLEAN that is not its default FALSE: absent is `false`, present must be TRUE (X.690 §11.1, §11.5).
    pub fn default_false(&mut self) -> Result<bool, TlvError> {
        match self.optional(BOOLEAN)? {
            None => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(TlvError::Value("BOOLEAN")),
        }
    }
    /// The octets of a BIT STRING without unused bits.
    pub fn bit_string(&mut self) -> Result<&'a [u8], TlvError> {
        match self.value(BIT_STRING)?.split_first() {
            Some((0, octets)) => Ok(octets),
            Some(_) | None => Err(TlvError::Value("BIT STRING")),
        }
    }
    /// Ends the structure; errors when something is left.
    pub const fn finish(self) -> Result<(), TlvError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TlvError::Trailing) }
    }
}

/// Reads exactly one element with this tag and nothing after it: its contents.
pub fn only(bytes: &[u8], tag: u8) -> Result<Reader<'_>, TlvError> {
    let mut reader = Reader::new(bytes);
    let inner = reader.inner(tag)?;
    reader.finish()?;
    Ok(inner)
}

fn unsigned(value: &[u8]) -> Result<&[u8], TlvError> {
    match value {
        [] => Err(TlvError::Value("INTEGER")),
        [0] => Ok(value),
        [0, next, ..] if *next < 0x80 => Err(TlvError::Value("INTEGER")),
        [0, magnitude @ ..] => Ok(magnitude),
        [first, ..] if *first >= 0x80 => Err(TlvError::Value("INTEGER")),
        [..] => Ok(value),
    }
}

fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), TlvError> {
    let (&first, rest) = bytes.split_first().ok_or(TlvError::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(TlvError::Length);
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(TlvError::Truncated)?;
    let length = octets.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
    // X.690 §10.1: the shortest form only, so that one structure has one encoding.
    if octets.first() == Some(&0) || !(0x80..=MAX_LENGTH).contains(&length) {
        return Err(TlvError::Length);
    }
    Ok((length, rest))
}

/// Writes one element whose contents are the parts, one after another.
#[must_use]
pub fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    write_length(length, &mut out);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(_) | Err(_) => {
            let octets = length.to_be_bytes();
            let significant: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            // A length has at most 8 octets on every supported machine.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(0x7f));
            out.extend_from_slice(&significant);
        }
    }
}

/// Writes a non-negative INTEGER from a big-endian magnitude.
#[must_use]
pub fn write_unsigned(magnitude: &[u8]) -> Vec<u8> {
    let first = magnitude.iter().position(|byte| *byte != 0);
    let significant = first.and_then(|at| magnitude.get(at..)).unwrap_or(&[0]);
    let sign: &[u8] = if significant.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    write(INTEGER, &[sign, significant])
}

/// Writes a BIT STRING without unused bits.
#[must_use]
pub fn write_bit_string(octets: &[u8]) -> Vec<u8> {
    write(BIT_STRING, &[&[0], octets])
}

/// Writes a SET OF: elements sorted by their encoding (X.690 §11.6).
#[must_use]
pub fn write_set_of(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    write(tag, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_spelling() {
        for size in [0_usize, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let element = write(OCTET_STRING, &[&vec![7; size]]);
            let mut reader = Reader::new(&element);
            assert_eq!(reader.value(OCTET_STRING).unwrap().len(), size);
            assert_eq!(reader.finish(), Ok(()));
        }
        let refused: [(&[u8], TlvError); 8] = [
            (&[], TlvError::Truncated),
            (&[4], TlvError::Truncated),
            (&[4, 0x80, 0, 0], TlvError::Length),
            (&[4, 0x81, 0x7f], TlvError::Length),
            (&[4, 0x82, 0, 0x80], TlvError::Length),
            (&[4, 0x85, 1, 0, 0, 0, 0], TlvError::Length),
            (&[4, 2, 0], TlvError::Truncated),
            (&[0x1f, 1, 0], TlvError::Value("tag")),
        ];
        for (bytes, error) in refused {
            assert_eq!(Reader::new(bytes).any(), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        for (magnitude, encoded) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 5], &[2, 1, 5]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[1, 0], &[2, 2, 1, 0]),
        ] {
            assert_eq!(write_unsigned(magnitude), encoded);
            assert!(Reader::new(encoded).unsigned().is_ok());
        }
        for bad in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 5]] {
            assert!(Reader::new(bad).unsigned().is_err());
        }
        assert!(Reader::new(&[2, 5, 1, 0, 0, 0, 0]).small().is_err());
    }

    #[test]
    fn booleans_do_not_spell_out_their_default() {
        assert_eq!(Reader::new(&[1, 1, 0xff]).default_false(), Ok(true));
        for bad in [&[1, 1, 0][..], &[1, 1, 1], &[1, 0]] {
            assert!(Reader::new(bad).default_false().is_err());
        }
    }
}
