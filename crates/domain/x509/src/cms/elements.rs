//! Lists of elements whose order and number the input decides: bounded, otherwise as found.

use crate::tlv::{Element, Reader, TlvError};

/// All elements that are left, at most `limit`.
pub(crate) fn all(mut reader: Reader<'_>, limit: usize) -> Result<Vec<Element<'_>>, TlvError> {
    let mut out = Vec::new();
    while !reader.is_empty() {
        if out.len() == limit {
            return Err(TlvError::Length);
        }
        out.push(reader.any()?);
    }
    Ok(out)
}

/// The next element if it has this tag.
pub(crate) fn optional<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Option<Element<'a>>, TlvError> {
    if reader.peek() == Some(tag) { reader.any().map(Some) } else { Ok(None) }
}

/// Whether the contents octets are an INTEGER, positive or negative, in its shortest form (X.690 §8.3.2).
pub(crate) fn is_integer(value: &[u8]) -> bool {
    match value {
        [] => false,
        [0x00, second, ..] => *second >= 0x80,
        [0xff, second, ..] => *second < 0x80,
        [_, ..] => true,
    }
}
