//! The CBOR that envelopes need, in its one deterministic form (RFC 8949 §4.2.1): shortest heads, definite lengths, map
//! keys in the order of their bytes. No floats, no simple values, no nesting but what a caller reads by itself.
//!
//! ```text
//! 26            -7             18 21         33              43 01 02 03   3 bytes
//! 63 61 62 63   "abc"          82            array of 2      a1            map of 1       d2   tag 18
//! ```

use super::malformed;
use crate::seam::FormatError;

/// Unsigned integer, negative integer, byte string, text string, array, map, tag (RFC 8949 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
}

/// A cursor over one encoded stretch.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
    /// An integer.
    pub fn integer(&mut self) -> Result<i64, FormatError> {
        let first = self.rest.first().copied().unwrap_or(u8::MAX);
        let wanted = if first >> 5 == 1 { Major::Negative } else { Major::Unsigned };
        let value = i64::try_from(self.head(wanted)?).map_err(|_| malformed("integer is too large"))?;
        Ok(if wanted == Major::Negative { (-1_i64).saturating_sub(value) } else { value })
    }
    /// A byte string of at most `most` bytes.
    pub fn bytes(&mut self, most: usize) -> Result<&'a [u8], FormatError> {
        let length = self.head(Major::Bytes)?;
        self.take(length, most)
    }
    /// A text string of at most `most` bytes.
    pub fn text(&mut self, most: usize) -> Result<&'a str, FormatError> {
        let length = self.head(Major::Text)?;
        std::str::from_utf8(self.take(length, most)?).map_err(|_| malformed("text is not UTF-8"))
    }
    /// The start of an array; answers with its length, at most `most`.
    pub fn array(&mut self, most: usize) -> Result<usize, FormatError> {
        let length = self.head(Major::Array)?;
        count(length, most)
    }
    /// The start of a map; answers with the number of its pairs, at most `most`.
    pub fn map(&mut self, most: usize) -> Result<usize, FormatError> {
        let length = self.head(Major::Map)?;
        count(length, most)
    }
    /// This very tag.
    pub fn tag(&mut self, number: u64) -> Result<(), FormatError> {
        let found = self.head(Major::Tag)?;
        if found == number { Ok(()) } else { Err(malformed(format!("tag {found} where {number} belongs"))) }
    }
    /// A map key, integer or text. Keys come in ascending order of their bytes, so none comes twice.
    pub fn key(&mut self, before: &mut &'a [u8]) -> Result<Key<'a>, FormatError> {
        let start = self.rest;
        let is_text = start.first().is_some_and(|first| first >> 5 == 3);
        let key = if is_text { Key::Text(self.text(64)?) } else { Key::Number(self.integer()?) };
        let size = start.len().saturating_sub(self.rest.len());
        let encoded = start.get(..size).unwrap_or_default();
        if !before.is_empty() && encoded <= *before {
            return Err(malformed("map keys are not in ascending order, or one comes twice"));
        }
        *before = encoded;
        Ok(key)
    }
    /// Nothing may follow.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(malformed(format!("{} bytes too many", self.rest.len())))
        }
    }

    fn head(&mut self, wanted: Major) -> Result<u64, FormatError> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| malformed("ends early"))?;
        if first >> 5 != wanted as u8 {
            return Err(malformed(format!("byte {first:#04x} where {wanted:?} belongs")));
        }
        let short = first & 0x1f;
        let size = match short {
            0..=23 => 0,
            24 => 1_usize,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(malformed("indefinite length")),
        };
        let (more, rest) = rest.split_at_checked(size).ok_or_else(|| malformed("ends early"))?;
        let value = match size {
            0 => u64::from(short),
            _ => more.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)),
        };
        if size != head_size(value) {
            return Err(malformed("a number is longer than it has to be"));
        }
        self.rest = rest;
        Ok(value)
    }
    fn take(&mut self, length: u64, most: usize) -> Result<&'a [u8], FormatError> {
        let length = count(length, most)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| malformed("ends early"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// A map key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// An integer.
    Number(i64),
    /// Text.
    Text(&'a str),
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

fn count(length: u64, most: usize) -> Result<usize, FormatError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > most { Err(malformed(format!("{length} where at most {most} are read"))) } else { Ok(length) }
}

/// Bytes that a number takes beyond its head.
const fn head_size(value: u64) -> usize {
    match value {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn head(major: Major, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let tail = |count: usize| bytes.get(bytes.len().saturating_sub(count)..).unwrap_or_default();
    let (short, more) = match head_size(value) {
        0 => (tail(1).first().copied().unwrap_or_default(), tail(0)),
        1 => (24, tail(1)),
        2 => (25, tail(2)),
        4 => (26, tail(4)),
        _ => (27, tail(8)),
    };
    let mut out = vec![((major as u8) << 5) | short];
    out.extend_from_slice(more);
    out
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Encodes an integer.
#[must_use]
pub fn integer(value: i64) -> Vec<u8> {
    match u64::try_from(value) {
        Ok(value) => head(Major::Unsigned, value),
        Err(_) => head(Major::Negative, (-1_i64).saturating_sub(value).unsigned_abs()),
    }
}

/// Encodes a byte string.
#[must_use]
pub fn bytes(value: &[u8]) -> Vec<u8> {
    let mut out = head(Major::Bytes, size(value.len()));
    out.extend_from_slice(value);
    out
}

/// Encodes a text string.
#[must_use]
pub fn text(value: &str) -> Vec<u8> {
    let mut out = head(Major::Text, size(value.len()));
    out.extend_from_slice(value.as_bytes());
    out
}

/// Encodes an array of encoded items.
#[must_use]
pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = head(Major::Array, size(items.len()));
    out.extend(items.iter().flatten());
    out
}

/// Encodes a map of encoded pairs, in the order that its keys must have.
#[must_use]
pub fn map(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    pairs.sort();
    let mut out = head(Major::Map, size(pairs.len()));
    for (key, value) in pairs {
        out.extend(key);
        out.extend(value);
    }
    out
}

/// Encodes a tagged item.
#[must_use]
pub fn tag(number: u64, item: &[u8]) -> Vec<u8> {
    let mut out = head(Major::Tag, number);
    out.extend_from_slice(item);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8949 appendix A.
    #[test]
    fn numbers_are_written_as_the_rfc_shows() {
        let cases: [(i64, &str); 13] = [
            (0, "00"),
            (10, "0a"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (-1, "20"),
            (-10, "29"),
            (-100, "3863"),
            (-1000, "3903e7"),
            (i64::MIN, "3b7fffffffffffffff"),
        ];
        for (value, expected) in cases {
            assert_eq!(hex::encode(integer(value)), expected);
            assert_eq!(Reader::new(&integer(value)).integer().unwrap(), value);
        }
        assert_eq!(hex::encode(text("IETF")), "6449455446");
        assert_eq!(hex::encode(bytes(&[1, 2, 3, 4])), "4401020304");
        assert_eq!(hex::encode(tag(1, &integer(1_363_896_240))), "c11a514b67b0");
        assert_eq!(hex::encode(array(&[integer(1), integer(2)])), "820102");
    }

    #[test]
    fn a_second_spelling_is_refused() {
        for bad in
            ["1817", "190018", "1a00000018", "1b0000000000000018", "1c", "1f", "", "19", "3b8000000000000000"]
        {
            assert!(Reader::new(&hex::decode(bad).unwrap()).integer().is_err(), "{bad}");
        }
        for bad in ["5f", "5801", "4401020", "62c328", "4105"] {
            let bytes = hex::decode(format!("{bad:0<8}").get(..8).unwrap()).unwrap();
            assert!(Reader::new(&bytes).text(8).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_ascend() {
        let sorted = map(vec![(text("a"), integer(1)), (integer(33), integer(2)), (integer(1), integer(3))]);
        assert_eq!(hex::encode(&sorted), "a3010318210261610 1".replace(' ', ""));
        for (bytes, good) in [("a2010002 00", true), ("a2020001 00", false), ("a2010001 00", false)] {
            let bytes = hex::decode(bytes.replace(' ', "")).unwrap();
            let mut reader = Reader::new(&bytes);
            let mut before: &[u8] = &[];
            assert_eq!(reader.map(4).unwrap(), 2);
            let mut read = || reader.key(&mut before).and_then(|_| reader.integer());
            assert!(read().is_ok());
            assert_eq!(read().is_ok(), good);
        }
    }
}
