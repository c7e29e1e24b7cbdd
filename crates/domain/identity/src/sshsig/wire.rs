//! The data types of SSH (RFC 4251 §5), read without a second spelling.
//!
//! ```text
//! 00 00 00 05 68 65 6c 6c 6f          string "hello"
//! 00 00 00 02 00 80                   mpint 128: positive, minimal
//! ```

/// Bytes that are not what they should be: cut, too long, or spelled in another way than the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the data types of ssh")]
pub struct Malformed;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed)
    }
    pub(super) fn number(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?.try_into().map_err(|_| Malformed)?;
        Ok(u32::from_be_bytes(bytes))
    }
    /// A string of any bytes; its length is bounded by what is there.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(length)
    }
    /// A string of visible ASCII.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.string()?).map_err(|_| Malformed)?;
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text) } else { Err(Malformed) }
    }
    /// A positive mpint: its magnitude, big-endian, without leading zeros.
    pub(super) fn positive(&mut self) -> Result<&'a [u8], Malformed> {
        match self.string()? {
            [0, magnitude @ ..] if magnitude.first().is_some_and(|first| *first >= 0x80) => Ok(magnitude),
            magnitude if magnitude.first().is_some_and(|first| (1..0x80).contains(first)) => Ok(magnitude),
            _ => Err(Malformed),
        }
    }
    /// Nothing may follow.
    pub(super) const fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// Appends a string. Callers hold what they write in memory, so it is far below 4 GiB.
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for (bytes, expected) in [
            (&[0, 0, 0, 1, 1][..], Ok(&[1_u8][..])),
            (&[0, 0, 0, 2, 0, 0x80], Ok(&[0x80])),
            (&[0, 0, 0, 0], Err(Malformed)),
            (&[0, 0, 0, 1, 0], Err(Malformed)),
            (&[0, 0, 0, 1, 0x80], Err(Malformed)),
            (&[0, 0, 0, 2, 0, 1], Err(Malformed)),
            (&[0, 0, 0, 3, 0, 0, 0x80], Err(Malformed)),
            (&[0, 0, 0, 2, 1], Err(Malformed)),
            (&[0xff, 0xff, 0xff, 0xff, 1], Err(Malformed)),
            (&[0, 0], Err(Malformed)),
        ] {
            assert_eq!(Reader::new(bytes).positive(), expected, "{bytes:?}");
        }
    }
}
